# SPDX-License-Identifier: MIT
"""The stubs of the device's modules match the C sources, work with mypy and are documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import griffe
import pytest
from stub_files import (
    BY_KEYWORD,
    BY_PLACE,
    FROZEN,
    IN_C,
    MODULES,
    STUBS,
    functions,
    read,
    read_module,
)

FIRMWARE = STUBS.parents[2] / "firmware" / "modules"
C_CONSTANTS = {
    "TLS_HAS_TICKETS": "True",
    "WS_CODE_NORMAL": "1000",
    "false": "False",
    "true": "True",
}

EXAMPLE = '''\
"""A program for the device."""

import bench
import page
from esp32 import httpserver, webrepl, wsserver


def on_root(request: httpserver.Request) -> str:
    return "over TLS" if request.secure else request.headers.get("host", "").__str__()


def on_upload(request: httpserver.Request) -> None:
    httpserver.send(b"x" * len(request.body), status=201, headers={"X-Length": len(request.body)})


def on_message(client: int, data: str | bytes) -> None:
    if not wsserver.send(client, data):
        wsserver.close(client, 1011, reason="too slow")


def on_file(request: httpserver.Request) -> None:
    httpserver.send(open("/big.bin", "rb"), content_type="application/octet-stream")


httpserver.on("/", on_root)
httpserver.on("/file", on_file)
httpserver.static("/files", "/www")
httpserver.on("/upload", on_upload, method="POST")
wsserver.on("message", on_message)
wsserver.on("disconnect", lambda client, code: print(client + code))
wsserver.start("/chat", ping_interval_ms=5000)
webrepl.start(password="something long", origins=["https://192.168.1.32"])
page.start("bench")
https = httpserver.info()["https"]
if https is not None and "certificate" in https:
    print(https["certificate"]["not_after"])
if not httpserver.start(80, "/certs/servercert.pem", "/certs/prvtkey.pem", full="refuse"):
    print(bench.heap()["free"], httpserver.stats()["failures"])
while True:
    httpserver.process_queue(100)
    webrepl.process_queue()
'''


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function.

    Attributes:
        name: the name, also of the keyword if there is one.
        positional, keyword: how it may be passed.
        default: source of the default, or None if it is required.
    """

    name: str
    positional: bool
    keyword: bool
    default: str | None


def parameters(function: griffe.Function) -> tuple[Parameter, ...]:
    """Return the parameters of a function in a stub or a source."""
    return tuple(
        Parameter(
            each.name,
            each.kind in BY_PLACE,
            each.kind in BY_KEYWORD,
            None if each.required else str(each.default),
        )
        for each in function.parameters
    )


@dataclass(frozen=True)
class Arity:
    """Arguments of a C function: a table of keywords, or the positional minimum and maximum."""

    least: int
    most: int
    table: tuple[Parameter, ...] | None = None


def c_default(text: str) -> str:
    """Return a default of an `mp_arg_t` as Python source."""
    value = text.strip()
    if name := re.fullmatch(r"MP_ROM_QSTR\(MP_QSTR_(\w*)\)", value):
        return repr(name[1])
    return "None" if value == "MP_ROM_NONE" else C_CONSTANTS.get(value, value)


def c_table(source: str, function: str, by_place_only: int) -> tuple[Parameter, ...]:
    """Return the parameters in a function's table of `mp_arg_t`."""
    body = source[source.index(f"static mp_obj_t {function}(") :]
    table = re.search(r"mp_arg_t allowed\w*\[\] = \{(.*?)\n    \};", body, re.S)
    assert table, f"{function} has no table of arguments"
    entries = re.findall(
        r"\{MP_QSTR_(\w+),\s*([\w\s|]+),\s*\{\.u_\w+ =\s*(.*?)\}\}", table[1], re.S
    )
    return tuple(
        Parameter(
            name,
            "KW_ONLY" not in flags,
            index >= by_place_only,
            None if "REQUIRED" in flags else c_default(default),
        )
        for index, (name, flags, default) in enumerate(entries)
    )


