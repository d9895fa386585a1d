# SPDX-License-Identifier: MIT
"""Command line interface: the command `espbench` and its subcommands."""
