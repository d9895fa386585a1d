# SPDX-License-Identifier: MIT
"""Summarizes why tests were skipped: each reason once, with the tests that it affects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from espbench.suites.names import suite_of

LONGEST = 160
"""The most characters of a reason."""
NAMED = 3
"""The most files to name in a line."""


def short(reason: str) -> str:
    """Return a reason in one line, without the remedy if it is too long; pure."""
    cause = (reason.strip().splitlines() or [""])[0]
    while len(cause) > LONGEST and ": " in cause:
        cause = cause.rpartition(": ")[0]
    if len(cause) > LONGEST:
        cause = f"{cause[: LONGEST - 2].rpartition(' ')[0]} …"
    return cause.rstrip(".")


def by_reason(skips: Iterable[tuple[str, str]], noun: str) -> dict[str, str]:
    """Return the tests that each reason affects, such as "3 tests (dual, tls)"; pure.

    The most frequent reason comes first.

    Args:
        skips: node ID and reason of each skipped test.
        noun: word for the tests, such as "scenario".
    """
    files: dict[str, list[str]] = defaultdict(list)
    for nodeid, reason in skips:
        files[short(reason)].append(suite_of(nodeid))
    ordered = sorted(files.items(), key=lambda each: -len(each[1]))
    return {reason: _count(names, noun) for reason, names in ordered}


def _count(names: list[str], noun: str) -> str:
    different = list(dict.fromkeys(names))
    more = len(different) - NAMED
    listed = ", ".join(different[:NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'} ({listed})"


def skip_lines(skips: Iterable[tuple[str, str]], noun: str) -> list[str]:
    """Return a sentence for each reason; for the arguments see `by_reason`; pure."""
    return [
        f"{what} {_were(what)} skipped: {reason or 'no reason was given'}"
        for reason, what in by_reason(skips, noun).items()
    ]


def _were(what: str) -> str:
    return "was" if what.startswith("1 ") else "were"
