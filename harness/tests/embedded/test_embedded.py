# SPDX-License-Identifier: MIT
"""pytest-embedded on espbench's machine, in inner pytest sessions."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from embedded_session import PLUGINS, run_embedded
from espbench.util.timeouts import Deadline

Inner = Callable[..., "tuple[int, str]"]
PANIC = b"""\
ready\r
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r
PC      : 0x60000008  PS      : 0x00000030  A0      : 0x60000010  A1      : 0x60fffe00\r
Backtrace: 0x60000008:0x60fffe00\r
Rebooting...\r
"""


@pytest.fixture
def inner(tmp_path: Path, tiny_firmware: Callable[..., Path]) -> Inner:
    """Return a function that runs a test file on `lx60` with a firmware that prints."""

    def run(
        source: str, *options: str, text: bytes | None = None, plugins: tuple[str, ...] = PLUGINS
    ) -> tuple[int, str]:
        firmware = tiny_firmware() if text is None else tiny_firmware(text)
        always = (f"--espbench-firmware={firmware}", "--embedded-services=qemu")
        return run_embedded(tmp_path, source, *always, *options, plugins=plugins)

    return run


def gone(path: Path) -> bool:
    """Return whether the process whose pid is in this file has ended."""
    try:
        os.kill(int(path.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_one_machine(inner: Inner, tmp_path: Path) -> None:
    """`dut` and `device` are the same machine, which ends with its test."""
    source = """
import pathlib
from pytest_embedded_qemu import Qemu, QemuDut
def test_it(device, dut):
    assert isinstance(dut, QemuDut) and isinstance(dut.qemu, Qemu)
    assert dut.qemu.device is device and dut.qemu.pid == device.pid
    dut.expect_exact("somebody else's firmware\\n")
    assert dut.expect("(r..)dy")[1] == b"rea"
    device.console.expect("^ready$")
    assert device.url("/x", index=0) == f"http://127.0.0.1:{device.port(80)}/x"
    assert dut.qemu.poll() is None
    assert dut.qemu.qmp_execute_cmd("query-status")["running"]
    pathlib.Path("pid").write_text(str(dut.qemu.pid))
def test_another(dut):
    dut.expect("ready")
    assert dut.qemu.pid != int(pathlib.Path("pid").read_text())
    pathlib.Path("another").write_text(str(dut.qemu.pid))
"""
    status, output = inner(source)
    assert status == 0, output
    assert (
        "espbench: dut runs on espbench's machine; connections to its address go to it\n" in output
    )
    assert gone(tmp_path / "pid")
    assert gone(tmp_path / "another")


def test_their_classes_stay(inner: Inner) -> None:
    """A dut has espbench's class, and pytest-embedded's own class is unchanged."""
    source = """
import pytest_embedded_qemu
def test_it(dut):
    assert pytest_embedded_qemu.Qemu.__module__ == "pytest_embedded_qemu.qemu"
    assert type(dut.qemu).__module__ == "espbench.embedded.qemu"
"""
    status, output = inner(source)
    assert status == 0, output


def test_class_of_the_project(inner: Inner, tmp_path: Path) -> None:
    """A conftest.py of the project can override the same fixture."""
    (tmp_path / "conftest.py").write_text("""
import pytest
from espbench.embedded.qemu import DutQemu

class Own(DutQemu):
    pass

@pytest.fixture
def _fixture_classes_and_options(_fixture_classes_and_options):
    assert _fixture_classes_and_options.classes["qemu"] is DutQemu
    _fixture_classes_and_options.classes["qemu"] = Own
    return _fixture_classes_and_options
""")
    status, output = inner("def test_it(dut): assert type(dut.qemu).__name__ == 'Own'")
    assert status == 0, output


def test_markers(inner: Inner) -> None:
    """The marker `device` applies to the device below a dut, too."""
    source = """
@pytest.mark.device(files={"/a": "b"}, forwards={443: 2}, args={"heap": 65536})
def test_it(dut):
    device = dut.qemu.device
    assert len(device.ports(443)) == 2
    assert device.stored_files() == {"/a": b"b"} and device.args == {"heap": "65536"}
    assert device.forward(8080) == device.port(8080) == device.forward(8080)
    assert len(device.ports(8080)) == 1
"""
    status, output = inner(source)
    assert status == 0, output


def test_several_duts(inner: Inner) -> None:
    """Each dut has its own address, so that its printed address leads to it."""
    source = """
@pytest.mark.parametrize("count", [2], indirect=True)
def test_it(dut):
    for each in dut:
        each.expect("ready")
    assert [each.qemu.device.guest_address for each in dut] == ["10.0.2.15", "10.0.3.15"]
    assert "10.0.3" in dut[1].qemu.device.qemu.qmp.monitor("info network")
