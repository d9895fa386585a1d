# SPDX-License-Identifier: MIT
"""The command `espbench`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

from espbench import __version__
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS, board_named
from espbench.errors import ConfigError, EspbenchError, is_disk_full
from espbench.perf.metrics import Reading

WIDE = 144
"""Columns of a table in a log."""

Command = Callable[[argparse.Namespace], int]

JSON_HELP = "print JSON to standard output, and all the rest to standard error"

GROUPS: Mapping[str, Sequence[str]] = {
    "start here": ("doctor", "up", "certs"),
    "test": ("run", "parity", "record", "replay"),
    "measure": ("timings", "measure", "gate"),
    "build": ("build", "ci"),
}
"""The commands, as the overview shows them."""
RENAMED: Mapping[str, str] = {"bench": "timings", "figures": "measure"}
"""What a command is called now, by its earlier name."""
NO_OPERANDS = ("measure", "gate")
"""Commands whose --json took a file."""

# What a command needs beyond this is imported inside it: `espbench --help` should be quick.


def _out() -> Console:
    return Console(soft_wrap=True) if not sys.stdout.isatty() else Console()


def _wide(arguments: argparse.Namespace) -> Console:
    """Return where tables go that would be a puzzle if they were folded."""
    stream = sys.stderr if arguments.json else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE)


def _progress(arguments: argparse.Namespace) -> Console:
    """Return where progress goes: standard error when standard output is for programs."""
    if not arguments.json:
        return _out()
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty())


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=1))


def _firmware(arguments: argparse.Namespace, board: Board) -> Path:
    """Return the firmware that was named, or espbench's own, built when need be."""
    from espbench.firmware import build

    if arguments.firmware is None:
        return build.build(board, console=Console(stderr=True)).firmware
    path = Path(arguments.firmware)
    if not path.is_file():
        raise ConfigError(f"There is no firmware {path}: check --firmware.")
    return path


def _output_folder() -> Path:
    """Return where results go: the tree's build folder, or ./build outside of a clone."""
    from espbench.firmware import source_tree as tree

    return (tree.clone() or Path.cwd()) / "build"


def _out_folder(chosen: str | None, name: str) -> Path:
    """Return the folder that was chosen, or one in the output folder."""
    # pytest runs in another folder.
    return Path(chosen).absolute() if chosen else _output_folder() / name


# ------------------------------------------------------------------ commands


def doctor(arguments: argparse.Namespace) -> int:
    """Say what is there, what is missing, and how to get it."""
    from espbench.doctor import doctor as module

    boards = [board_named(arguments.board)] if arguments.board else list(BOARDS.values())
    findings = module.examine(boards, wanted=bool(arguments.board))
    if arguments.json:
        _print_json(module.as_json(findings))
    else:
        module.show(findings, _out())
    return 0 if module.healthy(findings) else 1


