# SPDX-License-Identifier: MIT
"""Find the resources and scripts that a browser would load to show a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

TAGS = frozenset({"script", "link", "iframe", "frame", "object", "embed", "base", "form"})
FETCHED = frozenset({"src", "srcset", "poster", "data", "background", "href", "xlink:href"})


def loads(html: str) -> list[str]:
    """Return what the page loads; links that a user may follow do not count."""
    page = _Page()
    page.feed(html)
    page.close()
    return page.found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if tag in TAGS or any(_fetches(tag, name, value or "") for name, value in attrs):
            self.found.append(self.get_starttag_text() or tag)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style and re.search(r"@import|url\(", data, re.IGNORECASE):
            self.found.append(data)


def _fetches(tag: str, name: str, value: str) -> bool:
    if name in FETCHED:
        return tag != "a" and not value.startswith(("data:", "#"))
    return name == "http-equiv" or (name == "style" and "url(" in value.lower())
