# SPDX-License-Identifier: MIT
"""`Device`: a booted board, the object that tests use, and its life cycle from start to close."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from espbench.boards.board import Board
from espbench.boards.boot_media import write_files
from espbench.boards.builtin import board_named
from espbench.boards.emulators import MONITOR, lacks
from espbench.crash.panic import Panic
from espbench.device import flash_layout as layout
from espbench.device.addresses import Addresses
from espbench.device.firmware_file import check_firmware, state_of, symbols_of, with_psram
from espbench.device.http_probe import probe
from espbench.device.memory.allocation_sweep import sweep
from espbench.device.readiness import Ready, readiness_of
from espbench.device.run import Run
from espbench.device.shortcuts import Shortcuts
from espbench.emulator.choice import check_supported, emulator_of
from espbench.emulator.espemu.process import EspEmu
from espbench.emulator.interface import Emulator
from espbench.errors import (
    ConfigError,
    EspbenchError,
    NotRunning,
    Panicked,
    QemuDied,
    QmpError,
)
from espbench.flash import littlefs_image as image
from espbench.flash.littlefs_image import Content
from espbench.inspect.allocations import Outcome, Place
from espbench.inspect.debugging import Debugger, Debugging
from espbench.inspect.hard_reset import hard_reset
from espbench.qemu.process import Machine, Qemu, boot_line
from espbench.qemu.qmp import Qmp
from espbench.qemu.record_replay import is_repeated
from espbench.recording.recorder import Recorder
from espbench.recording.recorder import check as check_recordable
from espbench.util import tempdirs
from espbench.util.timeouts import Deadline

__all__ = ["Device"]

DEATH_PATIENCE = 1.0
"""Seconds (scaled) to wait for the exit of a QEMU that closed its monitor."""


class Device(Shortcuts):
    """A board with a firmware and files, running in QEMU between `start` and `stop`.

    Use it as a context manager, which starts it, waits until it is ready, and always ends QEMU:

        with Device("esp32", "firmware.bin") as device:
            print(Endpoint(device.port(80)).get("/").status)
    """

    def __init__(
        self,
        board: Board | str,
        firmware: Path | str,
        *,
        files: Mapping[str, Content] | None = None,
        files_partition: str = "",
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
        debugging: Debugging | None = None,
        name: str = "device",
    ) -> None:
        """Describe the device; nothing runs yet.

        Args:
            board: a board or its name.
            firmware: the firmware file.
            files: content by path on the device.
            files_partition: label of their partition, if several have a file system.
            args: the guest's boot arguments, such as `{"heap": 65536}`.
            ports: guest port by URL scheme, for a firmware that does not use the board's ports.
            forwards: number of host ports that lead to each guest port (default: one for each of
                `ports`); concurrent clients need a port each, or that of `url()` or `relay()`.
            ready: when the device counts as ready; see `readiness_of`.
            ready_timeout: seconds until then, scaled; None for the board's.
            psram: size of the machine's PSRAM, such as "4M", for boards that can have some; None
                for the usual size if the firmware drives PSRAM.
            watchdogs: whether to enable the chip's watchdogs, if the board has any. They follow the
                host's clock, so on a busy host they may reset a guest that did nothing wrong.
            internet: whether the guest may open connections to the outside.
            subnet: the guest's network, such as "10.0.3.0/24", to give two guests different
                addresses; None for slirp's own, 10.0.2.0/24.
            capture: whether to keep a pcap of its network.
            extra: more arguments for QEMU.
            record: whether QEMU records each run, for `keep_recording`. This slows the guest down.
            watch_heap: whether to sample the heap after network activity, for the evidence; needs
                `capture`, and is off while QEMU records and with `debugging`.
            elf: the ELF file with debugging information, if `firmware` has none and its .elf file
                does not lie beside it. One beside it that comes from a different build is ignored,
                with a warning.
            qemu: the QEMU to run; None for the first one found that has the machine.
            tap: called with everything that the guest prints, as it arrives; see `Console`.
            debugging: how to offer the device to gdb; None: not at all.
            name: used in messages and folder names.

        Raises:
            ConfigError: an argument is invalid; WrongElf: `elf` belongs to another build.
        """
        board = board_named(board) if isinstance(board, str) else board
        board = board.with_watchdogs() if watchdogs else board
        board = board.with_ports(ports) if ports is not None else board
        self.firmware = Path(firmware)
        check_firmware(board, self.firmware)
        self.board = with_psram(board, self.firmware, psram)
        self.elf = symbols_of(self.firmware, elf)
        self.files: dict[str, Content] = dict(files or {})
        """Content of the file system at the next start; for a running device see `put`."""
        self._partition = files_partition
        self.args: dict[str, str] = {key: str(value) for key, value in (args or {}).items()}
        self.readiness = readiness_of(ready, self.board, self.elf)
        self.ready_timeout = self.board.ready_timeout if ready_timeout is None else ready_timeout
        self.name = name
        counts = dict.fromkeys((*self.board.ports.values(), *self.board.also_forwarded), 1)
        self._forwards = {**counts, **(forwards or {})}
        self._internet = internet
        self._subnet = subnet
        self._program = qemu
        self._tap = tap
        self._debugging = debugging
        self._debugger: Debugger | None = None
        self._capture = capture
        self._extra = tuple(extra)
        self._record = record
        # To read the heap of any firmware, the guest is stopped, which gdb takes for an interrupt.
        samples = watch_heap and capture and self.board.in_qemu
        self._watches_heap = samples and not record and debugging is None
        if record:
            check_recordable(self.board)
        check_supported(self.board, debugging=debugging is not None, subnet=subnet)
        self.recorder: Recorder | None = None
        """The recorder of the current or last run."""
        self.folder = Path()
        """The running device's working files; removed by `close`."""
        self.machine: Machine | None = None
        """The configuration of the last QEMU."""
        self.program = ""
        """The path of the last QEMU."""
        self.addresses = Addresses(self.board, subnet, lambda: self.emulator, lambda: self.run)
        self._emulator: Emulator | None = None
        self._stopping = False
        self._stop_lock = threading.Lock()
        self._paused_at: float | None = None
        self._flash = self.board.flash
        self.run = self._new_run()

    def _new_run(self) -> Run:
        return Run(
            self,
            tap=self._tap,
            records=self._record,
            qmp=lambda: None if self._emulator is None else self.qemu.qmp,
            emulator=lambda: self.emulator,
            ended=self._end,
        )

    # ---------------------------------------------------------------- life

    def __enter__(self) -> Self:
        """Start the device and wait until it is ready."""
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
            Panicked: the guest panicked, which made the block fail, or should have.
        """
        fault = self.panicked()
        self.close()
        # A panic may be the cause of any error, but not of Ctrl-C.
        caused = error is None or isinstance(error, Exception)
        if fault is not None and caused and not isinstance(error, Panicked):
            raise fault from error

    def start(self, *, wait: bool = True) -> Self:
        """Make the image, start QEMU, and wait until the device is ready.

        Args:
            wait: False to return as soon as QEMU runs and the forwarded ports are known.

        Raises:
            EspbenchError: the start failed; nothing keeps running.
        """
        if self._emulator is not None:
            raise ConfigError(f"{self.name} is already running: stop it before you start it again.")
        self._stopping = False
        self._paused_at = None
        self.run = self._new_run()
        self._debugger = (
            Debugger(self._debugging, self.board, self.firmware, self.elf)
            if self._debugging is not None
            else None
        )
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
            self.board, self.firmware, image.normalise(self.files), self.args, self._partition
        )
        start.write_to(self.flash)
        self._flash = start.flash
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
            extra=(*self._extra, *(self._debugging.arguments if self._debugging else ())),
            recording=recording,
        )
        write_files(self.board.handover, self.folder, self.firmware, boot_line(machine))
        self.machine = machine
        self._emulator = emulator_of(machine, self.folder)
        self.program = self._emulator.program
        self.timeline.add("image")
        self._emulator.start()
        self.timeline.add("exec", pid=self._emulator.pid)
        console, control = self._emulator.take_wires()
        self.console.attach(console, control, self._emulator.pace(self.elf))
        self._emulator.connect(deadline)
        self.timeline.add("forwards", ports={f.host_port: f.guest_port for f in self.forwards})
        if self._debugger is not None and self.qemu.qmp is not None:
            self._debugger.open(self.qemu.qmp)

    def stop(self) -> None:
        """End QEMU but keep the device's files.

        Safe in any state, from any thread, and repeatedly.
        """
        with self._stop_lock:
            emulator = self._emulator
            if emulator is None:
                return
            self._stopping = True
            if self.memory.watch is not None:
                self.memory.watch.stop()
            if self._debugger is not None:
                self._debugger.close()
            try:
                self.inspection.close()
                status = emulator.stop()
                self.timeline.add("stopped", status=status)
                if self.recorder is not None and isinstance(emulator, Qemu):
                    self.console.detach()  # the transcript is complete now
                    self.recorder.finish(emulator, self.elf, list(self.faults.panics), status)
            finally:
                self.run.close()
                self._emulator = None
                self.console.detach()
                if self.memory.watch is not None:
                    self.memory.watch.join()

    def keep_recording(self, path: Path, test: str = "") -> None:
        """Write the recording of the current run to `path` when the device is stopped.

        Args:
            path: the archive, for `espbench replay`.
            test: a description for the user, such as the test's name.

        Raises:
            ConfigError: the device does not record.
        """
        if self.recorder is None:
            raise ConfigError(
                f"{self.name} is not recording: pass record=True, or use espbench record."
            )
        self.recorder.keep, self.recorder.test = path, test

    def close(self) -> None:
        """End QEMU and remove the device's files."""
        self.stop()
        # Two threads may close it: neither may take the empty path for the folder.
        folder, self.folder = self.folder, Path()
        if folder != Path():
            tempdirs.remove_folder(folder)

    def pause(self) -> None:
        """Pause the guest and its clock until `resume`; a paused guest uses no CPU.

        Raises:
            QmpError, QemuDied: QEMU could not pause it.
        """
        if self.memory.watch is not None:
            self.memory.watch.hold()
        if self._debugger is not None:
            self._debugger.pauses_itself = True
        self._halt(True)
        self._paused_at = time.monotonic()
        self.timeline.add("paused")

    def resume(self) -> None:
        """Resume the guest; neither its clock nor the timeline counts the pause.

        Raises:
            ConfigError: it is not paused.
            QmpError, QemuDied: QEMU could not resume it.
        """
        if self._paused_at is None:
            raise ConfigError(f"{self.name} is not paused: pause it first.")
        paused = time.monotonic() - self._paused_at
        self._paused_at = None
        self.timeline.leave_out(paused)
        self._halt(False)
        if self._debugger is not None:
            self._debugger.pauses_itself = False
        self.timeline.add("resumed", paused=round(paused, 6))
        if self.memory.watch is not None:
            self.memory.watch.go()

    def _halt(self, paused: bool) -> None:
        """Stop the guest or let it run on, while no reader or breakpoint has stopped it."""
        qmp = self._qmp()
        with qmp.halting:
            self._monitor_or_death("stop" if paused else "cont")
            qmp.paused = paused

    def _monitor_or_death(self, command: str) -> None:
        """Execute a QMP command; if QEMU has exited, raise that error instead."""
        try:
            self.monitor(command)
        except QmpError:
            if self.qemu.wait(Deadline(DEATH_PATIENCE).seconds) is not None:
                # The console's reader thread may notice the end a moment later.
                self.console.wait_for(lambda: None, Deadline(DEATH_PATIENCE))
            raise

    def follow(self, tap: Callable[[bytes], None]) -> None:
        """Pass `tap` the guest's output of this run so far, and from now on."""
        self._tap = tap
        self.console.follow(tap)

    def boot_inputs(self) -> tuple[Any, ...]:
        """Return everything that determines a boot, for comparison; files compare by content.

        Raises:
            EspbenchError: a file cannot be put on the device.
            OSError: a file is gone.
        """
        return (
            self.board,
            state_of(self.firmware),
            state_of(self.elf),
            (image.normalise(self.files), self._partition),
            dict(self.args),
            self.readiness,
            self.ready_timeout,
            self.name,
            dict(self._forwards),
            (self._internet, self._subnet),
            self._program,
            self._tap,
            self._debugging,
            self._capture,
            self._watches_heap,
            self._extra,
            self._record,
        )

    @property
    def running(self) -> bool:
        """Whether the emulator is running."""
        return self._emulator is not None and self._emulator.running

    @property
    def pid(self) -> int | None:
        """The emulator's process id, or None."""
        return self._emulator.pid if self._emulator else None

    @property
    def emulator(self) -> Emulator:
        """The process that emulates the board.

        Raises:
            NotRunning: the device is not running.
        """
        if self._emulator is None:
            raise NotRunning(f"{self.name} is not running: start it first.")
        return self._emulator

    @property
    def qemu(self) -> Qemu:
        """The QEMU process.

        Raises:
            NotRunning: the device is not running.
            NotEmulated: it runs in another emulator.
        """
        emulator = self.emulator
        if not isinstance(emulator, Qemu):
            raise lacks(MONITOR)
        return emulator

    # ---------------------------------------------------------------- files

    def has_file(self, name: str) -> bool:
        """Return whether `files` has this path, or will have it from a folder."""
        return name in image.normalise(self.files)

    def stored_files(self) -> dict[str, bytes]:
        """Return the current contents of the flash's file system; the guest should be idle.

        Raises:
            ImageError: the file system is damaged.
            NotEmulated: the emulator keeps the flash to itself.
        """
        if not self.board.in_qemu:
            raise lacks("file with the flash of the running chip")
        return image.read_files(self.flash.read_bytes(), self._flash)

    @property
    def forwards(self) -> list[Any]:
        """The forwarded ports, as the emulator has them."""
        return self.emulator.forwards

    # ---------------------------------------------------------------- readiness

    def wait_ready(self, timeout: float | Deadline | None = None) -> None:
        """Wait until the device is ready in its current boot.

        Args:
            timeout: seconds, scaled; or a deadline; None for `ready_timeout`.

        Raises:
            NotReady: it did not become ready; the message has the end of the console.
            RebootLoop, Panicked, QemuDied: it can no longer become ready.
        """
        deadline = Deadline.of(self.ready_timeout if timeout is None else timeout)
        self.run.readiness.wait(deadline)
        self.timeline.add("ready")
        if self._watches_heap and self.memory.watch is None and not self._stopping:
            self.memory.start_watch(self.capture_file)

    def wait_for_answer(self, scheme: str, path: str, deadline: Deadline) -> bool:
        """Return whether a byte of the response to `GET path` came before the deadline.

        Args:
            scheme: the scheme; "" for any of the board's.
            path: the path.
            deadline: for the byte.
        """
        ports = {scheme: self.board.ports[scheme]} if scheme else self.board.ports
        hosts = {name: self.port(guest) for name, guest in ports.items()}
        check = self.run.readiness.check_program
        answered = probe(hosts, path, self.console, deadline, check)
        if answered:
            self.timeline.add("answered", scheme=answered)
        return answered is not None

    # ---------------------------------------------------------------- faults

    @contextmanager
    def expects_panic(self, timeout: float = 20.0) -> Generator[list[Panic]]:
        """Expect the block to make the guest panic, and wait until the device is ready again.

        The yielded list holds the panic once the block has been left.

        Raises:
            ControlError: the guest did not panic in time.
        """
        deadline = Deadline(timeout)
        boots = self.run.boots.count
        with self.faults.expects_panic(deadline) as found:
            yield found
        if self.control.seen:
            self.run.readiness.wait_boot(boots, deadline)
            self.wait_ready(deadline)

    def _end(self) -> EspbenchError | None:
        """Return why the console is closed."""
        if self._stopping or self._emulator is None:
            return NotRunning(f"{self.name} was stopped.")
        death = self._emulator.death()
        if isinstance(death, QemuDied):
            self.timeline.add("qemu_died", status=death.status)
        return death

    def allocation_sweep(
        self,
        exchange: Callable[[], Any],
        *,
        places: Iterable[Place] | None = None,
        persistent: bool = False,
    ) -> Iterator[Outcome]:
        """Yield what happens when each place that allocates fails, one by one; see `sweep`."""
        return sweep(self, exchange, places=places, persistent=persistent)

    # ---------------------------------------------------------------- control

    def reset(self, timeout: float | None = None, *, hard: bool = False) -> None:
        """Reset the machine and wait until it is ready again; the files stay.

        Args:
            timeout: seconds, scaled; None for `ready_timeout`.
            hard: reset the whole machine, which works even if the guest hangs.

        Raises:
            NotReady: it did not come back in time.
        """
        deadline = Deadline(self.ready_timeout if timeout is None else timeout)
        boots = self.run.boots.count
        self.timeline.add("reset")
        if self.control.seen and not hard:
            self.control.request("reset", timeout=deadline)
        else:
            with self.console.changed:
                self.run.boots.begin()
            if isinstance(emulator := self.emulator, EspEmu):
                emulator.reset(deadline)
            else:
                hard_reset(self, deadline)
        if self.control.seen:
            self.run.readiness.wait_boot(boots, deadline)
        self.wait_ready(deadline)

    @property
    def halting(self) -> AbstractContextManager[Any]:
        """A lock for whoever stops the guest and lets it run on, as the gdb stub's client does.

        Raises:
            NotRunning: the device is not running.
        """
        return self._qmp().halting

    def _qmp(self) -> Qmp:
        if self.qemu.qmp is None:
            raise NotRunning(f"{self.name} is not running: start it first.")
        return self.qemu.qmp

    def monitor(self, command: str, timeout: float | Deadline = 5.0, /, **arguments: Any) -> Any:
        """Execute a QMP command, such as `device.monitor("set_link", name="net0", up=False)`.

        Raises:
            QmpError: QEMU rejected the command or did not answer.
        """
        qmp = self._qmp()
        if self.recorder is not None and not is_repeated(command):
            self.recorder.unrepeatable.append(command)
        return qmp.execute(command, deadline=Deadline.of(timeout), **arguments)
