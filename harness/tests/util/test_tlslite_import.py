# SPDX-License-Identifier: MIT
"""tlslite-ng is imported in silence."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import espbench


def test_no_warning() -> None:
    """Where warnings are errors, the import works, and so do later ones."""
    code = (
        "from espbench.util.tlslite_import import import_tlslite\n"
        "import_tlslite()\n"
        "import tlslite.handshakesettings, tlslite.messages, tlslite.errors\n"
    )
    command = [sys.executable, "-W", "error::DeprecationWarning", "-c", code]
    assert subprocess.run(command, check=False, capture_output=True).stderr == b""


def _is_method(function: ast.FunctionDef) -> bool:
    """Return whether it is a method of an object, whose `__init__` has run before."""
    names = [each.arg for each in function.args.args]
    return names[:1] == ["self"] and function.name != "__init__"


def _importing(tree: ast.Module) -> Iterator[tuple[ast.ImportFrom, bool]]:
    """Yield each function that imports tlslite-ng, and whether it calls `import_tlslite` first."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or _is_method(function):
            continue
        nodes = sorted(ast.walk(function), key=lambda node: getattr(node, "lineno", 0))
        called = False
        for node in nodes:
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "import_tlslite":
                called = True
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tlslite"):
                yield node, called
                break


def test_each_import_is_silent() -> None:
    """Each function that imports tlslite-ng silences it first."""
    package = Path(espbench.__file__).parent
    found = {
        f"{path.relative_to(package)}:{node.lineno}": called
        for path in package.rglob("*.py")
        if path.name != "tlslite_import.py"
        for node, called in _importing(ast.parse(path.read_text("utf-8")))
    }
    assert len(found) >= 4
    assert [where for where, called in found.items() if not called] == []
