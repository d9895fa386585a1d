# SPDX-License-Identifier: MIT
"""The relay in front of a device's real ports: clients at once, and what they see without it."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from at_once import repeated_segments
from espbench.boards.readiness import ConsoleReadiness
from espbench.clients.errors import ClientTimeout, ConnectionEnded
from espbench.clients.tcp import Stream
from espbench.device.device import Device
from espbench.errors import NotRunning, PortInUse
from espbench.netem.packets import tcp_ports
from espbench.netem.pcap import frames

SECONDS = 20
"""For what happens at once."""
UNUSED = 81
"""A port of the guest on which nothing listens."""
GET = b"GET /hello HTTP/1.1\r\nHost: device\r\nConnection: close\r\n\r\n"


@pytest.fixture
def tiny(tiny_firmware: Callable[[bytes], Path]) -> Iterator[Device]:
    """Return a device whose firmware knows nothing of espbench, nor of any network."""
    with Device("lx60", tiny_firmware(b"ready\r\n"), ready=ConsoleReadiness("^ready")) as device:
        yield device


def relays() -> int:
    """Return the number of relays that run."""
    return sum(thread.name == "espbench-tcprelay" for thread in threading.enumerate())


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's TCP_INFO")
def test_clients_at_once(tiny: Device) -> None:
    """No client has to send its SYN again, whichever program the device runs."""
    port = int(tiny.url("/").rpartition(":")[2].rstrip("/"))
    assert repeated_segments(port) == 0


def test_started_on_demand(tiny: Device) -> None:
    """Nothing runs before the first use, one relay afterwards, and none when the device stops."""
    before, forwards = relays(), tiny.forwards
    assert tiny.url("/", index=0) == f"http://127.0.0.1:{tiny.port(80)}/"
    assert relays() == before
    assert tiny.relay(80) == tiny.relay(80) != tiny.port(80)
    assert tiny.url("/x") == f"http://127.0.0.1:{tiny.relay(80)}/x"
    assert tiny.url("/x", "wss") == f"wss://127.0.0.1:{tiny.relay(443)}/x"
    assert relays() == before + 1
    assert tiny.forward(7) == tiny.port(7) != tiny.relay(7)
    assert [each for each in tiny.forwards if each.guest_port != 7] == forwards
    with pytest.raises(PortInUse, match=rf"^Port {tiny.port(80)} of 127\.0\.0\.1 cannot be used"):
        tiny.run.relay.listen(80, port=tiny.port(80))
    port = tiny.relay(80)
    tiny.stop()
    assert relays() == before
    with pytest.raises(NotRunning, match="start it first"):
        tiny.relay(80)
    with pytest.raises(NotRunning, match="start it first"):
        tiny.run.relay.port(80)
    with pytest.raises(ConnectionEnded, match="refused the connection"):
        Stream.connect(port)


def ending(port: int, sent: bytes) -> str:
    """Return how a connection ends on which this is sent; a RST may follow a FIN."""
    with Stream.connect(port) as stream:
        stream.send(sent)
        if stream.wait_until_gone():
            return "RST"
        poll = select.poll()
        poll.register(stream.sock, 0)
        return "RST" if sent and poll.poll(1000 * SECONDS) else "FIN"


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("relayed", [False, True], ids=["bare", "relay"])
def test_the_end_of_the_device(tiny: Device, how: str, relayed: bool) -> None:
    """When the device ends, so do its connections, and then it refuses clients."""
    port = tiny.relay(80) if relayed else tiny.port(80)
    with Stream.connect(port) as stream:
        if how == "stop":
            tiny.stop()
        else:
            assert tiny.pid is not None
            os.kill(tiny.pid, signal.SIGKILL)
        stream.wait_until_gone()
    tiny.stop()
    with pytest.raises(ConnectionEnded, match="refused the connection"):
        Stream.connect(port)


@pytest.mark.boards("lx60")
class TestLikeSlirp:
    """What a client sees of a device's port is the same with and without the relay."""

    @pytest.mark.parametrize("sent", [b"", GET], ids=["nothing", "a request"])
    def test_a_port_on_which_nothing_listens(self, shared_device: Device, sent: bytes) -> None:
        """The guest refuses the connection that slirp has accepted."""
        bare, relay = shared_device.forward(UNUSED), shared_device.relay(UNUSED)
        assert ending(relay, sent) == ending(bare, sent)

    @pytest.mark.parametrize("relayed", [False, True], ids=["bare", "relay"])
    def test_a_guest_that_accepts_nothing(self, shared_device: Device, relayed: bool) -> None:
        """A client of a guest that stands still is connected, waits, and is served later."""
        port = shared_device.relay(80) if relayed else shared_device.port(80)
        shared_device.pause()
        try:
            with Stream.connect(port) as stream:
                stream.send(GET)
                with pytest.raises(ClientTimeout):
                    stream.receive(0.2)
                shared_device.resume()
                assert stream.receive_until_end().endswith(b"\r\n\r\nhello\n")
        finally:
            if shared_device.monitor("query-status")["status"] == "paused":
                shared_device.resume()

    @pytest.mark.parametrize("relayed", [False, True], ids=["bare", "relay"])
    def test_a_client_that_leaves(self, shared_device: Device, relayed: bool) -> None:
        """The guest sees its FIN, and its RST, and closes the connection."""
        port = shared_device.relay(80) if relayed else shared_device.port(80)
        with Stream.connect(port) as stream:
            stream.send(GET)
            stream.finish()
            assert stream.receive_until_end().endswith(b"hello\n")
        for leave in (Stream.close, Stream.reset):
            stream = Stream.connect(port)
            stream.send(GET[:20])
            leave(stream)
        shared_device.settle()

    def test_the_source_port(self, shared_device: Device) -> None:
        """The guest sees the client's port, which names its connection."""
        with Stream.connect(shared_device.relay(80)) as stream:
            stream.send(GET)
            stream.receive_until_end()
            port = stream.port
        found = (tcp_ports(each.data) for each in frames(shared_device.capture_file.read_bytes()))
        assert any(each is not None and each == (port, 80) for each in found)
