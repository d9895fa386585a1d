# SPDX-License-Identifier: MIT
"""Where a firmware's certificate and key are stored, and how to replace them."""
