# SPDX-License-Identifier: MIT
"""docs/reference/public.md lists exactly the exported names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from espbench import plugin
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.device.shortcuts import Shortcuts
from espbench.netem.network import Network

TREE = Path(__file__).resolve().parents[3]
TEXT = (TREE / "docs" / "reference" / "public.md").read_text()
PACKAGE = TREE / "harness" / "espbench"
INTERFACES = ("boards", "certs", "clients", "crash", "device", "inspect", "netem")
"""Packages that export public names."""


def section(title: str) -> str:
    """Return a section of the page."""
    return TEXT.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def names(text: str) -> set[str]:
    """Return the names in backticks."""
    return set(re.findall(r"`(\w+)`", text))


def own(*classes: type) -> set[str]:
    """Return the public names that classes define."""
    return {name for one in classes for name in vars(one) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("title", "module", "more"),
    [
        ("Package", "espbench", set()),
        ("Clients", "espbench.clients", set()),
        ("Certificates", "espbench.certs", set()),
        ("Inspection", "espbench.inspect", set()),
        ("Errors", "espbench.errors", {"is_disk_full"}),
    ],
)
def test_modules(title: str, module: str, more: set[str]) -> None:
    """The page lists the exports of the module, and each name can be imported."""
    found = import_module(module)
    assert names(section(title)) | more == set(found.__all__)
    for name in found.__all__:
        getattr(found, name)


def test_allocations_and_breakpoints() -> None:
    """The page lists the exports of both modules, each behind its own import."""
    text = section("Allocations and breakpoints")
    lists = re.findall(r"`from ([\w.]+) import \.\.\.`: ((?:`\w+`[,\s]*)+)", text)
    assert [module for module, _ in lists] == [
        "espbench.inspect.allocations",
        "espbench.inspect.stub",
    ]
    for module, listed in lists:
        assert names(listed) == set(import_module(module).__all__)


def exported(path: Path) -> set[str] | None:
    """Return a module's `__all__`, or None if it has none."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


def test_other_plugins() -> None:
    """The page lists what these modules export; labgrid's need not be installed."""
    imports = re.findall(r"`from ([\w.]+)\s+import\s+(\w+)`", section("Other plugins"))
    assert len(imports) == 3
    for module, name in imports:
        path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
        assert exported(path) == {name}


def test_device(tiny_firmware: Callable[[], Path]) -> None:
    """Each attribute of a device is on the page, as public or not, and each name there exists."""
    public, private = section("Device").split("\nNot public: ")
    named = names("".join(re.findall(r"^\| (.*?) \|", public, re.M)))
    others = names(private)
    assert not named & others
    device = Device(BOARDS["lx60"], tiny_firmware())
    attributes = {name for name in vars(device) if not name.startswith("_")}
    assert named | others == attributes | own(Device, Shortcuts)


def test_network() -> None:
    """Each attribute of its network is on the page."""
    assert names(section("Network")) == own(Network) - {"as_json", "close"}


def is_fixture(value: object) -> bool:
    """Return whether a value is a fixture, in pytest 8.4 and later or before."""
    return type(value).__name__ == "FixtureFunctionDefinition" or hasattr(
        value, "_pytestfixturefunction"
    )


def test_fixtures() -> None:
    """The page has every fixture of the plugin."""
    made = {name for name, value in vars(plugin).items() if is_fixture(value)}
    assert names(section("Fixtures")) == made
    assert plugin.DeviceFactory.__name__ == "DeviceFactory"


def test_markers(pytestconfig: pytest.Config) -> None:
    """The page has every marker that the plugin declares."""
    source = (PACKAGE / "plugin" / "__init__.py").read_text()
    calls = [
        node.args
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "config.addinivalue_line"
    ]
    lines = [ast.literal_eval(line) for kind, line in calls if ast.literal_eval(kind) == "markers"]
    declared = {line.partition("(")[0] for line in lines}
    assert names(section("Markers")) == declared
    known = {line.partition("(")[0] for line in pytestconfig.getini("markers")}
    assert declared <= known


def modules() -> list[Path]:
    """Return the modules of the packages that export public names."""
    found = [path for name in INTERFACES for path in sorted((PACKAGE / name).rglob("*.py"))]
    return [*found, PACKAGE / "__init__.py", PACKAGE / "errors.py", PACKAGE / "plugin/__init__.py"]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_all(path: Path) -> None:
    """Every module declares its exports: `__all__` has each of its public classes and functions.

    A package's own module may define and export nothing.
    """
    defined = {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    }
    found = exported(path)
    if path.name == "__init__.py" and found is None:
        assert not defined
        return
    assert found is not None, "the module has no __all__"
    if path != PACKAGE / "plugin" / "__init__.py":  # pytest finds hooks and fixtures itself
        assert defined <= found
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = import_module(".".join(part for part in parts if part != "__init__"))
    assert [name for name in found if not hasattr(module, name)] == []
