# SPDX-License-Identifier: MIT
"""`espbench measure`: reproducible measurements of a firmware's instructions and memory.

There are two devices, one for each type of key. All randomness is removed: the seed of the device's
random generator, keys, certificates, the clients' random numbers and the addresses are fixed, and
so is the order of packets, because each step waits until the device has nothing left to do.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.certs.deterministic import fixed_recipe
from espbench.clients import Endpoint, WebRepl
from espbench.clients.http import HttpConnection
from espbench.clients.tcp import Stream, Timeout
from espbench.clients.websocket import RawWebSocket
from espbench.device.device import Device
from espbench.device.firmware_file import elf_of
from espbench.device.memory.time_wait import TimeWait
from espbench.errors import ControlError, ControlTimeout, FigureUnavailable
from espbench.flash.elf import sections
from espbench.perf import instruction_counter as work
from espbench.perf import metrics as readings
from espbench.perf.deterministic_tls import FixedTls
from espbench.perf.instruction_counter import Meter, Work
from espbench.perf.metrics import Kind, Reading
from espbench.perf.unmodified_firmware import measure_unmodified
from espbench.util.timeouts import Deadline

FILE = "/figures.bin"
TIME_WAIT = 1.7
"""Seconds, longer than lwIP keeps a connection in TIME-WAIT; for firmware whose list of them cannot
be read. Twice TCP_MSL of firmware/ports/lx60/lwipopts.h, counted in half seconds, is up to 1.5 s.
"""
TIME_WAIT_AT_MOST = 10.0
"""Seconds (scaled) to wait for the list of TIME-WAIT connections to become empty."""
FILE_BYTES = 4096
PASSWORD = "espbench"
ANSWER_PATIENCE = 2.0
"""Seconds (scaled) to wait for an answer; firmware with module bench takes milliseconds."""
NO_ANSWER = (
    "The firmware is ready but does not answer on the control channel of espbench's module bench: "
    "only its image can be measured."
)
NO_BENCH = (
    "The firmware does not have espbench's module bench: only its memory and its image can be "
    "measured from outside."
)


@dataclass(frozen=True)
class Effort:
    """Numbers of repetitions.

    Attributes:
        requests, echoes, transfers: repetitions of which the typical one counts.
        handshakes: repetitions of which the mean counts, because each has other random numbers.
        sessions: concurrent sessions.
    """

    requests: int = 12
    echoes: int = 12
    transfers: int = 9
    handshakes: int = 2
    sessions: int = 2


QUICK = Effort(requests=8, transfers=7)
"""The numbers of handshakes and sessions must stay, because figures depend on them. So must the
number of echoes: an echo is so cheap that 30 instructions are 0.1 % of it, and fewer repetitions
vary by that much. With even fewer requests and transfers, a busy host would affect their figures;
see `typical_total`."""

Progress = Callable[[str], None]


def typical(samples: Sequence[float]) -> float:
    """Return the median of the densest half of the samples.

    An occasional disturbance always makes a sample much more expensive, so the median of all
    samples would vary with the number of disturbances.
    """
    ordered = sorted(samples)
    half = (len(ordered) + 1) // 2
    starts = range(len(ordered) - half + 1)
    densest = min(starts, key=lambda start: ordered[start + half - 1] - ordered[start])
    return statistics.median(ordered[densest : densest + half])


def typical_total(runs: Sequence[Sequence[float]]) -> float:
    """Return the typical cost of an operation in steps: the sum of the steps' typical costs.

    A disturbance affects one step, but next to four busy loops a third of all transfers have such a
    step, so the median of a few transfers would sometimes be one of them. A step can also be
    cheaper: if the previous one was 100 ms ago (process_queue() in firmware/app/bench_app.py), the
    application waits 2 ms for the next piece of a file, and a piece that arrives within these 2 ms
    saves a return to Python (1 % of a transfer).
    """
    return sum(typical(step) for step in zip(*runs, strict=True))


def measure(
    board: Board,
    firmware: Path,
    effort: Effort,
    progress: Progress = lambda _: None,
    options: Mapping[str, Any] | None = None,
) -> list[Reading]:
    """Return every figure, with the reason for those that are unavailable.

    Args:
        board, firmware: the board and firmware to measure.
        effort: numbers of repetitions.
        progress: called with the title of the current figure.
        options: options for `Device`, given if the user configured the firmware's readiness or
            ports; then it may be another project's firmware.

    Raises:
        EspbenchError: a device or a client failed.
    """
    options = options or {}
    if options:
        progress("checking for module bench")
        foreign = _without_bench(board, firmware, options, progress)
        if foreign is not None:
            return foreign + _image(firmware, options)
    found: dict[str, Reading] = {}

    def take(kind: Kind, get: Callable[[], float]) -> None:
        progress(kind.title)
        try:
            found[kind.key] = Reading(kind, round(get()))
        except FigureUnavailable as error:
            found[kind.key] = Reading(kind, None, str(error))

    with _subject(board, firmware, "p256", effort, options) as subject:
        take(readings.BOOT, subject.boot)
        subject.warm_up()
        take(readings.HANDSHAKE_P256, subject.handshake)
        take(readings.REQUEST, subject.request)
        take(readings.ECHO, subject.echo)
        take(readings.WEBREPL, subject.transfer)
        take(readings.PEAK_P256, subject.peak)
        take(readings.SESSION_P256, subject.session)
        take(readings.LEAK_HTTP, lambda: subject.leak(subject.plain))
        take(readings.LEAK_TLS, lambda: subject.leak(subject.secure))
        take(readings.FREE, subject.free)
    with _subject(board, firmware, "rsa2048", effort, options) as subject:
        subject.warm_up()
        take(readings.HANDSHAKE_RSA, subject.handshake)
        take(readings.PEAK_RSA, subject.peak)
        take(readings.SESSION_RSA, subject.session)
        take(readings.LOW_WATER, lambda: subject.heap("low_water"))
        take(readings.STACK_NET, lambda: subject.heap("net_stack_low_water"))
        take(readings.STACK_MAIN, lambda: subject.heap("main_stack_low_water"))
    return [found[key] for key in readings.KINDS] + _image(firmware, options)


def _image(firmware: Path, options: Mapping[str, Any]) -> list[Reading]:
    """Return the sizes of the image's sections, or of the whole file if they are unknown."""
    try:
        found = sections(options.get("elf") or elf_of(firmware))
    except FigureUnavailable:
        return [Reading(readings.IMAGE_FILE, firmware.stat().st_size)]
    return [Reading(readings.section_kind(name), size) for name, size in found.items()]


