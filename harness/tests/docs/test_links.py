# SPDX-License-Identifier: MIT
"""Links between the Markdown files resolve, and every page is linked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from markdown_links import entries, is_local, prose, targets

TREE = Path(__file__).resolve().parents[3]
MENTION = re.compile(r"(?<![\w/.-])docs/[\w/-]+\.(?:md|png)\b")


def tracked(*patterns: str) -> list[Path]:
    """Return the repository's files that match."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\n") if name and (path := TREE / name).is_file()]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub generates them."""
    titles = re.findall(r"^#+ +(.+?) *$", prose(page.read_text(encoding="utf-8")), re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in titles]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def links(page: Path) -> list[tuple[Path, str]]:
    """Return the files and anchors that a page links to, without external links."""
    found = []
    for target in targets(page.read_text(encoding="utf-8")):
        if not is_local(target) and not target.startswith("#"):
            continue
        name, _, anchor = target.partition("#")
        found.append(((page.parent / name).resolve() if name else page, anchor))
    return found


@pytest.mark.parametrize("page", tracked("*.md"), ids=lambda page: str(page.relative_to(TREE)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link leads to an existing file, and an existing heading in it."""
    missing = [
        f"{target.name}#{anchor}"
        for target, anchor in links(page)
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]
    assert missing == []


def test_every_page_is_reached_from_the_index() -> None:
    """docs/index.md links to each page of docs."""
    pages = set(tracked("docs/*.md")) - {TREE / "docs" / "index.md"}
    assert len(pages) > 10
    assert pages - {target for target, _ in links(TREE / "docs" / "index.md")} == set()


def test_the_index_has_the_titles_of_the_pages() -> None:
    """The text of each link of docs/index.md is the title of the page."""
    index = TREE / "docs" / "index.md"
    found = re.findall(r"\[([^]]+)\]\(([^)#]+\.md)\)", index.read_text(encoding="utf-8"))
    assert len(found) > 20
    titles = {
        name: (index.parent / name)
        .read_text(encoding="utf-8")
        .partition("\n")[0]
        .removeprefix("# ")
        for _, name in found
    }
    lower = {name: title[0].lower() + title[1:] for name, title in titles.items()}
    assert [(text, name) for text, name in found if text not in (titles[name], lower[name])] == []


def test_entries_of_a_navigation() -> None:
    """A list item that begins with a name is a group, and a page occurs once."""
    text = (
        "Start [here](a.md).\n\n- [B](b.md): as in [A](a.md)\n- Python: [c](c.md),\n  [d](d.md)\n"
    )
    assert entries(text) == ["a.md", "b.md", ("Python", ["c.md", "d.md"])]
    index = (TREE / "docs" / "index.md").read_text(encoding="utf-8")
    groups = [each for each in entries(index) if not isinstance(each, str)]
    assert [(name, len(pages)) for name, pages in groups] == [("Python", 6)]


def test_mentions_of_pages_are_true() -> None:
    """Pages that messages, comments and tests name exist."""
    named = {
        (path.relative_to(TREE), name)
        for path in tracked("*.py", "*.c", "*.h", "*.toml", "*.yml", "*.md", "Makefile")
        if path != Path(__file__)
        for name in MENTION.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert [each for each in sorted(named) if not (TREE / each[1]).is_file()] == []


def doubled(text: str) -> list[str]:
    """Return the labels that occur twice in the lists of a section or in a table.

    The label is an item's bold words, or the first cell of a row of at most three. A merge that
    keeps both versions of a text leaves such pairs.
    """
    blocks = [
        re.findall(r"^- \*\*(.+?)[.:]?\*\*", section, re.M)
        for section in re.split(r"^#+ .*$", prose(text), flags=re.M)
    ] + [
        re.findall(r"^\| ([^|]+?) \|[^|]*\|(?:[^|]*\|)?$", table, re.M)
        for table in text.split("\n\n")
    ]
    return sorted({label for labels in blocks for label in labels if labels.count(label) > 1})


@pytest.mark.parametrize("page", tracked("*.md"), ids=lambda page: str(page.relative_to(TREE)))
def test_nothing_is_doubled(page: Path) -> None:
    """No section has two list items with the same label, and no table two such rows."""
    assert doubled(page.read_text(encoding="utf-8")) == []
