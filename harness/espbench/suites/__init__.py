# SPDX-License-Identifier: MIT
"""The scenario suites: their names, and shards."""