def build(arguments: argparse.Namespace) -> int:
    """Build a board's firmware, and say where it is."""
    from espbench.firmware import build as module

    board = board_named(arguments.board)
    board_dir = Path(arguments.board_dir) if arguments.board_dir else None
    built = module.build(
        board, console=Console(stderr=True), board_dir=board_dir, variant=arguments.variant
    )
    if arguments.json:
        _print_json(
            {
                "board": board.name,
                "firmware": str(built.firmware),
                "sha256": built.sha256,
                "bytes": built.firmware.stat().st_size,
                "rebuilt": built.rebuilt,
                "made_with": dict(built.made_with),
            }
        )
    elif not arguments.quiet:
        print(f"{built.firmware} {'built' if built.rebuilt else 'is up to date'}")
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Run the scenario suites, and write a report; or list them."""
    if arguments.list:
        _list_suites(as_json=arguments.json)
        return 0
    from espbench.reporting import runner as module
    from espbench.suites import sharding as shard

    plan = module.Plan(
        board=board_named(arguments.board),
        firmware=Path(arguments.firmware) if arguments.firmware else None,
        suites=arguments.suite,
        out=_out_folder(arguments.out, "run"),
        jobs=arguments.jobs,
        keywords=arguments.keywords,
        evidence=arguments.evidence,
        history=Path(arguments.history) if arguments.history else None,
        shard=None if arguments.shard is None else shard.parse(arguments.shard),
        durations=Path(arguments.durations) if arguments.durations else None,
    )
    outcome = module.run(plan, _progress(arguments))
    if arguments.json:
        _print_json(module.as_json(outcome))
    return 0 if outcome.good else 1


def _list_suites(*, as_json: bool) -> None:
    from espbench.firmware import source_tree
    from espbench.suites import names

    known = {n: names.about(path) for n, path in names.suites(source_tree.root()).items()}
    if as_json:
        _print_json(known)
        return
    width = max(map(len, known), default=0)
    for name, about in known.items():
        print(f"{name:{width}}  {about}")


def parity(arguments: argparse.Namespace) -> int:
    """Run the scenario suites on two boards, and show what differs."""
    from espbench.reporting.parity import command as module
    from espbench.reporting.parity import render as show
    from espbench.reporting.runner import Plan

    names = module.two_boards(arguments.boards)
    firmware = module.by_board("--firmware", arguments.firmware, names)
    out = _out_folder(arguments.out, "parity")
    one, other = (
        Plan(
            board=board_named(name),
            firmware=firmware.get(name),
            suites=arguments.suite,
            out=out / name,
            jobs=arguments.jobs,
            keywords=arguments.keywords,
            pytest=arguments.pytest,
        )
        for name in names
    )
    wish = module.Wish(
        (one, other),
        module.by_board("--results", arguments.results, names),
        Path(arguments.table) if arguments.table else None,
        out,
    )
    for_programs = arguments.json or arguments.markdown
    console = Console(stderr=True) if for_programs else _out()
    comparison = module.parity(wish, console)
    if arguments.json:
        _print_json(show.as_json(comparison))
    elif arguments.markdown:
        print(show.markdown(comparison), end="")
    else:
        if show.differs(comparison):
            console.print(show.table(comparison))
        console.print(show.summary(comparison), highlight=False, soft_wrap=True)
        console.print(f"page    {out / 'parity.html'}", highlight=False, soft_wrap=True)
    for text in comparison.complaints:
        print(f"espbench: {text}", file=sys.stderr)
    return 0 if comparison.good else 1


def up(arguments: argparse.Namespace) -> int:
    """Boot a device and stay, with its console."""
    from espbench.interactive import up as module
    from espbench.interactive.webrepl_password import chosen_password

    board = board_named(arguments.board)
    fixed = {"http": arguments.http_port, "https": arguments.https_port}
    wish = module.Wish(
        board=board,
        firmware=Path(),
        fixed={scheme: port for scheme, port in fixed.items() if port is not None},
        host=arguments.host,
        files=Path(arguments.files) if arguments.files else None,
        cert=Path(arguments.cert) if arguments.cert else None,
        key=Path(arguments.key) if arguments.key else None,
        args=_boot_arguments(arguments.arg),
        internet=arguments.internet,
        password=chosen_password(os.environ),
    )
    module.check_address(wish)
    for port in wish.fixed.values():
        module.check_free(port, wish.host)  # told before a build that takes a minute
    module.access(wish)
    wish = dataclasses.replace(wish, firmware=_firmware(arguments, board))
    return module.up(wish, _out(), as_json=arguments.json)


def _boot_arguments(texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--arg {text!r} has no value: write it as in --arg heap=65536.")
        pairs[key] = value
    return pairs


def record(arguments: argparse.Namespace) -> NoReturn:
    """Become pytest, with devices that record; each failed test leaves an archive.

    In this process pytest could no longer rewrite the plugin's asserts, because it is imported,
    and would warn: an error where a project has `filterwarnings = error`.
    """
    # -P: as from the command `pytest`, the current folder is not on sys.path.
    command = [sys.executable, "-P", "-m", "pytest", "--espbench-record", "failed"]
    sys.stdout.flush()
    os.execv(sys.executable, [*command, *arguments.pytest])


def replay(arguments: argparse.Namespace) -> int:
    """Repeat a recorded run."""
    from espbench.recording import replay as module

    return module.main(
        Path(arguments.archive),
        gdb=arguments.gdb,
        console=arguments.console,
        qemu=arguments.qemu,
    )


def certs(arguments: argparse.Namespace) -> int:
    """Write certificates, good and bad, and list them."""
    from espbench.certs import recipes
    from espbench.certs.recipes import CERT_FILE, KEY_FILE, TRUST_FILE

    known = recipes()
    unknown = [name for name in arguments.recipe if name not in known]
    if unknown:
        raise ConfigError(f"There is no recipe {unknown[0]!r}: choose from {', '.join(known)}.")
    chosen = [known[name] for name in arguments.recipe or known]
    folder = Path(arguments.out)
    listed = []
    for recipe in chosen:
        paths: list[Path] = []
        if not arguments.list:
            try:
                paths = recipe.write(folder / recipe.name)
            except OSError as error:
                raise ConfigError(
                    f"{folder / recipe.name} cannot be written ({error.strerror}): choose another "
                    "folder with --out."
                ) from error
        listed.append((recipe, paths))
    if arguments.json:
        _print_json(
            [
                {
                    "name": recipe.name,
                    "summary": recipe.summary,
                    "starts": recipe.starts,
                    "files": [str(path) for path in paths],
                }
                for recipe, paths in listed
            ]
        )
        return 0
    width = max(len(recipe.name) for recipe, _ in listed)
    for recipe, _ in listed:
        print(
            f"{recipe.name:{width}}  {'starts ' if recipe.starts else 'refused'}  {recipe.summary}"
        )
    if not arguments.list:
        print(
            f"\nwritten into {folder}/NAME/: {CERT_FILE} and {KEY_FILE} are the device's, and "
            f"{TRUST_FILE} is what clients have to trust"
        )
    return 0


def timings(arguments: argparse.Namespace) -> int:
    """Time the firmware and the harness on this machine."""
    from espbench.firmware.versions import versions
    from espbench.perf import wallclock as module
    from espbench.reporting.terminal import figures_table

    board = board_named(arguments.board)
    firmware = _firmware(arguments, board)
    known = versions(board, firmware)
    console = _progress(arguments)
    path = Path(arguments.out) if arguments.out else _output_folder() / "timings.json"
    effort = module.QUICK if arguments.quick else module.Effort()
    if min(arguments.jobs, 1 if arguments.pool is None else arguments.pool) < 1:
        raise ConfigError("--pool and --jobs take 1 or more: write --pool 1 --jobs 2.")
    with console.status("measuring") as status:

        def progress(what: str) -> None:
            status.update(f"measuring {what}")

        if arguments.pool is None:
            found = module.run(board, firmware, effort, progress)
        else:
            from espbench.perf import pool_benchmark as pool_bench

            found = pool_bench.run(
                board,
                firmware,
                rounds=effort.suites,
                size=arguments.pool,
                jobs=arguments.jobs,
                progress=progress,
            )
    if arguments.json:
        _print_json(module.as_json(found, known))
    else:
        console.print(figures_table(found))
    module.write(found, known, path)  # last: what was measured is shown whatever becomes of it
    console.print(f"timings {path}", highlight=False)
    return 0 if all(figure.good for figure in found) else 1


def ci(arguments: argparse.Namespace) -> int:
    """Write the workflow and the container file into a firmware project."""
    from espbench.cli import ci_templates as ci_files

    for path in ci_files.write(Path(arguments.project)):
        print(path)
    print(
        "Now change `env` of the workflow: OWNER and the version in ESPBENCH first, then what "
        "builds your firmware, what comes out and where it serves."
    )
    return 0


def _said_of_firmware(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a device whose firmware may be somebody else's.

    Raises:
        ConfigError: they contradict each other, or a file is missing.
    """
    from espbench.boards.firmware_options import chosen_readiness, parse_ports

    said: dict[str, Any] = {}
    ready = chosen_readiness(arguments.ready_console or "", arguments.ready_http or "")
    if ready is not None:
        said["ready"] = ready
    if arguments.ready_timeout is not None:
        said["ready_timeout"] = arguments.ready_timeout
    if arguments.ports:
        said["ports"] = parse_ports(arguments.ports, "--ports")
    if arguments.firmware_elf:
        said["elf"] = Path(arguments.firmware_elf)
        if not said["elf"].is_file():
            raise ConfigError(f"There is no file {said['elf']}: check --firmware-elf.")
    return said


