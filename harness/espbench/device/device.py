# SPDX-License-Identifier: MIT
"""`Device`: a booted board, the one class that tests hold."""

from __future__ import annotations

import base64
import contextlib
import functools
import ipaddress
import re
import secrets
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from espbench.boards.board import Board
from espbench.boards.builtin import board_named
from espbench.boards.readiness import ListeningReadiness, Readiness
from espbench.crash.dump import Collector, Panic, parse_dump
from espbench.device import flash_layout as layout
from espbench.device.console import Console
from espbench.device.control import Control, encode_source
from espbench.device.http_probe import probe
from espbench.device.memory.heap_info import HeapInfo
from espbench.device.memory.heap_sampler import HeapWatch
from espbench.device.memory.time_wait import TimeWait
from espbench.device.resets import ResetWatch
from espbench.device.timeline import Timeline
from espbench.errors import (
    ConfigError,
    ControlError,
    ControlTimeout,
    EspbenchError,
    MemoryLeaked,
    NotReady,
    NotRunning,
    Panicked,
    QemuDied,
    QmpError,
    RebootLoop,
)
from espbench.flash import littlefs_image as image
from espbench.flash.littlefs_image import Content
from espbench.netem import SEED, Network
from espbench.netem.attach import attach
from espbench.qemu.process import Machine, Qemu
from espbench.qemu.record_replay import is_repeated
from espbench.recording.recorder import Recorder
from espbench.recording.recorder import check as check_recordable
from espbench.util import tempdirs
from espbench.util.timeouts import SCALE_VARIABLE, Deadline

REBOOTS = 5
"""Boots without becoming ready that make a reboot loop."""
PANIC_PATIENCE = 2.0
"""Seconds (scaled) that a panic's dump may take to be printed."""
SLIRP_SUBNET, GUEST_HOST = "10.0.2.0/24", 15
"""What slirp has when nobody says otherwise: its network, and the first address that it gives."""
RECORDED_PIECE = 600
"""Bytes of a file that go into a request while QEMU records, because its UART is slow then."""
DEATH_PATIENCE = 1.0
"""Seconds (scaled) until the end of a QEMU that closed its monitor is known."""
LOOK_PATIENCE = 1.0
"""Seconds (scaled) for a look at the heap that no test asked for."""
POLL = 0.01
"""Seconds between two looks at figures for which the guest sends no event."""
DELAYED_ACK = 0.5
"""Seconds: the longest that a TCP may delay an ACK (RFC 9293 section 3.8.6.3)."""
FORGOTTEN = 3.0
"""Seconds, scaled: twice what the boards' lwIP takes to forget a connection that it ended."""

_FAILED_START = re.compile(r"^Failed to start (HTTPS?) server: .*(?=\n)", re.MULTILINE)
"""What the firmware prints when it cannot serve; the whole line, because text comes in pieces."""

_AT_PROMPT = re.compile(r"^>>> \Z", re.MULTILINE)

_MAKE_FOLDERS = """
import os as _o
for _p in {folders!r}:
    try: _o.mkdir(_p)
    except OSError as _e:
        if _e.errno != 17: raise
"""
"""Makes folders on the device that are not there yet (17 is EEXIST)."""

Ready = Readiness | str | None


def readiness_of(ready: Ready, board: Board) -> Readiness:
    """Return the readiness that `ready` names.

    Args:
        ready: a `Readiness`; "control" (answers control requests, nothing more), "http", "https" or
            both as "http+https" (listens for that); None for the board's own.
        board: whose ports there are.

    Raises:
        ConfigError: it names something else.
    """
    if ready is None:
        return board.readiness
    if not isinstance(ready, str):
        return ready
    schemes = () if ready == "control" else tuple(ready.split("+"))
    if unknown := [scheme for scheme in schemes if scheme not in board.ports]:
        raise ConfigError(
            f"{unknown[0]!r} is no readiness: use control, {', '.join(board.ports)}, several of "
            "these joined by +, or a Readiness."
        )
    return ListeningReadiness(schemes)


@dataclass(frozen=True, slots=True)
class HeapSample:
    """The heap at one moment, for the evidence."""

    at: float
    why: str
    heap: HeapInfo


