# SPDX-License-Identifier: MIT
"""`plan`: which checks run on which server of a device, and why others do not; pure."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from espbench.check.check import Check
from espbench.check.server import Server, WebSocketPath
from espbench.errors import ConfigError

__all__ = ["Item", "check_names", "choose", "plan"]

LACKS = {
    "http": "nothing answers HTTP",
    "tls": "no TLS handshake succeeds",
    "websocket": "no path was found that upgrades to a WebSocket: if the firmware has one, name it "
    "under [[websockets]] in a profile",
    "echo": "no WebSocket was found that echoes: if the firmware has one, name it under "
    "[[websockets]] with echo = true in a profile",
}


@dataclass(frozen=True)
class Item:
    """A check on a server.

    Attributes:
        check: the check.
        server: the server to ask; None for a check that needs none.
        websocket: the path to ask, for checks that need a WebSocket.
        reason: why it is not applicable; "" if it is.
        alone: whether no other server has the same check.
        case: the only case to run; "" for all.
    """

    check: Check
    server: Server | None = None
    websocket: WebSocketPath | None = None
    reason: str = ""
    alone: bool = True
    case: str = ""

    @property
    def id(self) -> str:
        """The check's name, with the port if several servers have it."""
        if self.alone or self.server is None:
            return self.check.name
        return f"{self.check.name}@{self.server.port}"

    @property
    def estimate(self) -> float:
        """Seconds that it usually takes; a TLS server takes longer for each connection."""
        if self.reason:
            return 0.0
        slow = self.server is not None and self.server.tls and self.check.family != "tls"
        return self.check.estimate * (3 if slow else 1)


def plan(checks: Iterable[Check], servers: Sequence[Server], blind: str = "") -> list[Item]:
    """Return what to run, in order.

    Args:
        checks: the checks, in order.
        servers: what was found on the device.
        blind: why the firmware cannot be looked into; "" if it can.
    """
    return [item for each in checks for item in _items(each, servers, blind)]


def _items(check: Check, servers: Sequence[Server], blind: str) -> Iterator[Item]:
    if check.inspects and blind:
        yield Item(check, reason=blind)
        return
    if not check.needs:
        yield Item(check)
        return
    fitting = list(_fitting(check.needs, servers))
    if not fitting:
        yield Item(check, reason=_sentence(LACKS[_lacking(check.needs, servers)]))
        return
    if check.plain:
        fitting = [each for each in fitting if not _has_plain_twin(each[0], servers)]
    if check.once:
        fitting = fitting[:1]
    for server, websocket in fitting:
        yield Item(check, server, websocket, alone=len(fitting) == 1)


def _lacking(needs: str, servers: Sequence[Server]) -> str:
    """Return what a device lacks: without any WebSocket, there is nothing to say about echoes."""
    some = any(server.websockets for server in servers)
    return "websocket" if needs == "echo" and not some else needs


def _has_plain_twin(server: Server, servers: Sequence[Server]) -> bool:
    """Return whether the same paths are answered without TLS, too."""

    def paths(each: Server) -> tuple[object, ...]:
        return each.path, each.status, sorted(socket.path for socket in each.websockets)

    return server.tls and any(
        each.http and not each.tls and paths(each) == paths(server) for each in servers
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _fitting(
    needs: str, servers: Sequence[Server]
) -> Iterator[tuple[Server, WebSocketPath | None]]:
    for server in servers:
        if (needs == "http" and server.http) or (needs == "tls" and server.tls and server.works):
            yield server, None
        elif needs in ("websocket", "echo"):
            paths = [each for each in server.websockets if needs == "websocket" or each.echo]
            if paths:
                yield server, paths[0]


def _unknown(items: Sequence[Item], name: str, case: str) -> str:
    """Return a sentence about a name of no check, or a case that none of the named checks has."""
    named = [item for item in items if name in (item.check.name, item.id)]
    cases = dict.fromkeys(each for item in named for each in item.check.cases)
    if cases:
        return f"{name} has no case {case!r}{_near(case, cases)}: use one of {', '.join(cases)}."
    if named:
        return f"{name} has no cases: omit {f':{case}'!r}."
    base, _, port = name.partition("@")
    elsewhere = [str(item.server.port) for item in items if item.check.name == base and item.server]
    if elsewhere:
        return f"{base} does not run on port {port}: it runs on {' and '.join(elsewhere)}."
    names = dict.fromkeys(
        each for item in items for each in (item.check.family, item.check.name, item.id)
    )
    families = ", ".join(dict.fromkeys(item.check.family for item in items))
    return (
        f"No check is named {name!r}{_near(name, names)}: use a family ({families}), or a name "
        "that `espbench check --list` shows."
    )


def _near(wrong: str, names: Iterable[str]) -> str:
    """Return the names that are similar to a wrong one, in parentheses; "" for none."""
    found = difflib.get_close_matches(wrong, list(names), 3, 0.7)
    return f" (did you mean {' or '.join(found)}?)" if found else ""


def check_names(checks: Iterable[Check], patterns: Sequence[str]) -> None:
    """Check the names in patterns, before anything is known about the device.

    Raises:
        ConfigError: a pattern names no check, family or case.
    """
    items = [Item(each) for each in checks]
    for pattern in patterns:
        name, colon, case = pattern.partition(":")
        choose(items, [f"{name.partition('@')[0]}{colon}{case}"])


def choose(items: Sequence[Item], patterns: Sequence[str]) -> list[Item]:
    """Return the items that one of the patterns names: a family, a name, an ID, or NAME:CASE.

    Raises:
        ConfigError: a pattern names none.
    """
    chosen: list[Item] = []
    for pattern in patterns:
        name, _, case = pattern.partition(":")
        found = [
            item
            for item in items
            if name in (item.check.family, item.check.name, item.id)
            or fnmatch.fnmatchcase(item.id, name)
        ]
        if case:
            found = [
                Item(i.check, i.server, i.websocket, i.reason, i.alone, case)
                for i in found
                if case in i.check.cases
            ]
        if not found:
            raise ConfigError(_unknown(items, name, case))
        chosen += [item for item in found if item not in chosen]
    return chosen
