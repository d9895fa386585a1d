# SPDX-License-Identifier: MIT
"""Builds firmware from its sources."""
