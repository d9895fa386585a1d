# SPDX-License-Identifier: MIT
"""`Sockets`: what listens in a guest, and its TCP connections, from lwIP's lists.

The lists are those of src/include/lwip/priv/tcp_priv.h and udp.h, the states those of RFC 9293,
section 3.3.2.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.elf.structure import Structure
from espbench.inspect.memory import GuestMemory, Inconsistent

__all__ = ["Listener", "Sockets", "Waiting"]

TCP_LISTENERS, UDP = "tcp_listen_pcbs", "udp_pcbs"
ACTIVE, TIME_WAIT = "tcp_active_pcbs", "tcp_tw_pcbs"
STATES = (
    *("CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"),
    *("CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"),
)
"""By the value of lwIP's `tcp_state` (src/include/lwip/tcpbase.h)."""
V6_TYPE = 6
"""`IPADDR_TYPE_V6` (src/include/lwip/ip_addr.h)."""
MOST = 1024
TIMER = "tcpip_tcp_timer_active"
TIMER_BYTES = 16
"""`struct sys_timeo` (src/include/lwip/timeouts.h)."""


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """A socket that takes connections or datagrams.

    Attributes:
        protocol: "tcp" or "udp".
        port: the port in the guest.
        address: the guest's address that it is bound to; "" for all of them.
    """

    protocol: str
    port: int
    address: str = ""

    @property
    def reachable(self) -> bool:
        """Whether others than the guest itself can reach it."""
        return not self.address or not ipaddress.ip_address(self.address).is_loopback


@dataclass(frozen=True, slots=True)
class Waiting:
    """What connections in TIME-WAIT hold.

    Attributes:
        blocks: allocations.
        bytes: their content, without the allocator's overhead.
    """

    blocks: int
    bytes: int


class Sockets:
    """The protocol control blocks of lwIP in a guest."""

    def __init__(self, elf: FirmwareElf, memory: GuestMemory) -> None:
        """Find the lists and the layout of their entries.

        Raises:
            NotInspectable: the firmware has no lwIP, or its ELF file does not describe it.
        """
        elf.check()
        if TCP_LISTENERS not in elf.symbols:
            raise NotInspectable(f"{elf.path.name} has no lwIP, so what listens is unknown.")
        self._memory = memory
        self._lists = {name: elf.address(name) for name in (TCP_LISTENERS, UDP, ACTIVE, TIME_WAIT)}
        self._timer = elf.address(TIMER)
        self._listener = elf.structure("tcp.c", "tcp_pcb_listen")
        self._connection = elf.structure("tcp.c", "tcp_pcb")
        self._udp = elf.structure("udp.c", "udp_pcb") if UDP in elf.symbols else None

    def waiting(self) -> Waiting:
        """Return the heap that connections in TIME-WAIT hold, with lwIP's timer for them.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """
        return self._memory.consistent(self._waiting)

    def _waiting(self) -> Waiting:
        count = len(self._connections(TIME_WAIT))
        if not count:
            return Waiting(0, 0)
        # `tcpip_tcp_timer` runs while there is a connection (src/core/timeouts.c).
        timer = self._timer is not None and self._memory.word(self._timer) != 0
        return Waiting(count + timer, count * self._connection.size + timer * TIMER_BYTES)

    def listeners(self) -> list[Listener]:
        """Return what listens, in the order of protocol and port.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """
        return self._memory.consistent(self._listeners)

    def connections(self) -> dict[str, int]:
        """Return the number of TCP connections by state, such as {"ESTABLISHED": 2}.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """
        return self._by_state(self._memory.consistent(lambda: self._connections(ACTIVE, TIME_WAIT)))

    def accepted(self) -> dict[str, int]:
        """Return the number of connections to a listener by state, without TIME-WAIT.

        Connections that the guest itself has opened do not count.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """

        def read() -> list[bytes]:
            ports = {each.port for each in self._listeners() if each.protocol == "tcp"}
            return [
                pcb
                for pcb in self._connections(ACTIVE)
                if self._connection.integer(pcb, "local_port") in ports
            ]

        return self._by_state(self._memory.consistent(read))

    def _listeners(self) -> list[Listener]:
        found = {
            Listener("tcp", self._listener.integer(pcb, "local_port"), _bound(self._listener, pcb))
            for pcb in self._blocks(TCP_LISTENERS, self._listener)
        }
        if self._udp is not None:
            found |= {
                Listener("udp", port, _bound(self._udp, pcb))
                for pcb in self._blocks(UDP, self._udp)
                if (port := self._udp.integer(pcb, "local_port"))
            }
        return sorted(found)

    def _connections(self, *lists: str) -> list[bytes]:
        return [pcb for name in lists for pcb in self._blocks(name, self._connection)]

    def _by_state(self, connections: Iterable[bytes]) -> dict[str, int]:
        numbers = (self._connection.integer(pcb, "state") for pcb in connections)
        states = Counter(STATES[n] if n < len(STATES) else str(n) for n in numbers)
        return dict(sorted(states.items()))

    def _blocks(self, name: str, layout: Structure) -> Iterator[bytes]:
        """Yield the bytes of each control block in a list."""
        address = self._lists[name]
        block = 0 if address is None else self._memory.word(address)
        for _ in range(MOST):
            if not block:
                return
            data = self._memory.read(block, layout.size)
            yield data
            block = layout.integer(data, "next")
        raise Inconsistent(f"{name} has no end")


def _bound(layout: Structure, pcb: bytes) -> str:
    """Return the address that a control block is bound to, or ""."""
    member = layout.member("local_ip")
    raw = pcb[member.offset : member.offset + member.size]
    has_types = layout.has("local_ip.type")
    if has_types and layout.integer(pcb, "local_ip.type") == V6_TYPE:
        return "" if not any(raw[:16]) else str(ipaddress.IPv6Address(raw[:16]))
    return "" if not any(raw[:4]) else str(ipaddress.IPv4Address(raw[:4]))
