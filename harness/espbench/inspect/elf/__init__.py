# SPDX-License-Identifier: MIT
"""Reads a firmware's ELF file: symbols, structures, and whether it belongs to the image."""
