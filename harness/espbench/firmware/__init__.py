# SPDX-License-Identifier: MIT
"""Builds the boards' firmware from source."""
