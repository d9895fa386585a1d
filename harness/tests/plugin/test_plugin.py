# SPDX-License-Identifier: MIT
"""The pytest plugin: evidence, panics, options, and firmware other than espbench's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.boards.firmware_options import parse_ports, parse_readiness
from espbench.boards.readiness import ConsoleReadiness, HttpReadiness
from espbench.errors import ConfigError
from espbench.prefetch.predictor import merged
from espbench.reporting.evidence import folder_name

Inner = Callable[..., "tuple[int, str]"]
Refused = Callable[..., str]

PANIC = b"""\
ready\r
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r
PC      : 0x60000008  PS      : 0x00000030  A0      : 0x60000010  A1      : 0x60fffe00\r
Backtrace: 0x60000008:0x60fffe00\r
Rebooting...\r
"""
BOOT = b'\x1e{"event":"boot","cause":"power_on","us":1}\n'


FAILING = """
def test_it(device):
    device.tls_secrets.write_text("CLIENT_RANDOM 00 11\\n")
    device.wait_for_change(0)
    assert 0
"""


def test_evidence_of_a_failure(inner: Inner, tmp_path: Path) -> None:
    """A failed test names a folder with all evidence."""
    status, output = inner(FAILING)
    assert status == 1
    assert re.search(r"^-+ espbench evidence -+\nevidence/test_inner-test_it$", output, re.M)
    folder = tmp_path / "evidence" / "test_inner-test_it"
    assert {path.name for path in folder.iterdir()} == {
        *("console.txt", "events.json", "heap.jsonl", "tls-secrets.txt", "qemu.txt"),
        *("net.pcap", "flash.img", "reset-vector.bin", "tiny.elf", "command.txt"),
        "boot-arguments.cfg",
    }
    for private in (folder, folder.parent):
        assert private.stat().st_mode & 0o777 == 0o700
    lines = (folder / "console.txt").read_text().splitlines()
    assert [line[13:] for line in lines] == ["somebody else's firmware", "ready"]
    assert (folder / "tls-secrets.txt").read_text() == "CLIENT_RANDOM 00 11\n"
    assert (folder / "net.pcap").read_bytes()[:4] == b"\xd4\xc3\xb2\xa1"
    events = [event["event"] for event in json.loads((folder / "events.json").read_text())]
    assert events[:2] == ["start", "image"]
    assert {"exec", "first_byte", "forwards", "ready", "test"} <= set(events)
    assert (tmp_path / "evidence" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("ini", [False, True])
def test_redacted_evidence(inner: Inner, tmp_path: Path, ini: bool) -> None:
    """On request, evidence has neither the flash nor what the device got at its boot."""
    source = (
        f"@pytest.mark.device(args={{'token': 'hunter2'}}, files={{'/key': 'hunter2'}}){FAILING}"
    )
    option = "-oespbench_redact=true" if ini else "--espbench-redact"
    status, output = inner(source, "--espbench-ready-console=^ready", option)
    assert status == 1, output
    folder = tmp_path / "evidence" / "test_inner-test_it"
    assert {path.name for path in folder.iterdir()} == {
        *("console.txt", "events.json", "heap.jsonl", "tls-secrets.txt", "qemu.txt"),
        *("net.pcap", "reset-vector.bin", "command.txt"),
    }
    assert not [path for path in folder.iterdir() if b"hunter2" in path.read_bytes()]
    assert (folder / "command.txt").read_text().startswith("# Redacted: ")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--espbench-record=failed", "omit --espbench-record or --espbench-redact"),
        ("-oespbench_redact=maybe", "espbench_redact is 'maybe': write true or false"),
    ],
)
def test_what_cannot_be_redacted(inner: Inner, option: str, said: str) -> None:
    """A recording cannot be redacted, because a replay needs everything."""
    status, output = inner("def test_it(device): pass", "--espbench-redact", option)
    assert (status, said in output) == (4, True), output


def test_evidence_shares_equal_files(
    inner: Inner, tmp_path: Path, tiny_firmware: Callable[..., Path]
) -> None:
    """The firmware, and a flash image that no test has changed, are stored once for all failures.

    A file outside the evidence is never shared, because its owner may overwrite it in place.
    """
    mine = tmp_path / "evidence" / "mine" / "tiny.elf"
    mine.parent.mkdir(parents=True)
    shutil.copyfile(tiny_firmware(), mine)
    inner(f"{FAILING}{FAILING.replace('test_it', 'test_too')}")
    folders = [tmp_path / "evidence" / f"test_inner-test_{name}" for name in ("it", "too")]
    for name in ("flash.img", "tiny.elf"):
        first, second = (folder / name for folder in folders)
        assert first.samefile(second), name
        assert first.stat().st_nlink == 2, name
    assert mine.stat().st_nlink == 1
    assert not folders[0].joinpath("console.txt").samefile(folders[1] / "console.txt")
    assert "-snapshot" in (folders[0] / "command.txt").read_text()


def test_evidence_that_cannot_be_made(inner: Inner, tmp_path: Path) -> None:
    """An error within espbench costs one file of evidence, not the session."""
    source = FAILING.replace("assert 0", "device.console.transcript.stamped = dict\n    assert 0")
    status, output = inner(source)
    assert status == 1
    assert "INTERNALERROR" not in output
    assert "(incomplete: console.txt could not be made (" in output
    names = {path.name for path in (tmp_path / "evidence" / "test_inner-test_it").iterdir()}
    assert "console.txt" not in names
    assert {"events.json", "net.pcap", "command.txt"} <= names


def test_command_can_be_pasted(inner: Inner, tmp_path: Path) -> None:
    """The command in the evidence boots the same device from the files in the folder."""
    inner(FAILING)
    folder = tmp_path / "evidence" / "test_inner-test_it"
    with subprocess.Popen(
        [
            "sh",
            "-c",
            "exec " + (folder / "command.txt").read_text().split("#")[-1].split("\n", 1)[1],
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "somebody else's firmware\n"
        assert process.stdout.readline() == "ready\n"
        process.kill()


def test_pass_leaves_nothing(inner: Inner, tmp_path: Path) -> None:
    """A passed test leaves evidence only on request."""
    assert inner("def test_it(device): pass")[0] == 0
    assert not (tmp_path / "evidence").exists()
    inner(
        "def test_it(device): pass", "--espbench-ready-console=^ready", "--espbench-evidence=always"
    )
    assert (tmp_path / "evidence" / "test_inner-test_it" / "console.txt").exists()


def test_never_means_never(inner: Inner, tmp_path: Path) -> None:
    """No evidence is written with --espbench-evidence=never."""
    assert inner(FAILING, "--espbench-ready-console=^ready", "--espbench-evidence=never")[0] == 1
    assert not (tmp_path / "evidence").exists()


def test_evidence_elsewhere(inner: Inner, tmp_path: Path) -> None:
    """The evidence folder is configurable; two devices have a folder each."""
    source = "def test_it(device, device_factory):\n    device_factory(name='second')\n    assert 0"
    inner(source, "--espbench-ready-console=^ready", "--espbench-evidence-dir=there")
    found = sorted(path.name for path in (tmp_path / "there" / "test_inner-test_it").iterdir())
    assert [name for name in found if name != ".gitignore"] == ["1-device", "2-second"]


def test_evidence_cannot_be_written(inner: Inner, tmp_path: Path) -> None:
    """An error while saving evidence is noted, and the test's own failure is reported."""
    (tmp_path / "evidence").write_text("a file is in the way")
    status, output = inner(FAILING)
    assert status == 1
    assert "assert 0" in output
    assert "evidence/test_inner-test_it (incomplete: " in output
    assert "INTERNALERROR" not in output


