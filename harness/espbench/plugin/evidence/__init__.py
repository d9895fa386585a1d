# SPDX-License-Identifier: MIT
"""Where the evidence of failed tests goes, what JUnit XML says, and when the disk is full."""
