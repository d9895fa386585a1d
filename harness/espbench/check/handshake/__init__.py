# SPDX-License-Identifier: MIT
"""TLS handshake messages by hand: a ClientHello with any content, and what a server answers."""
