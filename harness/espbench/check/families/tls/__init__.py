# SPDX-License-Identifier: MIT
"""The family `tls`: what a server negotiates, what it makes of odd clients, and how many it serves.

Each check knows RFC 5246 and RFC 8446 alone, and nothing of the server's software.
"""
