# SPDX-License-Identifier: MIT
"""Imports tlslite-ng without its warning, which a project may turn into an error.

On Python 3.11 it imports asyncore, which is deprecated since 3.6 (PEP 594).
"""

from __future__ import annotations

import sys
import threading
import warnings

__all__ = ["import_tlslite"]

_LOCK = threading.Lock()
"""`catch_warnings` changes the filters of all threads."""


def import_tlslite() -> None:
    """Import the package, which takes 0.2 s; later imports of its modules warn of nothing."""
    with _LOCK:
        if "tlslite.tlsconnection" in sys.modules:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import tlslite.tlsconnection  # noqa: F401
