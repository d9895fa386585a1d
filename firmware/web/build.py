# SPDX-License-Identifier: MIT
"""Makes the page that the device serves: one gzipped file, as a MicroPython module.

    python build.py page_data.py

The sources beside this file are inlined into index.html. Scripts and styles are allowed by their
hashes in the page's Content-Security-Policy (CSP level 3, section 2.3.1), nothing else is. The same
sources give the same bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT = 16 * 1024
"""Bytes that the gzipped page may have."""


def smaller(name: str, text: str) -> str:
    """Return a source without comments and indentation; lines stay, so that it can be debugged."""
    if name.endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    lines = [line.strip() for line in text.splitlines()]
    if name.endswith(".js"):
        lines = [line for line in lines if not line.startswith("//")]
    return "\n".join(line for line in lines if line)


def page(folder: Path = HERE) -> str:
    """Return the whole page."""
    html = smaller("index.html", (folder / "index.html").read_text("utf-8"))

    def inlined(match: re.Match[str]) -> str:
        return smaller(match[1], (folder / match[1]).read_text("utf-8")) + "\n"

    html = re.sub(r"@([a-z]+\.(?:js|css))@", inlined, html)
    # In a block of its own the script's names are nobody else's.
    return html.replace("<script>", "<script>'use strict';{\n").replace("</script>", "}</script>")


def hashes(html: str, element: str) -> str:
    """Return the CSP source expressions of all inline elements of this name."""
    contents = re.findall(rf"<{element}>(.*?)</{element}>", html, flags=re.DOTALL)
    digests = [hashlib.sha256(content.encode()).digest() for content in contents]
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def policy(html: str) -> str:
    """Return the page's Content-Security-Policy."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {hashes(html, 'script')}",
            f"style-src {hashes(html, 'style')}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ]
    )


def module(html: str) -> str:
    """Return the MicroPython module's source.

    Raises:
        ValueError: the page is too large.
    """
    packed = gzip.compress(html.encode(), 9, mtime=0)
    if len(packed) > LIMIT:
        raise ValueError(f"the page has {len(packed)} bytes gzipped, the limit is {LIMIT}")
    etag = hashlib.sha256(packed).hexdigest()[:24]
    return (
        f'"""Made by firmware/web/build.py."""\n\nTYPE = "text/html; charset=utf-8"\n'
        f"ETAG = '\"{etag}\"'\nPOLICY = {policy(html)!r}\nPAGE = {packed!r}\n"
    )


def main(arguments: list[str]) -> int:
    """Write the module that is named; return an exit status."""
    if len(arguments) != 1:
        print("usage: build.py page_data.py", file=sys.stderr)
        return 2
    try:
        text = module(page())
    except (OSError, ValueError) as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    Path(arguments[0]).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
