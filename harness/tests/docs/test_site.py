# SPDX-License-Identifier: MIT
"""`make docs` builds a complete, self-contained site without broken links."""

from __future__ import annotations

import argparse
import html
import inspect
import json
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import build_docs
import checks_page
import cli_page
import pytest
from espbench import errors
from espbench.check.check import Check
from espbench.check.families import all_checks
from espbench.check.result import Severity
from espbench.cli.main import make_parser
from espbench.device.device import Device
from espbench.errors import EspbenchError
from stub_files import MODULES, read_module

TREE = Path(__file__).resolve().parents[3]
ANCHOR = re.compile(r'id="([^"]+)"')
LOADED = re.compile(r'<(?:script|img|iframe)[^>]* src="([^"]+)"|<link[^>]* href="([^"]+)"')
PUBLIC = (
    "espbench",
    "espbench.clients",
    "espbench.certs",
    "espbench.inspect",
    "espbench.inspect.allocations",
    "espbench.inspect.stub",
)
"""Modules whose `__all__` is in the reference."""
BY_HAND = {"espbench.BOARDS", "espbench.certs.recipes"}
"""Names that griffe misses: a table, and a function with the name of a module."""
SLOW = pytest.mark.timeout(600)
"""The first build installs the generator."""

Build = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def build() -> Build:
    """Return a function that builds the site into a folder, in strict mode."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            build_docs.command("build", "--site-dir", str(folder), *arguments),
            cwd=TREE,
            env=build_docs.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def site(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site's folder."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _tree(top: type[EspbenchError] = EspbenchError) -> Iterator[type[EspbenchError]]:
    """Return an exception and its subclasses."""
    yield top
    for each in top.__subclasses__():
        yield from _tree(each)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page of the site."""
    return {html.unescape(found) for found in ANCHOR.findall(page.read_text(encoding="utf-8"))}


@SLOW
def test_the_device_modules_are_whole(site: Path) -> None:
    """Every function and class of every stub is in the reference, overloaded ones too."""
    there = anchors(site / "reference" / "device-modules.html")
    for module in MODULES:
        stub = read_module(module)
        names = {f"{module}.{name}" for name in (*stub.functions, *stub.classes)}
        assert names
        assert names - there == set()


@SLOW
def test_parameters_and_errors_are_shown(site: Path) -> None:
    """The sections of a stub's docstring become tables."""
    text = (site / "reference" / "device-modules.html").read_text(encoding="utf-8")
    start = text.split('id="httpserver.start"', 1)[1].split('id="httpserver.stop"', 1)[0]
    for words in ("handshake_timeout_ms", "Parameters:", "Returns:", "Raises:", "Memory"):
        assert words in start, words


@SLOW
def test_the_public_names_are_whole(site: Path) -> None:
    """The inventory has every name in `__all__` of the public modules, for links from elsewhere."""
    data = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    listed = {line.split(" ", 1)[0] for line in zlib.decompress(data).decode().splitlines()}
    public = {f"{each}.{name}" for each in PUBLIC for name in import_module(each).__all__}
    assert public - listed == BY_HAND
    methods = {name for name, each in inspect.getmembers(Device, inspect.isfunction)}
    shown = {f"espbench.Device.{name}" for name in methods if not name.startswith("_")}
    assert len(shown) > 30
    assert shown - listed == set()
    raised = {each for each in vars(errors).values() if isinstance(each, type)} & set(_tree())
    assert {f"espbench.errors.{each.__name__}" for each in raised} - listed == set()


@SLOW
def test_the_navigation_is_grouped(site: Path) -> None:
    """The pages about Python are a group of the navigation, with the name that the index gives."""
    text = (site / "index.html").read_text(encoding="utf-8")
    (group,) = re.findall(
        r'<span class="md-nav__icon md-icon"></span>\s*Python\s.*?</ul>', text, re.S
    )
    pages = re.findall(r'href="reference/python/(\w+)\.html"', group)
    assert pages == ["device", "clients", "network", "inspection", "certificates", "errors"]


@SLOW
def test_the_command_line_is_whole(site: Path) -> None:
    """Every command has a section, and every option a row."""
    page = (site / "reference" / "command-line.html").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    for name, parser in cli_page.commands(make_parser()).items():
        assert f'id="espbench-{name}"' in page
        for action in parser._actions:
            for option in action.option_strings:
                assert option in text, (name, option)


