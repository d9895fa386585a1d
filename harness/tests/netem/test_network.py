# SPDX-License-Identifier: MIT
"""The relay between slirp and the guest, on sockets and on a real device."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from espbench.device.device import Device
from espbench.errors import ConfigError, NotRunning
from espbench.netem import Direction
from espbench.netem.framing import Unframer, encode
from espbench.netem.impairment import Conditions
from espbench.netem.link import Lane
from espbench.netem.relay import Relay, Wire
from espbench.plugin import DeviceFactory
from espbench.reporting.evidence import save
from espbench.util.timeouts import Deadline
from frames import CLIENT, pcap_frames, tcp

LX60 = pytest.mark.boards("lx60")


class Ends:
    """QEMU's ends of a relay: one to send frames into, one to receive them from."""

    def __init__(self) -> None:
        """Start a relay with one lane."""
        self.into, source = socket.socketpair()
        sink, self.out = socket.socketpair()
        self.lane = Lane(Direction.TO_GUEST, 1)
        self.relay = Relay([Wire(self.lane, source, sink)])
        self._unframer = Unframer()
        self._frames: list[bytes] = []

    def change(self, **conditions: object) -> None:
        """Set the lane's conditions."""
        with self.relay.lock:
            self.lane.change(Conditions(**conditions))  # type: ignore[arg-type]

    def receive(self, timeout: float = 10.0) -> bytes | None:
        """Return the next frame, or None at the end."""
        self.out.settimeout(Deadline(timeout).seconds)
        while not self._frames:
            data = self.out.recv(1 << 16)
            if not data:
                return None
            self._frames += self._unframer.feed(data)
        return self._frames.pop(0)

    def close(self) -> None:
        """End the relay and close the sockets."""
        self.relay.close()
        self.into.close()
        self.out.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Return a relay on sockets."""
    made = Ends()
    yield made
    made.close()


def get(device: Device, timeout: float = 10.0) -> bytes:
    """Return the body of the response to a GET request."""
    connection = http.client.HTTPConnection("127.0.0.1", device.port(80), timeout=timeout)
    with contextlib.closing(connection):
        connection.request("GET", "/hello", headers={"Connection": "close"})
        return connection.getresponse().read()


# ---------------------------------------------------------------- on sockets


def test_frames_really_get_lost(ends: Ends) -> None:
    """A relay with a loss of 5 % forwards 95 % of 4000 frames."""
    ends.change(loss=0.05)
    count = 4000
    stream = b"".join(encode(tcp(1, 2, payload=n.to_bytes(4, "big"))) for n in range(count))
    sender = threading.Thread(target=ends.into.sendall, args=(stream,))
    sender.start()
    seen: list[int] = []
    while not seen or seen[-1] != count - 1:
        frame = ends.receive()
        assert frame is not None
        seen.append(int.from_bytes(frame[-4:], "big"))
    sender.join()
    assert seen == sorted(set(seen))
    # Four standard deviations of a binomial distribution of 4000 and 0.05 are 55.
    assert 200 - 55 <= count - len(seen) <= 200 + 55
    assert ends.lane.counts.lost == count - len(seen)


def test_a_delay_is_waited_for(ends: Ends) -> None:
    """A frame comes out at the end of its delay, without another frame to wake the relay."""
    ends.change(delay=0.2)
    started = time.monotonic()
    ends.into.sendall(encode(tcp(1, 2)))
    assert ends.receive() == tcp(1, 2)
    assert 0.2 <= time.monotonic() - started < Deadline(2).seconds


def test_a_slow_receiver_does_not_block_the_sender(ends: Ends) -> None:
    """Frames are read while earlier ones cannot be written, and come out later."""
    frame = tcp(1, 2, payload=bytes(1400))
    ends.into.settimeout(10)
    for _ in range(2000):
        ends.into.sendall(encode(frame))  # far more than fit into two sockets
    for _ in range(2000):
        assert ends.receive() == frame


def test_a_relay_sleeps(ends: Ends) -> None:
    """An idle relay uses no CPU time, even while a frame waits."""
    ends.change(delay=60)
    ends.into.sendall(encode(tcp(1, 2)))
    before = time.process_time()
    assert not select.select([ends.out], [], [], 0.5)[0]
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("end", ["into", "out"])
def test_the_relay_ends_with_either_end(end: str, ends: Ends) -> None:
    """When QEMU ends, the thread ends and closes its sockets."""
    other = ends.out if end == "into" else ends.into
    getattr(ends, end).close()
    other.settimeout(Deadline(5).seconds)
    assert other.recv(1) == b""
    ends.relay.close()
    assert not ends.relay.alive


# ---------------------------------------------------------------- on a device


@LX60
def test_nothing_is_there_until_it_is_used(device: Device) -> None:
    """The filters are inserted at the first use; without impairments, nothing changes."""
    assert "filter-redirector" not in device.qemu.qmp.monitor("info network")  # type: ignore[union-attr]
    assert device.used_network is None
    network = device.network
    assert device.network is network
    assert network.whole
    assert get(device) == b"hello\n"
    assert network.counts("to_guest").passed == network.counts("to_guest").came > 0
    assert network.counts("to_client").passed == network.counts("to_client").came > 0


@LX60
def test_the_capture_shows_what_the_guest_saw(device: Device) -> None:
    """Frames lost on the way to the guest are not in the pcap; lost frames from the guest are."""
    device.network.cut(direction="to_client")

    def captured(from_client: bool) -> int:
        # Neither libslirp nor filter-dump buffers frames.
        frames = list(pcap_frames(device.capture_file.read_bytes()))
        return sum((frame[26:30] == CLIENT) == from_client for frame in frames)

    came, went = captured(True), captured(False)
    with pytest.raises(TimeoutError):
        get(device, timeout=0.3)
    assert captured(True) > came
    assert captured(False) > went  # its SYN+ACK
    counts = device.network.counts("to_client")
    assert counts.cut == captured(False) - went
    device.network.restore()
    device.network.cut(direction="to_guest")
    came = captured(True)
    with pytest.raises(TimeoutError):
        get(device, timeout=0.3)
    assert device.network.counts("to_guest").cut > 0
    assert captured(True) == came


@LX60
def test_a_block_ends_its_change(device: Device) -> None:
    """A `with` block undoes its own change and nothing else, also when blocks are nested."""
    network = device.network
    network.rate(1_000_000)
    with network.loss(0.5, everything=True), network.delay(0.2, jitter=0.1, direction="to_guest"):
        with network.loss(0.1):
            assert network.conditions("to_guest") == Conditions(
                loss=0.1, delay=0.2, jitter=0.1, rate=1_000_000
            )
        with network.vanish(1), network.vanish(2), network.window(256, direction="to_guest"):
            inner = network.conditions("to_client")
            assert inner.vanished == frozenset({1, 2})
            assert inner.window == 256
            assert network.conditions("to_guest").window is None
        assert network.conditions("to_client") == Conditions(
            loss=0.5, everything=True, rate=1_000_000
        )
        with network.cut():
            assert network.conditions("to_client").cut
            network.restore()
            assert network.conditions("to_client").loss == 0.5
    assert network.conditions("to_guest") == Conditions(rate=1_000_000)
    assert not network.whole
    network.clear()
    assert network.whole


@LX60
def test_refused(device: Device) -> None:
    """Invalid values are refused, and earlier conditions stay."""
    network = device.network
    network.loss(0.1)
    with pytest.raises(ConfigError, match=r"^A network's loss cannot be 2: give a fraction "):
        network.loss(2)
    with pytest.raises(ConfigError) as caught:
        network.delay(0.1, direction="up")
    assert str(caught.value) == ("unknown network direction 'up': use both, to_guest or to_client.")
    with pytest.raises(ConfigError) as caught:
        network.counts("both")
    assert str(caught.value) == "unknown network direction 'both': use to_guest or to_client."
    assert network.conditions("to_guest") == Conditions(loss=0.1)


@LX60
def test_it_ends_with_the_device(device_factory: DeviceFactory) -> None:
    """Nothing outlives the device, and a restarted one has a new network without impairments."""
    device = device_factory()
    before = {thread for thread in threading.enumerate() if thread.name == "espbench-network"}
    network = device.network
    network.delay(60)
    [relay] = [
        thread
        for thread in threading.enumerate()
        if thread.name == "espbench-network" and thread not in before
    ]
    device.stop()
    assert not relay.is_alive()
    with pytest.raises(NotRunning) as caught:
        network.loss(0.1)
    assert str(caught.value) == (
        "The network's device has ended: start it, and use its new `device.network`."
    )
    with pytest.raises(NotRunning, match=r"^device is not running: start it first\.$"):
        _ = device.network
    device.reset_network()  # as the plugin does; there is nothing to reset
    device.start()
    assert device.used_network is None
    assert device.network.whole
    assert get(device) == b"hello\n"


@LX60
def test_a_boot_through_loss(device_factory: DeviceFactory) -> None:
    """DHCP retries: a device gets its address even if its first requests are lost."""
    device = device_factory()
    network = device.network
    network.loss(0.3, everything=True)
    device.reset(timeout=60)
    network.clear()
    assert get(device) == b"hello\n"
    assert network.counts("to_guest").lost + network.counts("to_client").lost > 0


@LX60
def test_evidence(device: Device, tmp_path: Path) -> None:
    """The evidence has the seed, the impairments, their times and the counts of frames."""
    device.network.loss(0.05, direction="to_guest")
    assert get(device) == b"hello\n"
    device.network.reseed(7)
    folder = save(device, tmp_path / "evidence").folder
    content = json.loads((folder / "network.json").read_text())
    assert content["seed"] == 7
    assert content["to_guest"]["conditions"] == {"loss": 0.05}
    assert content["to_client"]["conditions"] == {}
    assert content["to_client"]["frames"]["passed"] == content["to_client"]["frames"]["came"] > 0
    events = json.loads((folder / "events.json").read_text())
    assert [event["detail"] for event in events if event["event"] == "network"] == [
        {"seed": 1},
        {"to_guest": {"loss": 0.05}},
        {"seed": 7},
    ]


@LX60
def test_no_evidence_of_an_unused_network(device: Device, tmp_path: Path) -> None:
    """A device whose network was not used leaves no file about it."""
    folder = save(device, tmp_path / "evidence").folder
    assert (folder / "console.txt").exists()
    assert not (folder / "network.json").exists()
