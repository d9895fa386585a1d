# SPDX-License-Identifier: MIT
"""`Shortcuts`: delegates from `Device` to its parts: `device.heap()` is `device.memory.heap()`.

These are public and keep tests short. Nothing here does any work itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from espbench.crash.panic import Panic
from espbench.device.addresses import Addresses
from espbench.device.console.console import Console
from espbench.device.console.control import Control
from espbench.device.faults import FaultMonitor
from espbench.device.filesystem import Filesystem
from espbench.device.memory.device_memory import DeviceMemory
from espbench.device.memory.heap_info import HeapInfo, HeapSample
from espbench.device.memory.heap_sampler import HeapWatch
from espbench.device.micropython import MicroPython
from espbench.device.run import Run
from espbench.device.timeline import Timeline
from espbench.errors import Panicked
from espbench.inspect.allocations import Place, Trial
from espbench.inspect.heap.figures import Heap
from espbench.inspect.inspection import Inspection
from espbench.inspect.sockets import Listener
from espbench.inspect.tasks.task import Task
from espbench.netem.network import Network
from espbench.util.timeouts import Deadline

__all__ = ["Shortcuts"]


class Shortcuts:
    """Methods of a device that delegate to its parts."""

    addresses: Addresses
    """The host's ports and URLs that lead to the device."""
    run: Run
    """The current run, or the last one."""
    folder: Path
    """Temporary folder of the device's files."""

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

    # ---------------------------------------------------------------- the parts of a run

    @property
    def timeline(self) -> Timeline:
        """The events of the run, with their times."""
        return self.run.timeline

    @property
    def console(self) -> Console:
        """The serial line: the guest's output, and waiting for text in it."""
        return self.run.console

    @property
    def control(self) -> Control:
        """Control requests, which the guest answers without its network or Python."""
        return self.run.control

    @property
    def memory(self) -> DeviceMemory:
        """The heap: its figures, leaks, and failing allocations."""
        return self.run.memory

    @property
    def python(self) -> MicroPython:
        """The MicroPython interpreter."""
        return self.run.python

    @property
    def filesystem(self) -> Filesystem:
        """The files of the running device."""
        return self.run.filesystem

    @property
    def faults(self) -> FaultMonitor:
        """Panics, reboot loops, and the end of QEMU."""
        return self.run.faults

    # ---------------------------------------------------------------- network

    @property
    def network(self) -> Network:
        """The network between slirp and the guest's NIC, for impairing it.

        The first use inserts a relay, which stays until the device is stopped; each start begins
        with an unimpaired network.

        Raises:
            NotRunning: the device has not been started.
            NotEmulated: the emulator has no such network.
        """
        return self.run.network.get()

    @property
    def used_network(self) -> Network | None:
        """The network of the last start, if a test used it; see `network`."""
        return self.run.network.used

    def reset_network(self) -> None:
        """End all impairments of the network, and restart its random numbers."""
        self.run.network.reset()

    # ---------------------------------------------------------------- addresses

    @property
    def guest_address(self) -> str:
        """The address that the guest gets by DHCP; see `Addresses.guest`."""
        return self.addresses.guest

    def ports(self, guest_port: int) -> list[int]:
        """Return all host ports that lead to a guest port; see `Addresses.ports`."""
        return self.addresses.ports(guest_port)

    def port(self, guest_port: int, index: int = 0) -> int:
        """Return a host port that leads to a guest port; see `Addresses.port`."""
        return self.addresses.port(guest_port, index)

    def forward(self, guest_port: int) -> int:
        """Return a host port that leads to a guest port, adding a forward if there is none yet."""
        return self.addresses.forward(guest_port)

    def relay(self, guest_port: int) -> int:
        """Return a host port on which any number of clients may connect at once."""
        return self.addresses.relay(guest_port)

    def url(self, path: str = "/", scheme: str = "", index: int | None = None) -> str:
        """Return the URL of a path on the device: scheme http, https, ws or wss.

        Without a scheme: http, or https if the firmware serves no http. With an index, it leads
        to that forwarded port itself; see `Addresses.url`.
        """
        return self.addresses.url(path, scheme, index)

    def http(self, path: str = "/", index: int | None = None) -> str:
        """Return an http URL."""
        return self.addresses.url(path, "http", index)

    def https(self, path: str = "/", index: int | None = None) -> str:
        """Return an https URL."""
        return self.addresses.url(path, "https", index)

    def ws(self, path: str = "/ws", index: int | None = None) -> str:
        """Return a ws URL."""
        return self.addresses.url(path, "ws", index)

    def wss(self, path: str = "/ws", index: int | None = None) -> str:
        """Return a wss URL."""
        return self.addresses.url(path, "wss", index)

    # ---------------------------------------------------------------- boots and waiting

    @property
    def boots(self) -> int:
        """How often the guest's firmware reported a boot."""
        return self.run.boots.count

    @property
    def resets(self) -> list[str]:
        """The cause of every boot, as the chip's ROM names it, if it does."""
        return self.run.boots.resets

    @property
    def events(self) -> list[dict[str, Any]]:
        """The guest's events, as it sent them."""
        return self.run.boots.events

    def wait_for_event(
        self, name: str, timeout: float | Deadline = 10.0, *, since: int = 0
    ) -> dict[str, Any]:
        """Wait for an event of the guest and return it.

        Args:
            name: such as "listening".
            timeout: seconds, scaled; or a deadline.
            since: index into `events` at which to start looking.

        Raises:
            ControlError: the event did not come in time.
        """
        return self.run.readiness.wait_for_event(name, Deadline.of(timeout), since)

    def wait_for_listeners(self, schemes: set[str], deadline: Deadline) -> bool:
        """Return whether all these listened in time; see `ReadinessMonitor.wait_for_listeners`."""
        return self.run.readiness.wait_for_listeners(schemes, deadline)

    def wait_for_text(self, pattern: str, deadline: Deadline) -> bool:
        """Return whether the current boot printed `pattern` before the deadline."""
        return self.run.readiness.wait_for_text(pattern, deadline)

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the console shows something, for at most `seconds` (unscaled)."""
        self.console.wait_for_change(seconds)

    # ---------------------------------------------------------------- faults

    @property
    def panics(self) -> list[Panic]:
        """Every panic since the start."""
        return self.faults.panics

    def check(self) -> None:
        """Raise the error that explains what is wrong with the device, if anything is.

        Raises:
            Panicked: the guest panicked, and no test expected that.
            QemuDied: QEMU exited.
            NotRunning: the device was stopped.
        """
        self.console.check()

    def panicked(self) -> Panicked | None:
        """Return the error of a panic that no test expected, or None."""
        return self.faults.panicked()

    # ---------------------------------------------------------------- memory

    @property
    def heap_samples(self) -> list[HeapSample]:
        """All heap samples of the run."""
        return self.memory.samples

    @property
    def heap_watch(self) -> HeapWatch | None:
        """The sampler of the heap in the current or last run."""
        return self.memory.watch

    def heap(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Return the figures of the device's memory; each sample is kept for the evidence."""
        return self.memory.heap(timeout)

    def sample_heap(self, why: str, deadline: Deadline) -> HeapInfo:
        """Sample the heap, and note why."""
        return self.memory.sample(why, deadline)

    @property
    def inspection(self) -> Inspection:
        """The look into the guest from outside, which needs nothing from its firmware."""
        return self.memory.inspection

    def heaps(self) -> list[Heap]:
        """Return every heap with its capabilities; see `Inspection.heaps`."""
        return self.inspection.heaps()

    def tasks(self) -> list[Task]:
        """Return every task with the stack that it never used; see `Inspection.tasks`."""
        return self.inspection.tasks()

    def listeners(self) -> list[Listener]:
        """Return what listens in the guest; see `Inspection.listeners`."""
        return self.inspection.listeners()

    def heap_reset(self) -> None:
        """Reset the low-water mark to the bytes that are free now."""
        self.memory.heap_reset()

    def stats(self, timeout: float | Deadline = 10.0) -> dict[str, Any]:
        """Return the counters of servers, handshakes and failures."""
        return self.memory.stats(timeout)

    def ballast(self, size: int) -> int:
        """Hold `size` bytes of the network heap in total (0 frees all); return the bytes held."""
        return self.memory.ballast(size)

    def fail_alloc(self, number: int, persistent: bool = False) -> None:
        """Make the `number`-th next allocation from the network heap fail; 0 disables that."""
        self.memory.fail_alloc(number, persistent)

    def allocation_places(self, exchange: Callable[[], Any]) -> list[Place]:
        """Return the places that allocate; see `DeviceMemory.allocation_places`."""
        return self.memory.allocation_places(exchange)

    def fail_alloc_at(
        self, place: Place, persistent: bool = False
    ) -> AbstractContextManager[Trial]:
        """Make the next allocation of a place fail; see `DeviceMemory.fail_alloc_at`."""
        return self.memory.fail_alloc_at(place, persistent)

    def fail_alloc_seen(self) -> dict[str, int]:
        """Return the numbers of allocations and of failed ones since `fail_alloc`."""
        return self.memory.fail_alloc_seen()

    def settle(
        self,
        timeout: float | Deadline = 10.0,
        *,
        free: int | None = None,
        blocks: int | None = None,
    ) -> HeapInfo:
        """Wait until no connection is open and the heap is at rest; see `DeviceMemory.settle`."""
        return self.memory.settle(timeout, free=free, blocks=blocks)

    def heap_at_rest(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Wait until the heap stops changing; see `DeviceMemory.heap_at_rest`."""
        return self.memory.heap_at_rest(timeout)

    def no_leak(
        self, tolerance: int = 0, timeout: float = 10.0, settled: float = 10.0
    ) -> AbstractContextManager[HeapInfo]:
        """Check that the block frees all memory that it takes; see `DeviceMemory.no_leak`."""
        return self.memory.no_leak(tolerance, timeout, settled)

    # ---------------------------------------------------------------- MicroPython and its files

    def ping(self, timeout: float | Deadline = 10.0) -> int:
        """Return the guest's uptime in microseconds."""
        return int(self.control.request("ping", timeout=timeout)["us"])

    def exec(self, source: str, timeout: float | Deadline = 10.0) -> None:
        """Run Python source in the device's `__main__`; see `MicroPython.exec`."""
        self.python.exec(source, timeout)

    def eval(self, expression: str, timeout: float | Deadline = 10.0) -> Any:
        """Return the value of a Python expression on the device; see `MicroPython.eval`."""
        return self.python.eval(expression, timeout)

    def put(self, path: str, content: bytes | str, *, piece: int = 30_000) -> None:
        """Write a file on the running device; see `Filesystem.put`."""
        self.filesystem.put(path, content, piece=piece)

    def get(self, path: str, *, piece: int = 2048) -> bytes:
        """Read a file of the running device; see `Filesystem.get`."""
        return self.filesystem.get(path, piece=piece)
