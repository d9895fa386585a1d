# SPDX-License-Identifier: MIT
"""`espbench parity`: the same suites on two boards, and the rows that differ."""
