# SPDX-License-Identifier: MIT
"""QEMU's list of forwarded ports is parsed."""

from __future__ import annotations

from espbench.qemu.hostfwd import Forward, parse_forwards

ANSWER = (
    "Hub -1 (net0):\r\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
    "  TCP[ESTABLISHED]   12       127.0.0.1 50412       10.0.2.15   443     0     0\r\n"
    "  TCP[HOST_FORWARD]  10       127.0.0.1 42283       10.0.2.15   443     0     0\r\n"
    "  TCP[HOST_FORWARD]   3       127.0.0.1 34973       10.0.2.15    80     0     0\r\n"
    "  UDP[HOST_FORWARD]   4       127.0.0.1 34974       10.0.2.15  5683     0     0\r\n"
    "  TCP[HOST_FORWARD]  11               * 40001       10.0.2.15   443     0     0\r\n"
)


def test_forwards() -> None:
    """Only forwards are returned, in the order of their guest ports."""
    assert parse_forwards(ANSWER) == [
        Forward("tcp", "127.0.0.1", 34973, "10.0.2.15", 80),
        Forward("tcp", "*", 40001, "10.0.2.15", 443),
        Forward("tcp", "127.0.0.1", 42283, "10.0.2.15", 443),
        Forward("udp", "127.0.0.1", 34974, "10.0.2.15", 5683),
    ]


def test_none() -> None:
    """Without forwards, and without a network, there are none."""
    assert parse_forwards("") == []
    assert parse_forwards(ANSWER.splitlines()[0]) == []
