# SPDX-License-Identifier: MIT
"""The maximum number of connections, and what a device does with one more."""
