# SPDX-License-Identifier: MIT
"""The options --espbench-gdb and --espbench-gdb-wait: each device of a test is offered to gdb.

Like pytest's --pdb, this is for one person at one terminal: nothing runs in parallel or ahead, what
has to be read is not captured, and nobody is hurried.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass

import pytest

from espbench.errors import ConfigError
from espbench.inspect.debugging import Debugging

__all__ = ["Patience", "check", "debugging", "wanted"]

CURRENT_TEST = "PYTEST_CURRENT_TEST"
"""Set by pytest to the test's name and, in brackets, its phase."""


def wanted(config: pytest.Config) -> bool:
    """Return whether the session is for debugging firmware."""
    return bool(config.getoption("--espbench-gdb") or config.getoption("--espbench-gdb-wait"))


def check(config: pytest.Config) -> None:
    """Refuse to debug in several processes.

    Raises:
        ConfigError: pytest-xdist distributes the tests.
    """
    if wanted(config) and getattr(config.option, "tx", None):
        raise ConfigError(
            "--espbench-gdb debugs one device at a time, so pytest-xdist cannot distribute the "
            "tests: omit -n, or add -n 0."
        )


def debugging(config: pytest.Config) -> Debugging | None:
    """Return how the session's devices offer themselves to gdb; None: not at all."""
    if not wanted(config):
        return None
    return Debugging(_Terminal(config), bool(config.getoption("--espbench-gdb-wait")))


class Patience:
    """Plugin that keeps pytest-timeout, if it is installed, from ending a test that is debugged."""

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self) -> bool:
        """Set no timer, which pytest-timeout does not do with --pdb either."""
        return True


@dataclass(frozen=True)
class _Terminal:
    """Shows a text on pytest's terminal, also while output is captured."""

    config: pytest.Config

    def __call__(self, text: str) -> None:
        manager = self.config.pluginmanager
        capture = manager.getplugin("capturemanager")
        reporter = manager.getplugin("terminalreporter")
        test = os.environ.get(CURRENT_TEST, "").rpartition(" ")[0]
        lines = [*([f"espbench: {test}"] if test else []), *text.splitlines()]
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            if reporter is None:
                print(*lines, sep="\n", file=sys.stderr, flush=True)
                return
            reporter.ensure_newline()
            for line in lines:
                reporter.write_line(line)
            reporter.flush()
