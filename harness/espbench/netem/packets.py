# SPDX-License-Identifier: MIT
"""Parses Ethernet frames as far as the impairments need it; pure functions.

The frames are those of QEMU's user network: IPv4 without VLAN tags.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["Kind", "Ports", "clamp_window", "kind_of", "tcp_begins", "tcp_ports"]

_ETHERNET = 14
_IPV4, _ARP = b"\x08\x00", b"\x08\x06"
_TCP, _UDP = 6, 17
_DHCP_PORTS = {67, 68}
_FRAGMENT_OFFSET = 0x1FFF
_LEAST_TCP = 20
_LEAST_UDP = 8


class Kind(enum.Enum):
    """Protocol of a frame."""

    TCP = "tcp"
    ARP = "arp"
    DHCP = "dhcp"
    OTHER = "other"


class Ports(NamedTuple):
    """The ports of a TCP segment."""

    source: int
    destination: int


def kind_of(frame: bytes) -> Kind:
    """Return the protocol of a frame."""
    if frame[12:14] == _ARP:
        return Kind.ARP
    if tcp_begins(frame):
        return Kind.TCP
    datagram = _segment(frame, _UDP, _LEAST_UDP)
    if datagram and _DHCP_PORTS & set(_ports(frame, datagram)):
        return Kind.DHCP
    return Kind.OTHER


def tcp_begins(frame: bytes) -> int:
    """Return the offset of the TCP header in a frame, or 0 if there is no complete one."""
    return _segment(frame, _TCP, _LEAST_TCP)


def tcp_ports(frame: bytes) -> Ports | None:
    """Return the ports of the TCP segment in a frame, or None if there is none."""
    segment = tcp_begins(frame)
    return _ports(frame, segment) if segment else None


def clamp_window(frame: bytes, limit: int) -> bytes:
    """Return the frame with a TCP window of at most `limit` bytes, and the checksum updated.

    Neither slirp nor lwIP on these boards scales windows, so the field is in bytes. The checksum is
    updated incrementally (RFC 1624, equation 3), so that a wrong checksum stays wrong.
    """
    segment = tcp_begins(frame)
    if not segment:
        return frame
    window = _word(frame, segment + 14)
    if window <= limit:
        return frame
    changed = bytearray(frame)
    checksum = _word(frame, segment + 16)
    total = (~checksum & 0xFFFF) + (~window & 0xFFFF) + limit
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    changed[segment + 14 : segment + 16] = limit.to_bytes(2, "big")
    changed[segment + 16 : segment + 18] = (~total & 0xFFFF).to_bytes(2, "big")
    return bytes(changed)


def _segment(frame: bytes, protocol: int, least: int) -> int:
    """Return the offset of the transport header, or 0 if there is no complete one."""
    if frame[12:14] != _IPV4 or len(frame) < _ETHERNET + 20 or frame[_ETHERNET] >> 4 != 4:
        return 0
    header = (frame[_ETHERNET] & 0xF) * 4
    begin = _ETHERNET + header
    later_fragment = _word(frame, _ETHERNET + 6) & _FRAGMENT_OFFSET
    if header < 20 or frame[_ETHERNET + 9] != protocol or later_fragment:
        return 0
    return begin if len(frame) >= begin + least else 0


def _ports(frame: bytes, segment: int) -> Ports:
    return Ports(_word(frame, segment), _word(frame, segment + 2))


def _word(frame: bytes, at: int) -> int:
    return int.from_bytes(frame[at : at + 2], "big")
