# SPDX-License-Identifier: MIT
"""What became of a device: whether it is well, who has its processor, what its console says."""
