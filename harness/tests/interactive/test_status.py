# SPDX-License-Identifier: MIT
"""Ctrl-T in `espbench up`: the addresses again, the heap and the tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import planted
from espbench.boards.builtin import LX60
from espbench.device.memory.heap_info import HeapInfo
from espbench.errors import EspbenchError, GuestBusy, NotInspectable
from espbench.firmware import build
from espbench.inspect.tasks.task import Task, TaskState
from espbench.interactive.answering import Address
from espbench.interactive.status import curl, status
from up_process import running

HTTPS = r"^https +https://127\.0\.0\.1:(\d+)/$"
CTRL_T, CTRL_END = "\x14", "\x1d"


@dataclass
class Subject:
    """A device with this heap and these tasks, or with these errors."""

    info: HeapInfo | EspbenchError
    listed: list[Task] | EspbenchError = field(default_factory=list)

    def heap(self, timeout: float) -> HeapInfo:
        """Return the heap."""
        assert timeout > 0
        if isinstance(self.info, EspbenchError):
            raise self.info
        return self.info

    def tasks(self) -> list[Task]:
        """Return the tasks."""
        if isinstance(self.listed, EspbenchError):
            raise self.listed
        return self.listed


HEAP = HeapInfo(size=200_000, free=100_000, low_water=90_000, largest=65_536, blocks=42)
HEAP_LINE = "heap         100,000 B free (lowest: 90,000 B), largest block 65,536 B, 42 allocations"


def test_heap_and_tasks() -> None:
    """Each task has a line; a stack's size is left out if the firmware does not record it."""
    tasks = [
        Task("httpd", TaskState.BLOCKED, 5, 7812, 10240, None, 0, 0),
        Task("tiT", TaskState.READY, 18, 1424, None, 0, 0, 0),
    ]
    assert status(Subject(HEAP, tasks)) == [
        HEAP_LINE,
        "tasks        httpd  blocked    priority  5  7,812 of 10,240 B of its stack never used",
        "             tiT    ready      priority 18  1,424 B of its stack never used",
    ]


def test_what_cannot_be_read() -> None:
    """A firmware that cannot be looked into has one sentence, a busy guest may have its heap."""
    why = NotInspectable("firmware.bin has no symbols.")
    assert status(Subject(why, why)) == ["heap         firmware.bin has no symbols."]
    assert status(Subject(HEAP, why)) == [HEAP_LINE, "tasks        firmware.bin has no symbols."]
    busy = GuestBusy("The guest changes them.")
    assert status(Subject(HEAP, busy)) == [
        HEAP_LINE,
        "tasks        not now: The guest changes them.",
    ]


def test_the_hint_for_https() -> None:
    """Only https has a hint, and one is enough."""
    plain = [Address("http", "http://127.0.0.1:80/"), Address("wss", "wss://127.0.0.1:443/ws")]
    assert curl(plain) == []
    secure = [Address(name, f"https://127.0.0.1:{name}/") for name in ("443", "8443")]
    assert curl([*plain, *secure]) == [
        "try          curl -k https://127.0.0.1:443/  (-k: curl cannot verify it)"
    ]


def test_a_firmware_of_others() -> None:
    """The addresses come in one block with what to do next, and again with Ctrl-T."""
    with running(str(planted.firmware()), terminal=True) as up:
        port = up.wait_for(HTTPS)[1]
        up.wait_for(
            rf"^try +curl -k https://127\.0\.0\.1:{port}/  \(-k: curl cannot verify it\)\n"
            r"keys +Ctrl-T shows this again, with heap and tasks; Ctrl-\] ends it$"
        )
        assert "Ctrl-T shows the addresses, the heap and the tasks.\n" in up.shown
        up.type(CTRL_T)
        up.wait_for(rf"^https +https://127\.0\.0\.1:{port}/\n(?:.+\n)*try +curl .*\nheap +.+$")
        assert up.shown.count(f"https        https://127.0.0.1:{port}/\n") == 2
        up.type(CTRL_END)
        assert up.process.wait(20) == 0


def test_the_own_firmware() -> None:
    """Its password is shown again, too, and the key does not reach its prompt."""
    with running("--firmware", str(build.firmware(LX60)), terminal=True) as up:
        up.wait_for(r"^keys ")
        up.type("\x03")
        up.wait_for(r"^>>> $")
        up.type(f"6 * {CTRL_T}7\n")
        up.wait_for(r"^42$")
        up.wait_for(
            r"^heap +[\d,]+ B free \(lowest: [\d,]+ B\), largest block [\d,]+ B, \d+ allocations\n"
            r"tasks +network +\w+ +priority "
        )
        assert up.shown.count("(WebREPL, and the terminal of the page)") == 2


def test_without_a_terminal() -> None:
    """There are no keys to explain."""
    with running(str(planted.firmware())) as up:
        up.wait_for(r"^try +curl -k ")
        assert "Ctrl-T" not in up.shown


def test_with_a_certificate(tmp_path: Path) -> None:
    """The user's own certificate can be verified, so `-k` is not suggested."""
    from espbench.certs import recipes

    made = recipes()["p256"].device_files
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    with running(
        *("--firmware", str(build.firmware(LX60)), "--cert", str(tmp_path / "servercert.pem")),
        *("--key", str(tmp_path / "prvtkey.pem")),
        terminal=True,
    ) as up:
        up.wait_for(r"^keys ")
        assert "curl" not in up.shown


def test_before_anything_answers(tiny_firmware: Callable[[bytes], Path]) -> None:
    """It says so, and why the heap cannot be read."""
    with running(str(tiny_firmware(b"hello\r\n")), terminal=True) as up:
        up.wait_for(r"^hello$")
        up.type(CTRL_T)
        up.wait_for(r"^Nothing answers yet\.\nheap +\S.*$")
