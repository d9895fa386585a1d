# SPDX-License-Identifier: MIT
"""What is checked: the firmware, the device under test that boots it, and the servers on it."""
