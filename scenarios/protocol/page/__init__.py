# SPDX-License-Identifier: MIT
"""The device's own page, in a browser."""
