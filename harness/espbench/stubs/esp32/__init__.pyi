# SPDX-License-Identifier: MIT
"""The device's modules where programs look for them: `from esp32 import httpserver, webrepl`.

The same modules can be imported by their own names: `import httpserver`.
"""

import httpserver as httpserver
import webrepl as webrepl
import wsserver as wsserver
