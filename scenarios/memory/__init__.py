# SPDX-License-Identifier: MIT
"""Allocations that fail, heaps that are short, and stacks."""
