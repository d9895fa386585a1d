# SPDX-License-Identifier: MIT
"""The version of espbench, in a module without imports, so that reading it costs nothing."""

__all__ = ["__version__"]

__version__ = "0.1.0"