def c_functions(module: str) -> dict[str, Arity]:
    """Return the functions in a module's C source, by name."""
    source = (FIRMWARE / module / f"mod{module}.c").read_text(encoding="utf-8")
    functions = {}
    for name, thing in re.findall(
        r"\{MP_ROM_QSTR\(MP_QSTR_(\w+)\),\s*MP_ROM_PTR\(&(\w+)\)\}", source
    ):
        if name == "__init__":  # MicroPython calls it on import
            continue
        macro = re.search(
            rf"MP_DEFINE_CONST_FUN_OBJ_(\w+)\(\s*{thing},\s*([^;]*?)\);", source, re.S
        )
        assert macro, f"{thing} is defined elsewhere"
        words = [word.strip() for word in macro[2].split(",")]
        if macro[1] == "KW":
            table = c_table(source, words[1], int(words[0]))
            functions[name] = Arity(0, 0, table)
        elif macro[1] == "VAR_BETWEEN":
            functions[name] = Arity(int(words[0]), int(words[1]))
        else:
            functions[name] = Arity(int(macro[1]), int(macro[1]))
    return functions


@pytest.mark.parametrize("module", IN_C)
def test_stubs_are_the_sources(module: str) -> None:
    """Stub and source have the same functions, parameters, order, defaults and keywords."""
    in_c = c_functions(module)
    stub = read_module(module)
    assert set(stub.functions) == set(in_c)
    for each in functions(stub):
        arity, said = in_c[each.name], parameters(each)
        if arity.table is None:
            assert not any(one.keyword for one in said), each.name
            least = sum(one.default is None for one in said)
            assert (least, len(said)) == (arity.least, arity.most), each.name
            continue
        assert len(said) == len(arity.table), each.name
        for one, real in zip(said, arity.table, strict=True):
            assert (one.name, one.positional, one.keyword) == (
                real.name,
                real.positional,
                real.keyword,
            )
            # the function may replace None by a text
            if real.default != "None":
                assert one.default == real.default, f"{each.name}({one.name})"


@pytest.mark.parametrize("module", FROZEN)
def test_stubs_are_the_frozen_sources(module: str) -> None:
    """Functions in frozen Python modules have the parameters of their stubs."""
    real = read(FIRMWARE.parent / "app" / f"{module}.py")
    assert functions(read_module(module))
    for each in functions(read_module(module)):
        assert parameters(each) == parameters(real.functions[each.name])


def described(function: griffe.Function) -> list[str]:
    """Return the parameters that a docstring describes, in order."""
    assert function.docstring, function.name
    return [
        one.name
        for section in function.docstring.parsed
        if isinstance(section, griffe.DocstringSectionParameters)
        for one in section.value
    ]


@pytest.mark.parametrize("module", MODULES)
def test_everything_is_described(module: str) -> None:
    """Modules, functions, parameters and fields are documented."""
    stub = read_module(module)
    assert stub.docstring
    for each in functions(stub):
        names = [one.name for one in each.parameters]
        if described(each) or len(names) > 2:
            assert described(each) == names, each.name
    for record in stub.classes.values():
        assert record.docstring, record.name
        assert all(each.docstring for each in record.attributes.values()), record.name


def check(folder: Path, text: str) -> str:
    """Run mypy on a program for the device, and return its output."""
    program = folder / "main.py"
    program.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(program)],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(STUBS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_mypy_accepts_a_program(tmp_path: Path) -> None:
    """A program that uses all modules passes mypy --strict with the stubs alone."""
    assert check(tmp_path, EXAMPLE).startswith("Success")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("httpserver.start(https=443)", "call-arg"),
        ("httpserver.start(full='drop')", "arg-type"),
        ("httpserver.process_queue(timeout_ms=1)", "call-arg"),
        ("httpserver.on('/', lambda request: request.url)", "attr-defined"),
        ("webrepl.start()", "call-arg"),
        ("wsserver.on('open', print)", "call-overload"),
    ],
)
def test_mypy_finds_mistakes(wrong: str, code: str, tmp_path: Path) -> None:
    """A misspelt or missing argument is an error."""
    text = f"from esp32 import httpserver, webrepl, wsserver\n{wrong}\n"
    assert f"[{code}]" in check(tmp_path, text)
