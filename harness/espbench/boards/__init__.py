# SPDX-License-Identifier: MIT
"""The boards as data: machine, memory, flash, and how firmware reaches them."""
