# SPDX-License-Identifier: MIT
"""How scenarios start the HTTPS server with other arguments."""

from __future__ import annotations

__all__ = ["START"]

START = (
    "__import__('httpserver').start("
    "cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem'{})"
)
"""Python for the device; takes further arguments, such as ", max_https=2"."""