def test_panic_is_the_failure(inner: Inner, tmp_path: Path) -> None:
    """If the guest panicked, the panic is reported, not the error of the client that noticed."""
    source = """
from espbench.util.timeouts import Deadline
def test_client(device):
    device.wait_for_text("Rebooting", Deadline(5))
    raise TimeoutError("the client's")
def test_unnoticed(device):
    device.console.expect("Rebooting")
def test_waiting(device):
    device.console.expect("never", timeout=60)
def test_fails(device):
    device.console.expect("Rebooting")
    pytest.fail("by hand")
"""
    status, output = inner(source, text=PANIC)
    assert status == 1
    assert len(re.findall(r"^E +espbench.errors.Panicked: The guest panicked ", output, re.M)) == 4
    assert "4 failed" in output
    assert "#0 0x60000008 ??" in output
    panic = tmp_path / "evidence" / "test_inner-test_client" / "panic.txt"
    assert panic.read_text().startswith("Guru Meditation Error: Core  0 panic'ed (LoadProhibited)")


def test_summary(inner: Inner) -> None:
    """The summary reports the failure and the state of the device."""
    source = """
def test_panics(device):
    device.console.expect("Rebooting")
"""
    status, output = inner(source, "--espbench-ready-console=^ready", "-n1", text=PANIC)
    assert status == 1
    assert re.search(
        r"^test_inner.py::test_panics: Panicked: The guest panicked \d\.\d{3} s after its start: "
        r"Guru Meditation Error: Core  0 panic'ed \(LoadProhibited\).*\n"
        r"    device: panicked \d\.\d{3} s after its start; console: Rebooting\.\.\.\n"
        r"    evidence: evidence/test_inner-test_panics$",
        output.partition("espbench: what broke")[2],
        re.M,
    )


