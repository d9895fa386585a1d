# SPDX-License-Identifier: MIT
"""WebSockets of any server, by RFC 6455; numbered cases have the Autobahn suite's numbers."""