def _steady(
    arguments: argparse.Namespace, board: Board, firmware: Path, said: dict[str, Any]
) -> list[Reading]:
    """Measure instructions and bytes, showing which is on."""
    from espbench.perf import measure as steady

    effort = steady.QUICK if arguments.quick else steady.Effort()
    with _progress(arguments).status("measuring") as status:
        return steady.measure(
            board, firmware, effort, lambda what: status.update(f"measuring: {what}"), said
        )


def _write(name: str | None, text: str) -> None:
    """Write a file that was asked for."""
    if name is None:
        return
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}): choose another place."
        ) from error


def measure(arguments: argparse.Namespace) -> int:
    """Count instructions and bytes, once or several times."""
    from espbench.perf import gate_run, repeats

    board = board_named(arguments.board)
    if arguments.repeat < 1 or arguments.load < 0:
        raise ConfigError("--repeat has to be 1 or more, and --load 0 or more.")
    said = _said_of_firmware(arguments)
    firmware = _firmware(arguments, board)
    with repeats.busy(arguments.load):
        runs = [_steady(arguments, board, firmware, said) for _ in range(arguments.repeat)]
    found = repeats.side_by_side(runs)
    _wide(arguments).print(repeats.table(found, len(runs)))
    for line in gate_run.unavailable(runs[-1]):
        _progress(arguments).print(line, highlight=False)
    if arguments.json:
        versions = gate_run.versions(board, firmware, said.get("elf"))
        print(gate_run.dumps(repeats.as_json(found, board.name, versions)), end="")
    return 0


