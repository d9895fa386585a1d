# SPDX-License-Identifier: MIT
"""`espbench up`: keeps a device running, with its console on the terminal."""
