# SPDX-License-Identifier: MIT
"""A running device's memory: figures, leak checks, and failing allocations."""

from espbench.device.memory.device_memory import DeviceMemory
from espbench.device.memory.heap_info import HeapInfo, HeapSample

__all__ = ["DeviceMemory", "HeapInfo", "HeapSample"]
