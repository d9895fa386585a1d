# SPDX-License-Identifier: MIT
"""Firmware that panics: decoded, kept as evidence, and back again."""