@contextlib.contextmanager
def _subject(
    board: Board, firmware: Path, kind: str, effort: Effort, given: Mapping[str, Any]
) -> Iterator[Subject]:
    options: dict[str, Any] = {**given, "args": board.steady_arguments}
    options["files"] = {**fixed_recipe(kind).on_device(), **given.get("files", {})}
    if board.icount_shift is not None:
        options["extra"] = work.icount(board.icount_shift)
    with Device(board, firmware, **options) as device:
        subject = Subject(device, effort)
        try:
            yield subject
        finally:
            subject.close()


class Subject:
    """A device under measurement."""

    def __init__(self, device: Device, effort: Effort) -> None:
        """Measure a running device."""
        self.device = device
        self.effort = effort
        self._time_wait = TimeWait(device)
        self._seeds = 0
        self._meter: Meter | None = None
        self._no_meter = ""
        try:
            self._meter = _meter_of(device)
        except FigureUnavailable as error:
            self._no_meter = str(error)

    def close(self) -> None:
        """Release the meter."""
        if self._meter is not None:
            self._meter.close()

    @property
    def meter(self) -> Meter:
        """The meter of the device's work.

        Raises:
            FigureUnavailable: the device's work cannot be counted.
        """
        if self._meter is None:
            raise FigureUnavailable(self._no_meter)
        return self._meter

    def _instructions(self, cycles: float) -> float:
        shift = self.device.board.icount_shift
        assert shift is not None, "meter has checked this"
        return work.instructions(cycles, self.meter.read().frequency, shift)

    def _cost(self, action: Callable[[], object]) -> float:
        """Return the device's cycles for an action that is complete on the host on return."""
        before = self.meter.rest()
        action()
        return self.meter.rest().cycles - before.cycles

    # ---------------------------------------------------------------- connections

    @contextlib.contextmanager
    def _noticed(self) -> Iterator[None]:
        """After the block, wait until the device has received a frame and is at rest."""
        if self._meter is None:
            yield  # the order of packets is left to chance, but memory does not depend on it
            return
        frames = self._meter.rest().frames
        yield
        self._meter.rest(frames=frames + 1)

    def raw(self, scheme: str = "http") -> Stream:
        """Return a TCP connection that the device has accepted."""
        with self._noticed():
            return Endpoint(self.device.port(self.device.board.ports[scheme])).raw()

    def hang_up(self, stream: Stream) -> None:
        """Close a connection."""
        with self._noticed():
            stream.close()

    def secure(self) -> None:
        """Open an HTTPS connection, and close it."""
        stream = self.raw("https")
        self._handshake(stream)
        self.hang_up(stream)

    def plain(self) -> None:
        """Send a request on a new connection."""
        stream = self.raw()
        HttpConnection(stream).get("/hello")
        self.hang_up(stream)

    def _handshake(self, stream: Stream) -> FixedTls:
        self._seeds += 1
        return FixedTls(stream, f"handshake {self._seeds}")

    def warm_up(self) -> None:
        """Open each type of connection once, because the first ones allocate permanent memory.

        Also wait until TIME-WAIT is over: the readiness probe requested a page, and the device
        closed that connection. While it is in TIME-WAIT, a request costs 0.4 % less.
        """
        self.plain()
        self.secure()
        self.rested()

    # ---------------------------------------------------------------- work

    def boot(self) -> float:
        """Return the work from the start of the clock until the last server listens."""
        return self._instructions(self.meter.rest().at_event)

    def handshake(self) -> float:
        """Return the work of a TLS handshake, without the TCP connection."""
        self.meter.rest()  # fails early if work cannot be counted
        costs = []
        for _ in range(self.effort.handshakes):
            stream = self.raw("https")
            costs.append(self._cost(lambda stream=stream: self._handshake(stream)))  # type: ignore[misc]
            self.hang_up(stream)
        return self._instructions(statistics.mean(costs))

    def request(self) -> float:
        """Return the work of a request: connecting, asking, closing."""
        return self._instructions(
            typical([self._cost(self.plain) for _ in range(self.effort.requests)])
        )

    def echo(self) -> float:
        """Return the work of echoing a WebSocket message."""
        self.meter.rest()  # fails early if work cannot be counted
        stream = self.raw()
        socket = RawWebSocket(stream)

        def echo() -> None:
            socket.send("0123456789abcdef")
            socket.receive()

        costs = [self._cost(echo) for _ in range(self.effort.echoes)]
        self.hang_up(stream)
        return self._instructions(typical(costs))

    def transfer(self) -> float:
        """Return the work of reading a file by WebREPL, from its first piece to its last.

        Opening the file is excluded, because slirp's ACK may arrive during it or after it.
        """
        self.meter.rest()  # fails early if work cannot be counted
        self.device.put(FILE, bytes(FILE_BYTES))
        stream = self.raw()
        socket = _Paced(RawWebSocket(stream, "/webrepl"), self.meter, self.device)
        repl = WebRepl(socket, PASSWORD)
        transfers = []
        for _ in range(self.effort.transfers):
            # The fuller Python's heap is, the longer an allocation takes.
            self.device.exec("import gc; gc.collect()")
            socket.sent.clear()
            repl.get(FILE)
            _opening, *pieces = socket.sent
            ends = [*pieces[1:], self.meter.rest()]
            transfers.append([b.cycles - a.cycles for a, b in zip(pieces, ends, strict=True)])
        self.hang_up(stream)
        return self._instructions(typical_total(transfers))

    # ---------------------------------------------------------------- memory

    def heap(self, name: str) -> float:
        """Return one of the figures that the device reports.

        Raises:
            FigureUnavailable: this firmware does not report it.
        """
        heap: Mapping[str, int] = self.device.control.request("heap")
        if name not in heap:
            raise FigureUnavailable(
                f"The firmware does not report {name}: build it with this tree's module bench."
            )
        return heap[name]

    def free(self) -> float:
        """Return the free bytes without connections."""
        return self.device.settle().free

    def rested(self) -> int:
        """Return the free bytes without connections, including those in TIME-WAIT."""
        self._time_wait.wait(Deadline(TIME_WAIT_AT_MOST))
        free = self.device.settle().free
        if self._time_wait.known and not self._time_wait.any():
            return free
        while True:
            self.device.wait_for_change(TIME_WAIT)  # there is no event at its end
            again = self.device.settle().free
            if again == free:
                return free
            free = again

    def peak(self) -> float:
        """Return the peak heap use of a handshake."""
        before = self.rested()
        self.device.heap_reset()
        self.secure()
        return before - self.heap("low_water")

    def session(self) -> float:
        """Return the bytes that an established, idle session holds."""
        before = self.rested()
        streams = []
        for _ in range(self.effort.sessions):
            streams.append(self.raw("https"))
            self._handshake(streams[-1])
        if self._meter is not None:
            self._meter.rest()  # unacknowledged data is kept for retransmission
        held = before - self.heap("free")
        for stream in streams:
            self.hang_up(stream)
        self.device.settle()
        return held / len(streams)

    def leak(self, connect: Callable[[], None]) -> float:
        """Return the bytes that a closed connection has not freed."""
        before = self.device.settle().free
        for _ in range(self.effort.sessions):
            connect()
        deadline = Deadline(5)
        while (lost := before - self.device.settle().free) > 0 and not deadline.expired():
            self.device.wait_for_change(0.05)  # a connection may be in TIME-WAIT
        return max(lost, 0) / self.effort.sessions


