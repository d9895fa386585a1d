# SPDX-License-Identifier: MIT
"""The lines of `espbench check` while it runs: what was found, and a count of what applies."""

from __future__ import annotations

import io
import os

import pytest
from espbench.check.check import Check
from espbench.check.plan import Item
from espbench.check.result import Outcome, Result, Severity
from espbench.check.server import Server
from espbench.cli.check_progress import Printer
from rich.console import Console

SERVER = Server(80, http=True, status=200)


def item(name: str, reason: str = "") -> Item:
    """Return an item whose check takes 100 seconds."""
    check = Check(name, "It works.", "RFC 1", Severity.SECURITY, "http", print, estimate=100.0)
    return Item(check, SERVER, reason=reason)


def printed(*items: Item) -> list[str]:
    """Return the lines about items that all pass, if they apply."""
    file = io.StringIO()
    with Printer(Console(file=file, width=100)) as printer:
        printer.found([SERVER], items, 1.5, 1)
        for each in items:
            printer.began(each)
            outcome = Outcome.NOT_APPLICABLE if each.reason else Outcome.PASSED
            name = each.check.name
            printer.ended(each, Result(name, name, "It works.", "RFC 1", outcome, seconds=2))
    return file.getvalue().splitlines()


def test_only_what_applies_counts() -> None:
    """Checks that do not apply are neither in the total nor in the count."""
    assert printed(item("a.b"), item("a.c", "No."), item("a.d")) == [
        "found: http on port 80 (GET /: 200)",
        "Boot and server discovery took 1.5 s. 2 checks apply and may take about 3 minutes.",
        "[1/2] a.b passed 2.0 s",
        "[2/2] a.d passed 2.0 s",
    ]


def test_what_turns_out_not_to_apply() -> None:
    """A check that finds out itself that it does not apply has a line, so no number is missing."""
    file = io.StringIO()
    with Printer(Console(file=file, width=100)) as printer:
        printer.found([SERVER], [item("a.b"), item("a.c")], 1.5, 1)
        for each, outcome in (("a.b", Outcome.NOT_APPLICABLE), ("a.c", Outcome.PASSED)):
            printer.began(item(each))
            printer.ended(item(each), Result(each, each, "", "", outcome, "No.", seconds=2))
    assert file.getvalue().splitlines()[2:] == [
        "[1/2] a.b not applicable 2.0 s: No.",
        "[2/2] a.c passed 2.0 s: No.",
    ]


def test_one_check() -> None:
    """A single check is counted in the singular."""
    assert printed(item("a.b"))[1] == (
        "Boot and server discovery took 1.5 s. 1 check applies and may take about 2 minutes."
    )


def test_slower_than_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """If checks take much longer than expected, a line says once how much is left, and why."""
    monkeypatch.setattr(os, "getloadavg", lambda: (9.0, 9.0, 9.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    file = io.StringIO()
    items = [item(name) for name in ("a.b", "a.c", "a.d", "a.e")]
    with Printer(Console(file=file, width=200)) as printer:
        printer.found([SERVER], items, 1.5, 2)
        for each in items:
            printer.began(each)
            name = each.check.name
            passed = Result(name, name, "", "RFC 1", Outcome.PASSED, seconds=300)
            printer.ended(each, passed)
    assert file.getvalue().splitlines()[1:4] == [
        "Boot and server discovery took 1.5 s. 4 checks apply and may take about 3 minutes.",
        "[1/4] a.b passed 300.0 s",
        "The checks take 3.0 times as long as expected, as this machine was overloaded (load 9 on "
        "2 cores): about 8 minutes left.",
    ]
    assert "times as long" not in "\n".join(file.getvalue().splitlines()[4:])
