# SPDX-License-Identifier: MIT
"""The device API under the name users import: from esp32 import httpserver, wsserver, webrepl."""

import httpserver
import webrepl
import wsserver
