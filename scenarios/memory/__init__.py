# SPDX-License-Identifier: MIT
"""Failing allocations, a nearly full heap, and stack headroom."""