@pytest.mark.parametrize("count", [2], indirect=True)
def test_which(dut, device): pass
"""
    status, output = inner(source)
    assert status == 1
    assert re.search("1 passed, .*1 error", output)
    assert (
        "espbench.errors.ConfigError: The test has several duts, so `device` could be any of them: "
        "use `dut[0].qemu.device`." in output
    )


def test_panic_is_the_failure(inner: Inner, tmp_path: Path) -> None:
    """A panic is the cause of a failed test, but does not fail a test that expected it."""
    source = """
def test_waits(dut):
    dut.expect("Rebooting")
    dut.expect("never", timeout=1)
def test_expects(dut):
    dut.expect("Guru Meditation")
    dut.expect("Rebooting")
"""
    status, output = inner(source, text=PANIC)
    assert status == 1
    assert "1 failed, 1 passed" in output
    assert re.search(r"^E +espbench.errors.Panicked: The guest panicked ", output, re.M)
    evidence = tmp_path / "evidence" / "test_inner-test_waits"
    assert (evidence / "panic.txt").exists()
    assert (evidence / "console.txt").exists()


def test_death_is_the_failure(inner: Inner) -> None:
    """The end of QEMU is the cause of a failed test, not the timeout that followed."""
    source = """
import os, signal
def test_killed(dut):
    dut.expect("ready")
    os.kill(dut.qemu.pid, signal.SIGKILL)
    assert dut.qemu.wait(5) == -9
    dut.expect("never", timeout=1)
@pytest.mark.parametrize("qemu_extra_args", ["-device nonsense"], indirect=True)
def test_refused(dut): pass
"""
    status, output = inner(source)
    assert status == 1
    assert "espbench.errors.QemuDied: QEMU was killed by signal 9 without output." in output
    assert "'nonsense' is not a valid device model name" in output


def test_their_ports(inner: Inner) -> None:
    """A NIC in pytest-embedded's arguments adds its forwarded ports to espbench's NIC."""
    source = """
def test_it(dut):
    assert len(dut.qemu.device.ports(9000)) == 1
"""
    option = "--qemu-extra-args=-nic user,model=open_eth,hostfwd=tcp:127.0.0.1:0-:9000"
    status, output = inner(source, option)
    assert status == 0, output


def test_no_image(inner: Inner) -> None:
    """The error for a missing image names it."""
    status, output = inner("def test_it(dut): pass", "--qemu-image-path=none.bin")
    assert status == 1
    assert (
        "espbench.errors.ConfigError: The dut's flash image none.bin does not exist: build the "
        "project, or name another image with --qemu-image-path." in output
    )


def test_off(inner: Inner) -> None:
    """With --espbench-dut=off, pytest-embedded uses its own QEMU, and `device` is an error."""
    source = """
def test_own():
    import pytest_embedded_qemu
    assert pytest_embedded_qemu.Qemu.__module__ == "pytest_embedded_qemu.qemu"
def test_both(dut, device): pass
"""
    status, output = inner(source, "--espbench-dut=off", "--embedded-services=")
    assert status == 1
    assert re.search("1 passed, .*1 error", output)
    assert (
        "ConfigError: The dut does not run on espbench's machine (--espbench-dut is off), so "
        "`device` cannot be its machine: use --embedded-services idf,qemu, or only one of the two "
        "fixtures." in output
    )


def test_direct(inner: Inner) -> None:
    """Without redirection, `socket` is not patched."""
    source = """
import socket
def test_it(dut):
    assert "connect" not in vars(socket.socket)
"""
    assert inner(source, "--espbench-dut=direct")[0] == 0
    assert inner(source)[0] == 1


MISFIT = (
    'import espbench.embedded.compat\nespbench.embedded.compat.installed = lambda _name: "3.1.0"\n'
)


def test_version_that_does_not_fit(inner: Inner, tmp_path: Path) -> None:
    """An incompatible version is an error, or only a note if the session has no dut in QEMU."""
    (tmp_path / "misfit.py").write_text(MISFIT)
    plugins = ("misfit", *PLUGINS)
    status, output = inner("def test_it(dut): pass", plugins=plugins)
    assert status == 4
    said = "pytest-embedded 3.1.0 does not work with this espbench, which needs ~=2.9: install"
    assert f"ERROR: {said}" in output
    status, output = inner(
        "def test_it(device): pass",
        "--embedded-services=",
        "--espbench-ready-console=^ready",
        plugins=plugins,
    )
    assert status == 0, output
    assert f"espbench: {said}" in output


IDF = ("--embedded-services=idf,qemu", "--espbench-ready-console=^ready")


def test_device_alone(inner: Inner) -> None:
    """A test that uses only `device` boots by the service; a later dut is the same machine.

    The dut expects earlier output too. No output is shown, and the guest has no network access.
    """
    source = """
