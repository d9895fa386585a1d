# SPDX-License-Identifier: MIT
"""The module that `import esp32` finds: the port's own, with the device API added."""

import httpserver
import webrepl
import wsserver
from esp32 import *
