# SPDX-License-Identifier: MIT
"""Examines the machine: what is there, what is missing, and how to get it."""
