"""espbench's own suites in somebody else's pytest session: `pytest --espbench`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from espbench import tree
from espbench.suites import suite_paths

ALL = "all"


class ShippedSuites:
    """Has them collected under the names that they have in espbench's own tree."""

    def __init__(self, session_root: Path, names: Sequence[str]) -> None:
        """Find the suites.

        Args:
            session_root: pytest's rootdir.
            names: of suites, or `ALL`.

        Raises:
            EspbenchError: there is no such suite, or none came with this espbench.
        """
        root = tree.root()
        paths = suite_paths(root, [] if ALL in names else names)
        self._scenarios = root / "scenarios"
        self._wanted = {Path(path) for path in paths}
        # A test's id begins behind the argument that led to it: the folder's, not the file's.
        outside = not root.is_relative_to(session_root) or root == tree.CARRIED
        self._outside = root if outside else None
        self.arguments = [str(root)] if outside else paths
        for folder in tree.SUPPORT:
            sys.path.append(str(root / folder))

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Pass by what is not wanted of the folder that was named."""
        if self._outside is None or not collection_path.is_relative_to(self._outside):
            return None
        if collection_path in (self._outside, self._scenarios):
            return None
        wanted = any(collection_path.is_relative_to(path) for path in self._wanted)
        return None if wanted or collection_path.name == "__init__.py" else True
