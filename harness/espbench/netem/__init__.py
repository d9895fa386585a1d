# SPDX-License-Identifier: MIT
"""A broken network: frames between slirp and the guest are lost, late, out of order, or cut.

network.py      what a test calls
on_demand.py    attaches it when a test first asks for it
attach.py       puts the relay into a running QEMU
relay.py        the thread that carries frames
framing.py      how QEMU sends frames through a socket
link.py         what becomes of each frame, and when (no I/O, no clock)
impairment.py   what happens to frames, as data
packets.py      what is in a frame
connections.py  TCP connections, from a capture
pcap.py         frames of a capture
"""

from espbench.netem.impairment import Conditions
from espbench.netem.link import Counts, Direction
from espbench.netem.network import SEED, Change, Network

__all__ = ["SEED", "Change", "Conditions", "Counts", "Direction", "Network"]
