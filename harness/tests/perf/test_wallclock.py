# SPDX-License-Identifier: MIT
"""The evaluation of `espbench timings`, without a device."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.errors import NotReady
from espbench.perf import wallclock as bench
from espbench.perf.wallclock import connections
from espbench.qemu.process import Machine


def test_a_bare_qemu_that_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its output is in the message."""
    program = tmp_path / "qemu"
    program.write_text("#!/bin/sh\necho booting\necho and no further\n")
    program.chmod(0o700)
    monkeypatch.setattr(bench, "find_qemu", lambda _: str(program))
    flash = tmp_path / "flash.img"
    machine = Machine(board=LX60, firmware=tmp_path / "f.elf", flash=flash, forwards={443: 1})
    with pytest.raises(NotReady) as caught:
        bench._bare(machine, b"", tmp_path)
    assert caught.value.tail == "booting\nand no further\n"
    assert str(caught.value) == (
        "A bare QEMU exited before its firmware listened: look for the cause in its output, or "
        f"boot it with `espbench up`. It printed:\n{caught.value.tail}"
    )


@pytest.mark.parametrize(("slowest", "good"), [(0.5, True), (0.501, False)])
def test_connections(slowest: float, good: bool) -> None:
    """One connection that stalls is bad, even if the median is good."""
    found = {figure.key: figure for figure in connections([0.010, 0.011, slowest, 0.012, 0.009])}
    assert found["slowest_connection_ms"].title == "Slowest of 5 connections"
    assert found["slowest_connection_ms"].shown() == f"{slowest * 1000:.1f} ms"
    assert found["median_connection_ms"].shown() == "11.0 ms"
    assert [figure.good for figure in found.values()] == [good, True]
