# SPDX-License-Identifier: MIT
"""Writes a failed check as a pytest file, to keep beside a firmware's own tests; pure."""

from __future__ import annotations

import re
import textwrap

from espbench.check.result import Finding, Result, labelled

__all__ = ["file_name", "scenario"]

TEMPLATE = '''\
{raw}"""{title}

{source}

{saw}
"""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "name",
    [
{names}
    ],
)
{define}
    run_check(name)
'''

WIDTH = 88
"""Columns of a line: the default of ruff and black."""


def file_name(result: Result) -> str:
    """Return the name of the file for a result."""
    return f"test_{_identifier(result.id)}.py"


def scenario(result: Result) -> str:
    """Return a pytest file that runs a failed check, with the cases that failed."""
    names = dict.fromkeys(f"{result.id}:{f.case}" if f.case else result.id for f in result.findings)
    saw = "\n".join(_wrapped(f"- {_line(finding)}", "  ") for finding in result.findings)
    return TEMPLATE.format(
        raw="r" if "\\" in saw else "",
        title=_wrapped(result.title),
        source=_wrapped(
            f"Source: {result.source}. `espbench check --write-scenario` wrote this "
            "test when it saw:"
        ),
        saw=saw,
        names="\n".join(f"        {_literal(name)}," for name in names),
        define=_definition(_identifier(result.name)),
    )


def _wrapped(text: str, indent: str = "") -> str:
    """Return a text that can stand in a docstring, in lines of `WIDTH`."""
    return "\n".join(textwrap.wrap(_plain(text), WIDTH - 4, subsequent_indent=indent))


def _literal(text: str) -> str:
    """Return a string literal as a formatter writes it, in double quotes where possible."""
    if '"' in text:
        return repr(text)
    # With a double quote in it, repr uses single ones, and escapes those of the text.
    return '"' + repr(text + '"')[1:-2].replace("\\'", "'") + '"'


def _definition(name: str) -> str:
    parameters = ("name: str", "run_check: Callable[[str], None]")
    line = f"def test_{name}({', '.join(parameters)}) -> None:"
    if len(line) <= WIDTH:
        return line
    lines = "".join(f"    {each},\n" for each in parameters)
    return f"def test_{name}(\n{lines}) -> None:"


def _line(finding: Finding) -> str:
    return labelled(finding.case, finding.sentence)


def _plain(text: str) -> str:
    """Return a text that can stand in a docstring."""
    return "".join(c if c.isprintable() else " " for c in text.replace('"', "'"))


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")
