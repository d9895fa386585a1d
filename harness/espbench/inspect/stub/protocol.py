# SPDX-License-Identifier: MIT
"""`RemoteProtocol`: the commands of GDB's Remote Serial Protocol that a stopped guest answers.

QEMU's stub needs no acknowledgements: the next packet counts as one, so packets can be sent without
waiting for the answers to the earlier ones. While the guest runs, any byte would stop it.
"""

from __future__ import annotations

import math
import select
import socket
import struct
from collections import deque
from collections.abc import Mapping, Sequence

from espbench.inspect.stub.errors import StubClosed, StubRefused, StubTimeout
from espbench.inspect.stub.packets import (
    INTERRUPT,
    PacketReader,
    StopReply,
    encode,
    parse_stop,
)
from espbench.inspect.stub.registers import (
    RegisterLayout,
    described_layout,
    includes,
    xtensa_layout,
)
from espbench.util.timeouts import SCALE_VARIABLE, Deadline

__all__ = ["RemoteProtocol"]

PATIENCE = 10.0
"""Seconds (scaled) for an answer: the stub answers at once, but the machine may be busy."""
CHUNK = 1024
"""Bytes of memory per packet; QEMU's packets hold 4096 characters."""


class RemoteProtocol:
    """The client's end of a connection to a stub; used by one thread.

    Every method raises StubTimeout if the stub does not answer in time, StubClosed if the
    connection has ended, and StubRefused if the stub answers with an error.
    """

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._socket.setblocking(False)
        self._reader = PacketReader()
        self._answers: deque[bytes] = deque()
        self.layout = RegisterLayout({})
        """The CPU's registers, once `identify` has been called."""
        self._single = True

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def identify(self, core: str | None) -> None:
        """Learn the registers: from the stub's target description, or else from the core's name.

        Args:
            core: QEMU's name of an Xtensa core, such as "esp32"; None for other CPUs.
        """
        supported = self.command(b"qSupported:xmlRegisters=xtensa,riscv")
        if b"qXfer:features:read+" in supported:
            target = self.feature("target.xml")
            annexes = [target, *map(self.feature, includes(target)[:1])]
            self.layout = described_layout(annexes)
        else:
            self.layout = xtensa_layout(core or "?")
        # Before QEMU 8, the stub reads and writes single registers only with a target description.
        self._single = self.command(b"p0") != b""

    def feature(self, annex: str) -> str:
        """Return a file of the target description."""
        data = b""
        while True:
            request = f"qXfer:features:read:{annex}:{len(data):x},{CHUNK:x}"
            answer = self.command(request.encode())
            data += answer[1:]
            if answer[:1] != b"m":
                return data.decode(errors="replace")

    def send(self, payload: bytes) -> None:
        """Send a packet without waiting for an answer."""
        self._send(encode(payload), Deadline(PATIENCE))

    def command(self, payload: bytes) -> bytes:
        """Send a packet and return the answer's payload."""
        return self.commands([payload])[0]

    def commands(self, payloads: Sequence[bytes]) -> list[bytes]:
        """Send packets at once and return the payloads of their answers."""
        deadline = Deadline(PATIENCE)
        self._send(b"".join(map(encode, payloads)), deadline)
        answers: list[bytes] = []
        while len(answers) < len(payloads):
            answer = self._receive(deadline)
            # Old versions of QEMU also send a stop reply when the monitor has stopped the guest.
            if parse_stop(answer) is None:
                answers.append(answer)
        return answers

    def step(self, thread: str) -> StopReply:
        """Execute one instruction of one CPU, even if a breakpoint is set there."""
        deadline = Deadline(PATIENCE)
        self._answers.clear()
        self._send(encode(f"vCont;s:{thread}".encode()), deadline)
        while True:
            stop = parse_stop(self._receive(deadline))
            if stop is not None:
                return stop

    def resume(self) -> StopReply:
        """Let the guest run until it reaches a breakpoint or is interrupted; return why it stopped.

        There is no time-out: `interrupt`, from another thread, ends the wait.
        """
        self._answers.clear()
        self._send(encode(b"vCont;c"), Deadline(PATIENCE))
        forever = Deadline(math.inf)
        while True:
            stop = parse_stop(self._receive(forever))
            if stop is not None:
                return stop

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when something arrives."""
        return self._socket.fileno()

    def drain(self) -> bool:
        """Drop what has arrived outside of a command; return whether the connection is open.

        Before QEMU 8.1, that is a stop reply whenever the monitor stops the guest. QEMU's main loop
        waits until the reply fits, so replies that nobody reads hang QEMU after some 280 of them.
        """
        try:
            while data := self._socket.recv(65536):
                self._reader.feed(data)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def interrupt(self) -> None:
        """Stop a running guest, which ends `resume`."""
        self._send(INTERRUPT, Deadline(PATIENCE))

    def threads(self) -> list[str]:
        """Return the stub's names of the CPUs."""
        found: list[str] = []
        answer = self.command(b"qfThreadInfo")
        while answer[:1] == b"m":
            found += answer[1:].decode().split(",")
            answer = self.command(b"qsThreadInfo")
        return found

    def choose(self, thread: str) -> None:
        """Let the following commands read and write this CPU's registers."""
        self._accept(f"Hg{thread}".encode())

    def registers(self) -> dict[str, int]:
        """Return the values of the chosen CPU's registers by name."""
        return self.layout.unpack(self.command(b"g"))

    def set_registers(self, changes: Mapping[str, int], current: Mapping[str, int]) -> None:
        """Write some registers, in this order.

        Args:
            changes: new values by name, of 32 bits.
            current: the values of all registers.
        """
        if not changes:
            return
        values = {name: value & 0xFFFFFFFF for name, value in changes.items()}
        if self._single:
            packets = [
                b"P%x=%b" % (self.layout.numbers[name], struct.pack("<I", value).hex().encode())
                for name, value in values.items()
            ]
        else:
            packets = [b"G" + self.layout.pack({**current, **values})]
        self._accept(*packets)

    def write(self, address: int, data: bytes) -> None:
        """Change bytes of the chosen CPU's memory.

        Raises:
            StubRefused: some of it is not mapped.
        """
        if self.command(b"M%x,%x:%s" % (address, len(data), data.hex().encode())) != b"OK":
            raise StubRefused(
                f"The guest's memory at 0x{address:08x} cannot be written: it is not mapped."
            )

    def read(self, address: int, length: int) -> bytes:
        """Return bytes of the chosen CPU's memory.

        Raises:
            StubRefused: some of it is not mapped.
        """
        starts = range(address, address + length, CHUNK)
        packets = [b"m%x,%x" % (start, min(CHUNK, address + length - start)) for start in starts]
        answers = self.commands(packets)
        for answer in answers:
            if answer[:1] == b"E":
                raise StubRefused(
                    f"The guest's memory at 0x{address:08x} cannot be read: it is not mapped."
                )
        return b"".join(bytes.fromhex(answer.decode()) for answer in answers)

    def insert(self, *addresses: int) -> None:
        """Set breakpoints."""
        self._accept(*(b"Z1,%x,2" % address for address in addresses))

    def remove(self, *addresses: int) -> None:
        """Remove breakpoints."""
        self._accept(*(b"z1,%x,2" % address for address in addresses))

    def _accept(self, *packets: bytes) -> None:
        if not packets:
            return
        for packet, answer in zip(packets, self.commands(packets), strict=True):
            if answer != b"OK":
                raise StubRefused(
                    f"QEMU's gdb stub answered the packet {packet[:40].decode()} with "
                    f"{answer.decode() or 'nothing'}: this version of QEMU is not supported."
                )

    def _send(self, data: bytes, deadline: Deadline) -> None:
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError as error:
                raise _closed() from error

    def _receive(self, deadline: Deadline) -> bytes:
        while not self._answers:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError as error:
                raise _closed() from error
            if not data:
                raise _closed()
            self._answers.extend(self._reader.feed(data))
        return self._answers.popleft()

    def _wait(self, event: int, deadline: Deadline) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        left = deadline.remaining()
        if left <= 0 or not poll.poll(None if left == math.inf else left * 1000):
            raise StubTimeout(
                f"QEMU's gdb stub did not answer within {deadline}: the guest is running, or the "
                f"machine is very busy (set {SCALE_VARIABLE}=3 to triple every time-out)."
            )


def _closed() -> StubClosed:
    return StubClosed(
        "QEMU's gdb stub closed the connection: QEMU has ended, or another debugger was attached, "
        "so start the device again."
    )
