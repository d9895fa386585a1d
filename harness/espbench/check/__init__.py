# SPDX-License-Identifier: MIT
"""Checks any firmware, unmodified: finds out what a device serves and asks it what may break it."""

from __future__ import annotations
