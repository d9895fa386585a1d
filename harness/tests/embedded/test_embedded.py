# SPDX-License-Identifier: MIT
"""The real pytest-embedded on top of espbench's machine, in sessions of its own."""

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
    """Return whether no process has the id that a test wrote there."""
    try:
        os.kill(int(path.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_one_machine(inner: Inner, tmp_path: Path) -> None:
    """What `dut` expects was printed by the machine that `device` is; it ends with its test."""
    source = """
import pathlib
from pytest_embedded_qemu import Qemu, QemuDut
def test_it(device, dut):
    assert isinstance(dut, QemuDut) and isinstance(dut.qemu, Qemu)
    assert dut.qemu.device is device and dut.qemu.pid == device.pid
    dut.expect_exact("somebody else's firmware\\n")
    assert dut.expect("(r..)dy")[1] == b"rea"
    device.console.expect("^ready$")
    assert device.url("/x") == f"http://127.0.0.1:{device.port(80)}/x"
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
        "espbench: dut runs on espbench's machine; connections to its address are led to it\n"
        in output
    )
    assert gone(tmp_path / "pid")
    assert gone(tmp_path / "another")


def test_their_classes_stay(inner: Inner) -> None:
    """A dut is made of a class of espbench's, and pytest-embedded's own stays what it was."""
    source = """
import pytest_embedded_qemu
def test_it(dut):
    assert pytest_embedded_qemu.Qemu.__module__ == "pytest_embedded_qemu.qemu"
    assert type(dut.qemu).__module__ == "espbench.embedded.qemu"
"""
    status, output = inner(source)
    assert status == 0, output


def test_class_of_the_project(inner: Inner, tmp_path: Path) -> None:
    """A project that overrides the same fixture in its conftest.py has the last word."""
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
    """The marker of a device is one for the device below a dut, too."""
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
    """Duts have addresses of their own, so that what one prints does not lead to the other."""
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
    """A panic is why a test failed, and no failure of a test that passes: it expected that."""
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
    """The end of QEMU is why a test failed, not the time-out that came of it."""
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
    """A NIC in their arguments is the one that there is, with the ports that it forwards."""
    source = """
def test_it(dut):
    assert len(dut.qemu.device.ports(9000)) == 1
"""
    option = "--qemu-extra-args=-nic user,model=open_eth,hostfwd=tcp:127.0.0.1:0-:9000"
    status, output = inner(source, option)
    assert status == 0, output


def test_no_image(inner: Inner) -> None:
    """An image that is named and not there is told as that."""
    status, output = inner("def test_it(dut): pass", "--qemu-image-path=none.bin")
    assert status == 1
    assert (
        "espbench.errors.ConfigError: There is no flash image none.bin for the dut: build the "
        "project, or name another image with --qemu-image-path." in output
    )


def test_off(inner: Inner) -> None:
    """pytest-embedded's own QEMU is left alone on request, and `device` says why it is none."""
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
        "`device` cannot be the same: use --embedded-services idf,qemu, or leave one of the two "
        "fixtures away." in output
    )


def test_direct(inner: Inner) -> None:
    """Without routes `socket` is as Python made it."""
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
    """A version that does not fit is one sentence, unless nobody wants a dut in QEMU."""
    (tmp_path / "misfit.py").write_text(MISFIT)
    plugins = ("misfit", *PLUGINS)
    status, output = inner("def test_it(dut): pass", plugins=plugins)
    assert status == 4
    said = "pytest-embedded 3.1.0 does not fit this espbench, which takes ~=2.9: install"
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
    """A test that takes `device` alone boots by the service; a dut that comes later is that one.

    It expects what the machine printed before. Nothing is shown, and the guest stays inside.
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
    """The pool boots the machine of a test that takes `device` alone."""
    source = """
@pytest.mark.parametrize("number", range(3))
def test_it(device, request, number):
    request.getfixturevalue("dut").expect_exact("ready")
    assert (device.timeline.first("handed_over") is not None) == (number > 0)
"""
    status, output = inner(source, *IDF, "--espbench-pool=1")
    assert status == 0, output


def test_device_alone_panics(inner: Inner) -> None:
    """A panic that nobody expected fails a test that takes `device` alone, as without a dut."""
    source = "def test_it(device): device.console.expect('Rebooting')"
    status, output = inner(source, *IDF, text=PANIC)
    assert status == 1
    assert re.search(r"^E +espbench.errors.Panicked: The guest panicked ", output, re.M)


def test_device_alone_of_several(inner: Inner) -> None:
    """Where there would be several duts, `device` alone is one machine nevertheless."""
    status, output = inner("def test_it(device): assert device.running", *IDF, "--count=2")
    assert status == 0, output


def test_dut_of_a_module(inner: Inner) -> None:
    """`shared_dut` is above `shared_device`, and what one test expected another does not see."""
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
    """With the service `idf` a named firmware stands for the build that is not there."""
    source = """
def test_it(dut, device):
    dut.expect_exact("ready")
    assert dut.qemu.device is device and dut.app.binary_path is None
"""
    status, output = inner(source, *IDF)
    assert status == 0, output


def test_without_a_dut(inner: Inner) -> None:
    """Suites that take no dut run as without pytest-embedded, whose QEMU is not even imported."""
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
    """Return the processes with this mark in their environment; those that ended are not."""
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
"""What a test does before it waits to be killed; other services have processes of their own."""


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
