# SPDX-License-Identifier: MIT
"""What `espbench ci` finds out about a firmware project, and writes into its workflow."""
