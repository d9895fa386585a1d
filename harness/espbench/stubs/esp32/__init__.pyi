# SPDX-License-Identifier: MIT
"""The device's modules as part of `esp32`: `from esp32 import httpserver, webrepl`.

They can also be imported directly: `import httpserver`.
"""

import httpserver as httpserver
import webrepl as webrepl
import wsserver as wsserver
