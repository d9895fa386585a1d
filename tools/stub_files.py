# SPDX-License-Identifier: MIT
"""Reads the stubs of the device's modules: names, signatures and docstrings."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import espbench

STUBS = Path(espbench.__file__).parent / "stubs"
IN_C = ("httpserver", "wsserver", "webrepl", "bench")
FROZEN = ("page",)
"""In Python: `dir()` shows more than is meant for others."""
MODULES = (*IN_C[:3], *FROZEN, *IN_C[3:])
"""In the order of the reference page."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function.

    Attributes:
        name: as a keyword, if it may be one.
        positional, keyword: how it may be given.
        default: its default as source, or None when it must be given.
    """

    name: str
    positional: bool
    keyword: bool
    default: str | None


@dataclass(frozen=True)
class Function:
    """A function, or one of its overloads."""

    name: str
    signature: str
    parameters: tuple[Parameter, ...]
    doc: str


@dataclass(frozen=True)
class Record:
    """A class that exists for type checkers only: fields of a request or of a dictionary."""

    name: str
    is_dict: bool
    doc: str
    fields: tuple[tuple[str, str, str], ...]
    """Name, type and docstring of each."""


@dataclass(frozen=True)
class Module:
    """A stub file."""

    name: str
    doc: str
    functions: tuple[Function, ...]
    records: tuple[Record, ...]


def parameters_of(arguments: ast.arguments) -> tuple[Parameter, ...]:
    """Return the parameters of a function in their order."""

    def source(default: ast.expr | None) -> str | None:
        return None if default is None else ast.unparse(default)

    by_place = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(by_place) - len(arguments.defaults)) + list(arguments.defaults)
    first_keyword = len(arguments.posonlyargs)
    return (
        *(
            Parameter(argument.arg, True, index >= first_keyword, source(default))
            for index, (argument, default) in enumerate(zip(by_place, defaults, strict=True))
        ),
        *(
            Parameter(argument.arg, False, True, source(default))
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        ),
    )


def _signature(node: ast.FunctionDef, lines: list[str]) -> str:
    head = "\n".join(lines[node.lineno - 1 : node.body[0].lineno - 1])
    return head.removesuffix(":")


def _record(node: ast.ClassDef) -> Record:
    fields = []
    for item, behind in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            said = behind.value if isinstance(behind, ast.Expr) else None
            doc = said.value if isinstance(said, ast.Constant) else ""
            text = " ".join(str(doc).split())
            fields.append((item.target.id, ast.unparse(item.annotation), text))
    bases = {ast.unparse(base) for base in node.bases}
    return Record(node.name, "TypedDict" in bases, ast.get_docstring(node) or "", tuple(fields))


def read_module(name: str) -> Module:
    """Return what the stub of a module says."""
    text = (STUBS / f"{name}.pyi").read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    functions = tuple(
        Function(
            node.name,
            _signature(node, lines),
            parameters_of(node.args),
            ast.get_docstring(node) or "",
        )
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    )
    records = tuple(_record(node) for node in tree.body if isinstance(node, ast.ClassDef))
    return Module(name, ast.get_docstring(tree) or "", functions, records)


def read_modules() -> list[Module]:
    """Return all modules that have a stub of their own."""
    return [read_module(name) for name in MODULES]
