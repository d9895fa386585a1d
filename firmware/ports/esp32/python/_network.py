# SPDX-License-Identifier: MIT
"""The module that `import network` finds: the port's own, with the emulator's interfaces."""

from network import *
from bench_board import *
