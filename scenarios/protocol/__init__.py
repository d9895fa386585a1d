# SPDX-License-Identifier: MIT
"""HTTP, WebSocket and the modules' API, as their references promise them."""
