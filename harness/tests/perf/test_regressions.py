# SPDX-License-Identifier: MIT
"""The gate closes for firmware that got worse, built with patches like those of a pull request."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS
from espbench.cli import main as cli
from espbench.clients import Endpoint
from espbench.device.device import Device
from espbench.device.memory.time_wait import TimeWait
from espbench.firmware import build
from espbench.firmware import source_tree as sources
from espbench.perf import measure as steady
from espbench.perf import toolchain
from espbench.perf.measure import Subject
from espbench.util.timeouts import Deadline
from patched_tree import PatchedTree

# Work can be counted only if the guest's clock counts instructions.
pytestmark = pytest.mark.boards(*(name for name, board in BOARDS.items() if board.icount_shift))

SPREAD = 0.1
"""Percentage by which instructions may differ from run to run."""
FEW = 40
"""The most files that a patch may cause to be recompiled; the whole firmware has about 400."""

CODE = ("image", "stack")
"""Prefixes of the keys of figures that depend on the compiler, besides work."""

ALMOST = 0.9
"""Factor for doubled handshakes, because hashes and records are not doubled."""


@dataclass(frozen=True)
class Patch:
    """A change for the worse, and the figures that must close the gate.

    Attributes:
        path, old, new: the file, the text to replace in it, and the replacement.
        worse: the figures that get worse, each with its minimum change.
        doubled: the figures that nearly double.
    """

    path: str
    old: str
    new: str
    worse: dict[str, float] = field(default_factory=dict)
    doubled: tuple[str, ...] = ()


PATCHES = {
    # Does the key exchange and the signature of each handshake twice.
    "handshake": Patch(
        "firmware/modules/webserver/tls/session.c",
        "    mbedtls_ssl_init(&tls->ssl);\n",
        "    mbedtls_ssl_init(&tls->ssl);\n"
        "    unsigned char hash[32] = {0}, signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];\n"
        "    size_t length;\n"
        "    mbedtls_pk_sign(&identity->key, MBEDTLS_MD_SHA256, hash, sizeof hash, signature,\n"
        "                    sizeof signature, &length, tls_random, NULL);\n"
        "    mbedtls_ecp_group curve;\n"
        "    mbedtls_ecp_point public;\n"
        "    mbedtls_mpi private, secret;\n"
        "    mbedtls_ecp_group_init(&curve);\n"
        "    mbedtls_ecp_point_init(&public);\n"
        "    mbedtls_mpi_init(&private);\n"
        "    mbedtls_mpi_init(&secret);\n"
        "    mbedtls_ecp_group_load(&curve, MBEDTLS_ECP_DP_SECP256R1);\n"
        "    mbedtls_ecdh_gen_public(&curve, &private, &public, tls_random, NULL);\n"
        "    mbedtls_ecdh_compute_shared(&curve, &secret, &public, &private, tls_random, NULL);\n"
        "    mbedtls_mpi_free(&secret);\n"
        "    mbedtls_mpi_free(&private);\n"
        "    mbedtls_ecp_point_free(&public);\n"
        "    mbedtls_ecp_group_free(&curve);\n",
        doubled=("handshake_rsa2048_work", "handshake_p256_work"),
    ),
    "session": Patch(
        "firmware/modules/webserver/tls/session.c",
        "net_malloc(sizeof *connection->tls)",
        "net_malloc(sizeof *connection->tls + 2048)",
        # Less than 2048, because the session before may have been in a slightly larger block.
        {"session_rsa2048_heap": 2032, "session_p256_heap": 2032},
    ),
    "leak": Patch(
        "firmware/modules/webserver/net/connection.c",
        "    connection->stash = NULL;\n    connection->pcb = NULL;\n",
        "    connection->stash = NULL;\n    connection->pcb = NULL;\n"
        "    char *volatile forgotten = net_malloc(100);\n    (void)forgotten;\n",
        {"leak_http_heap": 100, "leak_https_heap": 100},
    ),
    "boot": Patch(
        "firmware/app/_boot.py",
        "_mount()\n_connect()\n",
        "_mount()\nfor _ in range(2000):\n    pass\n_connect()\n",
        {"boot_work": 230e3},
    ),
}


@pytest.fixture(scope="module")
def firmware(board: Board) -> Path:
    """Return this tree's firmware regardless of --firmware, because the patches apply to it."""
    return build.firmware(board)


