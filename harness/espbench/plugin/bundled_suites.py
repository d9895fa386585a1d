# SPDX-License-Identifier: MIT
"""espbench's own suites in the pytest session of another project: `pytest --espbench`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from espbench.firmware import source_tree as tree
from espbench.plugin.refusal import refuse
from espbench.suites.names import renamed, suite_paths
from espbench.util.repository_files import WHEEL_TREE

ALL = "all"
CHECK_TEST = "test_check.py::test_check"
"""End of the node ID of the test that runs each check, without its parameter."""
NOTHING = (
    "espbench: Nothing was checked, because no check that was selected applies to this firmware: "
    "select others with -k."
)


class ShippedSuites:
    """Collects the suites under the names that they have in espbench's tree."""

    def __init__(self, config: pytest.Config, names: Sequence[str]) -> None:
        """Find the suites.

        Args:
            config: the pytest configuration.
            names: names of suites, or `ALL`.

        Raises:
            EspbenchError: a suite is unknown, or this espbench has no suites.
        """
        root = tree.root()
        self._named = _named_tests(config, root)
        paths = suite_paths(root, [] if ALL in names else names)
        if self._named:
            paths = [str(root / each.partition("::")[0]) for each in self._named.values()]
            config.args = [each for each in config.args if each not in self._named]
        for sentence in renamed(names):
            warnings.warn(pytest.PytestDeprecationWarning(sentence), stacklevel=1)
        self._config = config
        self._root = root
        self._wanted = {Path(path.partition("::")[0]) for path in paths}
        # Node ids are relative to the argument: pass the folder, not the files.
        outside = not root.is_relative_to(config.rootpath) or root == WHEEL_TREE
        self._outside = root if outside else None
        self._opened: Path | None = None
        self._looked = self._asking = False
        elsewhere = [path for path in paths if not Path(path).is_relative_to(root)]
        self._add([str(root), *elsewhere] if outside else paths)
        for folder in tree.SUPPORT:
            sys.path.append(str(root / folder))

    def _add(self, paths: Sequence[str]) -> None:
        """Add paths to pytest's arguments, except those below an existing argument.

        pytest 9 drops nested arguments itself. pytest 8 drops the outer one, and with it the
        project's own tests.
        """
        here = self._config.invocation_params.dir
        outer = [Path(os.path.normpath(here / arg.partition("::")[0])) for arg in self._config.args]
        self._config.args += [
            path for path in paths if not any(Path(path).is_relative_to(each) for each in outer)
        ]

    # firstresult hook: run before pytest's own implementation.
    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Collect the requested suites, and nothing else on the path to them.

        The suites may be below a folder that pytest ignores, such as the virtual environment of
        the project.
        """
        if self._asking:
            return None
        if self._root.is_relative_to(collection_path):
            return False
        if collection_path.is_relative_to(self._root):
            return self._ignores_of_ours(collection_path)
        opened = self._open()
        return True if opened and collection_path.is_relative_to(opened) else None

    def _ignores_of_ours(self, path: Path) -> bool | None:
        if path.name == "__pycache__":
            return True
        if any(each.is_relative_to(path) for each in self._wanted) and path.is_dir():
            return False
        if any(path.is_relative_to(each) for each in self._wanted):
            return None  # respect the user's --ignore
        if self._outside is None:
            return True if self._open() else None
        return None if path.name in ("__init__.py", "conftest.py") else True

    def _open(self) -> Path | None:
        """Return the topmost ignored folder on the path to the suites, or None."""
        if not self._looked:
            self._looked = True
            top = self._config.rootpath
            way = [p for p in (self._root, *self._root.parents) if top in p.parents]
            ignored = self._config.hook.pytest_ignore_collect
            self._asking = True
            self._opened = next(
                (
                    path
                    for path in reversed(way)
                    if ignored(collection_path=path, config=self._config)
                ),
                None,
            )
            self._asking = False
        return self._opened

    # Before -k, -m and --deselect, which may remove tests on purpose.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Refuse a session that collected no test of a requested suite.

        Raises:
            pytest.UsageError: a suite has no collected test, and this process is not a worker.
        """
        if self._named:
            self._choose(session, items)
        if session.testsfailed or self._config.option.collectonly:
            return  # Collection errors are reported already; --collect-only shows the tests.
        for path in sorted(self._wanted):
            if not any(item.path.is_relative_to(path) for item in items):
                refuse(
                    session,
                    f"No test of espbench's suite {path} was collected: check that python_files "
                    "and python_functions match test_*, and remove --ignore.",
                )
                return

    def _choose(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Deselect the suites' tests that the command line does not name."""

        def is_named(item: pytest.Item, name: str) -> bool:
            return item.nodeid == name or item.nodeid.startswith((f"{name}::", f"{name}["))

        names = self._named.values()
        left = [
            item
            for item in items
            if item.path.is_relative_to(self._root)
            and not any(is_named(item, name) for name in names)
        ]
        for name in names:
            if not session.testsfailed and not any(is_named(item, name) for item in items):
                refuse(session, f"{name} is not a test: copy a node ID of this session's output.")
                return
        self._config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _named_tests(config: pytest.Config, root: Path) -> dict[str, str]:
    """Return the node ID for each argument that names a test of the suites as pytest prints it.

    The suites are outside the project, so there is no file of that name.
    """
    found: dict[str, str] = {}
    # The arguments of the command line, which the workers of pytest-xdist get, too.
    for argument in getattr(config.option, "file_or_dir", None) or ():
        file, colons, test = argument.partition("::")
        path = config.invocation_params.dir / file
        below = os.path.relpath(path, config.rootpath)
        inside = (root / below).resolve().is_relative_to(root.resolve())
        if inside and not path.exists() and (root / below).is_file():
            found[argument] = f"{below}{colons}{test}"
    return found


class ChecksApply:
    """Fails a session whose checks were all skipped, because it has checked nothing."""

    def __init__(self) -> None:
        """Count the checks from now on."""
        self._skipped = self._run = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a check; in the controller of pytest-xdist, those of all workers."""
        if f"{CHECK_TEST}[" not in report.nodeid:
            return
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped += 1
        elif report.when == "call":
            self._run += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let pytest's exit status say that nothing was checked."""
        if self._nothing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say so."""
        if self._nothing():
            terminalreporter.write_line(NOTHING, red=True)

    def _nothing(self) -> bool:
        return bool(self._skipped) and not self._run
