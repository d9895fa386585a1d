# SPDX-License-Identifier: MIT
"""A device's memory: its figures, leaks, and failing allocations, while it runs."""

from espbench.device.memory.device_memory import DeviceMemory
from espbench.device.memory.heap_info import HeapInfo, HeapSample

__all__ = ["DeviceMemory", "HeapInfo", "HeapSample"]
