# SPDX-License-Identifier: MIT
"""Figures of a firmware, and the gate that compares them with a baseline."""
