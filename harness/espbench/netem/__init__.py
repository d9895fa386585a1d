# SPDX-License-Identifier: MIT
"""A network that breaks: frames between slirp and the guest are lost, late, out of order, or cut.

packets.py      what is in a frame
conditions.py   what happens to frames, as data
lane.py         what becomes of each frame, and when (no I/O, no clock)
framing.py      how QEMU sends frames through a socket
relay.py        the thread that carries frames
network.py      what a test says
attach.py       puts it into a QEMU that runs
"""

from espbench.netem.impairment import Conditions
from espbench.netem.link import Counts, Direction
from espbench.netem.network import SEED, Change, Network

__all__ = ["SEED", "Change", "Conditions", "Counts", "Direction", "Network"]
