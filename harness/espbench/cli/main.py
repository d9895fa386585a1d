# SPDX-License-Identifier: MIT
"""The command `espbench`: its parser, and the handling of signals and errors for all commands."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Protocol

from espbench.cli import (
    build,
    certs,
    check,
    ci,
    parity,
    record,
    replay,
    run,
    up,
)
from espbench.cli.host import doctor, setup
from espbench.cli.measuring import gate, measure, timings
from espbench.cli.shared import Subparsers, Terminated, interrupted_status
from espbench.errors import EspbenchError, is_disk_full
from espbench.util.version import __version__

__all__ = ["CommandModule", "main", "make_parser", "parse"]


class CommandModule(Protocol):
    """A module that implements a command; the last part of its name is the command."""

    __name__: str

    def add_parser(self, subparsers: Subparsers) -> None:
        """Add the command's parser, with `run` as its default for `action`."""


GROUPS: Mapping[str, Sequence[CommandModule]] = {
    "start here": (doctor, setup, up, certs),
    "test": (check, run, parity, record, replay),
    "measure": (timings, measure, gate),
    "build": (build, ci),
}
"""The commands in the groups and order of the overview."""
RENAMED: Mapping[str, str] = {"bench": "timings", "figures": "measure"}
"""Current names of commands, by their earlier names."""
NO_OPERANDS = ("measure", "gate")
"""Commands whose --json used to take a file."""


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="espbench",
        description="An ESP32 on every developer's bench, emulated.",
        usage="espbench [-h] [--version] COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"espbench {__version__}")
    # argparse cannot group subcommands, so the epilog lists them.
    commands = parser.add_subparsers(prog=parser.prog, metavar="COMMAND", help=argparse.SUPPRESS)
    parser.set_defaults(action=None)
    for modules in GROUPS.values():
        for module in modules:
            module.add_parser(commands)
    parser.epilog = _overview(commands.choices)
    return parser


def _overview(parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """Return the commands in groups, one per line."""
    lines = []
    for title, modules in GROUPS.items():
        lines.append(f"{title}:")
        for name in (module.__name__.rpartition(".")[2] for module in modules):
            text = (parsers[name].description or "").removesuffix(".")
            lines.append(f"  {name:9}{text[0].lower()}{text[1:]}")
        lines.append("")
    return "\n".join([*lines, "`espbench COMMAND --help` shows its options and an example."])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; arguments after `--`, or after `record`, are for pytest.

    Exit with status 2 and a hint if there is no command, or one that has been renamed.
    """
    own, more = list(arguments), []
    parser = make_parser()
    if not own:
        parser.print_help(sys.stderr)
        raise SystemExit(2)
    if own[0] in RENAMED:
        parser.error(f"`espbench {own[0]}` is now `espbench {RENAMED[own[0]]}`")
    if own[0] in NO_OPERANDS and (file := _behind(own, "--json")):
        parser.error(f"--json takes no file: write `--json > {file}`")
    if own[:1] == ["record"] and own[1:2] not in (["-h"], ["--help"]):
        own, more = own[:1], own[1:]
    if own[0] in ("run", "parity") and "--" in own:
        end = own.index("--")
        own, more = own[:end], own[end + 1 :]
    options = parser.parse_args(own)
    if options.action is None:
        parser.error("no command given")
    options.pytest = more
    return options


def _behind(words: Sequence[str], option: str) -> str:
    """Return the word after an option, or "" if there is none or it is another option."""
    place = words.index(option) + 1 if option in words else len(words)
    word = words[place] if place < len(words) else ""
    return "" if word.startswith("-") else word


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; print errors without a traceback."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        with _terminated_as_interrupted(), _warnings_as_sentences():
            status: int = options.action(options)
        sys.stdout.flush()
    except EspbenchError as error:
        print(f"espbench: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt as interruption:
        print(file=sys.stderr)
        return interrupted_status(interruption)
    except BrokenPipeError:
        # The reader has closed the pipe: stay silent, even when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"espbench: {_sentence(error)}", file=sys.stderr)
        return 1
    return status


def _sentence(error: OSError) -> str:
    """Describe an error of the operating system, and what to do about it."""
    where = error.filename or "a file"
    if is_disk_full(error):
        return f"The disk is full, so {where} could not be written: free some space."
    why = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"The operating system refused an operation: {why}."
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"{where} is not accessible ({why}): change its permissions, or name another path."
    return f"{where} cannot be read or written ({why}): check the path, or name another."


@contextlib.contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    """Print warnings without the line of Python that issued them."""

    def show(message: Warning | str, *_rest: object, **_named: object) -> None:
        print(f"espbench: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP like Ctrl-C."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Terminated(number)

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