def test_it(device, request):
    assert device.timeline.first("ready") is not None
    dut = request.getfixturevalue("dut")
    assert dut.qemu.device is device and type(dut.qemu).__module__ == "espbench.embedded.qemu"
    dut.expect_exact("somebody else's firmware")
    assert open(dut.logfile).read().splitlines()[-1] == "ready"
    assert "restrict=on" in " ".join(dut.qemu.args)
def test_direct(device_factory, shared_device):
    assert device_factory().running and shared_device.running
"""
    status, output = inner(source, *IDF, "--setup-show", "-s")
    assert status == 0, output
    assert output.count("SETUP    F dut (") == 1
    assert "somebody else's firmware" not in output
    assert "record_xml_attribute" not in output


def test_device_alone_is_booted_ahead(inner: Inner) -> None:
    """The pool boots the machine of a test that uses only `device`."""
    source = """
@pytest.mark.parametrize("number", range(3))
def test_it(device, request, number):
    request.getfixturevalue("dut").expect_exact("ready")
    assert (device.timeline.first("handed_over") is not None) == (number > 0)
"""
    status, output = inner(source, *IDF, "--espbench-pool=1")
    assert status == 0, output


def test_device_alone_panics(inner: Inner) -> None:
    """An unexpected panic fails a test that uses only `device`."""
    source = "def test_it(device): device.console.expect('Rebooting')"
    status, output = inner(source, *IDF, text=PANIC)
    assert status == 1
    assert re.search(r"^E +espbench.errors.Panicked: The guest panicked ", output, re.M)


def test_device_alone_of_several(inner: Inner) -> None:
    """With several duts per test, `device` without a dut is still one machine."""
    status, output = inner("def test_it(device): assert device.running", *IDF, "--count=2")
    assert status == 0, output


def test_dut_of_a_module(inner: Inner) -> None:
    """`shared_dut` is on top of `shared_device`, and tests do not see output consumed by others."""
    source = """
def test_one(shared_dut, shared_device):
    assert shared_dut.qemu.device is shared_device
    shared_dut.expect_exact("somebody else's firmware")
    assert "somebody" in open(shared_dut.logfile).read()
def test_other(shared_dut):
    assert shared_dut.expect("(r.*)y")[0] == b"ready"
    assert shared_dut.qemu.poll() is None
"""
    status, output = inner(source, *IDF)
    assert status == 0, output
    status, output = inner(source, "--embedded-services=", "--espbench-ready-console=^ready")
    assert status == 1
    assert "The module's device has no dut: run pytest with --embedded-services=qemu." in output


def test_project_without_a_build(inner: Inner) -> None:
    """With the service `idf`, a given firmware replaces the missing build folder."""
    source = """
def test_it(dut, device):
    dut.expect_exact("ready")
    assert dut.qemu.device is device and dut.app.binary_path is None
"""
    status, output = inner(source, *IDF)
    assert status == 0, output


def test_without_a_dut(inner: Inner) -> None:
    """Tests without a dut do not import pytest-embedded's QEMU."""
    source = """
import sys
def test_it(device, device_factory):
    device_factory(name="second")
    assert "pytest_embedded_qemu" not in sys.modules
"""
    status, output = inner(source, "--embedded-services=", "--espbench-ready-console=^ready")
    assert status == 0, output
    assert "espbench: dut" not in output


SESSION = "ESPBENCH_TEST_SESSION"


def of_session(mark: str) -> list[int]:
    """Return the pids of running processes with this mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{SESSION}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


HELD = {
    "qemu": ("dut.expect('ready')", ("--embedded-services=qemu",)),
    "other": ("dut.write('here')\n    dut.expect('here')", ()),
}
"""Test bodies before the session is killed; other services have their own processes."""


@pytest.mark.parametrize("kind", HELD)
def test_killed(kind: str, tmp_path: Path, tiny_firmware: Callable[..., Path]) -> None:
    """No process outlives a session that is killed: no QEMU, and none of pytest-embedded's."""
    does, services = HELD[kind]
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_inner.py").write_text(
        "import pathlib, time\n"
        f"def test_it(dut):\n    {does}\n    pathlib.Path('up').touch()\n    time.sleep(300)\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *services]
    for plugin in PLUGINS:
        command += ["-p", plugin]
    mark = uuid.uuid4().hex
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "TMPDIR": str(tmp_path),
        SESSION: mark,
    }
    options = [f"--espbench-firmware={tiny_firmware()}"] if services else []
    process = subprocess.Popen(
        [*command, *options], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        deadline = Deadline(60)
        while not (tmp_path / "up").exists():
            assert process.poll() is None
            assert not deadline.expired()
            time.sleep(0.05)
        assert len(of_session(mark)) > 1 or kind != "qemu"
    finally:
        process.kill()
        process.wait()
    deadline = Deadline(20)
    while left := of_session(mark):
        assert not deadline.expired(), f"still there: {left}"
        time.sleep(0.05)
