# SPDX-License-Identifier: MIT
"""Frames are parsed and changed correctly."""

from __future__ import annotations

import pytest
from espbench.netem.framing import Unframer, encode
from espbench.netem.packets import Kind, clamp_window, kind_of, tcp_ports
from frames import ARP, ipv4, tcp, tcp_sum, udp, window_of
from hypothesis import given
from hypothesis import strategies as st

PORT = st.integers(1, 65535)
OPTIONS = st.integers(0, 10).map(lambda words: bytes([1]) * 4 * words)


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        pytest.param(tcp(1, 2), Kind.TCP, id="tcp"),
        pytest.param(tcp(1, 2, options=bytes(8)), Kind.TCP, id="tcp-after-options"),
        pytest.param(tcp(67, 68), Kind.TCP, id="tcp-to-dhcps-ports"),
        pytest.param(ARP, Kind.ARP, id="arp"),
        pytest.param(udp(68, 67), Kind.DHCP, id="dhcp-request"),
        pytest.param(udp(67, 68), Kind.DHCP, id="dhcp-answer"),
        pytest.param(udp(53, 1024), Kind.OTHER, id="dns"),
        pytest.param(ipv4(1, bytes(8)), Kind.OTHER, id="icmp"),
        pytest.param(tcp(1, 2)[:53], Kind.OTHER, id="tcp-cut-short"),
        pytest.param(udp(67, 68)[:41], Kind.OTHER, id="dhcp-cut-short"),
        pytest.param(ipv4(6, bytes(40), fragment=0x2003), Kind.OTHER, id="later-fragment"),
        pytest.param(ipv4(6, bytes(40), fragment=0x4000), Kind.TCP, id="do-not-fragment"),
        pytest.param(b"\x86\xdd".join((bytes(12), bytes(60))), Kind.OTHER, id="ipv6"),
        pytest.param(b"", Kind.OTHER, id="nothing"),
    ],
)
def test_kinds(frame: bytes, kind: Kind) -> None:
    """Frames are classified by protocol, and only TCP has ports."""
    assert kind_of(frame) is kind
    assert (tcp_ports(frame) is not None) == (kind is Kind.TCP)


@given(PORT, PORT, OPTIONS)
def test_ports(source: int, destination: int, options: bytes) -> None:
    """Ports are found behind any IPv4 options."""
    assert tcp_ports(tcp(source, destination, options=options)) == (source, destination)


@given(st.integers(0, 65535), st.integers(1, 65535), st.binary(max_size=50), OPTIONS)
def test_clamped_windows(window: int, limit: int, payload: bytes, options: bytes) -> None:
    """A window is reduced, never enlarged; the checksum matches, and nothing else changes."""
    frame = tcp(5, 443, window=window, payload=payload, options=options)
    clamped = clamp_window(frame, limit)
    assert window_of(clamped) == min(window, limit)
    assert tcp_sum(frame) == tcp_sum(clamped) == 0
    at = len(frame) - len(payload) - 20
    assert clamped[: at + 14] == frame[: at + 14]
    assert clamped[at + 18 :] == frame[at + 18 :]


def test_a_wrong_checksum_stays_wrong() -> None:
    """The wrong checksum of a damaged frame is not corrected by a smaller window."""
    frame = bytearray(tcp(5, 443, window=5000, payload=b"damaged"))
    frame[-1] ^= 1
    assert tcp_sum(clamp_window(bytes(frame), 256)) != 0


@given(st.binary(max_size=120), st.integers(1, 65535))
def test_any_bytes(data: bytes, limit: int) -> None:
    """Any bytes are classified without an error, and their length never changes."""
    for frame in (data, tcp(1, 2)[:34] + data, ARP[:12] + b"\x08\x00" + data):
        assert len(clamp_window(frame, limit)) == len(frame)
        assert kind_of(frame) in Kind


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(0, 400), max_size=6))
def test_framing(frames: list[bytes], cuts: list[int]) -> None:
    """Frames are extracted from QEMU's stream unchanged, wherever it is split."""
    stream = b"".join(map(encode, frames))
    unframer, found, at = Unframer(), [], 0
    for cut in (*sorted(cuts), len(stream)):
        found += unframer.feed(stream[at:cut])
        at = max(at, cut)
    assert found == frames
