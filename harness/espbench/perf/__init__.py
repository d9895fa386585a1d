# SPDX-License-Identifier: MIT
"""Measures firmware, and gates its figures against a baseline."""
