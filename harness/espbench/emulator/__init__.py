# SPDX-License-Identifier: MIT
"""One interface to the emulators of boards, and the choice of a board's emulator."""
