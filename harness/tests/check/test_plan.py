# SPDX-License-Identifier: MIT
"""Which checks run on which server."""

from __future__ import annotations

from typing import Any

import pytest
from espbench.check.check import Check
from espbench.check.plan import check_names, choose, plan
from espbench.check.result import Severity
from espbench.check.server import Server, WebSocketPath
from espbench.errors import ConfigError

HTTP = Server(80, http=True, websockets=(WebSocketPath("/ws"),))
HTTPS = Server(443, tls=True, http=True, websockets=(WebSocketPath("/e", echo=True),))


def one(name: str, needs: str, **more: Any) -> Check:
    """Return a check that does nothing."""
    return Check(name, "It works.", "RFC", Severity.CONFORMANCE, needs, lambda _: None, **more)


def ids(*checks: Check, servers: tuple[Server, ...] = (HTTP, HTTPS), blind: str = "") -> list[str]:
    """Return the IDs of what runs, and the reasons of what does not."""
    return [item.reason or item.id for item in plan(checks, servers, blind)]


def test_each_server() -> None:
    """A check runs on each server that has what it needs; one alone needs no port in its name."""
    assert ids(one("boot.up", "")) == ["boot.up"]
    assert ids(one("http.a", "http")) == ["http.a@80", "http.a@443"]
    assert ids(one("http.a", "http", once=True)) == ["http.a"]
    assert ids(one("tls.a", "tls")) == ["tls.a"]
    assert ids(one("websocket.a", "websocket")) == ["websocket.a@80", "websocket.a@443"]
    assert ids(one("websocket.a", "echo")) == ["websocket.a"]


def test_twins() -> None:
    """What lies above TLS is asked without TLS where a plain server has the same paths."""
    plain = one("http.a", "http", plain=True)
    same = Server(443, tls=True, http=True, websockets=(WebSocketPath("/ws", echo=True),))
    assert ids(plain, servers=(HTTP, same)) == ["http.a"]
    assert ids(plain, servers=(HTTP, HTTPS)) == ["http.a@80", "http.a@443"]
    assert ids(plain, servers=(same,)) == ["http.a"]


def test_what_lacks() -> None:
    """What a device lacks is a reason, and so is a firmware that cannot be looked into."""
    assert ids(one("tls.a", "tls"), servers=(HTTP,)) == ["No TLS handshake succeeds."]
    assert ids(one("http.a", "http"), servers=()) == ["Nothing answers HTTP."]
    for needs in ("websocket", "echo"):
        (reason,) = ids(one("w.a", needs), servers=(Server(80, http=True),))
        assert reason.startswith("No path was found that upgrades to a WebSocket")
    mute = Server(80, http=True, websockets=(WebSocketPath("/ws", echo=False),))
    assert "[[websockets]] with echo = true" in ids(one("w.a", "echo"), servers=(mute,))[0]
    assert ids(one("memory.a", "", inspects=True), blind="No ELF.") == ["No ELF."]


def test_choose() -> None:
    """A family, a name, an ID, a pattern or a case chooses; an unknown one is an error."""
    cases = one("http.b", "http", cases={"x": 1, "y:z": 2})
    items = plan([one("http.a", "http"), cases, one("tls.a", "tls")], (HTTP, HTTPS))

    def chosen(*patterns: str) -> list[str]:
        return [
            item.id + (f":{item.case}" if item.case else "") for item in choose(items, patterns)
        ]

    assert chosen("tls") == ["tls.a"]
    assert chosen("http.a") == ["http.a@80", "http.a@443"]
    assert chosen("http.a@443", "http.a@443") == ["http.a@443"]
    assert chosen("*@80") == ["http.a@80", "http.b@80"]
    assert chosen("http.b@80:x") == ["http.b@80:x"]
    assert chosen("http.b@80:y:z") == ["http.b@80:y:z"]
    for wrong, sentence in {
        "htpp": r"No check is named 'htpp' \(did you mean http\?\): use a family \(",
        "http.bb": r"No check is named 'http\.bb' \(did you mean http\.b",
        "x": r"No check is named 'x': use a family \(",
        "http.a@8080": r"^http\.a does not run on port 8080: it runs on 80 and 443\.$",
        "http.b:nothing": r"^http\.b has no case 'nothing': use one of x, y:z\.$",
        "http.b:yz": r"^http\.b has no case 'yz' \(did you mean y:z\?\): use one of x, y:z\.$",
    }.items():
        with pytest.raises(ConfigError, match=sentence):
            choose(items, [wrong])


def test_names_before_the_boot() -> None:
    """An unknown name is an error before anything is known about the device's servers."""
    checks = [one("http.a", "http"), one("http.b", "http", cases={"x": 1})]
    check_names(checks, ["http", "http.a@443", "*@80", "http.b@8080:x"])
    for wrong, sentence in {
        "htpp": "No check is named 'htpp'",
        "htpp@80": "No check is named 'htpp'",
        "http.b@80:y": r"^http\.b has no case 'y'",
    }.items():
        with pytest.raises(ConfigError, match=sentence):
            check_names(checks, [wrong])


def test_broken_tls() -> None:
    """A server whose handshakes fail is not asked what needs one, and need not answer later."""
    broken = Server(443, tls=True, handshakes=False)
    assert ids(one("tls.a", "tls"), servers=(HTTP, broken)) == ["No TLS handshake succeeds."]
    assert (broken.works, HTTP.works, Server(8883, tls=True).works) == (False, True, True)
    assert str(broken) == "tls on port 443 (no handshake succeeds)"
