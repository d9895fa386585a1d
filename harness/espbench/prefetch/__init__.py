# SPDX-License-Identifier: MIT
"""Boots devices ahead of time, so that tests do not have to wait for them.

predictor.py   predicts which devices the next tests will request
prebooted.py   one device that boots and waits for its test
boot_slots.py  limits how many devices boot at a time, across all processes
pool.py        the pool of a session's spare devices
"""

from espbench.prefetch.pool import Order, Pool
from espbench.prefetch.predictor import Forecast, merged

__all__ = ["Forecast", "Order", "Pool", "merged"]
