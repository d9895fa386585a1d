# SPDX-License-Identifier: MIT
"""`probe`: polls an HTTP(S) server of the guest until the first byte of a response arrives.

slirp accepts a TCP connection before the guest does, so an accepted connection proves nothing: a
probe waits for a byte of the response.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping

from espbench.clients import source_ports
from espbench.device.console.console import Console
from espbench.util.timeouts import Deadline

__all__ = ["probe"]

FIRST, MOST = 2.0, 30.0
"""Seconds for a response to the first probe, and at most; each further one gets twice the time."""
RETRY = 0.05
"""Seconds between two probes of a guest that refuses connections; it sends no event for this."""


def probe(
    ports: Mapping[str, int],
    path: str,
    console: Console,
    deadline: Deadline,
    check: Callable[[], None] = lambda: None,
) -> str | None:
    """Send requests until one byte comes back; return the scheme if it came in time.

    Args:
        ports: the host ports that lead to the guest's servers, by scheme: "http" or "https"
            (nothing is verified). They are tried in turn.
        path: the path to GET.
        console: the guest's console, which ends the probing if the guest ends.
        deadline: for the byte.
        check: called after each request; raises an error if no byte can come any more.

    Raises:
        DeviceError: the guest panicked or QEMU died, or what `check` raises.
    """
    patience = FIRST
    while True:
        for scheme, port in ports.items():
            if _answers(port, scheme, path, min(deadline.remaining(), patience)):
                return scheme
            console.check()
        # A slow server would be kept from answering by handshakes that are given up.
        patience = min(2 * patience, MOST)
        check()
        if deadline.expired():
            return None
        console.wait_for_change(min(RETRY, deadline.remaining()))


def _answers(port: int, scheme: str, path: str, timeout: float) -> bool:
    """Return whether one byte of a response came within `timeout` seconds."""
    if timeout <= 0:
        return False
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    try:
        with source_ports.connect(port, timeout) as raw:
            connection = _unverified(raw) if scheme == "https" else raw
            with connection:
                connection.settimeout(timeout)
                connection.sendall(request)
                first = connection.recv(1)
                if not first:
                    return False
                # Read the rest: closing with unread bytes would send the guest a TCP reset.
                connection.settimeout(min(timeout, 0.2))
                with contextlib.suppress(OSError):
                    while connection.recv(65536):
                        pass
                return True
    except OSError:
        return False


def _unverified(raw: socket.socket) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(raw)
