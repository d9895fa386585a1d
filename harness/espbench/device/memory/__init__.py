# SPDX-License-Identifier: MIT
"""A device's memory: figures of its heaps, a thread that samples them, TIME-WAIT connections."""

from espbench.device.memory.heap_info import HeapInfo

__all__ = ["HeapInfo"]
