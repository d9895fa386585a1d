# SPDX-License-Identifier: MIT
"""Read the stubs of the device's modules with griffe; also griffe's extension for overloads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import espbench
import griffe

STUBS = Path(espbench.__file__).parent / "stubs"
IN_C = ("httpserver", "wsserver", "webrepl", "bench")
FROZEN = ("page",)
"""Modules in Python, whose `dir()` shows more than their public names."""
MODULES = (*IN_C[:3], *FROZEN, *IN_C[3:])

BY_PLACE = (griffe.ParameterKind.positional_only, griffe.ParameterKind.positional_or_keyword)
BY_KEYWORD = (griffe.ParameterKind.keyword_only, griffe.ParameterKind.positional_or_keyword)


class StubOverloads(griffe.Extension):
    """Turn overloads without an implementation into a function, because griffe drops them.

    In a stub, all overloaded functions are like that. The function gets the docstrings of all its
    overloads.
    """

    def on_module_members(self, *, mod: griffe.Module, **_: Any) -> None:
        """Add the overloaded functions of a module after its members have been read."""
        for name, overloads in mod.overloads.items():
            if overloads and name not in mod.members:
                mod.set_member(name, _joined(overloads))


def _joined(overloads: list[griffe.Function]) -> griffe.Function:
    first = overloads[0]
    function = griffe.Function(
        first.name,
        lineno=first.lineno,
        endlineno=overloads[-1].endlineno,
        parameters=first.parameters,
        returns=first.returns,
    )
    function.overloads = overloads
    texts = [each.docstring.value for each in overloads if each.docstring]
    if first.docstring:
        function.docstring = griffe.Docstring(
            "\n\n".join(texts),
            lineno=first.docstring.lineno,
            parent=function,
            parser=first.docstring.parser,
        )
    return function


def read(path: Path) -> griffe.Module:
    """Return the declarations of a Python file or stub, with Google-style docstrings."""
    return griffe.visit(
        path.stem,
        filepath=path,
        code=path.read_text(encoding="utf-8"),
        extensions=griffe.load_extensions(StubOverloads),
        docstring_parser="google",
    )


def read_module(name: str) -> griffe.Module:
    """Return the declarations in the stub of one of the device's modules."""
    return read(STUBS / f"{name}.pyi")


def fields(record: griffe.Class) -> Mapping[str, str]:
    """Return the types of a class's attributes or of a dictionary's keys, by name."""
    return {name: str(each.annotation) for name, each in record.attributes.items()}


def constants(module: griffe.Module) -> set[str]:
    """Return the names of a module's numbers."""
    return {name for name, each in module.attributes.items() if str(each.annotation) == "int"}


def functions(module: griffe.Module) -> list[griffe.Function]:
    """Return the functions of a module, with overloads listed separately."""
    return [each for one in module.functions.values() for each in (one.overloads or [one])]
