# SPDX-License-Identifier: MIT
"""`Device` with the bench's own firmware: the behaviour that scenarios rely on."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import threading
import time
from pathlib import Path

import espbench.device.memory.device_memory
import psutil
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from espbench.certs import recipes
from espbench.clients import Endpoint
from espbench.device.console.console import INTERRUPT
from espbench.device.device import Device
from espbench.device.memory.time_wait import TimeWait
from espbench.errors import (
    ConfigError,
    ControlError,
    ControlTimeout,
    MemoryLeaked,
    NotReady,
    Panicked,
    QemuDied,
    RebootLoop,
)
from espbench.plugin import DeviceFactory
from espbench.reporting.evidence import save
from espbench.util.timeouts import Deadline

pytestmark = pytest.mark.boards("lx60")

RECIPE = recipes()["p256"]
TLS_FILES = {f"/certs/{name}": data for name, data in RECIPE.device_files.items()}


def get(device: Device, path: str = "/") -> bytes:
    """Return the body of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", device.port(80), timeout=10)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().read()
    finally:
        connection.close()


def test_exceptions_use_setjmp(firmware: Path) -> None:
    """Catching exceptions uses setjmp(), of which the compiler knows that it returns twice."""
    with firmware.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        names = {symbol.name for symbol in table.iter_symbols()}
    assert "nlr_jump" in names
    assert "setjmp" in names
    assert "nlr_push" not in names


def test_reboots_for_ever(firmware: Path) -> None:
    """A reboot loop is reported long before the timeout, with its cause."""
    device = Device(
        "lx60",
        firmware,
        files={"/main.py": "print('once more')\nimport machine\nmachine.reset()"},
        ready_timeout=600,
    )
    with pytest.raises(RebootLoop) as caught, device:
        pass
    assert (caught.value.boots, caught.value.cause) == (5, "hard_reset")
    assert str(caught.value).startswith(
        "device did not listen for http but booted 5 times in a row, the last time because of "
        "hard_reset: find out what resets it; its console ended with:\n"
    )
    assert "once more" in caught.value.tail


def test_boot_in_order(shared_device: Device) -> None:
    """The events of a boot come in order, with increasing times."""
    names = [event.name for event in shared_device.timeline]
    order = ["start", "image", "exec", "boot", "net", "listening", "answered", "ready"]
    assert [name for name in names if name in order][: len(order)] == order
    times = [event.at for event in shared_device.timeline if event.name in order]
    assert times == sorted(times)
    assert shared_device.events[0]["cause"] == "power_on"


def test_python(shared_device: Device) -> None:
    """Python runs on the device beside its servers, and its errors are returned."""
    shared_device.exec("answer = [1, 2.5, 'ä', None, {'a': True}]")
    assert shared_device.eval("answer") == [1, 2.5, "ä", None, {"a": True}]
    shared_device.exec("print('seen', 6 * 7)")
    shared_device.console.expect("^seen 42$")
    with pytest.raises(
        ControlError, match=r"^The device refused eval: ZeroDivisionError"
    ) as caught:
        shared_device.eval("1 / 0")
    assert caught.value.traceback.startswith("Traceback")


def test_files(device: Device) -> None:
    """Files written on the device are in its flash, and survive a reset."""
    data = bytes(range(256)) * 20
    device.put("/a/b/c.bin", data)
    assert device.get("/a/b/c.bin") == data
    device.reset()
    assert device.boots == 2
    assert device.get("/a/b/c.bin") == data
    assert device.stored_files() == {"/a/b/c.bin": data}


def test_control_while_python_is_busy(device: Device) -> None:
    """Control requests that do not need Python are answered while Python is busy."""
    failed: list[ControlError] = []

    def endless() -> None:
        try:
            device.exec("while True: pass", timeout=60)
        except ControlError as error:
            failed.append(error)

    thread = threading.Thread(target=endless)
    thread.start()
    for _ in range(5):
        assert device.ping(timeout=2) > 0
    with pytest.raises(ControlTimeout, match=r"^Another thread's Python is still running on "):
        device.exec("pass", timeout=0.05)
    device.reset(hard=True)
    thread.join()
    assert [str(error) for error in failed] == [
        "The device reset before it answered the control request exec."
    ]


