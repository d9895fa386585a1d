# SPDX-License-Identifier: MIT
"""The gate's figures of a firmware that knows nothing of espbench."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import foreign
import probe_builds
import pytest
from espbench.boards.builtin import LX60
from espbench.boards.readiness import ConsoleReadiness
from espbench.cli import main as cli
from espbench.device.device import Device
from espbench.inspect.tasks.task import Task, TaskState, least_free
from espbench.perf.unmodified_firmware import measure_unmodified
from probe_builds import Build

WHY = probe_builds.absence()
needs_probe = pytest.mark.skipif(bool(WHY), reason=WHY or "available")


@pytest.fixture(params=probe_builds.builds()[:2], ids=lambda build: build.name)
def build(request: pytest.FixtureRequest) -> Iterator[Build]:
    """Return a build of the probe."""
    return request.param  # type: ignore[no-any-return]


@needs_probe
def test_figures(build: Build) -> None:
    """Heap, loss with each connection and the stack of each task are measured."""
    shown: list[str] = []
    with build.device(ports={"http": 80, "https": 443}) as device:
        found = {each.kind.key: each for each in measure_unmodified(device, shown.append)}
    value = {key: reading.value for key, reading in found.items()}
    assert 100_000 < (value["heap_free"] or 0) < 300_000
    assert value["leak_http_heap"] in range(3)
    assert (value["heap_low_water"] or 0) < (value["heap_free"] or 0)
    stacks = {key for key in found if key.startswith("stack.")}
    assert stacks >= {"stack.suspended", "stack.delayed", "stack.queued", "stack.httpd"}
    assert value["session_heap"] is None
    assert found["leak_https_heap"].reason == (
        "Nothing listens on a port for https: name it with --ports https=PORT if the firmware "
        "serves it."
    )
    assert "Heap lost with each HTTP connection" in shown


@needs_probe
def test_the_gate(build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stack that lost its margin closes the gate, and a task that has gone, too."""
    baseline = tmp_path / "baseline.json"
    firmware = ("--board", build.board, "--firmware", str(build.firmware))
    ready = ("--ready-console", r'^{"ready": true}$', "--ports", "http=80")
    command = ["gate", *firmware, *ready, "--baseline", str(baseline)]
    assert cli.main([*command, "--update"]) == 0
    assert cli.main(command) == 0
    data = json.loads(baseline.read_text())
    assert data["figures"]["session_heap"]["value"] is None
    data["figures"]["stack.queued"]["value"] += 1000
    data["figures"]["stack.gone"] = data["figures"]["stack.queued"]
    baseline.write_text(json.dumps(data))
    capsys.readouterr()
    assert cli.main([*command, f"--markdown={tmp_path / 'summary.md'}"]) == 1
    summary = (tmp_path / "summary.md").read_text()
    assert "Stack of task queued, least ever free" in summary
    assert "Stack of task gone, least ever free" in summary
    assert "is closed: 2 of " in capsys.readouterr().out


def test_tasks_of_the_same_name() -> None:
    """Two servers' tasks are both called httpd: the size of their stacks tells them apart."""

    def task(name: str, free: int, size: int) -> Task:
        return Task(name, TaskState.BLOCKED, 5, free, size, None, 0, 0)

    tasks = [task("httpd", 6744, 8192), task("httpd", 7488, 10240), task("tiT", 1884, 3072)]
    assert least_free(tasks) == {"httpd (8192 B)": 6744, "httpd (10240 B)": 7488, "tiT": 1884}
    tasks += [task("httpd", 100, 8192)]
    assert least_free(tasks)["httpd (8192 B)"] == 100


def test_a_firmware_that_cannot_be_looked_into(tmp_path: Path) -> None:
    """Without ESP-IDF's heap there is nothing to measure, and nothing fails."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    with Device(LX60, firmware, ready=ConsoleReadiness(foreign.READY)) as device:
        assert measure_unmodified(device, lambda _: None) == []
