# SPDX-License-Identifier: MIT
"""Measures the memory of a firmware that knows nothing of espbench, from outside.

Times and the order of packets are left to chance here, so the tolerances are wider than those of
the reference firmware.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from espbench.clients import Endpoint, Tls
from espbench.clients.errors import ClientError
from espbench.clients.tcp import Stream
from espbench.clients.tls import TlsStream
from espbench.device.device import Device
from espbench.errors import FigureUnavailable, NotInspectable
from espbench.inspect.tasks.task import least_free
from espbench.perf import metrics
from espbench.perf.metrics import Kind, Reading
from espbench.util.timeouts import Deadline

__all__ = ["measure_unmodified"]

CONNECTIONS = 10
"""Connections over which the bytes lost with each are averaged."""
SESSIONS = 2
SETTLED = 15.0
"""Seconds (scaled) for the heap to come to rest."""
BACK = 5.0
"""Seconds (scaled) for closed connections to give their memory back."""

Progress = Callable[[str], None]


def measure_unmodified(device: Device, progress: Progress) -> list[Reading]:
    """Return the figures of a running device's memory.

    Args:
        device: a device that is ready, with the ports that its firmware listens on.
        progress: called with the title of the current figure.

    Returns:
        Heap that is free, heap that a TLS session holds, heap lost with each connection, the heap's
        low-water mark, and the least free stack of each task. A figure that does not apply has a
        reason. The list is empty if the firmware cannot be looked into.

    Raises:
        EspbenchError: the device panicked or died.
    """
    try:
        device.heaps()
    except NotInspectable:
        return []
    found: list[Reading] = []

    def take(kind: Kind, get: Callable[[], float]) -> None:
        progress(kind.title)
        try:
            found.append(Reading(kind, round(get())))
        except (FigureUnavailable, NotInspectable) as error:
            found.append(Reading(kind, None, str(error)))
        except (ClientError, OSError) as error:
            device.check()
            found.append(Reading(kind, None, f"A client failed: {error}"))

    for scheme in ("http", "https"):
        with contextlib.suppress(ClientError, OSError, FigureUnavailable):
            _connect(device, scheme)  # the first connection also allocates permanent memory
    take(metrics.FREE_OUTSIDE, lambda: device.settle(SETTLED).free)
    take(metrics.SESSION_OUTSIDE, lambda: _session(device))
    take(metrics.LEAK_HTTP_OUTSIDE, lambda: _leak(device, "http"))
    take(metrics.LEAK_TLS_OUTSIDE, lambda: _leak(device, "https"))
    take(metrics.LOW_WATER_OUTSIDE, lambda: device.heap().low_water)
    progress("Stacks")
    with contextlib.suppress(NotInspectable):
        found += [
            Reading(metrics.stack_kind(name), free)
            for name, free in sorted(least_free(device.tasks()).items())
        ]
    return found


def _endpoint(device: Device, scheme: str) -> Endpoint:
    """Return an endpoint, for clients that verify nothing.

    Raises:
        FigureUnavailable: nothing listens there.
    """
    port = device.board.ports.get(scheme)
    if port is None or not _listens(device, port):
        raise FigureUnavailable(
            f"Nothing listens on a port for {scheme}: name it with --ports {scheme}=PORT if the "
            "firmware serves it."
        )
    return Endpoint(device.port(port), Tls(verify=False) if scheme == "https" else None)


def _listens(device: Device, port: int) -> bool:
    try:
        return any(each.protocol == "tcp" and each.port == port for each in device.listeners())
    except NotInspectable:
        return True  # it has another TCP/IP stack, so the client finds out


def _connect(device: Device, scheme: str) -> None:
    """Send a request on a new connection, and close it."""
    with _endpoint(device, scheme).http() as connection:
        connection.get("/")


def _session(device: Device) -> float:
    """Return the bytes that an established, idle TLS session holds."""
    endpoint = _endpoint(device, "https")
    device.settle(SETTLED)
    before = device.heap_at_rest(SETTLED).free
    streams: list[Stream | TlsStream] = []
    try:
        streams += (endpoint.tls_stream() for _ in range(SESSIONS))
        held = before - device.heap_at_rest(SETTLED).free
    finally:
        for stream in streams:
            stream.close()
    return held / len(streams)


def _leak(device: Device, scheme: str) -> float:
    """Return the bytes that a closed connection has not freed."""
    _endpoint(device, scheme)
    before = device.memory.free_later(SETTLED)
    for _ in range(CONNECTIONS):
        _connect(device, scheme)
    deadline = Deadline(BACK)
    lost = before - device.memory.free_later(SETTLED)
    while lost > 0 and not deadline.expired():
        lost = min(lost, before - device.memory.free_later(SETTLED))
    return max(lost, 0) / CONNECTIONS
