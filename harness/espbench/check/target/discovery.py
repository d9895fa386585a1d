# SPDX-License-Identifier: MIT
"""Finds the servers of a running device: what listens, what it speaks, which paths it has."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from espbench.check.profile import Profile
from espbench.check.server import Server, WebSocketPath
from espbench.clients import UNVERIFIED, Endpoint, Tls
from espbench.clients.errors import ClientError, HttpError, TlsError, WebSocketError
from espbench.clients.websocket import RawWebSocket, upgrade_headers
from espbench.device.device import Device
from espbench.errors import ConfigError, DeviceError, NotInspectable
from espbench.util.timeouts import Deadline

__all__ = [
    "CANDIDATES",
    "FORWARDS",
    "LISTEN",
    "find_servers",
    "forwarded",
    "identify",
    "identify_servers",
    "listening_ports",
    "wait_for_listeners",
]

FORWARDS = 8
"""Host ports for each port of the guest: that many clients can connect at once."""
CANDIDATES = (80, 443, 8080, 8443)
"""Ports to try on a firmware that cannot be looked into."""
PLAIN, SECURE = 4.0, 15.0
"""Seconds (before scaling) for an answer; an RSA handshake on a busy emulated ESP32 takes 2."""
STABLE = 1.5
"""Seconds (before scaling) without a new listener after which all are taken to be there."""
LATE = 10.0
"""The same, while a port that the user named does not listen yet."""
LOOK = 0.1
LIKELY_WEBSOCKETS = ("/ws", "/", "/echo", "/websocket")
TLS_PATHS = 10
"""Paths to try on a server that only speaks TLS; each takes a handshake."""
ECHO = "espbench"
LISTEN, ANSWER = "open a listening port", "answer on any port that was tried"
"""What a firmware did not do whose program has ended."""
FIX = "Correct --ports (pytest: --espbench-ports, Device: ports), or firmware.ports in the profile."


def listening_ports(device: Device) -> list[int]:
    """Return the TCP ports that a device listens on, for others than itself.

    Raises:
        NotInspectable: its firmware cannot be looked into.
    """
    return sorted(
        {each.port for each in device.listeners() if each.protocol == "tcp" and each.reachable}
    )


def wait_for_listeners(
    device: Device,
    deadline: Deadline,
    expected: Collection[int] = (),
    named: Collection[int] = (),
) -> list[int]:
    """Return the ports that it listens on, once it has not opened another one for a while.

    Args:
        device: the device.
        deadline: until when to wait.
        expected: ports after which no other one is waited for.
        named: ports that the user named, of which each is waited for longer.

    Raises:
        NotInspectable: its firmware cannot be looked into.
        EspbenchError: it panicked, loops, or QEMU died.
    """
    found: list[int] = []
    stable = Deadline(STABLE)
    while not deadline.expired():
        device.check()
        now = listening_ports(device)
        if now != found:
            found, stable = now, Deadline(LATE if named else STABLE)
        complete = set(found) == set(expected) or (named and set(named) <= set(found))
        if found and (complete or stable.expired()):
            return found
        if not found:
            device.run.readiness.check_program(LISTEN)
        threading.Event().wait(LOOK)
    return found


def find_servers(
    device: Device, profile: Profile, paths: Sequence[str], deadline: Deadline
) -> list[Server]:
    """Return what a running device serves; waits until it does.

    Args:
        device: the device, whose ports need not be forwarded yet.
        profile: what the user said; if it names ports, what others serve does not matter.
        paths: more paths to try.
        deadline: until when something has to answer.

    Raises:
        ConfigError: a port that the profile names serves nothing or something else.
        EspbenchError: it panicked, loops, QEMU died, or no port serves although some are named.
    """
    named = profile.ports.values()
    found = identify_servers(device, profile, deadline, named=named)
    if named:
        if not found:
            ports = " or ".join(str(port) for port in sorted(named))
            raise DeviceError(f"Within {deadline}, nothing listens on port {ports}, or on others.")
        found = _named(profile.ports, found)
    # Plain servers first: their paths are cheaper to find, and TLS servers often have the same.
    found.sort(key=lambda each: (each.tls, each.port))
    done: list[Server] = []
    for server in found:
        siblings = [each for each in done if each.http]
        done.append(_explored(device, server, profile, paths, siblings) if server.http else server)
    return sorted(done, key=lambda each: (not each.http, each.port))


def _named(ports: Mapping[str, int], found: Sequence[Server]) -> list[Server]:
    """Return the servers on the ports that the user named by their schemes.

    Raises:
        ConfigError: there is none on one of these, or it is another one.
    """
    by_port = {each.port: each for each in found}
    serves = " and ".join(each.name for each in sorted(found, key=lambda each: each.port))
    for scheme, port in ports.items():
        server = by_port.get(port)
        if server is None:
            raise ConfigError(
                f"Nothing listens on port {port}: the firmware serves {serves}. {FIX}"
            )
        if (server.http or server.tls) and server.tls is not (scheme == "https"):
            raise ConfigError(
                f"The firmware does not serve {scheme} on port {port}: it serves {serves}. {FIX}"
            )
    return [by_port[port] for port in dict.fromkeys(ports.values())]


def identify_servers(
    device: Device,
    profile: Profile,
    deadline: Deadline,
    known: Sequence[Server] = (),
    named: Collection[int] = (),
) -> list[Server]:
    """Return what a running device serves, without its paths; waits until it does.

    Args:
        device: the device, whose ports need not be forwarded yet.
        profile: what the user said.
        deadline: until when something has to answer.
        known: what the same firmware served before: if it has just these ports again, they are
            returned as they are.
        named: ports that the user named, of which each is waited for longer.

    Raises:
        EspbenchError: it panicked, loops, or QEMU died.
    """
    before = {each.port for each in known}
    headers = tuple(profile.headers.items())
    try:
        ports = wait_for_listeners(device, deadline, before, named)
        if ports and set(ports) == before:
            for port in ports:
                forwarded(device, port)
            return list(known)
        identified = [
            identify(device, port, _first(profile), headers=headers, tls=profile.tls)
            for port in ports
        ]
    except NotInspectable:
        identified = list(_try_ports(device, profile, deadline, named))
    return [each for each in identified if each is not None]


def _try_ports(
    device: Device, profile: Profile, deadline: Deadline, named: Collection[int]
) -> list[Server]:
    """Return the servers on likely ports, once one has answered and no other follows."""
    ports = dict.fromkeys((*profile.ports.values(), *device.board.ports.values(), *CANDIDATES))
    headers = tuple(profile.headers.items())
    found: dict[int, Server] = {}
    stable: Deadline | None = None
    while not deadline.expired() and not (stable is not None and stable.expired()):
        device.check()
        if not found:
            device.run.readiness.check_program(ANSWER)
        for port in ports:
            if port in found or deadline.expired():
                continue
            server = identify(
                device,
                port,
                _first(profile),
                until=deadline,
                headers=headers,
                tls=profile.tls,
            )
            if server is not None:
                found[port] = server
                stable = Deadline(LATE if named else STABLE)
        if named and set(named) <= set(found):
            break
        threading.Event().wait(LOOK)
    return list(found.values())


def forwarded(device: Device, port: int) -> int:
    """Return a host port for a guest's port, which has `FORWARDS` of them from then on.

    In an emulator that cannot forward more ports once it runs, it has those of the start.

    Raises:
        ConfigError: the port is not forwarded, in such an emulator.
    """
    if device.board.in_qemu:  # other emulators forward ports only from their start on
        for _ in range(FORWARDS - len(device.emulator.host_ports(port))):
            device.emulator.add_forward(f"tcp:127.0.0.1:0-:{port}")
    return device.port(port)


def _first(profile: Profile) -> str:
    """Return the path to ask first: "/" may be slow, and the user has said what is answered."""
    return profile.paths[0].path if profile.paths else "/"


def identify(
    device: Device,
    port: int,
    path: str = "/",
    *,
    until: Deadline | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    tls: Tls = UNVERIFIED,
) -> Server | None:
    """Return what a port speaks; None if nothing answers there.

    Args:
        device: the device.
        port: the guest's port.
        path: the path to ask.
        until: when to stop, for a port on which nothing may listen at all.
        headers: fields that each request needs.
        tls: has the client's certificate, if the server asks for one.
    """
    host_port = forwarded(device, port)
    brief = until is not None
    plain = PLAIN if until is None else min(PLAIN, max(LOOK, until.remaining()))
    try:
        answer = Endpoint(host_port, timeout=plain, headers=headers).get(path)
        return Server(port, http=True, path=path, status=answer.status)
    except HttpError:
        pass  # such as a TLS alert
    except ClientError:
        if brief and not _accepts(host_port):
            return None
    patience = SECURE if until is None else min(SECURE, max(LOOK, until.remaining()))
    secure = Endpoint(host_port, tls, timeout=patience, headers=headers)
    try:
        with secure.http() as http:
            try:
                status = http.get(path).status
                return Server(port, tls=True, http=True, path=path, status=status)
            except ClientError:
                return Server(port, tls=True)
    except TlsError as error:
        # An alert proves a TLS server, even one whose certificate is broken.
        spoke = "alert" in error.reason.lower()
        if spoke:
            return Server(port, tls=True, handshakes=False)
        return None if brief else Server(port)
    except ClientError:
        return None if brief else Server(port)


def _accepts(host_port: int) -> bool:
    """Return whether the guest keeps a connection open; slirp resets those that it refuses."""
    try:
        with Endpoint(host_port).raw() as stream:
            stream.receive(0.5)
    except ClientError as error:
        return not getattr(error, "reset", False)
    return False


def _explored(
    device: Device, server: Server, profile: Profile, paths: Sequence[str], siblings: list[Server]
) -> Server:
    """Return a server with a path that it answers well, and its WebSockets."""
    tls = profile.tls if server.tls else None
    endpoint = Endpoint(
        forwarded(device, server.port),
        tls,
        timeout=SECURE if tls else PLAIN,
        headers=tuple(profile.headers.items()),
    )
    if server.tls and siblings:  # handshakes are slow, so try what another port has
        paths = [each.path for each in siblings if each.path != "/"]
        sockets = [each for sibling in siblings for each in sibling.websockets]
    else:
        paths = paths[:TLS_PATHS] if server.tls else paths
        guessed = dict.fromkeys((*LIKELY_WEBSOCKETS, *(p for p in paths if p not in ("/",))))
        sockets = [WebSocketPath(path) for path in guessed]
        sockets = sockets[:TLS_PATHS] if server.tls else sockets
    asked = [each.path for each in profile.paths]
    best = _best_path(endpoint, server, [*asked, *paths])
    known = {each.path: each for each in (*sockets, *profile.websockets)}
    upgraded = [
        upgraded
        for each in known.values()
        if (upgraded := _upgrade(endpoint, each, trusted=each in profile.websockets)) is not None
    ]
    # One that echoes first: more can be asked of it.
    upgraded.sort(key=lambda each: not each.echo)
    return replace(best, websockets=tuple(upgraded))


def _best_path(endpoint: Endpoint, server: Server, paths: Sequence[str]) -> Server:
    """Return the server with the first path that is answered with 2xx."""
    for path in ("/", *paths):
        if 200 <= server.status <= 299:
            break
        try:
            status = endpoint.get(path).status
        except (ClientError, OSError):
            continue
        if 200 <= status <= 299 or not server.status:
            server = replace(server, path=path, status=status)
    return server


def _upgrade(endpoint: Endpoint, path: WebSocketPath, *, trusted: bool) -> WebSocketPath | None:
    """Return a path if it upgrades, with whether it echoes unless the user said so."""
    headers = None
    if path.subprotocol:
        headers = {**upgrade_headers(), "Sec-WebSocket-Protocol": path.subprotocol}
    try:
        socket = endpoint.websocket(path.path, headers=headers)
    except WebSocketError as error:
        # With a status, it refused. Without one, it upgraded, but wrongly: a check says so.
        return None if error.status is not None else replace(path, echo=False)
    except (ClientError, OSError):
        return None
    try:
        if trusted and path.echo:
            return path
        return replace(path, echo=_echoes(socket))
    finally:
        socket.stream.close()


def _echoes(socket: RawWebSocket) -> bool:
    deadline = Deadline(2.0)
    try:
        socket.send(ECHO)
        while not deadline.expired():
            if socket.receive(deadline) == ECHO:
                return True
    except (ClientError, OSError):
        pass
    return False