@SLOW
def test_the_checks_are_whole(site: Path) -> None:
    """Every check has a row with its sentence, source and severity, below its family's heading."""
    page = (site / "reference" / "checks.html").read_text(encoding="utf-8")
    assert all(f'id="{each.family}"' in page for each in all_checks())
    rows = [
        html.unescape(re.sub(r"<[^>]+>", "", row))
        for row in re.findall(r"<tr>.*?</tr>", page, re.S)
    ]
    words = [" ".join(row.split()) for row in rows]
    for each in all_checks():
        start = f"{each.name} {each.title} {each.source} {each.severity.value}"
        assert [row for row in words if row.startswith(start)], each.name


def test_the_page_of_checks() -> None:
    """A row says what a check needs, and characters that Markdown interprets are escaped."""
    one = Check("a.one", "Does a|b.", "RFC <1>", Severity.SECURITY, "", print, on_request=True)
    two = replace(one, name="a.two", needs="echo", inspects=True, on_request=False)
    other = replace(one, name="b.one", needs="tls", on_request=False)
    text = checks_page.sections([one, two, other])
    assert text.startswith("## a\n\n| check |")
    assert "\n## b\n\n" in text
    row = "| Does a\\|b. | RFC &lt;1> | security |"
    assert f"| `a.one` {row} to be named with `--only` |\n" in text
    assert f"| `a.two` {row} a WebSocket that echoes, the ELF file |\n" in text
    assert f"| `b.one` {row} TLS |\n" in text


def test_the_page_of_a_parser() -> None:
    """Values, choices, defaults and characters that Markdown interprets are rendered right."""
    parser = argparse.ArgumentParser(prog="it")
    command = parser.add_subparsers().add_parser(
        "do", description="Does it.", epilog="example:\n  it do"
    )
    command.add_argument(
        "--many", type=int, default=3, metavar="N", help="a|b (default: %(default)s)"
    )
    command.add_argument("--flag", action="store_true", help="a <thing>")
    command.add_argument("--which", choices=("x", "y"))
    command.add_argument("--hidden", help=argparse.SUPPRESS)
    command.add_argument("file", nargs="?", help="a file")
    text = cli_page.sections(parser)
    assert "## espbench do\n\nDoes it.\n" in text
    assert "| `--many N` | a\\|b (default: 3) |\n" in text
    assert "| `--flag` | a &lt;thing> |\n" in text
    assert "| `--which x\\|y` |  |\n" in text
    assert "hidden" not in text
    assert "| `file` | a file |\n" in text
    assert "Example:\n\n```sh\nit do\n```\n" in text


@SLOW
def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and images are in the site's folder."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        found = LOADED.findall(page.read_text(encoding="utf-8"))
        assert found
        for target in (html.unescape(one or other) for one, other in found):
            assert "//" not in target, (page, target)
            if page.name != "404.html":  # its links begin at the server's root
                assert (page.parent / target.partition("?")[0]).exists(), (page, target)


@SLOW
def test_it_can_be_searched(site: Path) -> None:
    """The index has pages, functions of the device and of the harness, and commands."""
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    places = {entry["location"] for entry in index["docs"]}
    assert {
        "how-to/https.html",
        "reference/device-modules.html#wsserver.on",
        "reference/python/clients.html#espbench.clients.Tls",
        "reference/command-line.html#espbench-up",
    } <= places


@SLOW
@pytest.mark.parametrize(
    ("wrong", "complaints"),
    [
        (
            "[](how-to/gone.md) [](../ci/gone.md) [](how-to/https.md#gone)",
            ("how-to/gone.md", "../ci/gone.md", "how-to/https.md#gone"),
        ),
        ("::: espbench.Gone", ("espbench.Gone",)),
    ],
    ids=["links", "name"],
)
def test_what_is_broken_is_an_error(
    wrong: str, complaints: Iterable[str], tmp_path: Path, build: Build
) -> None:
    """A broken link to a page, file, heading or name stops the build."""
    tree = tmp_path / "tree"
    shutil.copytree(TREE / "docs", tree / "docs")
    for path in TREE.iterdir():
        if path.name != "docs":
            (tree / path.name).symlink_to(path)
    with (tree / "docs" / "index.md").open("a", encoding="utf-8") as index:
        index.write(f"\n{wrong}\n")
    done = build(tmp_path / "site", "--config-file", str(tree / "mkdocs.yml"))
    assert done.returncode != 0
    for complaint in complaints:
        assert complaint in done.stdout + done.stderr
