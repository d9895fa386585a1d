# SPDX-License-Identifier: MIT
"""HTTP, WebSocket and the modules' APIs, against their references."""
