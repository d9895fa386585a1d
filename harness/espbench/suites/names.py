# SPDX-License-Identifier: MIT
"""The scenario suites by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espbench.errors import EspbenchError


def suite_paths(root: Path, names: Sequence[str]) -> list[str]:
    """Return pytest's arguments for suites.

    Raises:
        EspbenchError: there is no such suite; the message lists those that there are.
    """
    scenarios = root / "scenarios"
    known = {path.stem.removeprefix("test_"): path for path in sorted(scenarios.glob("test_*.py"))}
    if not names:
        return [str(scenarios)]
    paths = []
    for name in names:
        if name not in known and not Path(name.partition("::")[0]).exists():
            raise EspbenchError(
                f"There is no suite {name!r}: choose from {', '.join(known) or 'none'}, "
                "or give a path."
            )
        paths.append(str(known.get(name) or Path(name).absolute()))
    return paths
