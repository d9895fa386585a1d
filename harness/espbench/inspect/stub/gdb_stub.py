# SPDX-License-Identifier: MIT
"""`GdbStub`: breakpoints with handlers in a running guest, over QEMU's gdb stub.

One thread waits for stops and calls the handlers. From version 8.1 on, QEMU sends a stop reply only
if its client has let the guest run; a guest that the monitor continues stops without one, and
without the flush of all translated code that precedes it. The flush is what makes a stop expensive
(8 ms against 0.8 ms on `esp32`), so the monitor continues the guest and reports its stops.
"""

from __future__ import annotations

import collections
import contextlib
import os
import select
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from espbench.errors import EspbenchError, QmpError
from espbench.inspect.stub import attach
from espbench.inspect.stub.abi import abi_of
from espbench.inspect.stub.abi.types import Registers
from espbench.inspect.stub.code import FirmwareCode, Function
from espbench.inspect.stub.errors import GuestRestarted, StubClosed, StubError, StubTimeout
from espbench.inspect.stub.protocol import RemoteProtocol
from espbench.inspect.stub.stop import Action, Call, Handler, Return, Skip, Stop
from espbench.qemu.qmp import Qmp
from espbench.util.timeouts import Deadline

__all__ = ["GdbStub", "Pending"]

QUIET = (8, 1, 0)
"""The first version of QEMU that stops without a stop reply when the monitor continued it."""
PATIENCE = 10.0
"""Seconds (scaled) for the stub's thread to change breakpoints."""
TURN = 0.05
"""Seconds between two looks at the connection while another thread stops the guest again and again;
QEMU hangs before it has sent 280 replies that nobody reads."""
COMPARED = 64
"""Bytes of a function that are compared with the ELF."""
INSTRUCTION = 4
"""Bytes of the longest instruction."""

T = TypeVar("T")


class Pending:
    """A result that a handler will deliver; fails if the stub or the guest's run ends before."""

    def __init__(self, stub: GdbStub) -> None:
        """Register with the stub; see `GdbStub.pending`."""
        self._stub = stub
        self._done = threading.Event()
        self._result: Any = None
        self._error: EspbenchError | None = None

    def deliver(self, result: Any) -> None:
        """Give the result to the thread that waits."""
        self._result = result
        self._done.set()

    def fail(self, error: EspbenchError) -> None:
        """Raise an error in the thread that waits, unless the result is there."""
        if not self._done.is_set():
            self._error = error
            self._done.set()

    @property
    def done(self) -> bool:
        """Whether the result or an error is there."""
        return self._done.is_set()

    def ready(self, seconds: float) -> bool:
        """Return whether the result or an error comes within so many seconds."""
        return self._done.wait(seconds)

    def wait(self, deadline: Deadline, what: str) -> Any:
        """Return the result.

        Args:
            deadline: until when to wait.
            what: what is waited for, completing "within 5 s, ".

        Raises:
            StubTimeout: it did not come in time.
            StubError: the stub or the guest's run ended before.
        """
        try:
            if not self._done.wait(deadline.remaining()):
                raise StubTimeout(f"Within {deadline}, {what}")
            if self._error is not None:
                raise self._error
            return self._result
        finally:
            self._stub.forget(self)


@dataclass
class _CallInProgress:
    before: Registers
    call: Call
    rest: list[Handler]


