# SPDX-License-Identifier: MIT
"""Accepts any number of TCP clients at once, and continues each connection to an emulator's port.

The listener of slirp, QEMU's user-mode network, has a backlog of one (``SO_LISTEN`` in its
socket.c). Of clients that connect at the same moment, the kernel admits two; it drops the SYN of
the others, which they send again after one second, then after three, then after seven.
"""

from espbench.tcprelay.on_demand import OnDemandRelay
from espbench.tcprelay.relay import TcpRelay

__all__ = ["OnDemandRelay", "TcpRelay"]