def test_summary_of_others(inner: Inner) -> None:
    """For a running device the summary has its last console line; other tests are not in it."""
    source = """
def test_fails(device):
    raise ValueError("three\\nlines\\nlong")
def test_no_device():
    assert 0
"""
    status, output = inner(source)
    assert status == 1
    summary = output.partition("espbench: what broke")[2].partition("short test summary")[0]
    assert "\ntest_inner.py::test_fails: ValueError: three\n    device: console: ready\n" in summary
    assert "test_no_device" not in summary


def test_shared_device_comes_back(inner: Inner) -> None:
    """A shared device that panics or ends fails one test, and is restarted for the next one."""
    source = """
import os, signal
def test_panics(shared_device):
    shared_device.console.expect("Rebooting")
def test_dies(shared_device):
    os.kill(shared_device.pid, signal.SIGKILL)
    shared_device.console.expect("never", timeout=60)
@pytest.mark.xfail(reason="this firmware always panics", strict=True)
def test_runs(shared_device):
    shared_device.monitor("query-status")
    assert len(shared_device.panics) == 1
    shared_device.console.expect("Rebooting")
"""
    status, output = inner(source, text=PANIC)
    assert status == 1
    assert "2 failed, 1 xfailed" in output


def test_not_ready(inner: Inner, tmp_path: Path) -> None:
    """The error for a device that does not become ready shows the console; evidence is saved."""
    status, output = inner(
        "def test_it(device): pass", "--espbench-ready-console=^never", "--espbench-ready-timeout=3"
    )
    assert status == 1
    assert (
        "espbench.errors.NotReady: device did not print something that matches '^never' "
        "within 3 s (if it just needs more time: --ready-timeout (pytest: "
        "--espbench-ready-timeout, Device: ready_timeout), or ESPBENCH_TIMEOUT_SCALE on a "
        "slow machine); its console ended with:\n" in output
    )
    assert re.search("^E +ready$", output, re.M)
    assert (tmp_path / "evidence" / "test_inner-test_it" / "console.txt").exists()


def test_server_that_failed(inner: Inner) -> None:
    """A device that reports that it cannot serve fails without waiting for the time limit."""
    said = b"Failed to start HTTPS server: /certs/servercert.pem not found\r\n"
    status, output = inner(
        "@pytest.mark.device(ready='https')\ndef test_it(device): pass",
        "--espbench-ready-timeout=60",
        text=BOOT + said,
    )
    assert status == 1
    assert (
        "NotReady: device did not listen for https because it printed: "
        "Failed to start HTTPS server: /certs/servercert.pem not found; its console" in output
    )


def test_qemu_dies(inner: Inner) -> None:
    """The end of QEMU is reported with its status and last output."""
    source = """
import os, signal
def test_killed(device):
    os.kill(device.pid, signal.SIGKILL)
    device.console.expect("never", timeout=60)
@pytest.mark.device(extra=("-device", "nonsense"))
def test_refused(device): pass
"""
    status, output = inner(source)
    assert status == 1
    assert "espbench.errors.QemuDied: QEMU was killed by signal 9 without output." in output
    assert "espbench.errors.QemuDied: QEMU ended with exit status 1; its last output:" in output
    assert "'nonsense' is not a valid device model name" in output