class GdbStub:
    """The gdb stub of one running QEMU; use it as a context manager.

    While it is attached without breakpoints, the guest runs at full speed.
    """

    def __init__(self, qmp: Qmp, code: FirmwareCode) -> None:
        """Prepare, without attaching.

        Args:
            qmp: the monitor of the running QEMU.
            code: the running firmware's ELF.

        Raises:
            ConfigError: calls of this instruction set cannot be followed.
        """
        self.code = code
        self.abi = abi_of(code)
        self.stops = 0
        """The number of stops at breakpoints so far."""
        self.on_restart: list[Callable[[], None]] = []
        """Called in the stub's thread when the guest has restarted."""
        self._qmp = qmp
        self._quiet = False
        self._remote: RemoteProtocol | None = None
        self._open = True
        self._thread = threading.Thread(target=self._serve, name="gdb stub", daemon=True)
        self._handlers: dict[int, list[Handler]] = {}
        self._inserted: set[int] = set()
        self._calls: list[_CallInProgress] = []
        self._pending: set[Pending] = set()
        self._jobs: collections.deque[Callable[[], None]] = collections.deque()
        self._events: collections.deque[str] = collections.deque()
        self._lock = threading.Lock()
        self._reset = False
        self._closing = False
        self._ended: EspbenchError | None = None
        self._wake_read = self._wake_write = -1

    # ---------------------------------------------------------------- life

    def __enter__(self) -> Self:
        """Attach."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Detach."""
        self.close()

    def start(self) -> None:
        """Attach to the stub; the guest stops for a few milliseconds.

        Raises:
            StubError: the stub cannot be attached to.
            QmpError: QEMU has ended.
        """
        if self._closing or self._thread.ident is not None:
            raise StubClosed("This gdb stub was attached before: make a new GdbStub.")
        version = self._qmp.execute("query-version")["qemu"]
        self._quiet = (version["major"], version["minor"], version["micro"]) >= QUIET
        core = attach.xtensa_core(self._qmp)
        # A reader of the guest's memory that let the guest run on meanwhile would end its answers.
        with self._qmp.halting:
            was_running = self._qmp.execute("query-status")["running"]
            self._remote = RemoteProtocol(attach.connect(self._qmp))
            self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                self._remote.identify(core)
                self._qmp.listen(self._note)
                if was_running:
                    self._go()
            except BaseException:
                self._detach()
                self._close_pipe()
                raise
        self._thread.start()

    def close(self) -> None:
        """Remove all breakpoints and detach; the guest runs on. Safe in any state."""
        if self._closing:
            return
        self._closing = True
        self._wake()
        if self._thread.ident is not None and threading.current_thread() is not self._thread:
            self._thread.join()
        self._fail(StubClosed("The gdb stub was detached meanwhile."))
        self._close_pipe()

    @property
    def ended(self) -> EspbenchError | None:
        """Why the stub's thread has ended, or None while it runs."""
        return self._ended

    def check_code(self, functions: Iterable[Function]) -> None:
        """Check that the guest has the ELF's functions in its memory.

        Raises:
            StubError: it has other code there.
        """

        def work(remote: RemoteProtocol) -> None:
            for function in functions:
                expected = self.code.at(function.address, min(function.size, COMPARED))
                if expected and remote.read(function.address, len(expected)) != expected:
                    raise StubError(
                        f"{self.code.elf} is not the ELF of the running firmware: the guest has "
                        f"other code at {function.name} (0x{function.address:08x}). Name the ELF "
                        "of the same build, and wait until the guest has booted."
                    )

        self.run(work)

    def check(self) -> None:
        """Raise the error that ended the stub's thread, if one did.

        Raises:
            StubError: QEMU has ended, or a handler failed.
        """
        if self._ended is not None:
            raise self._ended

    # ---------------------------------------------------------------- use

    def change(
        self,
        add: Iterable[tuple[int, Handler]] = (),
        remove: Iterable[tuple[int, Handler]] = (),
        first: bool = False,
    ) -> None:
        """Add and remove handlers of breakpoints, with one short stop of the guest.

        Several handlers may share an address: they are called in order until one wants an action.

        Args:
            add: addresses and handlers to add.
            remove: addresses and handlers to remove; those that are not there are ignored.
            first: call the added handlers before those that are there already.

        Raises:
            StubError: the stub refused, or has ended.
        """
        added, removed = list(add), list(remove)

        def work(_: RemoteProtocol) -> None:
            for address, handler in removed:
                handlers = self._handlers.get(address, [])
                if handler in handlers:
                    handlers.remove(handler)
            for address, handler in added:
                handlers = self._handlers.setdefault(address, [])
                handlers.insert(0 if first else len(handlers), handler)
            self._synchronise()

        self.run(work)

    @contextlib.contextmanager
    def breakpoints(self, *points: tuple[int, Handler], first: bool = False) -> Generator[None]:
        """Have handlers at these addresses within the block."""
        self.change(add=points, first=first)
        try:
            yield
        finally:
            with contextlib.suppress(StubClosed, QmpError):
                self.change(remove=points)

    def run(self, work: Callable[[RemoteProtocol], T], timeout: float | Deadline = PATIENCE) -> T:
        """Stop the guest, call `work` in the stub's thread, and let the guest run on.

        Within a handler, `work` is called at once.

        Raises:
            StubTimeout: the thread is busy for too long.
            StubClosed: the stub has ended.
        """
        remote = self._remote
        if self._ended is not None or self._closing or remote is None:
            raise self._ended or StubClosed("The gdb stub is not attached: attach it first.")
        if threading.current_thread() is self._thread:
            return work(remote)
        pending = self.pending()

        def job() -> None:
            try:
                pending.deliver(work(remote))
            except EspbenchError as error:
                pending.fail(error)

        self._jobs.append(job)
        self._wake()
        result: T = pending.wait(Deadline.of(timeout), "the thread of the gdb stub did nothing.")
        return result

    def pending(self) -> Pending:
        """Return a result to wait for, which fails if QEMU ends or the guest restarts before."""
        pending = Pending(self)
        with self._lock:
            self._pending.add(pending)
        if self._ended is not None:
            pending.fail(self._ended)
        return pending

    def forget(self, pending: Pending) -> None:
        """Stop failing a result that nobody waits for any more."""
        with self._lock:
            self._pending.discard(pending)

    def registers(self) -> list[dict[str, int]]:
        """Return the registers of each CPU, even of one that hangs."""

        def work(remote: RemoteProtocol) -> list[dict[str, int]]:
            found = []
            for thread in remote.threads():
                remote.choose(thread)
                found.append(remote.registers())
            return found

        return self.run(work)

    # ---------------------------------------------------------------- the thread

    def _serve(self) -> None:
        try:
            while not self._closing:
                self._work_off_events()
                if self._jobs:
                    self._work_off_jobs()
                else:
                    self._wait()
        except QmpError as error:
            self._end(StubClosed(f"QEMU ended while its gdb stub was in use: {error}"))
        except EspbenchError as error:
            self._end(error)
        except Exception as error:  # noqa: BLE001
            self._end(StubError(f"A handler of a breakpoint failed: {error!r}."))
        finally:
            self._detach()

    def _wait(self) -> None:
        """Wait for events and jobs; read the events."""
        if not self._events and not self._jobs and not self._reset and not self._closing:
            poll = select.poll()
            poll.register(self._qmp.fileno(), select.POLLIN)
            poll.register(self._wake_read, select.POLLIN)
            if self._open:
                poll.register(self._attached().fileno(), select.POLLIN)
            poll.poll()
        self._open = self._attached().drain()
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        self._qmp.read_events()

    @contextlib.contextmanager
    def _halting(self, remote: RemoteProtocol) -> Generator[None]:
        """Hold the lock of those who stop the guest; drop what their stops send meanwhile."""
        while not self._qmp.halting.acquire(timeout=TURN):
            self._open = remote.drain()
        try:
            yield
        finally:
            self._qmp.halting.release()

    def _await(self, event: str) -> None:
        """Wait for an event that follows a packet to the stub."""
        deadline = Deadline(PATIENCE)
        while True:
            while self._events:
                if self._events.popleft() == event:
                    return
            if deadline.expired():
                raise StubTimeout(f"QEMU did not report {event} within {deadline}: restart it.")
            self._qmp.read_events()
            if not self._events:
                poll = select.poll()
                poll.register(self._qmp.fileno(), select.POLLIN)
                poll.poll(10)

    def _work_off_events(self) -> None:
        """Handle the stop that the latest events report, if the guest has not run on since."""
        if self._reset:
            self._reset = False
            self._restarted()
        if not self._events:
            return
        with self._halting(self._attached()):
            # Whoever had stopped the guest has let it run on by now.
            self._qmp.read_events()
            last = ""
            while self._events:
                last = self._events.popleft()
            # A guest that is paused at a breakpoint reaches it again when it is resumed.
            if last == "STOP" and not self._qmp.paused:
                self._stopped()

    def _stopped(self) -> None:
        remote = self._attached()
        registers = remote.registers()
        if registers["pc"] not in self._inserted:
            # Somebody else paused the guest, or the stop is already over.
            if self._stands():
                self._go()
            return
        self.stops += 1
        self._handle(registers)
        self._go()

    def _handle(self, registers: Registers) -> None:
        """Call the handlers of a breakpoint, and do what the first one asks for."""
        remote = self._attached()
        for progress in self._calls:
            if progress.before["pc"] != registers["pc"]:
                continue
            result = self.abi.result(progress.before, registers)
            if result is None:
                continue
            self._calls.remove(progress)
            changes = self.abi.restoring(progress.before, registers)
            remote.set_registers(changes, registers)
            registers = {**registers, **changes}
            stop = Stop(self.abi, registers, remote.read)
            self._act(stop, progress.call.then(result, stop), progress.rest)
            return
        stop = Stop(self.abi, registers, remote.read)
        self._act(stop, None, list(self._handlers.get(stop.address, ())))

    def _act(self, stop: Stop, action: Action | None, handlers: list[Handler]) -> None:
        while action is None and handlers:
            action = handlers.pop(0)(stop)
        remote, registers = self._attached(), stop.registers
        if isinstance(action, Return):
            remote.set_registers(self.abi.returning(registers, action.value), registers)
        elif isinstance(action, Skip):
            instruction = self.code.at(stop.address, INSTRUCTION)
            changes = self.abi.skipping(registers, instruction, action.value)
            remote.set_registers(changes, registers)
        elif isinstance(action, Call):
            changes = self.abi.calling(registers, action.function, action.arguments)
            self._calls.append(_CallInProgress(registers, action, handlers))
            remote.set_registers(changes, registers)
            if action.function in self._inserted:
                # This call is ours: no handler may see it.
                self._pass({**registers, **changes})
        elif stop.address in self._inserted:
            self._pass(registers)

    def _pass(self, registers: Registers) -> None:
        """Execute the instruction at a breakpoint."""
        remote = self._attached()
        instruction = self.code.at(registers["pc"], INSTRUCTION)
        changes = self.abi.executing(registers, instruction)
        if changes is not None:
            remote.set_registers(changes, registers)
            return
        # Removing the breakpoint is not necessary: in QEMU, a step overrides it.
        remote.step(self._thread_of(registers))
        self._await("STOP")

    def _thread_of(self, registers: Registers) -> str:
        """Return the CPU that has these registers: after a stop, the stub has chosen it."""
        remote = self._attached()
        threads = remote.threads()
        for thread in threads[:-1]:
            remote.choose(thread)
            if remote.registers() == registers:
                return thread
        remote.choose(threads[-1])
        return threads[-1]

    def _restarted(self) -> None:
        self._calls.clear()
        self._fail(GuestRestarted("The guest restarted meanwhile, so nothing more will come."))
        for callback in tuple(self.on_restart):
            callback()

    def _work_off_jobs(self) -> None:
        with self._halting(self._attached()):
            was_running = self._qmp.execute("query-status")["running"]
            if was_running:
                self._qmp.execute("stop")
            self._qmp.read_events()
            self._events.clear()
            try:
                while self._jobs:
                    self._jobs.popleft()()
            finally:
                # A CPU that had just reached a breakpoint reaches it again.
                if was_running or self._stands():
                    self._go()

    def _synchronise(self) -> None:
        """Insert and remove breakpoints so that those with handlers are set."""
        remote = self._attached()
        wanted = {address for address, handlers in self._handlers.items() if handlers}
        # A call in progress returns to its breakpoint.
        wanted |= {progress.before["pc"] for progress in self._calls}
        remote.insert(*sorted(wanted - self._inserted))
        remote.remove(*sorted(self._inserted - wanted))
        self._inserted = wanted

    def _stands(self) -> bool:
        """Return whether the guest stands at a breakpoint, and nobody has paused it."""
        return not self._qmp.paused and self._qmp.execute("query-status")["status"] == "debug"

    def _go(self) -> None:
        if self._quiet:
            self._qmp.execute("cont")
        else:
            self._attached().send(b"vCont;c")
            self._await("RESUME")

    def _attached(self) -> RemoteProtocol:
        if self._remote is None:
            raise StubClosed("The gdb stub is not attached: attach it first.")
        return self._remote

    # ---------------------------------------------------------------- the end

    def _note(self, event: dict[str, Any]) -> None:
        """Take an event from the thread that has read it."""
        if event["event"] in ("STOP", "RESUME", "RESET"):
            if event["event"] == "RESET":
                self._reset = True
            else:
                self._events.append(event["event"])
            if threading.current_thread() is not self._thread:
                self._wake()

    def _wake(self) -> None:
        if self._wake_write >= 0:
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_write, b"\0")

    def _close_pipe(self) -> None:
        ends = self._wake_read, self._wake_write
        self._wake_read = self._wake_write = -1
        for end in ends:
            if end >= 0:
                os.close(end)

    def _end(self, error: EspbenchError) -> None:
        self._ended = error
        self._fail(error)

    def _fail(self, error: EspbenchError) -> None:
        with self._lock:
            pending = tuple(self._pending)
        for one in pending:
            one.fail(error)

    def _detach(self) -> None:
        """Leave QEMU as it was before: no breakpoint, no stub, and running unless it was paused."""
        remote, self._remote = self._remote, None
        self._qmp.ignore(self._note)
        if remote is None:
            return
        with contextlib.suppress(QmpError, StubError), self._halting(remote):
            status = self._qmp.execute("query-status")
            if status["running"]:
                self._qmp.execute("stop")
            remote.remove(*sorted(self._inserted))
            attach.disconnect(self._qmp)
            if status["running"] or self._stands():
                self._qmp.execute("cont")
        remote.close()
