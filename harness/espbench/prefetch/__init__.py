# SPDX-License-Identifier: MIT
"""Devices that boot ahead, so that a test need not wait for its own.

predictor.py   which devices the next tests will ask for
prebooted.py   one device that boots and waits
boot_slots.py  how many boot at a time, over all processes
pool.py        all of a session
"""

from espbench.prefetch.pool import Order, Pool
from espbench.prefetch.predictor import Forecast, merged

__all__ = ["Forecast", "Order", "Pool", "merged"]
