# SPDX-License-Identifier: MIT
"""The commands that concern this machine's tools: what is missing, and installing it."""
