# SPDX-License-Identifier: MIT
"""Decodes crash dumps from the console: registers, frames, functions and source lines."""
