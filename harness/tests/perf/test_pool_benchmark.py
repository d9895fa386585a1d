# SPDX-License-Identifier: MIT
"""`espbench timings --pool`: its suite runs, and a suite that fails is not a measurement."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.cli import main as cli
from espbench.device.device import Device
from espbench.errors import EspbenchError
from espbench.perf import wallclock as effort
from espbench.perf.pool import benchmark as bench
from espbench.perf.pool import suite

LX60 = BOARDS["lx60"]


@pytest.mark.boards("lx60")
def test_a_round(firmware: Path) -> None:
    """A round with two of the suite's tests gives figures for both kinds of suite, and waiting."""
    steps: list[str] = []
    found = bench.run(
        LX60, firmware, rounds=1, size=1, more=["-k", "0 or 1"], progress=steps.append
    )
    assert steps == ["suites with a pool of 0, 1 of 1", "suites with a pool of 1, 1 of 1"]
    figures = {figure.key: figure for figure in found}
    assert list(figures) == [
        *("suites_per_min", "suites_pool_per_min", "pool_ratio", "wait_ms", "wait_pool_ms")
    ]
    assert figures["suites_per_min"].title == "Suites of 2 boots, -n 1"
    ratio = figures["suites_pool_per_min"].value / figures["suites_per_min"].value
    assert figures["pool_ratio"].value == pytest.approx(ratio)
    assert all(figure.value > 0 for figure in found)


def test_waiting(tiny_firmware: Callable[[], Path]) -> None:
    """A test waits for a whole boot, or for the rest of one if the pool has the device."""
    device = Device(LX60, tiny_firmware())
    device.timeline.add("ready", at=1.5)
    assert suite.waited(device) == 1.5
    device.timeline.add("handed_over", test_waited=0.25)
    assert suite.waited(device) == 0.25


def test_a_suite_that_fails(tiny_firmware: Callable[[], Path]) -> None:
    """A failed suite is an error, with pytest's last lines."""
    with pytest.raises(EspbenchError) as error:
        bench.run(
            LX60, tiny_firmware(), rounds=1, size=1, more=["-x", "--espbench-ready-timeout=0.1"]
        )
    text = str(error.value)
    assert text.startswith("The suite failed, so nothing can be measured:\n")
    assert "1 error" in text


def test_command(
    firmware: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command prints these figures, and writes them as JSON."""
    monkeypatch.setattr(effort, "QUICK", replace(effort.QUICK, suites=1))
    monkeypatch.setattr(bench, "SUITE", tmp_path / "suite.py")
    (tmp_path / "suite.py").write_text(
        "def test_it(record_property):\n    record_property('waited', 0.25)\n"
    )
    out = tmp_path / "timings.json"
    arguments = [
        "timings",
        "--quick",
        "--pool",
        "1",
        "--firmware",
        str(firmware),
        "--out",
        str(out),
    ]
    assert cli.main(arguments) == 0
    assert "A test waited for its device" in capsys.readouterr().out
    figures = json.loads(out.read_text())["figures"]
    assert figures["wait_pool_ms"]["value"] == pytest.approx(250)
    assert cli.main(["timings", "--pool", "0"]) == 1
    assert capsys.readouterr().err == (
        "espbench: --pool and --jobs must be 1 or more: write --pool 1 --jobs 2.\n"
    )
