# SPDX-License-Identifier: MIT
"""Finds, starts, talks to and ends one QEMU."""
