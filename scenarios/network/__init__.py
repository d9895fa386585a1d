# SPDX-License-Identifier: MIT
"""Networks that lose, delay, reorder and cut."""