def _meter_of(device: Device) -> Meter:
    if device.board.icount_shift is None:
        raise FigureUnavailable(
            f"Board {device.board.name} cannot count work: its description has no icount_shift."
        )
    return Meter(device)


class _Paced:
    """A WebSocket whose sender waits until the device no longer expects the next message.

    After a piece of a file, the device waits 2 ms for the next one (NEXT_CHUNK_US in
    firmware/modules/webrepl/terminal.c), which is then cheaper. On a busy host, 2 ms of the guest's
    clock can take any amount of time. But any wake-up ends that wait, and a control request is one
    that is not counted as work.
    """

    def __init__(self, socket: RawWebSocket, meter: Meter, device: Device) -> None:
        self._socket = socket
        self._meter = meter
        self._device = device
        self.sent: list[Work] = []
        """The device's work before each message."""

    def send(self, data: str | bytes) -> None:
        self._meter.rest()
        self._device.ping()
        self.sent.append(self._meter.rest())
        self._socket.send(data)

    def receive(self, timeout: Timeout = None) -> str | bytes:
        return self._socket.receive(timeout)


def _without_bench(
    board: Board, firmware: Path, options: Mapping[str, Any], progress: Progress
) -> list[Reading] | None:
    """Boot until ready; return the figures of a firmware without module `bench`, else None.

    Raises:
        EspbenchError: the device does not become ready, panics or dies.
    """
    with Device(board, firmware, **options) as device:
        if not _is_silent(device):
            return None
        found = measure_unmodified(device, progress)
        reason = NO_BENCH if found else f"{NO_ANSWER} {device.inspection.why_not()}".rstrip()
        known = {reading.kind.key for reading in found}
        others = [kind for kind in readings.KINDS.values() if kind.key not in known]
        return found + [Reading(kind, None, reason) for kind in others]


def _is_silent(device: Device) -> bool:
    """Return whether the control channel cannot be used."""
    if device.control.seen:
        return False
    try:
        device.ping(ANSWER_PATIENCE)
    except (ControlError, ControlTimeout):
        device.check()
        return True
    return False
