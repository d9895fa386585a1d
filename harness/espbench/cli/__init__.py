# SPDX-License-Identifier: MIT
"""The command `espbench`."""
