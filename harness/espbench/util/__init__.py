# SPDX-License-Identifier: MIT
"""Helpers that know nothing of devices: deadlines, locks, temporary folders, seeded RNGs."""