def gate(arguments: argparse.Namespace) -> int:
    """Compare a firmware with a baseline."""
    from espbench.perf import baseline as baselines
    from espbench.perf import gate as module
    from espbench.perf import gate_report, gate_run

    board = board_named(arguments.board)
    path = Path(arguments.baseline)
    # A baseline that is none is told before a minute of building and measuring.
    before = None if arguments.update and not path.exists() else baselines.read(path, board)
    said = _said_of_firmware(arguments)
    firmware = _firmware(arguments, board)
    readings = _steady(arguments, board, firmware, said)
    versions = gate_run.versions(board, firmware, said.get("elf"))
    after = baselines.make(board, readings, versions, before)
    against = before or after
    different = module.differences(against.versions, versions)
    rows = module.compare(against, readings, different)
    people = _progress(arguments)
    _wide(arguments).print(gate_report.table(rows))
    for sentence in gate_report.reasons(rows):
        people.print(sentence, highlight=False)
    if arguments.json:
        print(gate_run.dumps(gate_report.as_json(rows, board.name, versions, different)), end="")
    _write(arguments.junit, gate_report.junit(rows, board.name))
    _write(arguments.markdown, gate_report.markdown(rows, board.name, versions, different))
    if arguments.update:
        baselines.write(after, path)
        people.print(f"baseline {path} is written", highlight=False)
        return 0
    people.print(gate_report.summary(rows, board.name), highlight=False)
    if advice := gate_report.what_next(rows, different):
        people.print(advice, highlight=False)
    return 0 if module.passes(rows) else 1


