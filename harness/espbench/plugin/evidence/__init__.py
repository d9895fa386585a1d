# SPDX-License-Identifier: MIT
"""Where the evidence of failed tests goes, and what happens when the disk is full."""
