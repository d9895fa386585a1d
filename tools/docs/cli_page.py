# SPDX-License-Identifier: MIT
"""Generate the sections of a page from an argparse parser; pure."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping


def sections(parser: argparse.ArgumentParser) -> str:
    """Return a section in Markdown for each subcommand of a parser."""
    return "\n".join(_sections(commands(parser)))


def commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parsers of the subcommands, by name."""
    (found,) = [
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    ]
    return found.choices


def _sections(parsers: Mapping[str, argparse.ArgumentParser]) -> Iterator[str]:
    for name, parser in parsers.items():
        yield f"## espbench {name}\n"
        yield f"{parser.description}\n"
        yield "| argument | meaning |\n|---|---|"
        yield from (
            f"| {_cell(_invocation(action))} | {_cell(_meaning(parser, action))} |"
            for action in parser._actions
            if action.help != argparse.SUPPRESS
        )
        yield ""
        if parser.epilog:
            title, _, lines = parser.epilog.partition("\n")
            example = "\n".join(line.removeprefix("  ") for line in lines.splitlines())
            yield f"{title.capitalize()}\n\n```sh\n{example}\n```\n"


def _invocation(action: argparse.Action) -> str:
    """Return how to write an argument, such as `--out DIR`."""
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices is not None and action.metavar is None:
        value = "|".join(map(str, action.choices))
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    return ", ".join(
        f"`{option}`" if action.nargs == 0 else f"`{option} {value}`"
        for option in action.option_strings
    )


def _meaning(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return an argument's help, with argparse's placeholders filled in."""
    return parser._get_formatter()._expand_help(action) if action.help else ""


def _cell(text: str) -> str:
    """Return text for a table cell."""
    return text.replace("|", "\\|").replace("<", "&lt;")
