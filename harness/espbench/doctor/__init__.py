# SPDX-License-Identifier: MIT
"""`espbench doctor`: reports what is installed, what is missing, and how to get it."""
