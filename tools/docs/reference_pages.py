# SPDX-License-Identifier: MIT
"""Writes what the reference pages take from the code, so that a code host shows it, too.

    python tools/docs/reference_pages.py     # then commit docs/reference

The checks, the command line and the third-party parts are written in full. A page about Python gets
a table of its names, each with the first sentence of its docstring; the site that `make docs`
builds has the rest.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import checks_page
import cli_page
import parts_page
from espbench.check.families import all_checks
from espbench.cli.main import make_parser
from espbench.doctor.parts import parts

__all__ = ["PAGES", "filled", "names_in"]

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGES = [
    *(REFERENCE / name for name in ("checks.md", "command-line.md", "third-party.md")),
    *sorted((REFERENCE / "python").glob("*.md")),
]
BEGIN, END = "<!-- written by tools/docs/reference_pages.py -->", "<!-- end of it -->"
HEAD = "| name | what it is |\n|---|---|"

_PART = re.compile(rf"(?<={re.escape(BEGIN)}\n)(.*?)(?={re.escape(END)})", re.S)
_DIRECTIVE = re.compile(r"^::: ([\w.]+)$((?:\n    .*)*)", re.M)
"""What mkdocstrings replaces with a reference: a module, class or function, and options."""
_SENTENCE = re.compile(r".+?\.(?=\s|$)", re.S)


def filled(page: Path) -> str:
    """Return a page with its written part renewed.

    Raises:
        ValueError: the page has none, or several.
    """
    text = page.read_text(encoding="utf-8")
    if page.name == "checks.md":
        made = checks_page.sections(all_checks())
    elif page.name == "command-line.md":
        made = cli_page.sections(make_parser())
    elif page.name == "third-party.md":
        made = parts_page.table(parts())
    else:
        made = "\n".join([HEAD, *_rows(text), ""])
    text, count = _PART.subn(lambda _: f"\n{made}\n", text)
    if count != 1:
        raise ValueError(f"{page} has no part between {BEGIN} and {END}")
    return text


def names_in(text: str) -> Iterator[tuple[str, object]]:
    """Yield the names that a page describes, and what each stands for; pure but for imports."""
    for name, options in _DIRECTIVE.findall(text):
        found = _named(name)
        if isinstance(found, ModuleType):
            yield from ((f"{name}.{each}", getattr(found, each)) for each in found.__all__)
            continue
        yield name, found
        if "inherited_members" in options and isinstance(found, type):
            own = (each for each in sorted(dir(found)) if not each.startswith("_"))
            members = ((each, inspect.getattr_static(found, each)) for each in own)
            yield from ((f"{name}.{each}", it) for each, it in members if inspect.getdoc(it))


def _named(name: str) -> object:
    try:
        return import_module(name)
    except ImportError:
        module, _, last = name.rpartition(".")
        return getattr(import_module(module), last)


def _rows(text: str) -> Iterator[str]:
    for name, found in names_in(text):
        call = "()" if inspect.isroutine(found) else ""
        if sentence := _sentence(found):
            yield f"| `{name}{call}` | {sentence} |"


def _sentence(found: object) -> str:
    """Return the first sentence of a docstring; "" for constants, which have none of their own."""
    documented = isinstance(found, (type, property)) or inspect.isroutine(found)
    text = (inspect.getdoc(found) or "") if documented else ""
    first = _SENTENCE.match(text)
    sentence = " ".join((first[0] if first else text).split())
    return sentence.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def main(arguments: Sequence[str]) -> int:
    """Write all pages, or with --check only print those that are out of date; return a status."""
    stale = [page for page in PAGES if page.read_text(encoding="utf-8") != filled(page)]
    if "--check" in arguments:
        print("".join(f"{page}\n" for page in stale), end="")
        return int(bool(stale))
    for page in stale:
        page.write_text(filled(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
