# SPDX-License-Identifier: MIT
"""Measures what booting devices ahead of the tests saves."""
