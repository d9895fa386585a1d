# SPDX-License-Identifier: MIT
"""The scenario suites: their names, those that come with a wheel, and shards."""
