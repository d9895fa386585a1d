# SPDX-License-Identifier: MIT
"""WebREPL: login, prompt, file transfer, sessions."""
