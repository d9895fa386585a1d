# SPDX-License-Identifier: MIT
"""What `import network` finds: the port's module, with the interfaces that the emulator has."""

from network import *
from bench_board import *
