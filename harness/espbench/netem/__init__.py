# SPDX-License-Identifier: MIT
"""Network impairment: loss, delay, reordering and cuts between slirp and the guest.

network.py      the methods for tests
on_demand.py    attaches the relay at the first use
attach.py       inserts the relay into a running QEMU
relay.py        the thread that forwards frames
framing.py      QEMU's format of frames on a socket
link.py         decides about each frame (no I/O, no clock)
impairment.py   the impairments, as data
packets.py      parses and changes frames
connections.py  finds TCP connections in a capture
client_randoms.py   finds TLS connections in a capture, and their secrets in a key log
pcap.py         reads the frames of a capture
"""

from espbench.netem.impairment import Conditions
from espbench.netem.link import Counts, Direction
from espbench.netem.network import SEED, Change, Network

__all__ = ["SEED", "Change", "Conditions", "Counts", "Direction", "Network"]