def test_control_without_memory(device: Device) -> None:
    """The device reports its memory even when it has none left."""
    held = device.ballast(10_000_000)
    heap = device.heap()
    assert held == heap.ballast
    assert heap.free < 1000
    device.ballast(0)
    assert get(device).startswith(b"espbench")


def test_hard_reset(device: Device) -> None:
    """A guest whose Python hangs is reset by its machine."""
    with pytest.raises(ControlTimeout):
        device.exec("while True: pass", timeout=0.5)
    device.reset(hard=True)
    assert device.boots == 2
    assert get(device).startswith(b"espbench")


def test_panic(device: Device) -> None:
    """A panic is decoded to function, file and line, and the device comes back."""
    with device.expects_panic() as panics:
        device.control.request("panic")
    [panic] = panics
    assert panic.cause == "LoadProhibited"
    frame = panic.backtrace[0]
    assert Path(frame.file).parts[-3:-1] == ("modules", "bench")
    assert frame.line > 0
    assert "panic" in frame.function
    assert "board_main" in [frame.function for frame in panic.backtrace]
    assert device.events[device.boots and -1]["event"] in ("listening", "net", "boot")
    assert get(device).startswith(b"espbench")


PANICS = """
import bench, httpserver
httpserver.on("/panic", lambda request: bench.panic("exception"))
"""


def test_panic_over_http(device: Device) -> None:
    """If a request makes the device panic, the lost connection does not fail the test."""
    device.exec(PANICS)
    with device.expects_panic() as panics:
        Endpoint(device.port(80)).get("/panic")
    assert "bench_panic_exception" in panics[0].backtrace[0].function


def test_unexpected_panic(device_factory: DeviceFactory) -> None:
    """A panic ends pending waits, and later calls raise it too."""
    device = device_factory()
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            device.console.expect("never", timeout=60)
        except Panicked as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    device.control.request("panic")
    thread.join()
    with pytest.raises(Panicked, match=r"LoadProhibited"):
        device.heap()
    assert len(caught) == 1
    device.close()
    device.start()
    assert device.panicked() is None


def test_no_leak(device: Device) -> None:
    """A block that frees its memory passes; for one that does not, the error says how much."""
    with device.no_leak():
        get(device)
    before = device.settle()
    with pytest.raises(MemoryLeaked) as caught, device.no_leak(timeout=0.5):
        device.ballast(1000)
    assert str(caught.value).startswith(
        "The device did not come to rest within 0.5 s: no open connections, "
    )
    assert f"(at least {before.free} are expected)" in str(caught.value)
    device.ballast(0)


def test_an_open_connection_is_not_rest(device: Device) -> None:
    """A device with an open connection is not at rest, and says so."""
    device.settle()
    with socket.create_connection(("127.0.0.1", device.port(80))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100)
        with pytest.raises(MemoryLeaked, match="1 open http connection, "):
            device.settle(0.3)
    device.settle()


def test_heap_at_rest_after_time_wait(device: Device) -> None:
    """The heap is not at rest while lwIP keeps a closed connection in TIME-WAIT."""
    free = device.heap_at_rest().free
    with socket.create_connection(("127.0.0.1", device.port(80))) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while connection.recv(4096):
            pass
    time_wait = TimeWait(device)
    deadline = Deadline(5)
    while not time_wait.any():
        assert not deadline.expired(), "the device did not end the connection first"
    assert device.heap_at_rest().free == free
    assert not time_wait.any()


