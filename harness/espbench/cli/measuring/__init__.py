# SPDX-License-Identifier: MIT
"""The commands that measure: `timings`, `measure`, `gate`."""
