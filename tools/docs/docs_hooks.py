# SPDX-License-Identifier: MIT
"""MkDocs hooks: navigation, pages for linked files outside of docs/, and stubs.

Pages link to sources, tests and READMEs by their paths in the tree, so that the links also work on
a code host. In the site, each of these files gets its own page below `tree/`.
"""

from __future__ import annotations

import posixpath
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markdown_links import entries, is_local, rewrite, targets
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

TREE = Path(__file__).resolve().parents[2]
DOCS = "docs/"
OUTSIDE = "tree/"
"""The site's folder for files outside of docs/."""
INDEX = f"{DOCS}index.md"
STUBS = TREE / "harness" / "espbench" / "stubs"
PACKAGES = TREE / "build" / "docs" / "stubs"
"""Must match mkdocs.yml."""
LANGUAGES = {".c": "c", ".h": "c", ".md": "", ".py": "python", ".toml": "toml", ".yml": "yaml"}


def tree_of(config: MkDocsConfig) -> Path:
    """Return the folder with mkdocs.yml."""
    return Path(config.config_file_path).parent


def uri_of(path: str) -> str:
    """Return the site's name for a file of the tree."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return OUTSIDE + (path if path.endswith(".md") else f"{path}.md")


def path_of(uri: str) -> str:
    """Return the Markdown file of the tree that a page of the site shows."""
    return uri.removeprefix(OUTSIDE) if uri.startswith(OUTSIDE) else DOCS + uri


def resolved(tree: Path, path: str, target: str) -> str | None:
    """Return the target of a link in the file `path`: a file or folder of the tree, or None.

    For a folder with a README, return the README.
    """
    if not is_local(target):
        return None
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target.partition("#")[0]))
    if (tree / found).is_dir():
        readme = posixpath.join(found, "README.md")
        return readme if (tree / readme).is_file() else found
    return found if (tree / found).is_file() else None


def linked_outside(tree: Path, paths: Iterable[str]) -> set[str]:
    """Return the files outside of docs/ that pages link to, directly or through such files."""
    unread, found = list(paths), set[str]()
    while unread:
        path = unread.pop()
        for target in targets((tree / path).read_text(encoding="utf-8")):
            linked = resolved(tree, path, target)
            if linked and not linked.startswith(DOCS) and linked not in found:
                found.add(linked)
                if linked.endswith(".md"):
                    unread.append(linked)
    return found


def on_startup(**_: object) -> None:
    """Copy the stubs of the device's modules to a place where griffe finds them.

    griffe finds a top-level module as a package or a `.py` file, not as a `.pyi` file. A file that
    is up to date is not rewritten, because another build may be reading it.
    """
    wanted = {stub.stem: stub.read_bytes() for stub in STUBS.glob("*.pyi")}
    for name, text in wanted.items():
        copy = PACKAGES / name / "__init__.pyi"
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.is_file() or copy.read_bytes() != text:
            with tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as fresh:
                fresh.write(text)
            Path(fresh.name).replace(copy)
    for package in PACKAGES.iterdir():
        if package.name not in wanted:
            shutil.rmtree(package)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Build the navigation: for each section of the index, the pages that it links to."""
    tree = tree_of(config)
    _, *sections = (tree / INDEX).read_text(encoding="utf-8").split("\n## ")

    def uris(names: Iterable[str]) -> list[str]:
        linked = [resolved(tree, INDEX, name) for name in names]
        return [uri_of(path) for path in linked if path]

    nav: list[str | dict[str, list[Any]]] = ["index.md"]
    for section in sections:
        pages: list[str | dict[str, list[str]]] = []
        for entry in entries(section):
            pages += uris([entry]) if isinstance(entry, str) else [{entry[0]: uris(entry[1])}]
        nav.append({section.partition("\n")[0]: pages})
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add each linked file outside of docs/."""
    tree = tree_of(config)
    pages = [path_of(each.src_uri) for each in files.documentation_pages()]
    for path in sorted(linked_outside(tree, pages)):
        text = listing(tree, path) if (tree / path).is_dir() else content(tree, path)
        files.append(
            File.generated(config, uri_of(path), content=text, inclusion=InclusionLevel.NOT_IN_NAV)
        )
    return files


def listing(tree: Path, path: str) -> str:
    """Return the page for a folder of the tree."""
    names = sorted(
        f"{each.name}/" if each.is_dir() else each.name
        for each in (tree / path).iterdir()
        if not each.name.startswith((".", "__pycache__"))
    )
    return "\n".join([f"# {path}/", "", *(f"- `{name}`" for name in names)])


def content(tree: Path, path: str) -> str:
    """Return the page for a file of the tree: Markdown as it is, everything else as code."""
    text = (tree / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    fence = "`" * 6
    language = LANGUAGES.get(Path(path).suffix, "")
    head = "---\nsearch:\n  exclude: true\n---\n"
    return f"{head}# {path}\n\n{fence}{language}\n{text}\n{fence}\n"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Redirect links to files of the tree to their pages."""
    uri = page.file.src_uri
    tree = tree_of(config)

    def change(target: str) -> str:
        linked = resolved(tree, path_of(uri), target)
        if linked is None:
            return target  # MkDocs reports it
        _, mark, anchor = target.partition("#")
        return posixpath.relpath(uri_of(linked), posixpath.dirname(uri) or ".") + mark + anchor

    return rewrite(markdown, change)