@pytest.fixture(scope="module")
def baseline(board: Board, firmware: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a baseline of the firmware as it is."""
    path = tmp_path_factory.mktemp("gate") / "baseline.json"
    arguments = ["gate", "--quick", "--board", board.name, "--firmware", str(firmware)]
    assert cli.main([*arguments, "--baseline", str(path), "--update"]) == 0
    return path


@pytest.fixture(scope="module")
def tree(board: Board, tmp_path_factory: pytest.TempPathFactory) -> PatchedTree:
    """Return a copy of the tree to patch."""
    return PatchedTree(board, tmp_path_factory.mktemp("tree"))


def gate(baseline: Path, firmware: Path, folder: Path) -> tuple[int, dict[str, Any]]:
    """Run the gate; return its exit status and its JSON. Messages go to stderr."""
    return for_programs(
        *("gate", "--quick", "--firmware", str(firmware), "--baseline", str(baseline)),
        *("--junit", str(folder / "gate.xml"), "--markdown", str(folder / "gate.md")),
    )


def for_programs(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a command with --json; return its exit status and its output."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        status = cli.main([*arguments, "--json"])
    return status, json.loads(printed.getvalue())


@pytest.mark.parametrize("name", PATCHES)
def test_firmware_that_got_worse_is_refused(
    name: str,
    tree: PatchedTree,
    baseline: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A doubled handshake, larger sessions, a leak and a slower boot each close the gate."""
    patch = PATCHES[name]
    firmware = tree.build(patch.path, patch.old, patch.new)
    assert tree.compiled() < FEW
    status, outcome = gate(baseline, firmware, tmp_path)
    said = capsys.readouterr().err
    assert status == 1, said
    assert "is closed" in said
    assert not outcome["passed"]
    worse = {k: f["change"] for k, f in outcome["figures"].items() if f["verdict"] == "worse"}
    least = {key: ALMOST * outcome["figures"][key]["before"] for key in patch.doubled} | patch.worse
    for key, amount in least.items():
        assert worse.get(key, 0) >= amount, worse
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()[0]
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    summary = (tmp_path / "gate.md").read_text()
    for key in least:
        title = outcome["figures"][key]["title"]
        assert title in failed
        assert f"| {title} |" in summary.partition("<details>")[0]


def test_the_committed_baseline_holds(
    board: Board, firmware: Path, baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """This tree's firmware passes, and its instructions are reproducible within 0.1 %."""
    committed = sources.root() / "ci" / f"baseline-{board.name}.json"
    status, outcome = gate(committed, firmware, tmp_path)
    assert status == 0, capsys.readouterr().err
    before = json.loads(baseline.read_text())["figures"]
    work = {k: f["now"] for k, f in outcome["figures"].items() if f["unit"] == "instructions"}
    assert len(work) == 6
    for key, now in work.items():
        assert now == pytest.approx(before[key]["value"], rel=SPREAD / 100), key


def test_another_compiler_s_baseline_is_compared_where_it_can_be(
    firmware: Path, baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures of code from another compiler are not judged, but the heap is compared."""
    other = json.loads(baseline.read_text())
    made_by = toolchain.compiler_of(firmware)
    assert toolchain.compiler_in(other["versions"]["compiler"]) == made_by != ""
    other["versions"]["compiler"] = "xtensa-lx106-elf-gcc (11.1.0-1) 11.1.0"
    for key, factor in (("boot_work", 2), ("echo_work", 0.5), ("image.text", 0.5)):
        other["figures"][key]["value"] *= factor
    other["figures"]["session_p256_heap"]["value"] -= 1000
    changed = tmp_path / "other.json"
    changed.write_text(json.dumps(other))
    status, outcome = gate(changed, firmware, tmp_path)
    verdicts = {key: figure["verdict"] for key, figure in outcome["figures"].items()}
    apart = {key for key, verdict in verdicts.items() if verdict == "not comparable"}
    assert apart == {key for key in verdicts if key.endswith("_work") or key[:5] in CODE}
    assert [key for key, verdict in verdicts.items() if verdict == "worse"] == ["session_p256_heap"]
    assert status == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"not comparable: built with {made_by}, but the baseline with GCC 11.1.0." in said
    assert "1 of 8 figures got worse. 12 are not comparable." in said
    assert "or write your own baseline with --update" in said


def test_figures_repeat_beside_a_busy_host(
    board: Board, firmware: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs next to a busy loop: all counts of instructions agree within 0.1 %."""
    status, outcome = for_programs(
        *("measure", "--quick", "--repeat", "2", "--load", "1", "--board", board.name),
        *("--firmware", str(firmware)),
    )
    assert status == 0
    figures = outcome["figures"]
    assert not [key for key, figure in figures.items() if len(figure["values"]) != 2]
    work = {k: f["spread_percent"] for k, f in figures.items() if f["unit"] == "instructions"}
    assert len(work) == 6
    assert not {key: spread for key, spread in work.items() if spread > SPREAD}
    shown = capsys.readouterr().err
    assert "2 runs" in shown
    for key in work:
        row = next(line for line in shown.splitlines() if figures[key]["title"] in line)
        assert row.rstrip("│ ").endswith(f"{work[key]:.3f} %")


def test_nothing_is_measured_during_time_wait(board: Board, firmware: Path) -> None:
    """A connection that the device closed is in TIME-WAIT, and rested() waits for its end."""
    with Device(board, firmware, capture=True) as device:
        time_wait = TimeWait(device)
        deadline = Deadline(10)
        while not time_wait.any() and not deadline.expired():
            with Endpoint(device.port(board.ports["http"])).raw() as stream:
                stream.send(b"GET /hello HTTP/1.0\r\n\r\n")
                stream.receive_until_end()
        assert time_wait.any()
        subject = Subject(device, steady.QUICK)
        subject.rested()
        assert not time_wait.any()
        subject.close()


def test_a_figure_that_a_firmware_no_longer_reports_is_not_dropped(
    board: Board, firmware: Path, baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A firmware that does not count its work fails; the figures that it has are compared."""
    silent = tmp_path / "silent.elf"
    command = [f"{board.toolchain}objcopy", "--strip-symbol=bench_work", str(firmware), str(silent)]
    subprocess.run(command, check=True)
    status, outcome = gate(baseline, silent, tmp_path)
    assert status == 1
    lost = {key for key, f in outcome["figures"].items() if f["verdict"] == "lost"}
    assert lost == {key for key in outcome["figures"] if key.endswith("_work")}
    assert outcome["figures"]["session_p256_heap"]["now"] is not None
    said = capsys.readouterr().err
    assert "Handshake, P-256 is in the baseline but could not be measured: " in said
    assert "silent.elf does not count its work (it has no symbol bench_work)" in said