class Device:
    """A board with a firmware and files, running in QEMU between `start` and `stop`.

    Use it as a context manager, which starts it, waits until it is ready, and ends QEMU always:

        with Device("lx60", "firmware.elf", files={"/main.py": "print('hello')"}) as device:
            device.console.expect("hello")
    """

    def __init__(
        self,
        board: Board | str,
        firmware: Path | str,
        *,
        files: Mapping[str, Content] | None = None,
        args: Mapping[str, str | int] | None = None,
        ports: Mapping[str, int] | None = None,
        forwards: Mapping[int, int] | None = None,
        ready: Ready = None,
        ready_timeout: float | None = None,
        psram: str | None = None,
        watchdogs: bool = False,
        internet: bool = False,
        subnet: str | None = None,
        capture: bool = True,
        extra: tuple[str, ...] = (),
        record: bool = False,
        watch_heap: bool = False,
        elf: Path | str | None = None,
        qemu: str | None = None,
        tap: Callable[[bytes], None] | None = None,
        name: str = "device",
    ) -> None:
        """Describe the device; nothing runs yet.

        Args:
            board: a board or its name.
            firmware: what it runs.
            files: content by path on the device.
            args: the guest's boot arguments, such as `{"heap": 65536}`.
            ports: guest port by URL scheme, for a firmware that listens elsewhere than the board's.
            forwards: how many host ports lead to each guest port (default one for each of `ports`).
                Clients that connect at once need a port each: slirp's backlog is one.
            ready: when it is ready; see `readiness_of`.
            ready_timeout: seconds until then, scaled; None for the board's.
            psram: how much PSRAM the machine has, such as "4M", where the board can have some.
            watchdogs: whether the chip's watchdogs bite, where the board has some. They go by the
                host's clock, and on a busy host a guest may be late that did nothing wrong.
            internet: whether the guest may open connections to the outside.
            subnet: the guest's network, such as "10.0.3.0/24", so that two of them have different
                addresses; None for slirp's own, 10.0.2.0/24.
            capture: whether to keep a pcap of its network.
            extra: more arguments for QEMU.
            record: whether QEMU records each run, so that `keep_recording` can keep it. The guest
                is slower then.
            watch_heap: whether to look at the heap whenever the network was busy, for the evidence;
                needs `capture`, and is not done while QEMU records.
            elf: firmware with debugging information, when `firmware` has none and there is no
                file of its name with .elf beside it.
            qemu: the QEMU to run; None for the first that is found and has the machine.
            tap: called with all that the guest prints, as it comes; see `Console`.
            name: for messages and folders.

        Raises:
            ConfigError: something cannot be right.
        """
        board = board_named(board) if isinstance(board, str) else board
        board = board.with_psram(psram) if psram is not None else board
        board = board.with_watchdogs() if watchdogs else board
        self.board = board.with_ports(ports) if ports is not None else board
        self.firmware = Path(firmware)
        if not self.firmware.is_file():
            what = "is not a file" if self.firmware.exists() else "does not exist"
            raise ConfigError(
                f"The firmware {self.firmware} {what}: name one with --firmware (pytest: "
                "--espbench-firmware), or leave that option out to build espbench's own."
            )
        if flaw := self.board.handover.flaw(self.firmware):
            raise ConfigError(
                f"Board {self.board.name} cannot run the firmware {self.firmware}: {flaw}. Copy "
                f"or build it again (`espbench build --board {self.board.name}` makes espbench's "
                "own)."
            )
        self.elf = elf_of(self.firmware) if elf is None else Path(elf)
        self.files: dict[str, Content] = dict(files or {})
        """What its file system holds at the next start; see `put` for a running device."""
        self.args: dict[str, str] = {key: str(value) for key, value in (args or {}).items()}
        self.readiness = readiness_of(ready, self.board)
        self.ready_timeout = self.board.ready_timeout if ready_timeout is None else ready_timeout
        self.name = name
        counts = dict.fromkeys(self.board.ports.values(), 1)
        self._forwards = {**counts, **(forwards or {})}
        self._internet = internet
        self._subnet = subnet
        self._program = qemu
        self._tap = tap
        self._capture = capture
        self._extra = tuple(extra)
        self._record = record
        self._watches_heap = watch_heap and capture and not record
        self.heap_watch: HeapWatch | None = None
        """What looks at the heap of the run that is on, or did in the last one."""
        if record:
            check_recordable(self.board)
        self.recorder: Recorder | None = None
        """What records the run that is on, or recorded the last one."""
        self.folder = Path()
        """The running device's own files; removed by `close`."""
        self.machine: Machine | None = None
        """What QEMU was started with last."""
        self.program = ""
        """The QEMU that was started last."""
        self.timeline = Timeline()
        self.heap_samples: list[HeapSample] = []
        self.events: list[dict[str, Any]] = []
        """The guest's events, as it sent them."""
        self.panics: list[Panic] = []
        """Every panic since the start."""
        self.boots = 0
        """How often it booted."""
        self.resets: list[str] = []
        """The cause of every boot, as the chip's ROM names it, where it does."""
        self.used_network: Network | None = None
        """The network of the last start if a test used it; see `network`."""
        self._network_lock = threading.Lock()
        self._forward_lock = threading.Lock()
        self._qemu: Qemu | None = None
        self._stopping = False
        self._stop_lock = threading.Lock()
        self._one_python = threading.Lock()
        self._first_event = 0
        self._boot_text = 0
        self._paused_at: float | None = None
        self._flash = self.board.flash
        self._new_life()

    def _new_life(self) -> None:
        self._collector = Collector()
        self._reset_watch = ResetWatch(self.board.reset_line)
        self._no_boot_watch = ResetWatch(self.board.no_boot_line)
        self._no_boot = ""
        self._boots_in_vain = 0
        self._cause = ""
        self._waits_for_ready = 0
        self._rom_began = False
        self._unseen_panics: list[Panic] = []
        self._death: Exception | None = None
        self.console = Console(
            self.timeline,
            on_record=self._take_record,
            on_text=self._take_text,
            faulty=lambda: bool(self._unseen_panics) or self._loops(),
            fault=self._fault,
            tap=self._tap,
        )
        self.control = Control(self.console, self.board.longest_request)

    # ---------------------------------------------------------------- life

    def __enter__(self) -> Self:
        """Start, and wait until it is ready."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End QEMU and remove the device's files.

        Raises:
            Panicked: the guest panicked, and that is why the block failed (or should have).
        """
        fault = self.panicked()
        self.close()
        if fault is not None and not isinstance(error, Panicked) and _can_be_caused(error):
            raise fault from error

    def start(self, *, wait: bool = True) -> Self:
        """Make the image, start QEMU, and wait until the device is ready.

        Args:
            wait: False returns as soon as QEMU runs and the forwarded ports are known.

        Raises:
            EspbenchError: whatever went wrong; nothing keeps running then.
        """
        if self._qemu is not None:
            raise ConfigError(f"{self.name} runs already: stop it before you start it again.")
        self.timeline = Timeline()
        self.events, self.panics, self.heap_samples, self.resets = [], [], [], []
        self.boots = self._first_event = self._boot_text = 0
        self.used_network = None
        self.heap_watch = None
        self._stopping = False
        self._paused_at = None
        self._new_life()
        deadline = Deadline(self.ready_timeout)
        self.timeline.add("start")
        if self.folder == Path():
            self.folder = tempdirs.new_folder(self.name)
        try:
            self._launch(deadline)
            if wait:
                self.wait_ready(deadline)
        except BaseException:
            self.stop()
            raise
        return self

    def _launch(self, deadline: Deadline) -> None:
        self.flash.unlink(missing_ok=True)
        start = layout.device_image(
            self.board, self.firmware, image.normalise(self.files), self.args
        )
        start.write_to(self.flash)
        self._flash = start.flash
        for name, content in self.board.handover.files.items():
            (self.folder / name).write_bytes(content)
        self.recorder = Recorder(self.folder) if self._record else None
        recording = self.recorder.begin(self.board, self.flash) if self.recorder else None
        self.tls_secrets.touch(mode=0o600)
        arguments = dict(self.args)
        if self.board.seeded:
            arguments.setdefault("seed", secrets.token_hex(32))
        machine = Machine(
            board=self.board,
            firmware=self.firmware.absolute(),
            flash=self.flash,
            boot_arguments=arguments,
            forwards=self._forwards,
            internet=self._internet,
            subnet=self._subnet,
            program=self._program,
            capture=self.capture_file if self._capture else None,
            extra=self._extra,
            recording=recording,
        )
        self.machine = machine
        self._qemu = Qemu(machine, self.folder)
        self.program = self._qemu.program
        self.timeline.add("image")
        self._qemu.start()
        self.timeline.add("exec", pid=self._qemu.pid)
        console, control = self._qemu.take_wires()
        self.console.attach(console, control, self._qemu.pace(self.elf))
        self._qemu.connect(deadline)
        self.timeline.add("forwards", ports={f.host_port: f.guest_port for f in self.forwards})

    def stop(self) -> None:
        """End QEMU; the device's files stay. Safe in any state, from any thread, and repeatedly."""
        with self._stop_lock:
            qemu = self._qemu
            if qemu is None:
                return
            self._stopping = True
            if self.heap_watch is not None:
                self.heap_watch.stop()
            try:
                status = qemu.stop()
                self.timeline.add("stopped", status=status)
                if self.recorder is not None:
                    self.console.detach()  # all that was printed is known now
                    self.recorder.finish(qemu, self.elf, list(self.panics), status)
            finally:
                with self._network_lock:
                    if self.used_network is not None:
                        self.used_network.close()
                    self._qemu = None
                self.console.detach()
                if self.heap_watch is not None:
                    self.heap_watch.join()

    def keep_recording(self, path: Path, test: str = "") -> None:
        """Write the recording of the run that is on to `path` as soon as the device is stopped.

        Args:
            path: the archive, for `espbench replay`.
            test: what was recorded, for people.

        Raises:
            ConfigError: the device does not record.
        """
        if self.recorder is None:
            raise ConfigError(
                f"{self.name} does not record: give it record=True, or use espbench record."
            )
        self.recorder.keep, self.recorder.test = path, test

    def close(self) -> None:
        """End QEMU and remove the device's files."""
        self.stop()
        if self.folder != Path():
            tempdirs.remove_folder(self.folder)
            self.folder = Path()

    def pause(self) -> None:
        """Hold the guest, whose clock stands still until `resume`; it takes no CPU meanwhile.

        Raises:
            QmpError, QemuDied: QEMU did not do it.
        """
        if self.heap_watch is not None:
            self.heap_watch.hold()
        self._monitor_or_death("stop")
        self._paused_at = time.monotonic()
        self.timeline.add("paused")

    def resume(self) -> None:
        """Let the guest go on; neither its clock nor the timeline knows of the pause.

        Raises:
            ConfigError: it is not paused.
            QmpError, QemuDied: QEMU did not do it.
        """
        if self._paused_at is None:
            raise ConfigError(f"{self.name} is not paused: pause it first.")
        paused = time.monotonic() - self._paused_at
        self._paused_at = None
        self.timeline.leave_out(paused)
        self._monitor_or_death("cont")
        self.timeline.add("resumed", paused=round(paused, 6))
        if self.heap_watch is not None:
            self.heap_watch.go()

    def _monitor_or_death(self, command: str) -> None:
        """Have QEMU do something; when it has ended instead, that is the error."""
        try:
            self.monitor(command)
        except QmpError:
            if self.qemu.wait(Deadline(DEATH_PATIENCE).seconds) is not None:
                # The console's end is read by its own thread, and may be a moment later.
                self.console.wait_for(lambda: None, Deadline(DEATH_PATIENCE))
            raise

    def boot_inputs(self) -> tuple[Any, ...]:
        """Return all that a start begins with, for comparing: files count by what is in them.

        Raises:
            EspbenchError: a file cannot be put on the device.
            OSError: a file is gone.
        """
        return (
            self.board,
            _state_of(self.firmware),
            _state_of(self.elf),
            image.normalise(self.files),
            dict(self.args),
            self.readiness,
            self.ready_timeout,
            self.name,
            dict(self._forwards),
            self._internet,
            self._subnet,
            self._program,
            self._tap,
            self._capture,
            self._watches_heap,
            self._extra,
            self._record,
        )

    @property
    def running(self) -> bool:
        """Whether QEMU runs."""
        return self._qemu is not None and self._qemu.running

    @property
    def pid(self) -> int | None:
        """QEMU's process id, or None."""
        return self._qemu.pid if self._qemu else None

    @property
    def qemu(self) -> Qemu:
        """The QEMU process.

        Raises:
            NotRunning: there is none.
        """
        if self._qemu is None:
            raise NotRunning(f"{self.name} is not running: start it first.")
        return self._qemu

    # ---------------------------------------------------------------- files

    @property
    def flash(self) -> Path:
        """The flash image, which the device writes to."""
        return self.folder / "flash.img"

    @property
    def capture_file(self) -> Path:
        """The pcap of its network."""
        return self.folder / "net.pcap"

    @property
    def tls_secrets(self) -> Path:
        """File for the clients' TLS secrets (`ssl.SSLContext.keylog_filename`)."""
        return self.folder / "tls-secrets.txt"

    def has_file(self, name: str) -> bool:
        """Return whether `files` has this path, or will have it from a folder."""
        return name in image.normalise(self.files)

    def stored_files(self) -> dict[str, bytes]:
        """Return what is in the flash's file system now; the guest should be idle.

        Raises:
            ImageError: the file system is damaged.
        """
        return image.read_files(self.flash.read_bytes(), self._flash)

    # ---------------------------------------------------------------- network

    @property
    def network(self) -> Network:
        """The network between slirp and the guest's NIC, to break it on purpose.

        The first use puts a relay there, which stays until the device is stopped; a device that is
        started anew has a whole network.

        Raises:
            NotRunning: the device has not been started.
        """
        with self._network_lock:
            qmp = self.qemu.qmp
            if qmp is None:
                raise NotRunning(f"{self.name} is not running: start it first.")
            if self.used_network is None:
                self.timeline.add("network", seed=SEED)
                self.used_network = attach(qmp, functools.partial(self.timeline.add, "network"))
            return self.used_network

    def mend_network(self) -> None:
        """Make the network whole if it is not, and begin its random numbers anew."""
        network = self.used_network
        if network is None or network.closed:
            return
        if not network.whole:
            network.clear()
        network.reseed()

    @property
    def forwards(self) -> list[Any]:
        """The forwarded ports, as QEMU listed them."""
        return self.qemu.forwards

    def ports(self, guest_port: int) -> list[int]:
        """Return all host ports (on 127.0.0.1) that lead to a guest port.

        Raises:
            ConfigError: none does.
        """
        found = self.qemu.host_ports(guest_port)
        if not found:
            raise ConfigError(
                f"Guest port {guest_port} is not forwarded: "
                f"give the device forwards={{{guest_port}: 1}}."
            )
        return found

    def forward(self, guest_port: int) -> int:
        """Return a host port that leads to a guest port; when there is none yet, it is made.

        Raises:
            QemuError: QEMU could not make it.
        """
        with self._forward_lock:
            if not self.qemu.host_ports(guest_port):
                self.qemu.add_forward(f"tcp:127.0.0.1:0-:{guest_port}")
        return self.port(guest_port)

    @property
    def guest_address(self) -> str:
        """The address that the guest gets by DHCP; the host reaches it by forwarded ports only."""
        return str(ipaddress.ip_network(self._subnet or SLIRP_SUBNET)[GUEST_HOST])

    def port(self, guest_port: int, index: int = 0) -> int:
        """Return a host port that leads to a guest port; `index` counts round."""
        found = self.ports(guest_port)
        return found[index % len(found)]

    def url(self, path: str = "/", scheme: str = "http", index: int = 0) -> str:
        """Return the URL of a path on the device: scheme http, https, ws or wss.

        Raises:
            ConfigError: the board has no port for that.
        """
        base = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        if base not in self.board.ports:
            raise ConfigError(
                f"Board {self.board.name} serves {', '.join(self.board.ports)}, not {scheme!r}."
            )
        port = self.port(self.board.ports[base], index)
        return f"{scheme}://127.0.0.1:{port}/{path.removeprefix('/')}"

    def http(self, path: str = "/", index: int = 0) -> str:
        """Return an http URL."""
        return self.url(path, "http", index)

    def https(self, path: str = "/", index: int = 0) -> str:
        """Return an https URL."""
        return self.url(path, "https", index)

    def ws(self, path: str = "/ws", index: int = 0) -> str:
        """Return a ws URL."""
        return self.url(path, "ws", index)

    def wss(self, path: str = "/ws", index: int = 0) -> str:
        """Return a wss URL."""
        return self.url(path, "wss", index)

    # ---------------------------------------------------------------- readiness

    def wait_ready(self, timeout: float | Deadline | None = None) -> None:
        """Wait until the device is ready (for the present boot).

        Args:
            timeout: seconds, scaled; a deadline; None for `ready_timeout`.

        Raises:
            NotReady: it is not; the message has the end of the console.
            RebootLoop, Panicked, QemuDied: it never will be.
        """
        deadline = Deadline.of(self.ready_timeout if timeout is None else timeout)
        if not self._waits_for_ready:
            self._boots_in_vain = 0
        self._waits_for_ready += 1
        try:
            if not self.readiness.wait(self, deadline):
                self.check()
                raise self._not_ready(f"within {deadline}", longer=True)
        finally:
            self._waits_for_ready -= 1
        self.timeline.add("ready")
        if self._watches_heap and self.heap_watch is None and not self._stopping:
            self.heap_watch = HeapWatch(self.capture_file, self.timeline, self._look_at_heap)
            self.heap_watch.start()

    def _not_ready(self, reason: str, *, longer: bool = False) -> NotReady:
        tail = self.console.tail()
        silent = isinstance(self.readiness, ListeningReadiness) and not self.control.seen
        hints = []
        if silent and not self._no_boot:
            hints.append(
                "it told nothing of itself; for a firmware that is not espbench's, say when it "
                "is ready with --ready-console or --ready-http (pytest: --espbench-ready-console, "
                "--espbench-ready-http)"
            )
        if longer:
            hints.append(
                "if it only needs longer: --ready-timeout (pytest: --espbench-ready-timeout), or "
                f"{SCALE_VARIABLE} on a slow machine"
            )
        if hints:
            reason += f" ({'; '.join(hints)})"
        shown = f"its console ended with:\n{tail}" if tail else "its console shows nothing"
        return NotReady(
            f"{self.name} was to {self.readiness.describe(self)}, and did not {reason}; {shown}",
            tail=tail,
        )

    def wait_for_listeners(self, schemes: set[str], deadline: Deadline) -> bool:
        """Return whether the guest reported its boot and all these listeners before the deadline.

        Raises:
            NotReady: the guest said that it could not start one of them.
        """

        def outcome() -> str | None:
            records = self.events[self._first_event :]
            if not self.boots:
                return None
            if schemes <= {r.get("scheme", "") for r in records if r.get("event") == "listening"}:
                return "ready"
            text = self.console.text[self._boot_text :]
            for match in _FAILED_START.finditer(text):
                if match[1].lower() in schemes:
                    return f"said: {match[0]}"
            # Listeners are reported while they start, so before a program that starts them ends.
            return "is at its prompt: its program has ended" if _AT_PROMPT.search(text) else None

        said = self.console.wait_for(outcome, deadline)
        if said is not None and said != "ready":
            raise self._not_ready(f"because it {said}")
        return said is not None

    def wait_for_answer(self, scheme: str, path: str, deadline: Deadline) -> bool:
        """Return whether a byte of an answer to `GET path` came before the deadline."""
        return probe(self, scheme, path, deadline)

    def wait_for_text(self, pattern: str, deadline: Deadline) -> bool:
        """Return whether the present boot printed `pattern` before the deadline."""
        expression = re.compile(pattern, re.MULTILINE)
        return (
            self.console.wait_for(
                lambda: expression.search(self.console.text, self._boot_text), deadline
            )
            is not None
        )

    def wait_for_event(
        self, name: str, timeout: float | Deadline = 10.0, *, since: int = 0
    ) -> dict[str, Any]:
        """Wait for an event of the guest and return it.

        Args:
            name: such as "listening".
            timeout: seconds, scaled; or a deadline.
            since: index into `events` from which to look.

        Raises:
            ControlError: it did not come in time.
        """
        deadline = Deadline.of(timeout)
        found = self.console.wait_for(
            lambda: next((e for e in self.events[since:] if e.get("event") == name), None),
            deadline,
        )
        if found is None:
            raise ControlError(f"The device did not report {name!r} within {deadline}.")
        return found

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the console shows something, or so many (unscaled) seconds are over."""
        with self.console.changed:
            self.console.changed.wait(seconds)

    # ---------------------------------------------------------------- faults

    def check(self) -> None:
        """Raise what is wrong with the device, if anything is.

        Raises:
            Panicked: the guest panicked, and no test said that it expected that.
            QemuDied: QEMU ended.
            NotRunning: the device was stopped.
        """
        self.console.check()

    def panicked(self) -> Panicked | None:
        """Return the error of a panic that no test expected, or None.

        Waits until a dump that is being printed is complete.
        """
        deadline = Deadline(PANIC_PATIENCE)
        with self.console.changed:
            while self._collector.collecting and not self.console.closed:
                if deadline.expired():
                    break
                self.console.changed.wait(deadline.remaining())
            self._finish_dump()
            panic = self._unseen_panics[0] if self._unseen_panics else None
        if panic is None:
            return None
        return Panicked(f"The guest panicked {panic.at:.3f} s after its start: {panic}", panic)

    def _fault(self) -> EspbenchError | None:
        if fault := self.panicked():
            return fault
        if self._no_boot and self._waits_for_ready:
            return self._not_ready(
                f"because the chip's ROM found nothing to boot in its flash ({self._no_boot}): is "
                "the firmware a merged binary for this chip"
            )
        if self._loops():
            return self._reboot_loop()
        if not self.console.closed:
            return None
        if self._stopping or self._qemu is None:
            return NotRunning(f"{self.name} was stopped.")
        death = self._qemu.death()
        if isinstance(death, QemuDied):
            self.timeline.add("qemu_died", status=death.status)
        return death

    def _loops(self) -> bool:
        """Return whether it is waited for in vain; a test may reset it as often as it likes."""
        in_vain = self._boots_in_vain >= REBOOTS or bool(self._no_boot)
        return self._waits_for_ready > 0 and in_vain

    def _reboot_loop(self) -> RebootLoop:
        tail = self.console.tail()
        damage = layout.damage(self.board, self.firmware)
        look = f"{damage}: make {self.firmware} anew" if damage else "look for what resets it"
        return RebootLoop(
            f"{self.name} was to {self.readiness.describe(self)}, and booted "
            f"{self._boots_in_vain} times in a row instead, the last time because of "
            f"{self._cause}: {look}; its console ended with:\n{tail}",
            boots=self._boots_in_vain,
            cause=self._cause,
            tail=tail,
        )

    @contextlib.contextmanager
    def expects_panic(self, timeout: float = 20.0) -> Generator[list[Panic]]:
        """Expect the block to make the guest panic; afterwards the device is ready again.

        The list that this yields holds the panic when the block is left.

        Raises:
            ControlError: no panic came in time.
        """
        deadline = Deadline(timeout)
        before, boots = len(self.panics), self.boots
        found: list[Panic] = []
        with contextlib.suppress(Panicked, ControlError):
            yield found
        # The panic itself is a fault that ends every wait, so it is looked for like this.
        with self.console.changed:
            while len(self.panics) == before and not self.console.closed:
                if deadline.expired():
                    self._finish_dump()
                    break
                self.console.changed.wait(deadline.remaining())
            found.extend(self.panics[before:])
            self._unseen_panics.clear()
        if not found:
            self.check()
            raise ControlError(f"The guest was to panic, and did not within {deadline}.")
        if self.control.seen:
            self._wait_boot(boots, deadline)
            self.wait_ready(deadline)

    # ---------------------------------------------------------------- control

    def ping(self, timeout: float | Deadline = 10.0) -> int:
        """Return the guest's uptime in microseconds."""
        return int(self.control.request("ping", timeout=timeout)["us"])

    def heap(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Return the figures of the device's memory; every look is kept for the evidence."""
        return self.sample_heap("asked", Deadline.of(timeout))

    def sample_heap(self, why: str, deadline: Deadline) -> HeapInfo:
        """Look at the heap, and note why."""
        heap = HeapInfo.of(self.control.request("heap", timeout=deadline))
        self.heap_samples.append(HeapSample(self.timeline.now(), why, heap))
        return heap

    def _look_at_heap(self) -> None:
        """Look at the heap because the network was busy; not in somebody else's firmware."""
        if self.control.seen:
            self.sample_heap("network", Deadline(LOOK_PATIENCE))

    def heap_reset(self) -> None:
        """Set the low-water mark back to what is free now."""
        self.control.request("heap_reset")

    def stats(self, timeout: float | Deadline = 10.0) -> dict[str, Any]:
        """Return the counters of servers, handshakes and failures."""
        value: dict[str, Any] = self.control.request("stats", timeout=timeout)
        return value

    def ballast(self, size: int) -> int:
        """Take `size` bytes of the network heap in all (0 gives all back); return what is held."""
        held = int(self.control.request("ballast", size))
        self.timeline.add("ballast", size=held)
        if self.heap_watch is not None:
            self.sample_heap("ballast", Deadline(LOOK_PATIENCE))
        return held

    def fail_alloc(self, number: int, persistent: bool = False) -> None:
        """Make the `number`-th next allocation of the network heap fail; 0 switches that off."""
        self.control.request("fail_alloc", number, "always" if persistent else "once")
        self.timeline.add("fail_alloc", number=number, persistent=persistent)

    def fail_alloc_seen(self) -> dict[str, int]:
        """Return how many allocations there were since `fail_alloc`, and how many failed."""
        value: dict[str, int] = self.control.request("fail_alloc_seen")
        return value

    def exec(self, source: str, timeout: float | Deadline = 10.0) -> None:
        """Run Python source in the device's `__main__`; what it prints goes to the console.

        Raises:
            ControlError: it raised; the error has the guest's traceback.
        """
        self._python("exec", source, timeout)

    def eval(self, expression: str, timeout: float | Deadline = 10.0) -> Any:
        """Return the value of a Python expression on the device, by way of JSON.

        Raises:
            ControlError: it raised.
        """
        return self._python("eval", expression, timeout)

    def _python(self, verb: str, source: str, timeout: float | Deadline) -> Any:
        """Send source to MicroPython, which takes one request at a time: threads queue here."""
        deadline = Deadline.of(timeout)
        if not self._one_python.acquire(timeout=min(deadline.remaining(), threading.TIMEOUT_MAX)):
            raise ControlTimeout(
                f"Another thread's Python still runs on {self.name}, and {verb} waited for "
                f"{deadline}: give that one less to do, or this one more time."
            )
        try:
            return self.control.request(verb, encode_source(source), timeout=deadline)
        finally:
            self._one_python.release()

    def put(self, path: str, content: bytes | str, *, piece: int = 30_000) -> None:
        """Write a file on the running device, in pieces of so many bytes; folders are made.

        Pieces are smaller where the board's requests are.

        Raises:
            ControlError: the device could not write it.
        """
        data = content.encode() if isinstance(content, str) else content
        path = image.check_name(path)
        self.exec(
            _MAKE_FOLDERS.format(folders=[str(p) for p in PurePosixPath(path).parents][-2::-1])
        )
        piece = min(piece, self.board.longest_request // 2 - 256)
        if self._record:
            piece = min(piece, RECORDED_PIECE)
        self.exec("import binascii as _b")
        for position in range(0, max(len(data), 1), piece):
            mode = "ab" if position else "wb"
            part = base64.b64encode(data[position : position + piece]).decode()
            self.exec(f"with open({path!r}, {mode!r}) as _f: _f.write(_b.a2b_base64('{part}'))")
        self.exec("del _f, _b")

    def get(self, path: str, *, piece: int = 2048) -> bytes:
        """Read a file of the running device, in pieces of so many bytes.

        Raises:
            ControlError: the device could not read it.
        """
        data = b""
        self.exec(f"_f = open({path!r}, 'rb'); import binascii as _b")
        while part := self.eval(f"_b.b2a_base64(_f.read({piece}))").strip():
            data += base64.b64decode(part)
        self.exec("_f.close(); del _f, _b")
        return data

    def reset(self, timeout: float | None = None, *, hard: bool = False) -> None:
        """Reset the machine and wait until it is ready again; the files stay.

        Args:
            timeout: seconds, scaled; None for `ready_timeout`.
            hard: by the machine's own reset line, which works when the guest hangs.

        Raises:
            NotReady: it did not come back in time.
        """
        deadline = Deadline(self.ready_timeout if timeout is None else timeout)
        boots = self.boots
        self.timeline.add("reset")
        if self.control.seen and not hard:
            self.control.request("reset", timeout=deadline)
        else:
            with self.console.changed:
                self._begin_boot()
            self.monitor("system_reset", deadline)
        if self.control.seen:
            self._wait_boot(boots, deadline)
        self.wait_ready(deadline)

    def monitor(self, command: str, timeout: float | Deadline = 5.0, /, **arguments: Any) -> Any:
        """Execute a QMP command, such as `device.monitor("set_link", name="net0", up=False)`.

        Raises:
            QmpError: QEMU refused it or did not answer.
        """
        qmp = self.qemu.qmp
        if qmp is None:
            raise NotRunning(f"{self.name} is not running: start it first.")
        if self.recorder is not None and not is_repeated(command):
            self.recorder.unrepeatable.append(command)
        return qmp.execute(command, deadline=Deadline.of(timeout), **arguments)

    def _wait_boot(self, boots: int, deadline: Deadline) -> None:
        if not self.console.wait_for(lambda: self.boots > boots, deadline):
            raise self._not_ready(f"reboot within {deadline}", longer=True)

    # ---------------------------------------------------------------- leaks

    def settle(
        self,
        timeout: float | Deadline = 10.0,
        *,
        free: int | None = None,
        blocks: int | None = None,
    ) -> HeapInfo:
        """Wait until no connection is open and the heap is at rest; return the heap.

        Args:
            timeout: seconds, scaled; or a deadline.
            free: wait until so many bytes are free as well.
            blocks: wait until no more allocations than these are left, too.

        Raises:
            MemoryLeaked: it did not come to rest in time; the message says what is left.
        """
        deadline = Deadline.of(timeout)
        previous: HeapInfo | None = None
        while True:
            # Not with what is left of the deadline: an answer at its end is still an answer.
            connections = open_connections(self.stats())
            heap = HeapInfo.of(self.control.request("heap"))
            at_rest = previous is not None and heap.free == previous.free
            back = free is None or heap.free >= free
            if blocks is not None:
                back = back and heap.blocks <= blocks
            if not connections and at_rest and back:
                break
            if deadline.expired():
                wanted = "" if free is None else f" ({free} were free before)"
                raise MemoryLeaked(
                    f"The device did not come to rest within {deadline}: open connections "
                    f"{connections or 'none'}, {heap.free} bytes free{wanted} in {heap.blocks} "
                    f"allocations."
                )
            previous = heap
            self.wait_for_change(min(POLL, deadline.remaining()))
        self.heap_samples.append(HeapSample(self.timeline.now(), "settled", heap))
        return heap

    @functools.cached_property
    def _time_wait(self) -> TimeWait:
        return TimeWait(self)

    def heap_at_rest(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Wait until the heap stays as it is, with connections that may be open; return it.

        What a connection holds is seen only then: an answer is kept until the client's ACK, which
        may be late (RFC 9293 section 3.8.6.3), and lwIP remembers connections that are over for a
        while (TIME-WAIT), which is waited for where it takes no longer than `FORGOTTEN`.

        Args:
            timeout: seconds, scaled; or a deadline.

        Raises:
            MemoryLeaked: it did not come to rest in time.
        """
        deadline = Deadline.of(timeout)
        forgotten = min(Deadline(FORGOTTEN).remaining(), deadline.remaining())
        self._time_wait.wait(Deadline(forgotten, scale=1))
        heap, since = self.heap(), time.monotonic()
        while (left := since + DELAYED_ACK - time.monotonic()) > 0:
            if deadline.expired():
                raise MemoryLeaked(
                    f"The device's heap did not stay as it was for {DELAYED_ACK:g} s within "
                    f"{deadline}: {heap.free} bytes are free. Is a connection busy?"
                )
            self.wait_for_change(min(left, 0.1))
            now = self.heap()
            if now.free != heap.free:
                heap, since = now, time.monotonic()
        return heap

    @contextlib.contextmanager
    def no_leak(
        self, tolerance: int = 0, timeout: float = 10.0, settled: float = 10.0
    ) -> Generator[HeapInfo]:
        """Check that the block gives back all memory of the network heap that it took.

        Args:
            tolerance: bytes that may stay taken, besides what others take on a board whose heap
                the network shares; there no allocation may be left.
            timeout: seconds (scaled) after the block until all must be back.
            settled: seconds (scaled) before the block to come to rest.

        Raises:
            MemoryLeaked: something stayed taken.
        """
        before = self.settle(settled)
        yield before
        noise = self.board.heap_noise
        self.settle(
            timeout,
            free=before.free - tolerance - noise,
            blocks=before.blocks if noise and not tolerance else None,
        )

    # ---------------------------------------------------------------- the reader thread

    def _take_record(self, record: dict[str, Any]) -> None:
        """Take a control record; called with the console's lock held."""
        if self.control.take(record) or "event" not in record:
            return
        if record["event"] == "boot":
            if not self._rom_began:
                self._begin_boot()
                self._boots_in_vain += 1
                self._cause = str(record.get("cause", "unknown"))
            self._rom_began = False
            self.boots += 1
        self.events.append(record)
        name = str(record["event"])
        self.timeline.add(name, **{k: v for k, v in record.items() if k != "event"})
        if name == "panic":
            self._finish_dump()

    def _begin_boot(self) -> None:
        """Forget what the last boot said."""
        self._finish_dump()
        self._first_event = len(self.events)
        self._boot_text = len(self.console.text)
        self.control.lose()

    def _take_text(self, text: str) -> None:
        """Look for panics; called with the console's lock held."""
        for dump in self._collector.feed(text):
            self._add_panic(dump)
        for reset in self._reset_watch.feed(text):
            # The ROM speaks long before the firmware's own boot event.
            self._begin_boot()
            self._boot_text = reset.at
            self._rom_began = True
            self._no_boot = ""
            self._boots_in_vain += 1
            self._cause = reset.cause
            self.resets.append(reset.cause)
            self.timeline.add("reset_cause", cause=reset.cause)
        for failure in self._no_boot_watch.feed(text):
            self._no_boot = failure.cause

    def _finish_dump(self) -> None:
        if dump := self._collector.finish():
            self._add_panic(dump)

    def _add_panic(self, text: str) -> None:
        elf = self.elf if self.elf.suffix == ".elf" else None
        panic = Panic(parse_dump(text), elf, self.timeline.now())
        self.panics.append(panic)
        self._unseen_panics.append(panic)
        self.timeline.add("panic", headline=panic.headline)


def elf_of(firmware: Path) -> Path:
    """Return the file with debugging information of a firmware: itself, or its sibling."""
    sibling = firmware.with_suffix(".elf")
    return sibling if sibling.is_file() else firmware


def _state_of(path: Path) -> tuple[Path, int, int, int]:
    """Return what tells a file from another, or from itself before it was written to."""
    found = path.stat()
    return path.absolute(), found.st_ino, found.st_size, found.st_mtime_ns


def open_connections(stats: Mapping[str, Any]) -> dict[str, int]:
    """Return how many connections are open, by kind, without those that have none."""
    kinds = {kind: int(value.get("open", 0)) for kind, value in stats.items() if _counts(value)}
    return {kind: count for kind, count in kinds.items() if count}


def _counts(value: Any) -> bool:
    return isinstance(value, Mapping) and "open" in value


def _can_be_caused(error: BaseException | None) -> bool:
    """Return whether a panic may be the cause of `error`; Ctrl-C is nobody's fault."""
    return error is None or isinstance(error, Exception)


__all__ = ["Device", "HeapSample", "Ready", "elf_of", "open_connections", "readiness_of"]