def test_markers_and_fixtures(inner: Inner) -> None:
    """Options come from fixture, module, class and function; the closest wins, mappings merge."""
    source = """
pytestmark = pytest.mark.device(files={"/a": "module", "/b": "module"}, args={"heap": 1})
@pytest.fixture
def device_options():
    return {"files": {"/z": "fixture", "/a": "fixture"}}
@pytest.mark.device(files={"/b": "class"})
class TestIt:
    @pytest.mark.device(files={"/c": "function"}, forwards={443: 3})
    def test_it(self, device):
        assert device.stored_files() == {
            "/a": b"module", "/b": b"class", "/c": b"function", "/z": b"fixture"}
        assert device.args == {"heap": "1"}
        assert len(set(device.ports(443))) == 3
        assert device.https("/x", index=4) == f"https://127.0.0.1:{device.ports(443)[1]}/x"
@pytest.mark.boards("esp32")
def test_elsewhere(device): assert 0
@pytest.mark.boards("esp32", "lx60")
def test_here(board): assert board.name == "lx60"
"""
    status, output = inner(source)
    assert status == 0, output
    assert "2 passed, 1 skipped" in output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--espbench-board=esp8266"],
            "Unknown board 'esp8266': choose one of esp32, esp32c3, esp32c6, esp32s3, lx60.",
        ),
        (
            ["--espbench-ports=80"],
            "--espbench-ports: '80' is not SCHEME=PORT with the scheme http or https: write it "
            "like http=8080,https=8443.",
        ),
        (
            ["--espbench-ready-console=("],
            (
                "'(' is not a valid regular expression (missing ), unterminated subpattern at "
                "position 0): correct --ready-console (pytest: --espbench-ready-console, "
                "Device: ready)."
            ),
        ),
        (
            ["--espbench-ready-console=a", "--espbench-ready-http=/"],
            "--espbench-ready-console and --espbench-ready-http cannot be combined: give only one.",
        ),
    ],
)
def test_bad_options(inner: Inner, options: list[str], sentence: str) -> None:
    """Invalid options are rejected before collection."""
    status, output = inner("def test_it(device): pass", *options)
    assert status == 4
    assert f"ERROR: {sentence}\n" in output


NO_QEMU = "import os\nos.environ['PATH'] = os.environ['IDF_TOOLS_PATH'] = '/nowhere'\n"
NO_BUILD = """
import espbench.firmware.build
from espbench.errors import BuildError

def firmware(board):
    raise BuildError("The lx60 firmware could not be built: a.c:1: error: no\\n  what make printed")

espbench.firmware.build.firmware = firmware
"""


@pytest.fixture(params=[(), ("-n2",)], ids=["alone", "xdist"])
def refused(request: pytest.FixtureRequest, inner: Inner, tmp_path: Path) -> Refused:
    """Return a function that runs tests in a refused session, and returns the only error."""
    (tmp_path / "no_qemu.py").write_text(NO_QEMU)
    (tmp_path / "no_build.py").write_text(NO_BUILD)

    def run(source: str, *options: str) -> str:
        status, output = inner(source, *options, *request.param)
        assert status == 4, output
        _, *errors = output.split("ERROR: ")
        assert len(errors) == 1, output
        said: str = errors[0].strip()
        assert output.count(said) == 1
        for word in ("Traceback", "INTERNALERROR", "failed", "crashed", "passed"):
            assert word not in output
        return said

    return run


MANY = "".join(
    f"def test_{number}({name}): pass\n"
    for number, name in enumerate(["device", "shared_device", "device_factory"] * 2)
)


def test_no_firmware(refused: Refused) -> None:
    """A missing firmware is reported once, however many tests need it."""
    said = refused(MANY, "--espbench-firmware=none.elf")
    assert (
        "none.elf does not exist: name one with --firmware (pytest: --espbench-firmware, "
        "Device: firmware)" in said
    )


def test_no_qemu(refused: Refused) -> None:
    """A missing QEMU is reported once."""
    said = refused(MANY, "-p", "no_qemu")
    assert said.startswith("Board lx60 needs qemu-system-xtensa, which is not installed: install")


