# SPDX-License-Identifier: MIT
"""Records a device's run with QEMU's record and replay, and replays it."""
