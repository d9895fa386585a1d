# SPDX-License-Identifier: MIT
"""A server's invalid frame is an error, and not a close frame of the code that is due for it."""

from __future__ import annotations

import pytest
from espbench.clients import Endpoint, Frame, WebSocketError
from espbench.clients.websocket import CLOSE, PING, close_payload
from fake_device import listening
from fake_websocket import FakeWebSocket


def test_a_masked_frame() -> None:
    """A masked pong is not taken for a close frame with 1002 (RFC 6455, section 5.1)."""
    with listening(FakeWebSocket("masks").serve) as port:
        websocket = Endpoint(port).websocket("/ws")
        websocket.send_frame(Frame(PING, b"x"))
        with pytest.raises(WebSocketError, match="masked frame"):
            websocket.receive_close(5)
        websocket.stream.close()


def test_frames_before_it() -> None:
    """What came before the invalid frame is still returned, and a real close is one."""
    with listening(FakeWebSocket("long control").serve) as port:
        websocket = Endpoint(port).websocket("/ws")
        websocket.send_frame(Frame(PING, b"good"), Frame(PING, b"x" * 126))
        assert websocket.receive_pong(5) == b"good"
        with pytest.raises(WebSocketError, match="payload len > 125"):
            websocket.receive_close(5)
        websocket.stream.close()
        websocket = Endpoint(port).websocket("/ws")
        websocket.send_frame(Frame(CLOSE, close_payload(1001)))
        assert websocket.receive_close(5).code == 1001
        websocket.stream.close()
