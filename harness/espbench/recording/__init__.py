# SPDX-License-Identifier: MIT
"""QEMU's record and replay of a device's run."""
