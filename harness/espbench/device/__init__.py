# SPDX-License-Identifier: MIT
"""A booted board: console, control channel, memory, readiness."""
