# SPDX-License-Identifier: MIT
"""Helpers that are independent of devices: deadlines, locks, temporary folders, seeded RNGs."""
