# SPDX-License-Identifier: MIT
"""TLS and WebSocket handshakes that are slow, cut, wrong or many."""
