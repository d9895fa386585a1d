# SPDX-License-Identifier: MIT
"""The most connections at once, and what a device does with one more."""
