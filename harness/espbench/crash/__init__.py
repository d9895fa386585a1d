# SPDX-License-Identifier: MIT
"""Decodes a crash dump from the console: registers, frames, functions and source lines."""
