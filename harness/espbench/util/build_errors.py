# SPDX-License-Identifier: MIT
"""Finds the first error in a build's output: of the compiler, the linker, CMake or Python.

The word "error" alone proves nothing: ninja prints the command that failed, and most commands of
ESP-IDF have options such as -Wno-error=format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["first_error"]

_PLACED = re.compile(r"^\S.*?:\d+(?::\d+)?: (?:fatal )?[eE]rror: ")
"""An error at a line of a source file: GCC ("GCC Coding Conventions", diagnostics) and gas."""
_ERRORS = (
    _PLACED,
    re.compile(r"^\S+: (?:fatal )?error: "),  # cc1, or gcc itself
    re.compile(r"undefined reference to|multiple definition of|: cannot find -l"),
    re.compile(r"will not fit in region|region `\w+' overflowed by"),
    re.compile(r"^CMake Error"),
    re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception): "),  # the end of Python's traceback
    re.compile(r"^(?:ERROR|error): "),
)
_LINKER = re.compile(r"^\S+/\S*ld: ")
"""The linker's name, which is longer than its message in ESP-IDF's tools."""
_SUMMARY = re.compile(r"^(?:ninja|collect2|make(?:\[\d+\])?): ")
"""What follows an error and only repeats that there was one."""
_MAKE = re.compile(r"\*\*\*")
_FAILED = re.compile(r"^FAILED: (?:\[code=\d+\] )?(\S+)")
"""ninja's line before the command that failed: the file that it makes."""


def first_error(lines: Sequence[str]) -> str:
    """Return the first error in a build's output, with the file in which it is; "" if none.

    A linker's error names no source file; the file that could not be made follows it.
    """
    target = ""
    for number, line in enumerate(lines):
        if failed := _FAILED.match(line):
            target = failed[1]
        if _SUMMARY.match(line) or not any(error.search(line) for error in _ERRORS):
            continue
        text = _LINKER.sub("ld: ", line.strip())
        if text.startswith("CMake Error"):
            return _with_text(text, lines[number + 1 :])
        if target and not _PLACED.match(line):
            text += f" (while {target} was made)"
        return text
    summaries = [line.strip() for line in lines if _SUMMARY.match(line)]
    return next(iter([s for s in summaries if not _MAKE.search(s)] or summaries), "")


def _with_text(title: str, following: Sequence[str]) -> str:
    """Return CMake's error with its text, which it prints indented below the title."""
    text = next((line.strip() for line in following if line.strip()), "")
    return f"{title} {text}" if title.endswith(":") else title