def test_firmware_that_cannot_be_built(refused: Refused) -> None:
    """The compiler's output is reported once."""
    said = refused(MANY, "--espbench-firmware=", "-p", "no_build")
    assert said == "The lx60 firmware could not be built: a.c:1: error: no\n  what make printed"


@pytest.mark.parametrize(
    "source",
    [
        "def test_it(): pass",
        "@pytest.mark.skip\ndef test_no(device): pass\ndef test_it(): pass",
        "@pytest.fixture\ndef device(): return 1\ndef test_it(device): assert device == 1",
    ],
    ids=["none", "skipped", "overridden"],
)
def test_nothing_boots(inner: Inner, source: str) -> None:
    """A session without a test that boots a device needs neither firmware nor QEMU."""
    status, output = inner(source, "--espbench-firmware=none.elf")
    assert status == 0
    assert "1 passed" in output


@pytest.mark.parametrize(
    ("damage", "flaw"),
    [
        (lambda data: data[:0], r"it is not a complete ELF file \(0 bytes\)"),
        (lambda data: data[:60], r"it is not a complete ELF file \(60 bytes\)"),
        (lambda data: b"#!/bin/sh\n" + data, r"it is not a complete ELF file \(\d+ bytes\)"),
        (lambda data: data[:-1], r"it is truncated: it has (\d+) bytes instead of (\d+)"),
        (
            lambda data: data[:18] + b"\xf3" + data[19:],
            r"it is for a different processor \(RISC-V, 32 bits, little endian\)",
        ),
        (lambda data: data[:44] + b"\0" + data[45:], "it has no loadable segments"),
        (
            lambda data: data[:64] + b"\0\0\0\x50" + data[68:],
            "it loads data at the reset vector 0x50000000, where espbench puts its own code",
        ),
    ],
)
def test_corrupt_firmware(
    inner: Inner, tiny_firmware: Callable[..., Path], damage: Callable[[bytes], bytes], flaw: str
) -> None:
    """A damaged firmware file is rejected, and the error says what is wrong with it."""
    bad = tiny_firmware().with_name("bad.elf")
    bad.write_bytes(damage(tiny_firmware().read_bytes()))
    status, output = inner("def test_it(device): pass", "--espbench-firmware=bad.elf")
    assert status == 4
    assert re.search(
        rf"ERROR: Board lx60 cannot run the firmware \S+bad\.elf: {flaw}\. Copy or build it "
        r"again \(`espbench build --board lx60` builds espbench's own\)\.",
        output,
    ), output


def test_pieces() -> None:
    """Helpers parse options, merge mappings and build folder names."""
    assert parse_ports("http=8080, https=8443", "--espbench-ports") == {"http": 8080, "https": 8443}
    assert parse_readiness("a", "") == ConsoleReadiness("a")
    assert parse_readiness("", "/x") == HttpReadiness("/x")
    assert parse_readiness("", "") is None
    assert merged({"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": 2}) == {
        "a": {"x": 1, "y": 2},
        "b": 2,
    }
    assert (
        folder_name("scenarios/test_a.py::T::test_b[x/y z]") == "scenarios-test_a-T-test_b[x-y-z]"
    )
    assert len(folder_name("x" * 500)) == 150
    for wrong, message in {
        "ftp=21": "'ftp=21' is not SCHEME=PORT",
        "http=0": "port 0 is not between 1 and 65535",
        "https=65536": "port 65536 is not between 1 and 65535",
        "http=80,http=81": "http has two ports: name one of them",
    }.items():
        with pytest.raises(ConfigError, match=f"^--espbench-ports: {message}"):
            parse_ports(wrong, "--espbench-ports")


NETWORKS = """
@pytest.fixture
def whole_again(shared_device):
    yield
    assert shared_device.network.whole

@pytest.mark.parametrize("turn", [1, 2])
def test_it(turn, shared_device, whole_again):
    network = shared_device.network
    assert network.whole
    assert network.seed == 1
    network.cut()
    network.reseed(5)
    assert not network.whole
"""


def test_networks_are_reset(inner: Inner) -> None:
    """Network faults of a test are undone before fixture teardown and the next test."""
    status, output = inner(NETWORKS)
    assert (status, "2 passed" in output) == (0, True), output
