# SPDX-License-Identifier: MIT
"""Networks that lose, delay and reorder packets, or go down."""
