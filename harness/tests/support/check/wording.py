# SPDX-License-Identifier: MIT
"""`clumsy`: what no sentence of a check may have, such as a `repr` or a wrong plural; pure."""

from __future__ import annotations

import re

__all__ = ["clumsy", "well_worded"]

NOUNS = "allocation|byte|case|certificate|client|connection|file|message|request|session"
KINDS = {
    "a dict or a list": r"""[\[{]['"]|\[\d+, \d+|\[\]|\{\}""",
    "a tuple": r"\(\d+, \d+|\(\d+,\)",
    "bytes": r"""\bb'[^']*'|\bb"[^"]*"|bytearray""",
    "an object": r"<[A-Za-z_.]+[:( ]|\bobject at 0x|\b[A-Z]\w+\.[A-Z_]+: \d",
    "None": r"\bNone\b(?! of )",
    "words of Python's codecs": r"codec can't",
    "a wrong plural": rf"(?<![\w.,/])(?:1 (?:{NOUNS})s|(?!1 )\d+ (?:{NOUNS}))\b(?!-)",
    "a wrong article": r"\ba (?:HTTP|RST|SSL)\b|\ban (?:GET|POST|TLS)\b",
    "a second full stop": r"\w\.\.(?!\.)",
    "two blanks": r"(?<=[a-z,]) {2}",
    "no full stop": r"[^.\])]$",
}
"""What is wrong, and a pattern for it outside of quotations."""
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|(?<![\w'])'(?:[^'\\]|\\.)*'(?!\w)""")


def clumsy(sentence: str) -> list[str]:
    """Return what a sentence has that it may not have."""
    text = _QUOTED.sub(lambda found: f"{found[0][0]}{found[0][0]}", sentence)
    found = [kind for kind, pattern in KINDS.items() if text and re.search(pattern, text)]
    if text[:1].islower():
        found.append("a small letter at its beginning")
    return found


def well_worded(sentence: str) -> str:
    """Return a sentence, or fail if it is clumsy."""
    assert not clumsy(sentence), f"{', '.join(clumsy(sentence))}: {sentence}"
    return sentence
