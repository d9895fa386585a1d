# SPDX-License-Identifier: MIT
"""`shortage`: whether a device that does not answer has run out of memory."""

from __future__ import annotations

from collections.abc import Iterable

from espbench.check.server import Server
from espbench.device.device import Device
from espbench.device.memory.heap_info import HeapInfo
from espbench.errors import DeviceError, QmpError

__all__ = ["describe", "shortage"]

FRAME = 1600
"""Bytes that a driver allocates for a frame: ETH_MAX_PACKET_SIZE (esp_eth/include/esp_eth_com.h)
and what the allocator adds."""
TLS_RECORD = 16384 + 333
"""Bytes that Mbed TLS allocates for records in ESP-IDF: CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN with
headers (MBEDTLS_SSL_IN_BUFFER_LEN in library/ssl_misc.h)."""
PATIENCE = 5.0
"""Seconds (before scaling) for a firmware that reports its heap itself."""


def shortage(device: Device, silent: Iterable[Server]) -> str:
    """Return that too little heap is left for servers that do not answer, as a sentence; or ""."""
    try:
        heap = device.heap(PATIENCE)
    except (DeviceError, QmpError, OSError):  # a look into it is not possible
        return ""
    return describe(heap, tls=any(each.tls for each in silent))


def describe(heap: HeapInfo, *, tls: bool) -> str:
    """Return that too little heap is left for a frame or a TLS session, as a sentence; or ""."""
    if heap.largest >= (TLS_RECORD if tls else FRAME):
        return ""
    return f"Only {heap.free:,} B of heap were left, in blocks of at most {heap.largest:,} B."
