# SPDX-License-Identifier: MIT
"""HTTP/1.1 of any server, by RFC 9110 and RFC 9112."""
