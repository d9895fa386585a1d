# SPDX-License-Identifier: MIT
"""Reads a firmware's heaps from outside: ESP-IDF's, and the network heap of board lx60."""