# -------------------------------------------------------------------- parser


def _command(
    subparsers: Any,
    name: str,
    action: Command,
    text: str,
    example: str,
    *,
    board: str | None = "lx60",
) -> argparse.ArgumentParser:
    parser = _bare_command(subparsers, name, action, text, example)
    shown = f"default: {board}" if board else "default: all"
    parser.add_argument(
        "--board", default=board, metavar="NAME", help=f"one of {', '.join(BOARDS)} ({shown})"
    )
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    return parser


def _bare_command(
    subparsers: Any, name: str, action: Command, text: str, example: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(action=action)
    return parser


def _choice_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs", default="auto", metavar="N", help="tests at a time (default: one a core)"
    )
    parser.add_argument(
        "-k", dest="keywords", default="", metavar="WORDS", help="only scenarios that match"
    )


def _firmware_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--firmware", metavar="PATH", help="firmware to use (default: espbench's own, built first)"
    )


def _stranger_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--firmware-elf",
        metavar="PATH",
        help="the same as ELF (default: the .elf beside it)",
    )
    parser.add_argument(
        "--ready-console", metavar="REGEX", help="it is ready when its console shows this"
    )
    parser.add_argument("--ready-http", metavar="PATH", help="it is ready when it answers GET PATH")
    parser.add_argument(
        "--ready-timeout", metavar="SECONDS", type=float, help="how long that may take"
    )
    parser.add_argument(
        "--ports", metavar="SCHEME=PORT,...", help="where it listens, as in http=8080,https=8443"
    )


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="espbench",
        description="An ESP32 on every developer's bench, emulated.",
        usage="espbench [-h] [--version] COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"espbench {__version__}")
    # The commands are in the epilog, in groups, which argparse has none of.
    commands = parser.add_subparsers(prog=parser.prog, metavar="COMMAND", help=argparse.SUPPRESS)
    parser.set_defaults(action=None)

    _command(
        commands,
        "doctor",
        doctor,
        "say what is there, what is missing, and how to get it",
        "espbench doctor --json",
        board=None,
    )

    it = _command(
        commands, "build", build, "build a board's firmware", "espbench build --board lx60"
    )
    it.add_argument("--quiet", action="store_true", help="say nothing when it went well")
    it.add_argument(
        "--board-dir",
        metavar="DIR",
        help="another board definition of MicroPython's esp32 port (for esp32 and esp32c3)",
    )
    it.add_argument(
        "--variant",
        default="",
        metavar="NAME",
        help="variant of the board definition, such as DUAL: esp32 with both of its cores",
    )

    it = _command(
        commands,
        "run",
        run,
        "build the firmware, run the scenario suites against it, write a report",
        "espbench run dual limits --jobs 2",
    )
    it.add_argument(
        "suite", nargs="*", help="suites, such as limits or dual, or paths (default: all)"
    )
    it.add_argument("--list", action="store_true", help="show the names of suites, and run none")
    _firmware_option(it)
    _choice_options(it)
    it.add_argument(
        "--evidence",
        choices=("never", "failed", "always"),
        default="failed",
        help="which scenarios leave a folder of evidence (default: failed)",
    )
    it.add_argument(
        "--shard",
        metavar="I/N",
        help="run only part I of N, which together are all scenarios and take equally long",
    )
    it.add_argument(
        "--durations",
        metavar="FILE",
        help="how long scenarios took, to balance the parts by, as a run left it in durations.json "
        "(default: ci/durations-BOARD.json)",
    )
    it.add_argument(
        "--out", metavar="DIR", help="where report and evidence go (default: build/run)"
    )
    it.add_argument(
        "--history",
        metavar="FILE",
        help="file that keeps the figures of all runs: commit it, or cache it in CI "
        "(default: history.jsonl in --out)",
    )

    it = _bare_command(
        commands,
        "parity",
        parity,
        "run the scenario suites on two boards, and show the scenarios that differ",
        "espbench parity dual --boards lx60,esp32 --firmware esp32=build/firmware.bin",
    )
    it.add_argument(
        "suite",
        nargs="*",
        help="suites or paths (default: all); behind -- more arguments for pytest",
    )
    it.add_argument(
        "--boards",
        default="lx60,esp32",
        metavar="ONE,OTHER",
        help=f"two of {', '.join(BOARDS)} (default: lx60,esp32)",
    )
    it.add_argument(
        "--firmware",
        action="append",
        default=[],
        metavar="BOARD=PATH",
        help="firmware of a board (default: espbench's own, built first)",
    )
    it.add_argument(
        "--results",
        action="append",
        default=[],
        metavar="BOARD=FILE",
        help="run.json or JUnit XML of a run that exists: the board is not run",
    )
    _choice_options(it)
    it.add_argument(
        "--table",
        metavar="FILE",
        help="the known differences (default: scenarios/expected_differences.toml)",
    )
    it.add_argument("--out", metavar="DIR", help="default: build/parity")
    form = it.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=JSON_HELP)
    form.add_argument("--markdown", action="store_true", help="print a table for documents")

    it = _command(
        commands,
        "up",
        up,
        "boot a device and keep it running, with its console on this terminal",
        "espbench up --http-port 8080 --https-port 8443 --files ./my-app",
    )
    _firmware_option(it)
    for scheme in ("http", "https"):
        it.add_argument(
            f"--{scheme}-port",
            type=int,
            metavar="PORT",
            help=f"host port for {scheme} and {scheme.replace('http', 'ws')} (default: a free one)",
        )
    it.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where these ports listen; 0.0.0.0 for all who reach this machine, or a container's "
        "published ports (default: 127.0.0.1)",
    )
    it.add_argument(
        "--internet",
        action="store_true",
        help="let the device open connections: to the Internet, and to this host (10.0.2.2)",
    )
    it.add_argument("--files", metavar="DIR", help="folder with the device's files")
    it.add_argument("--cert", metavar="FILE", help="certificate chain (PEM) for https")
    it.add_argument("--key", metavar="FILE", help="its key (PEM)")
    it.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="boot argument, such as heap=65536",
    )

    it = _command(
        commands,
        "certs",
        certs,
        "write certificates, good and bad, and list them",
        "espbench certs p256 expired --out ./my-certs",
    )
    it.add_argument("recipe", nargs="*", help="names of recipes (default: all)")
    it.add_argument("--out", default="build/certs", metavar="DIR", help="default: build/certs")
    it.add_argument("--list", action="store_true", help="only list them")

    it = _command(
        commands,
        "timings",
        timings,
        "time boots, handshakes and requests on this machine, in ms and per second",
        "espbench timings --json",
    )
    _firmware_option(it)
    it.add_argument("--quick", action="store_true", help="fewer repetitions")
    it.add_argument(
        "--pool",
        type=int,
        metavar="N",
        help="instead: suites a minute with N devices that boot ahead, and with none",
    )
    it.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="workers for --pool (default: 1)"
    )
    it.add_argument("--out", metavar="FILE", help="default: build/timings.json")

    _bare_command(
        commands,
        "record",
        record,
        "run pytest with these arguments; each test that fails leaves a recording",
        "espbench record tests/ -k upload --espbench-board lx60",
    ).add_argument("pytest", nargs=argparse.REMAINDER, help="pytest's own arguments and options")

    it = _bare_command(
        commands,
        "replay",
        replay,
        "repeat a recording; exit with 0 when the outcome is the same, else with 1",
        "espbench replay evidence/tests-test_upload-test_it/recording.espbench --gdb",
    )
    it.add_argument("archive", metavar="ARCHIVE", help="what a recorded test left")
    it.add_argument(
        "--gdb", action="store_true", help="wait for gdb first, and print the command for it"
    )
    it.add_argument("--console", action="store_true", help="show the console as it comes")
    it.add_argument("--qemu", metavar="PROGRAM", help="QEMU to use (default: the board's)")

    _bare_command(
        commands,
        "ci",
        ci,
        "write the GitHub workflow and the container file into a firmware project",
        "espbench ci ../my-firmware",
    ).add_argument(
        "project", nargs="?", default=".", metavar="DIR", help="the project (default: .)"
    )

    it = _command(
        commands,
        "measure",
        measure,
        "count instructions and bytes of memory, which are the same on every machine",
        "espbench measure --repeat 10 --load 2",
    )
    _firmware_option(it)
    _stranger_options(it)
    it.add_argument("--quick", action="store_true", help="fewer repetitions")
    it.add_argument("--repeat", type=int, default=1, metavar="N", help="runs (default: 1)")
    it.add_argument(
        "--load", type=int, default=0, metavar="N", help="keep the host busy with N loops meanwhile"
    )

    it = _command(
        commands,
        "gate",
        gate,
        "do what measure does, and compare with a baseline: status 1 when a figure got worse",
        "espbench gate --baseline ci/baseline-lx60.json --markdown summary.md",
    )
    _firmware_option(it)
    _stranger_options(it)
    it.add_argument("--quick", action="store_true", help="fewer repetitions")
    it.add_argument("--baseline", required=True, metavar="FILE", help="what to compare with")
    it.add_argument("--update", action="store_true", help="write the baseline")
    it.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    it.add_argument("--markdown", metavar="FILE", help="write a pull request's summary")
    parser.epilog = _overview(commands.choices)
    return parser


