# SPDX-License-Identifier: MIT
"""Reads the tasks of a firmware from outside, with the stack that each has never used."""
