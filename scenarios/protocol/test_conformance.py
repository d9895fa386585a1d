# SPDX-License-Identifier: MIT
"""Checks of `espbench check` on the servers of this firmware, whose choices are known.

scenarios/test_check.py runs them on any firmware, where a choice of the server's author is only an
observation. Here, such an observation is expected or a failure, no case leaks memory, and the
device counts no failures of other causes.
"""

from __future__ import annotations

import pytest
from espbench.check.families import all_checks
from espbench.check.server import Server, WebSocketPath
from espbench.check.subject import Subject
from espbench.device.device import Device

ECHO = WebSocketPath("/ws", echo=True)
SERVERS = {
    "ws": Server(80, http=True, path="/hello", status=200, websockets=(ECHO,)),
    "wss": Server(443, tls=True, http=True, path="/hello", status=200, websockets=(ECHO,)),
}
CHECKS = {each.name: each for each in all_checks()}
TOO_BIG = "A message of {} bytes got a close frame 1009."
REMARKS: dict[str, dict[str, str]] = {
    "websocket.framing": {
        **{case: TOO_BIG.format(65535) for case in ("1.1.6", "1.2.6")},
        **{case: TOO_BIG.format(65536) for case in ("1.1.7", "1.1.8", "1.2.7", "1.2.8")},
    },
    "websocket.auto_fragment": {"10.1.1": TOO_BIG.format(65536)},
    "websocket.close": {
        "7.1.6": "7.1.6: a close frame 1009 came.",
        "7.13.1": "7.13.1: a close frame 1002 came.",
        "7.13.2": "7.13.2: a close frame 1002 came.",
    },
}
"""What the checks say about this firmware, which takes messages of up to 16 kB."""


@pytest.mark.parametrize("scheme", list(SERVERS))
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("websocket.framing", marks=pytest.mark.failures("ws_too_big")),
        pytest.param("websocket.pings", marks=pytest.mark.failures("ws_protocol")),
        pytest.param("websocket.fragmentation", marks=pytest.mark.failures("ws_protocol")),
        pytest.param("websocket.auto_fragment", marks=pytest.mark.failures("ws_too_big")),
        pytest.param("websocket.utf8", marks=pytest.mark.failures("ws_not_utf8")),
        pytest.param(
            "websocket.close",
            marks=pytest.mark.failures("ws_protocol", "ws_not_utf8", "ws_too_big"),
        ),
        pytest.param("websocket.burst", marks=pytest.mark.failures("queue_full")),
        "websocket.at_once",
    ],
)
def test_remarks(name: str, scheme: str, shared_device: Device) -> None:
    """Each case of the check passes, and the check says no more than is known."""
    check, server = CHECKS[name], SERVERS[scheme]
    subject = Subject(shared_device, SERVERS.values(), server, ECHO)
    seen = {case: check.run(subject, case) for case in check.cases or [""]}
    assert seen
    said = {case: observed.sentence for case, observed in seen.items() if observed is not None}
    assert said == REMARKS.get(name, {})