def _overview(parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """Return the commands with a line each, in groups."""
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(parsers)
    lines = []
    for title, names in GROUPS.items():
        lines.append(f"{title}:")
        for name in names:
            text = (parsers[name].description or "").removesuffix(".")
            lines.append(f"  {name:9}{text[0].lower()}{text[1:]}")
        lines.append("")
    return "\n".join([*lines, "`espbench COMMAND --help` has its options and an example."])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; what is behind `--`, or behind `record`, are pytest's.

    Without a command, and with one that has another name now, it ends with status 2 and says what
    there is.
    """
    own, more = list(arguments), []
    parser = make_parser()
    if not own:
        parser.print_help(sys.stderr)
        raise SystemExit(2)
    if own[0] in RENAMED:
        parser.error(f"`espbench {own[0]}` is `espbench {RENAMED[own[0]]}` now")
    if own[0] in NO_OPERANDS and (file := _behind(own, "--json")):
        parser.error(f"--json takes no file: write `--json > {file}`")
    if own[:1] == ["record"] and own[1:2] not in (["-h"], ["--help"]):
        own, more = own[:1], own[1:]
    if own[:1] == ["parity"] and "--" in own:
        end = own.index("--")
        own, more = own[:end], own[end + 1 :]
    options = parser.parse_args(own)
    if options.action is None:
        parser.error("there is no command")
    options.pytest = more
    return options


def _behind(words: Sequence[str], option: str) -> str:
    """Return the word behind an option, or "" when there is none, or another option."""
    place = words.index(option) + 1 if option in words else len(words)
    word = words[place] if place < len(words) else ""
    return "" if word.startswith("-") else word


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return an exit status, and print errors as sentences."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        with _terminated_as_interrupted():
            status: int = options.action(options)
        sys.stdout.flush()
    except EspbenchError as error:
        print(f"espbench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone: say nothing, also not while Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"espbench: {_sentence(error)}", file=sys.stderr)
        return 1
    return status


def _sentence(error: OSError) -> str:
    """Return what the operating system refused, and what to do about it."""
    where = error.filename or "a file"
    if is_disk_full(error):
        return f"The disk is full, so {where} could not be written: free some space."
    why = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"The operating system refused an operation: {why}."
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"There is no access to {where} ({why}): change its permissions, or name another."
    return f"{where} cannot be read or written ({why}): check the path, or name another."


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end it as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
