# SPDX-License-Identifier: MIT
"""`espbench parity`: compares the results of the same suites on two boards."""
