# SPDX-License-Identifier: MIT
"""`Ahead`: the next test's check runs on a second device while the current one runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from espbench.check.result import Outcome, Result
from espbench.check.target import dut
from espbench.check.target.dut import Dut
from espbench.errors import ConfigError, DeviceError
from espbench.plugin import checks
from espbench.plugin.checks import Ahead, coming

PATIENCE = 20.0


class FakeDut:
    """A device under test that never boots."""

    def __init__(self, firmware: object = None, servers: object = ("a server",), save: Any = None):
        self.firmware, self.save = firmware, save
        self._servers = servers
        self.ended = threading.Event()

    @property
    def servers(self) -> object:
        """Its servers."""
        if self._servers is None:
            raise DeviceError("It does not boot.")
        return self._servers

    def end(self) -> None:
        """End it."""
        self.ended.set()


def result(name: str) -> Result:
    """Return a result."""
    return Result(name, name, "It works.", "RFC 1", Outcome.PASSED)


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make further devices fakes, too."""
    monkeypatch.setattr(checks, "Dut", FakeDut)


def test_two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both checks run at the same time, each on its own device, and each runs once."""
    both = threading.Barrier(2, timeout=PATIENCE)
    ran: list[tuple[str, int]] = []

    def run(under_test: Dut, name: str) -> Sequence[Result]:
        ran.append((name, id(under_test)))
        if name != "c":
            both.wait()
        return [result(name)]

    monkeypatch.setattr(checks, "run", run)
    ahead = Ahead(cast("Dut", FakeDut()))
    assert ahead.results("a", "b") == [result("a")]
    assert ahead.results("b") == [result("b")]
    assert ahead.results("c") == [result("c")]
    assert sorted(name for name, _ in ran) == ["a", "b", "c"]
    assert len({device for name, device in ran if name != "c"}) == 2
    ahead.close()


def test_errors_belong_to_their_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the check that ran ahead is raised by its own test."""

    def run(_: Dut, name: str) -> Sequence[Result]:
        if name == "b":
            raise ConfigError("no check is named b")
        return [result(name)]

    monkeypatch.setattr(checks, "run", run)
    ahead = Ahead(cast("Dut", FakeDut()))
    assert ahead.results("a", "b") == [result("a")]
    with pytest.raises(ConfigError, match="named b"):
        ahead.results("b")
    ahead.close()


def test_no_further_device_for_a_firmware_that_does_not_boot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing runs ahead on a firmware that does not boot."""
    ran: list[str] = []

    def run(_: Dut, name: str) -> Sequence[Result]:
        ran.append(name)
        return [result(name)]

    monkeypatch.setattr(checks, "run", run)
    ahead = Ahead(cast("Dut", FakeDut(servers=None)))
    ahead.results("a", "b")
    assert ran == ["a"]
    ahead.close()


def test_close_ends_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that nobody waits for ends with its device."""
    began = threading.Event()

    def run(under_test: Dut, name: str) -> Sequence[Result]:
        if name == "b":
            began.set()
            assert cast("FakeDut", under_test).ended.wait(PATIENCE)
        return [result(name)]

    monkeypatch.setattr(checks, "run", run)
    ahead = Ahead(cast("Dut", FakeDut()))
    ahead.results("a", "b")
    assert began.wait(PATIENCE)
    ahead.close()


def test_ended() -> None:
    """Once it has ended, no device boots, so a check in another thread comes to its end."""
    under_test = dut.Dut(cast("Any", None), ())
    under_test.end()
    with pytest.raises(DeviceError, match="has ended"):
        under_test.device()


@pytest.mark.parametrize(
    ("fixtures", "parameters", "expected"),
    [
        (["run_check"], {"name": "tls.burst"}, "tls.burst"),
        (["run_check"], {"name": 3}, ""),
        (["run_check"], {}, ""),
        (["device"], {"name": "tls.burst"}, ""),
    ],
)
def test_coming(fixtures: list[str], parameters: dict[str, object], expected: str) -> None:
    """The next test's check is known from its parameter."""
    item = SimpleNamespace(fixturenames=fixtures, callspec=SimpleNamespace(params=parameters))
    session = cast("Any", SimpleNamespace(coming=[item]))
    assert coming(session, "run_check") == expected
    assert coming(cast("Any", SimpleNamespace(coming=[])), "run_check") == ""
