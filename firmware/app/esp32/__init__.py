# SPDX-License-Identifier: MIT
"""The device API where its users look for it: from esp32 import httpserver, wsserver, webrepl."""

import httpserver
import webrepl
import wsserver
