# SPDX-License-Identifier: MIT
"""All TLS connections share one buffer for decrypted input (webserver/net/connection.c).

While it holds the input of one connection, another may be closed. The rest of the input must stay.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from espbench.clients import Endpoints, HttpConnection, TlsStream, encode_request
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

PLACES = 4
SOON = 10.0
HOLD = """
import httpserver, time
released = False

def hold(request):
    while not released:
        time.sleep_ms(1)
    return "answer"

httpserver.on("/hold", hold)
"""


def wait_for_requests(device: Device, count: int) -> None:
    """Wait until this many requests have reached the queue."""
    deadline = Deadline(SOON)
    while (now := device.stats()["requests"]) < count:
        assert not deadline.expired(), f"{now} requests have arrived, not {count}"
        device.wait_for_change(0.02)


@pytest.mark.failures("refused", "peer_reset")
def test_another_connection_ends_while_one_is_read(
    shared_device: Device, endpoints: Endpoints
) -> None:
    """Two requests in a record are answered, although the first one takes another's slot.

    A client that has sent a FIN loses its slot to the first request of a newcomer. Both arrive
    while the guest is stopped, so it handles them in one go.
    """
    shared_device.exec(HOLD)
    before = shared_device.stats()
    with ExitStack() as stack:
        waiting: list[HttpConnection] = []
        for number in range(1, PLACES + 1):
            waiting.append(stack.enter_context(endpoints.https.http()))
            waiting[-1].send("GET", "/hold")
            wait_for_requests(shared_device, before["requests"] + number)
        newcomer = stack.enter_context(endpoints.https.http())
        gone = waiting.pop()
        assert isinstance(gone.stream, TlsStream)
        shared_device.monitor("stop")
        gone.stream.raw.finish()
        newcomer.stream.send(2 * encode_request("GET", "/nowhere"))
        shared_device.monitor("query-status")
        shared_device.monitor("cont")
        assert [newcomer.receive().status for _ in range(2)] == [404, 404]
        assert gone.receive().status == 503
        assert shared_device.stats()["https"]["purged"] == before["https"]["purged"] + 1
        shared_device.exec("released = True")
        for connection in waiting:
            assert connection.receive().text == "answer"
    shared_device.exec("httpserver.off('/hold')")
