# SPDX-License-Identifier: MIT
"""Makes docs/reference/api.md, the reference of the device's modules, out of their stubs.

python tools/make_reference.py            # writes it
python tools/make_reference.py --check    # says whether it is up to date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from stub_files import Function, Module, Record, read_modules

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "api.md"

HEAD = """\
<!-- Made from harness/espbench/stubs by tools/make_reference.py: change the stubs, not this. -->
# The device's modules

What programs on the device can call: `from esp32 import httpserver, wsserver, webrepl`, or each
module by its own name. How to put them together is in [https.md](../how-to/https.md).

The same text is in the stubs (`.pyi`) that come with espbench, for editors and mypy:

```sh
export MYPYPATH=$(python -c "import espbench; print(espbench.__path__[0])")/stubs
mypy main.py
```

Exceptions that say `ENOSPC` or the like are `OSError` with that number in `errno`. Times are in
milliseconds where the name ends in `_ms`, sizes are bytes.
"""

SECTION = re.compile(r"^(Args|Returns|Raises|Memory):$")
ENTRY = re.compile(r"^(\w+): (.*)$")


def paragraphs(lines: Iterable[str]) -> list[str]:
    """Return the paragraphs of a text, each on one line."""
    text = "\n".join(line.strip() for line in lines).strip()
    return [" ".join(block.split()) for block in re.split(r"\n\s*\n", text) if block.strip()]


def sections(doc: str) -> list[tuple[str, list[str]]]:
    """Return a docstring's parts: what stands before the first title (title ""), then each."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in doc.splitlines():
        if title := SECTION.match(line):
            found.append((title[1], []))
        else:
            found[-1][1].append(line)
    return found


def entries(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return the `name: text` entries of a section, with their continuation lines."""
    found: list[tuple[str, str]] = []
    for line in lines:
        entry = ENTRY.match(line.removeprefix("    "))
        if entry:
            found.append((entry[1], entry[2]))
        elif line.strip():
            name, text = found[-1]
            found[-1] = (name, f"{text} {line.strip()}")
    return found


def docstring(doc: str) -> list[str]:
    """Return a function's docstring as Markdown lines."""
    out: list[str] = []
    for title, lines in sections(doc):
        if title in ("Args", "Raises"):
            out += ["", f"*{'Parameters' if title == 'Args' else 'Raises'}*", ""]
            out += [f"- `{name}`: {text}" for name, text in entries(lines)]
        elif title:
            out += ["", f"*{title}*: {' '.join(paragraphs(lines))}"]
        else:
            for paragraph in paragraphs(lines):
                out += ["", paragraph]
    return out


def function(module: str, overloads: Sequence[Function]) -> list[str]:
    """Return the section of a function."""
    out = ["", f"### {module}.{overloads[0].name}", "", "```python"]
    out += [one.signature for one in overloads]
    out += ["```"]
    for one in overloads:
        out += docstring(one.doc)
    return out


def record(one: Record) -> list[str]:
    """Return the section of a class or of a dictionary."""
    kind = "dictionary" if one.is_dict else "object"
    out = ["", f"### {one.name} ({kind})", "", *paragraphs(one.doc.splitlines()), ""]
    out += [f"| {'key' if one.is_dict else 'attribute'} | type | meaning |", "|---|---|---|"]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in one.fields]
    return out + [f"| `{name}` | `{kind}` | {text} |" for name, kind, text in escaped]


def module(one: Module) -> list[str]:
    """Return the chapter of a module."""
    out = ["", f"## {one.name}"]
    for paragraph in paragraphs(one.doc.splitlines()):
        out += ["", paragraph]
    names = dict.fromkeys(each.name for each in one.functions)
    for name in names:
        out += function(one.name, [each for each in one.functions if each.name == name])
    for each in one.records:
        out += record(each)
    return out


def page() -> str:
    """Return the whole page."""
    lines = [line for one in read_modules() for line in module(one)]
    return HEAD + "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with --check compare it; return 1 when it is not up to date."""
    made = page()
    if "--check" not in arguments:
        PAGE.write_text(made, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made:
        return 0
    print("docs/reference/api.md is not what the stubs say: run `python tools/make_reference.py`.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
