# SPDX-License-Identifier: MIT
"""The version of espbench; a module of its own, which imports nothing, for whoever records it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
