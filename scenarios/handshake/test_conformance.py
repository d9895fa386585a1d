# SPDX-License-Identifier: MIT
"""Checks of `espbench check` on this firmware's TLS handshakes and upgrades, with known answers.

As in scenarios/protocol/test_conformance.py: what a check lets pass silently has to be what this
firmware is known to do, no check has a remark, and the device counts no failures of other causes.
"""

from __future__ import annotations

import pytest
from espbench.check.answer_log import recorded_answers
from espbench.check.families import all_checks
from espbench.check.families.tls.fragments import ONE_BYTE
from espbench.check.families.tls.parameters import hello_for
from espbench.check.families.websocket.upgrade import tokens
from espbench.check.handshake.names import TLS12, suite_name
from espbench.check.handshake.server_flight import ask
from espbench.check.server import Server, WebSocketPath
from espbench.check.subject import Subject
from espbench.device.device import Device

ECHO = WebSocketPath("/ws", echo=True)
SERVERS = {
    "ws": Server(80, http=True, path="/hello", status=200, websockets=(ECHO,)),
    "wss": Server(443, tls=True, http=True, path="/hello", status=200, websockets=(ECHO,)),
}
CHECKS = {each.name: each for each in all_checks()}
STATUSES: dict[str, tuple[int, dict[str, int]]] = {
    "websocket.upgrade": (101, {}),
    "websocket.invalid_upgrade": (
        400,
        {
            **dict.fromkeys(("no version", "no Upgrade", "another Upgrade"), 426),
            "a token that contains it": 426,
            **dict.fromkeys(("POST", "PUT"), 405),
        },
    ),
    "websocket.key": (400, {}),
    "websocket.version": (426, {}),
    "websocket.plain_get": (426, {}),
}
"""By check: the status that its cases get, and those that get another one."""
SECP256R1, SECP384R1, X25519 = 23, 24, 29
"""Numbers of groups (RFC 8422, section 5.1.1)."""


@pytest.mark.failures("ws_protocol")
@pytest.mark.parametrize("scheme", list(SERVERS))
@pytest.mark.parametrize("name", list(STATUSES))
def test_upgrades(name: str, scheme: str, shared_device: Device) -> None:
    """Each upgrade gets the known status, and a response that says how to upgrade.

    That is the version (RFC 6455, section 4.4) and the protocol (RFC 9110, section 15.5.22). This
    firmware agrees to no extension or subprotocol.
    """
    check = CHECKS[name]
    subject = Subject(shared_device, SERVERS.values(), SERVERS[scheme], ECHO)
    statuses = {}
    for case in check.cases or [""]:
        with recorded_answers() as answers:
            assert check.run(subject, case) is None
        (answer,) = answers
        statuses[case] = answer.status
        if answer.status in (101, 426):
            assert tokens(answer, "upgrade") == ["websocket"]
        assert answer.header("sec-websocket-extensions") is None
        assert answer.header("sec-websocket-protocol") is None
        if name == "websocket.version" or case == "no version":
            assert answer.header("sec-websocket-version") == "13"
    usual, others = STATUSES[name]
    assert statuses == dict.fromkeys(check.cases or [""], usual) | others


@pytest.mark.failures("peer_reset")
@pytest.mark.parametrize("scheme", list(SERVERS))
def test_leaving_a_websocket(scheme: str, shared_device: Device) -> None:
    """A reset or close in the upgrade or afterwards disturbs nothing else."""
    check = CHECKS["websocket.aborted"]
    subject = Subject(shared_device, SERVERS.values(), SERVERS[scheme], ECHO)
    for case in check.cases:
        assert check.run(subject, case) is None


def secure(device: Device) -> Subject:
    """Return the device with its TLS server to ask."""
    return Subject(device, SERVERS.values(), SERVERS["wss"], ECHO)


def handshakes(device: Device) -> tuple[int, int]:
    """Return the numbers of handshakes that succeeded and failed."""
    counted = device.stats()["handshakes"]
    return counted["ok"], counted["failed"]


@pytest.mark.failures("handshake_closed")
@pytest.mark.parametrize("case", CHECKS["tls.version_tolerance"].cases)
def test_what_is_spoken(case: str, shared_device: Device) -> None:
    """Clients that also know later versions get TLS 1.2, forward secrecy and an AEAD cipher."""
    with recorded_answers() as answers:
        assert CHECKS["tls.version_tolerance"].run(secure(shared_device), case) is None
    suite = suite_name(answers[-1].suite)
    assert answers[-1].version == TLS12
    assert suite.startswith("TLS_ECDHE_ECDSA_WITH_AES_")
    assert "GCM" in suite


@pytest.mark.failures("handshake_closed")
def test_the_quicker_curve_is_preferred(shared_device: Device) -> None:
    """P-256 is chosen before X25519 and P-384, which take longer, whatever the client prefers."""
    hello = hello_for(TLS12, groups=[SECP384R1, X25519, SECP256R1])
    assert ask(secure(shared_device).endpoint, hello).group == SECP256R1


def test_a_handshake_byte_by_byte(shared_device: Device) -> None:
    """A client whose bytes come in segments of their own completes its handshake."""
    before = handshakes(shared_device)
    assert CHECKS["tls.fragments"].run(secure(shared_device), ONE_BYTE) is None
    assert handshakes(shared_device) == (before[0] + 2, before[1])  # and a usual one


@pytest.mark.failures("tls_protocol", "tls_alert")
@pytest.mark.parametrize(
    ("name", "failed"), [("tls.damaged_finished", 1), ("tls.damaged_record", 0)]
)
def test_damage(name: str, failed: int, shared_device: Device) -> None:
    """What was altered in transit ends the connection with an alert."""
    before = handshakes(shared_device)
    assert CHECKS[name].run(secure(shared_device)) is None  # it would remark upon a missing alert
    assert handshakes(shared_device)[1] - before[1] == failed


@pytest.mark.failures(
    "tls_protocol", "tls_version", "tls_cipher", "plain_http_on_tls", "handshake_closed"
)
@pytest.mark.parametrize("case", list(CHECKS["tls.alerts"].cases))
def test_alerts(case: str, shared_device: Device) -> None:
    """Wrong input gets the alert that is due for it (RFC 5246, section 7.2)."""
    assert CHECKS["tls.alerts"].run(secure(shared_device), case) is None


@pytest.mark.parametrize("case", list(CHECKS["tls.empty_records"].cases))
def test_empty_records(case: str, shared_device: Device) -> None:
    """A client may send empty records, also several in a row."""
    assert CHECKS["tls.empty_records"].run(secure(shared_device), case) is None


@pytest.mark.failures("handshake_closed", "peer_reset", "tls_protocol")
@pytest.mark.parametrize("case", list(CHECKS["tls.abandoned"].cases))
def test_abandoned(case: str, shared_device: Device) -> None:
    """A reset or close in each state of the handshake frees the connection's memory."""
    assert CHECKS["tls.abandoned"].run(secure(shared_device), case) is None
    assert shared_device.settle().ballast == 0
