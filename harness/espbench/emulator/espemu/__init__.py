# SPDX-License-Identifier: MIT
"""Espressif's esp-emu: finds it, starts it, controls it and stops it."""
