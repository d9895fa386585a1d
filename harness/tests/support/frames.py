# SPDX-License-Identifier: MIT
"""Ethernet frames for tests, built from RFC 791, 826, 768 and 9293 without the harness."""

from __future__ import annotations

import struct
from collections.abc import Iterator

GUEST, CLIENT = bytes((10, 0, 2, 15)), bytes((10, 0, 2, 2))
_ADDRESSES = b"\x52\x54\x00\x12\x34\x56" + b"\x52\x55\x0a\x00\x02\x02"


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071): 0 for data that includes a valid one."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(protocol: int, payload: bytes, *, options: bytes = b"", fragment: int = 0) -> bytes:
    """Return a frame with an IPv4 packet from the client to the guest."""
    length = 20 + len(options)
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | length // 4,
        0,
        length + len(payload),
        1,
        fragment,
        64,
        protocol,
        0,
        CLIENT,
        GUEST,
    )
    return _ADDRESSES + b"\x08\x00" + header + options + payload


def tcp(
    source: int, destination: int, *, window: int = 5760, payload: bytes = b"", options: bytes = b""
) -> bytes:
    """Return a frame with a TCP segment; `options` are IPv4's."""
    segment = struct.pack("!HHIIHHHH", source, destination, 7, 9, 0x5018, window, 0, 0) + payload
    pseudo = CLIENT + GUEST + struct.pack("!HH", 6, len(segment))
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    return ipv4(6, segment, options=options)


def udp(source: int, destination: int, payload: bytes = b"") -> bytes:
    """Return a frame with a UDP datagram, without a checksum."""
    return ipv4(17, struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload)


ARP = _ADDRESSES + b"\x08\x06" + bytes(28)


def tcp_sum(frame: bytes) -> int:
    """Return the checksum of a TCP segment as a receiver computes it: 0 if it is valid."""
    header = (frame[14] & 0xF) * 4
    segment = frame[14 + header :]
    pseudo = frame[26:34] + struct.pack("!HH", 6, len(segment))
    return checksum(pseudo + segment)


def window_of(frame: bytes) -> int:
    """Return a TCP segment's window."""
    at = 14 + (frame[14] & 0xF) * 4 + 14
    return int.from_bytes(frame[at : at + 2], "big")


def pcap_frames(data: bytes) -> Iterator[bytes]:
    """Yield the frames of a pcap file in native byte order, without a truncated last one."""
    at = 24
    while at + 16 <= len(data):
        length = int(struct.unpack_from("=IIII", data, at)[2])
        if at + 16 + length > len(data):
            return
        yield data[at + 16 : at + 16 + length]
        at += 16 + length
