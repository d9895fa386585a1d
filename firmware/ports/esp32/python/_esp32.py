# SPDX-License-Identifier: MIT
"""What `import esp32` finds: the port's module, and the device API where its users look for it."""

import httpserver
import webrepl
import wsserver
from esp32 import *
