# SPDX-License-Identifier: MIT
"""Fills in the templates of `ci/`: values of `env`, the branch, and the container; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

__all__ = ["filled", "line_of"]

_PLAIN = re.compile(r"[A-Za-z][\w./@+=-]*(?::[\w./@+=-]+)*(?: [\w./@+=-]+(?::[\w./@+=-]+)*)*")
"""Values that need no quotes in YAML 1.1, unless they are a word of `_WORDS`."""
_WORDS = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})


def filled(text: str, values: Mapping[str, str], branch: str = "", idf: str = "") -> str:
    """Return a workflow with these values.

    Args:
        text: the template.
        values: for `env`, by name.
        branch: the default branch; "" for the template's.
        idf: the version of ESP-IDF whose container it uses; "" for the template's.
    """
    for name, value in values.items():
        text = _replaced(text, rf"  {name}: .*", f"  {name}: {_scalar(value)}")
    if branch:
        text = _replaced(text, r"    branches: \[.*\]", f"    branches: [{_scalar(branch)}]")
    if idf:
        # Espressif's tags have no third number before the first bug-fix release.
        tag = f"v{idf.removesuffix('.0')}"
        text = _replaced(
            text, r"    container: espressif/idf:.*", f"    container: espressif/idf:{tag}"
        )
    return text


def line_of(text: str, key: str) -> tuple[int, str]:
    """Return the number and the content of the first line of a workflow that begins with a key."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(f"{key}: "):
            return number, line.strip()
    raise ValueError(key)


def _replaced(text: str, line: str, by: str) -> str:
    text, count = re.subn(rf"(?m)^{line}$", lambda _: by, text)
    assert count == 1, line
    return text


def _scalar(value: str) -> str:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value)
