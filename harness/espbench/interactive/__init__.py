# SPDX-License-Identifier: MIT
"""`espbench up`: a device that stays, with its console on a terminal and its addresses shown."""
