# SPDX-License-Identifier: MIT
"""Devices that boot ahead, so that a test need not wait for its own.

turns.py      how many boots ahead run at a time, over all processes
spare.py      one device that boots ahead
pool.py       those of a session
forecast.py   what the next tests will ask for
bench.py      what it is worth: suites a minute with it and without
suite.py      the suite that is measured
"""

from espbench.prefetch.pool import Order, Pool
from espbench.prefetch.predictor import Forecast, merged

__all__ = ["Forecast", "Order", "Pool", "merged"]
