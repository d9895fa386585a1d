# SPDX-License-Identifier: MIT
"""Another project's firmware, plain C without espbench: the checks that work with it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import foreign
import pytest
from espbench.cli import main as cli
from inner_pytest import inner_pytest

READY = ("--ready-console", foreign.READY)


def plugin_options(firmware: Path) -> tuple[str, str]:
    """Return pytest's options for the firmware."""
    return (
        f"--espbench-firmware={firmware}",
        f"--espbench-ready-console={foreign.READY}",
    )


UNAVAILABLE = (
    "16 figures are not available: The firmware is ready but does not answer on the control "
    "channel of espbench's module bench: only its image can be measured."
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tables on one line."""
    monkeypatch.setenv("COLUMNS", "200")


def gate(firmware: Path, baseline: Path, *options: str) -> int:
    """Return the exit status of the gate."""
    command = ["gate", "--firmware", str(firmware), "--baseline", str(baseline)]
    return cli.main([*command, *(options or READY)])


def test_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gate checks that it becomes ready, and its image; other figures have a reason."""
    baseline = tmp_path / "baseline.json"
    firmware = foreign.build(tmp_path / "firmware.elf")
    assert gate(firmware, baseline, *READY, "--update") == 0
    assert UNAVAILABLE in capsys.readouterr().out
    known = json.loads(baseline.read_text())["figures"]
    measured = {key for key, figure in known.items() if figure["value"] is not None}
    assert measured == {"image.text", "image.rodata", "image.data", "image.bss"}
    assert gate(firmware, baseline) == 0
    said = capsys.readouterr().out
    assert "The gate for lx60 is open: none of 4 figures got worse." in said
    assert "Handshake" not in said
    larger = foreign.build(tmp_path / "larger.elf", 9000)
    reports = [f"--{kind}={tmp_path / kind}" for kind in ("markdown", "junit")]
    assert gate(larger, baseline, *READY, *reports) == 1
    assert "is closed: 1 of 4 figures got worse." in capsys.readouterr().out
    summary = (tmp_path / "markdown").read_text()
    assert "| Image, section .rodata | 52 B | 9,036 B |" in summary
    assert f"- {UNAVAILABLE}" in summary
    suite = ElementTree.parse(tmp_path / "junit").getroot()[0]
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["Image, section .rodata"]


def test_gate_of_one_that_does_not_become_ready(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A firmware that no longer becomes ready fails, with the end of its console."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    baseline = tmp_path / "baseline.json"
    assert gate(firmware, baseline, *READY, "--update") == 0
    never = ("--ready-console", "^listening on 8080", "--ready-timeout", "1")
    assert gate(firmware, baseline, *never) == 1
    assert capsys.readouterr().err == (
        "espbench: device did not print something that matches '^listening on 8080' within 1 s "
        "(if it just needs more time: --ready-timeout (pytest: --espbench-ready-timeout, Device: "
        "ready_timeout), or ESPBENCH_TIMEOUT_SCALE on a slow machine); its console ended with:\n"
        "A firmware of our own\nserver up\n"
    )


def test_without_a_readiness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If the options for readiness are missing, the message names them."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    assert cli.main(["measure", "--firmware", str(firmware), "--ready-timeout", "1"]) == 1
    assert capsys.readouterr().err.startswith(
        "espbench: device did not answer on any TCP port within 1 s (if it serves nothing, say "
        "when it is ready with --ready-console (pytest: --espbench-ready-console, Device: ready); "
        "if it just needs more time: --ready-timeout (pytest: --espbench-ready-timeout, Device: "
        "ready_timeout), or ESPBENCH_TIMEOUT_SCALE on a slow machine); its console ended with:\n"
        "A firmware of our own\n"
    )


def test_gate_of_a_binary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without sections, the file's size counts; --firmware-elf provides sections."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    raw = tmp_path / "esp.bin"
    raw.write_bytes(bytes(100))
    from espbench.perf import measure as steady

    assert [(r.kind.key, r.value) for r in steady._image(raw, {})] == [("image_file", 100)]
    keys = [reading.kind.key for reading in steady._image(raw, {"elf": firmware})]
    assert "image.text" in keys
    absent = ("--firmware-elf", str(tmp_path / "no.elf"))
    assert gate(firmware, tmp_path / "b.json", *READY, "--update", *absent) == 1
    assert capsys.readouterr().err == (
        f"espbench: {tmp_path}/no.elf does not exist: check its path.\n"
    )


def test_pytest(tmp_path: Path) -> None:
    """`--espbench-firmware` runs the tests that any firmware can pass, and skips the others."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    said = inner_pytest(tmp_path, "--espbench", *plugin_options(firmware))
    assert "2 passed, 6 skipped" in said
    hint = "to require an answer, pass --espbench-ports http=80"
    assert f"the firmware does not answer on port 80: {hint}" in said
    assert "needs espbench's own firmware" in said


def test_pytest_with_a_port(tmp_path: Path) -> None:
    """The tests of a port that the user has declared are not skipped."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    options = (*plugin_options(firmware), "-k", "serves")
    said = inner_pytest(tmp_path, "--espbench", *options, "--espbench-ports=http=8080", status=1)
    assert "FAILED scenarios/test_smoke.py::test_serves[http]" in said
    assert "1 failed, 2 skipped" in said