def test_heap_at_rest(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heap can be at rest with an open connection, unless it changes too soon."""
    free = device.settle().free
    with socket.create_connection(("127.0.0.1", device.port(80))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100)
        kept = free - device.heap_at_rest().free
        assert 0 < kept < 1000
        monkeypatch.setattr(espbench.device.memory.device_memory, "DELAYED_ACK", 60.0)
        with pytest.raises(MemoryLeaked) as caught:
            device.heap_at_rest(0.3)
    assert str(caught.value) == (
        f"The device's heap was never stable for 60 s within 0.3 s: {free - kept} bytes are "
        "free. Is a connection busy?"
    )
    device.settle()


def test_repl(device: Device) -> None:
    """Ctrl-C leaves the application for the prompt."""
    device.console.send(INTERRUPT)
    device.console.expect("^>>> $")
    assert device.console.repl("print(6 * 7)") == "42"


def test_program_that_ends(device_factory: DeviceFactory) -> None:
    """The wait ends when the program ends without serving."""
    why = r"^ZeroDivisionError: .*\(main\.py, line 1\) ended the program, so it did not listen for "
    with pytest.raises(NotReady, match=why):
        device_factory(files={"/main.py": "1 / 0"}, ready_timeout=60)


def packets(capture: bytes) -> int:
    """Return the number of packets in a pcap."""
    assert struct.unpack_from("<I", capture) == (0xA1B2C3D4,)
    position, count = 24, 0
    while position < len(capture):
        position += 16 + int(struct.unpack_from("<I", capture, position + 8)[0])
        count += 1
    assert position == len(capture)
    return count


@pytest.mark.device(files=TLS_FILES)
def test_evidence(device: Device, tmp_path: Path) -> None:
    """The evidence has a capture, its TLS secrets, heap samples, and the guest's events."""
    context = ssl.create_default_context(cadata=RECIPE.trust)
    context.check_hostname = False
    context.keylog_filename = str(device.tls_secrets)
    with (
        socket.create_connection(("127.0.0.1", device.port(443)), 10) as raw,
        context.wrap_socket(raw) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
    device.heap()
    device.timeline.add("check", id="http.host", case="missing")
    saved = save(device, tmp_path / "evidence")
    assert saved.problem == ""
    assert packets((saved.folder / "net.pcap").read_bytes()) > 10
    assert "CLIENT_RANDOM " in (saved.folder / "tls-secrets.txt").read_text()
    kept = json.loads((saved.folder / "tasks.json").read_text())
    assert {task["name"] for task in kept["tasks"]} == {"main", "network"}
    reasons = [line.split('"')[5] for line in (saved.folder / "heap.jsonl").open()]
    assert [reason for reason in reasons if reason != "network"] == ["ready", "asked", "end"]
    assert '"scheme": "https"' in (saved.folder / "events.json").read_text()
    assert " seed=" in (saved.folder / "boot-arguments.cfg").read_text()
    assert "seed=" not in (saved.folder / "command.txt").read_text()
    console = (saved.folder / "console.txt").read_text().splitlines()
    assert re.fullmatch(r"\[ +[0-9.]+\] --- check http\.host: missing ---", console[-1])


def test_readiness_of_one_byte(device_factory: DeviceFactory) -> None:
    """Ready means that the guest has answered, so the first request succeeds at once."""
    device = device_factory(ready="http")
    answered = device.timeline.first("answered")
    listening = device.timeline.first("listening")
    assert listening is not None
    assert answered is not None
    assert answered > listening
    assert get(device).startswith(b"espbench")
    assert not Deadline(0).remaining()


def test_a_pause_does_not_count(device: Device) -> None:
    """A paused device uses no CPU, and neither its clock nor the timeline counts the pause."""
    pause = 1.5
    assert device.pid is not None
    process = psutil.Process(device.pid)
    before, since = device.ping(), device.timeline.now()
    device.pause()
    used = sum(process.cpu_times()[:2])
    time.sleep(pause)  # no event to wait for: the test checks that nothing happens
    assert sum(process.cpu_times()[:2]) - used <= 0.02  # two ticks of the kernel's clock
    device.resume()
    assert (device.ping() - before) / 1e6 < pause
    assert device.timeline.now() - since < pause
    assert get(device, "/hello") == b"hello\n"
    [resumed] = [event for event in device.timeline if event.name == "resumed"]
    assert resumed.detail["paused"] >= pause
    with pytest.raises(ConfigError, match=r"^device is not paused: pause it first\.$"):
        device.resume()


def test_the_end_of_a_paused_device(device: Device) -> None:
    """A QEMU that ended during a pause is reported like any other."""
    device.pause()
    assert device.pid is not None
    os.kill(device.pid, signal.SIGKILL)
    with pytest.raises(QemuDied) as caught:
        device.resume()
    assert str(caught.value) == (
        "QEMU was killed by signal 9 without output. The kernel does that when memory is short: "
        "check `dmesg`, and run fewer devices at a time (-n, --espbench-pool 0)."
    )


def test_an_image_for_another_chip(tmp_path: Path) -> None:
    """A flash image for an ESP32 is recognized, and the message names the option to add."""
    image = tmp_path / "merged.bin"
    image.write_bytes(b"\xff" * 0x8000 + b"\xaa\x50" + b"\xff" * 100)
    with pytest.raises(ConfigError) as error:
        Device("lx60", image)
    assert str(error.value) == (
        f"{image} is a flash image for an ESP32 chip, which board lx60 cannot run: name the chip's "
        "board, such as --board esp32 (pytest: --espbench-board, Device: board)."
    )


def test_a_file_that_is_no_image(tmp_path: Path) -> None:
    """Another file is refused before anything boots, but not what may be an encrypted flash."""
    text = tmp_path / "notes.txt"
    text.write_text("hello\n" * 10_000)
    with pytest.raises(ConfigError, match=r"notes\.txt is not a firmware image: name ESP-IDF's"):
        Device("esp32", text)
    encrypted = tmp_path / "flash.bin"
    encrypted.write_bytes(b"\x5a" * (2 << 20))
    assert Device("esp32", encrypted).board.name == "esp32"


@pytest.mark.parametrize(("chip", "board"), [(5, "esp32"), (0, "esp32c3"), (9, "esp32")])
def test_a_board_with_another_chip(chip: int, board: str, tmp_path: Path) -> None:
    """An image is not booted on a chip for which it was not built."""
    image = tmp_path / "merged.bin"
    start = 0x1000 if chip == 0 else 0
    header = b"\xe9\x03\x02\x20" + bytes(8) + bytes((chip, 0)) + bytes(10)
    image.write_bytes(b"\xff" * start + header + b"\xff" * 0x8000)
    name = {0: "esp32", 5: "esp32c3", 9: "esp32s3"}[chip]
    with pytest.raises(ConfigError) as error:
        Device(board, image)
    assert str(error.value) == (
        f"{image} is for the chip {name}, and board {board} has another one: name the chip's "
        f"board, --board {name} (pytest: --espbench-board, Device: board)."
    )


def elf_with_section(name: str) -> bytes:
    """Return an ELF for Xtensa, of 32 bits, with an empty section of this name."""
    names = b"\0.names\0" + name.encode() + b"\0"
    at = 52 + len(names)
    header = b"\x7fELF\1\1\1".ljust(16, b"\0")
    header += struct.pack("<HHIIIIIHHHHHH", 2, 94, 1, 0, 0, at, 0, 52, 32, 0, 40, 3, 1)
    sections = bytes(40)
    sections += struct.pack("<10I", 1, 3, 0, 0, 52, len(names), 0, 0, 1, 0)
    sections += struct.pack("<10I", 8, 1, 0, 0, 52, 0, 0, 0, 1, 0)
    return header + names + sections


@pytest.mark.parametrize("board", ["lx60", "esp32"])
def test_the_elf_of_an_esp_idf_application(board: str, tmp_path: Path) -> None:
    """ESP-IDF's ELF has the symbols of an image, and is not one."""
    elf = tmp_path / "app.elf"
    elf.write_bytes(elf_with_section(".flash.text"))
    with pytest.raises(ConfigError) as error:
        Device(board, elf)
    assert str(error.value) == (
        f"{elf} is the ELF of an ESP-IDF application, which is only for its symbols: name the "
        "build folder, or the merged image beside it."
    )


@pytest.mark.parametrize("board", ["lx60", "esp32", "esp32c3"])
def test_an_application_alone(board: str, tmp_path: Path) -> None:
    """What `idf.py build` writes is refused: the ROM would find no bootloader, and loop."""
    image = tmp_path / "app.bin"
    header = b"\xe9\x06\x02\x20" + bytes(20) + b"\x20\x00\x40\x3f\x00\x01\x00\x00"
    image.write_bytes(header + b"\x32\x54\xcd\xab" + bytes(1000))
    with pytest.raises(ConfigError) as error:
        Device(board, image)
    assert str(error.value) == (
        f"{image} is an application without bootloader and partition table: name ESP-IDF's build "
        "folder, or a merged image, which `idf.py merge-bin` or `esptool merge-bin` makes of all "
        "three."
    )
