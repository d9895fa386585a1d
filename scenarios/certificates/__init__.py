# SPDX-License-Identifier: MIT
"""Certificates and keys that are missing, mismatched or damaged."""
