# SPDX-License-Identifier: MIT
"""Firmware that panics: the panic is decoded and kept as evidence, and the device recovers."""
