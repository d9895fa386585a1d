# SPDX-License-Identifier: MIT
"""Summarizes why tests were skipped: each reason once, with the number of tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from espbench.suites.names import suite_of

LONGEST = 160
"""Characters of a reason."""
NAMED = 3
"""Files that a line names."""


def short(reason: str) -> str:
    """Return a reason without the way to get what is missing, where that makes it long; pure."""
    cause = (reason.strip().splitlines() or [""])[0]
    while len(cause) > LONGEST and ": " in cause:
        cause = cause.rpartition(": ")[0]
    if len(cause) > LONGEST:
        cause = f"{cause[: LONGEST - 2].rpartition(' ')[0]} …"
    return cause.rstrip(".")


def by_reason(skips: Iterable[tuple[str, str]], noun: str) -> dict[str, str]:
    """Return what each reason kept from running, such as "3 tests (dual, tls)"; pure.

    The reason that did most comes first.

    Args:
        skips: node id and reason of each test that was skipped.
        noun: what they are, such as "scenario".
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


def told(skips: Iterable[tuple[str, str]], noun: str) -> list[str]:
    """Return a sentence for each reason; arguments as for `by_reason`; pure."""
    return [
        f"{what} {_were(what)} skipped: {reason or 'no reason was given'}"
        for reason, what in by_reason(skips, noun).items()
    ]


def _were(what: str) -> str:
    return "was" if what.startswith("1 ") else "were"
