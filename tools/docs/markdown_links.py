# SPDX-License-Identifier: MIT
"""Find and change the links of a Markdown page, except in code blocks; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["entries", "is_local", "prose", "rewrite", "targets"]

FENCE = re.compile(r"(^ *(`{3,}|~{3,}).*?^ *\2 *$)", re.M | re.S)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")


def prose(text: str) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", text)


def is_local(target: str) -> bool:
    """Return whether a link leads to a file: neither to the web nor into its own page."""
    return not re.match(r"[a-z][a-z+.-]*:|#", target)


def targets(text: str) -> list[str]:
    """Return the targets of a page's links and images, including anchors."""
    return LINK.findall(prose(text))


def entries(section: str) -> list[str | tuple[str, list[str]]]:
    """Return the targets that a section links to, for a navigation.

    A list item that begins with a name, as in `- Python: [a](a.md), [b](b.md)`, is a group: a pair
    of that name and its targets. A target occurs once.
    """
    found: list[str | tuple[str, list[str]]] = []
    seen = set[str]()
    for item in re.split(r"^- ", section, flags=re.M):
        new = [each for each in dict.fromkeys(targets(item)) if each not in seen]
        seen.update(new)
        if (group := re.match(r"([^\[\n:]+): \[", item)) and len(new) > 1:
            found.append((group[1], new))
        else:
            found += new
    return found


def rewrite(text: str, change: Callable[[str], str]) -> str:
    """Return a page with `change` applied to each link's target."""
    return "".join(_rewritten(text, change))


def _rewritten(text: str, change: Callable[[str], str]) -> Iterator[str]:
    end = 0
    for block in FENCE.finditer(text):
        yield LINK.sub(lambda link: change(link[0]), text[end : block.start()])
        yield block[0]
        end = block.end()
    yield LINK.sub(lambda link: change(link[0]), text[end:])
