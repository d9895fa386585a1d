# SPDX-License-Identifier: MIT
"""`AckTracker`: follows a device's growing capture, to know when every segment is acknowledged.

slirp acknowledges some segments at once, and others after 2 ms or with the next one. A client that
continues without waiting for a quiet network leaves the number of frames to chance.
"""

from __future__ import annotations

import struct
from pathlib import Path

from espbench.netem.packets import tcp_begins
from espbench.netem.pcap import FILE_HEADER, frames

_FIN, _SYN, _RST = 1, 2, 4


class AckTracker:
    """Follows the capture of a device's NIC, a pcap that QEMU's filter-dump writes."""

    def __init__(self, capture: Path, mac: bytes) -> None:
        """Follow `capture`; `mac` is the device's address."""
        self._file = capture.open("rb")
        self._file.seek(FILE_HEADER)
        self._mac = mac
        self._rest = b""
        self._owed: dict[bytes, tuple[int, int]] = {}
        """By connection: the end of the data that the device sent, and the last ACK for it."""
        self.to_device = 0
        """Number of frames sent to the device."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def acknowledged(self) -> bool:
        """Whether everything that the device sent over TCP has been acknowledged."""
        return all(sent == acked for sent, acked in self._owed.values())

    def follow(self) -> None:
        """Process new frames in the file."""
        data = self._rest + self._file.read()
        end = 0
        for frame in frames(data, end):
            self._frame(frame.data)
            end = frame.end
        self._rest = data[end:]

    def _frame(self, frame: bytes) -> None:
        from_device = frame[6:12] == self._mac
        self.to_device += not from_device
        tcp = tcp_begins(frame)
        if not tcp:
            return
        source, target, sequence, acknowledgement = struct.unpack_from("!2s2sII", frame, tcp)
        flags = frame[tcp + 13]
        connection = source + target if from_device else target + source
        if flags & _RST:
            self._owed.pop(connection, None)
        elif from_device:
            total = struct.unpack_from("!H", frame, 16)[0]
            data = total - (tcp - 14) - (frame[tcp + 12] >> 4) * 4
            sent = (sequence + data + bool(flags & _SYN) + bool(flags & _FIN)) % 2**32
            before, acked = self._owed.get(connection, (sequence, sequence))
            newer = (sent - before) % 2**32 < 2**31  # false for a retransmission
            self._owed[connection] = (sent if newer else before, acked)
        elif connection in self._owed:
            self._owed[connection] = (self._owed[connection][0], acknowledgement)
