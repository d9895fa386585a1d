"""Says which files of tests a run left out as a whole, such as those for what is not installed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from espbench.parity.known import Seen


def left_out(cases: Mapping[str, Seen]) -> list[str]:
    """Return a sentence for each reason for which files were skipped from end to end; pure.

    Args:
        cases: how each test ended, by node id.
    """
    by_file: dict[str, list[Seen]] = defaultdict(list)
    for name, seen in cases.items():
        by_file[name.partition("::")[0]].append(seen)
    by_reason: dict[str, list[str]] = defaultdict(list)
    for file, all_seen in by_file.items():
        if all(seen.kind == "skipped" for seen in all_seen):
            reasons = "; ".join(dict.fromkeys(seen.message for seen in all_seen))
            by_reason[reasons].append(file)
    return [f"{', '.join(files)} left out: {reason}" for reason, files in by_reason.items()]
