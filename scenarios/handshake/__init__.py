# SPDX-License-Identifier: MIT
"""TLS and WebSocket handshakes: slow, truncated, malformed, concurrent."""
