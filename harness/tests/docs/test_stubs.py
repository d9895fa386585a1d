# SPDX-License-Identifier: MIT
"""The stubs of the device's modules, compared with a device: names, keywords, argument counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import griffe
import pytest
from espbench.certs import Recipe
from espbench.clients import Endpoint
from espbench.device.device import Device
from stub_files import (
    BY_KEYWORD,
    BY_PLACE,
    FROZEN,
    IN_C,
    MODULES,
    constants,
    fields,
    functions,
    read_module,
)

NO_SUCH_KEYWORD = ("extra keyword arguments given", "doesn't take keyword arguments")
"""MicroPython's words (py/argcheck.c)."""
TOO_MANY = ("positional arguments but", "expected at most", "extra positional arguments given")
TOO_FEW = ("missing", "positional arguments but", "argument required")

HELPERS = """
def said(module, name, args, kw):
    try:
        getattr(__import__(module), name)(*[object()] * args, **{k: object() for k in kw})
    except Exception as error:
        return str(error)
    return ''
"""
"""Calls with objects of no accepted type, so that each call ends at its arguments."""


def said(device: Device, module: str, function: griffe.Function, args: int, *keywords: str) -> str:
    """Return the error message of such a call."""
    return str(device.eval(f"said({module!r}, {function.name!r}, {args}, {list(keywords)!r})"))


@pytest.fixture(scope="module")
def shared_device_options(recipe: Recipe) -> Mapping[str, object]:
    """Return options with a certificate, so that the device also serves HTTPS."""
    return {"files": recipe.on_device()}


@pytest.fixture(autouse=True)
def leaves_nothing(shared_device: Device, serves: Callable[[], None]) -> Iterator[None]:
    """Assert that the calls leak nothing, count no failure, and leave the device serving."""
    serves()  # the first connection of each kind takes memory permanently
    failures = shared_device.stats()["failures"]
    with shared_device.no_leak():
        yield
        serves()
    stats = shared_device.stats()
    assert (stats["failures"], stats["queue"]["depth"]) == (failures, 0)


@pytest.mark.parametrize("module", MODULES)
def test_names(module: str, shared_device: Device) -> None:
    """dir() on the device and the stub have the same names."""
    on_device = shared_device.eval(f"dir(__import__({module!r}))")
    public = {name for name in on_device if not name.startswith("__")}
    stub = read_module(module)
    described = set(stub.functions) | constants(stub)
    assert public >= described if module in FROZEN else public == described


def test_package(shared_device: Device) -> None:
    """`esp32` has the modules that its stub names, identical to the top-level ones."""
    shared_device.exec("import esp32, httpserver, webrepl, wsserver")
    on_device = shared_device.eval("[name for name in dir(esp32) if not name.startswith('__')]")
    # The module of the esp32 port has more names.
    assert set(on_device) >= {"httpserver", "webrepl", "wsserver"}
    assert shared_device.eval(
        "(esp32.httpserver is httpserver, esp32.webrepl is webrepl, esp32.wsserver is wsserver)"
    ) == [True, True, True]


@pytest.mark.parametrize("module", IN_C)
def test_arguments(module: str, shared_device: Device) -> None:
    """Keywords and numbers of arguments are accepted or rejected as the stub says."""
    shared_device.exec(HELPERS)
    for each in functions(read_module(module)):
        by_place = [one for one in each.parameters if one.kind in BY_PLACE]
        least = sum(one.required for one in by_place)
        by_keyword = [one for one in each.parameters if one.kind in BY_KEYWORD]
        places_only = len(each.parameters) - len(by_keyword)
        for one in by_keyword:
            text = said(shared_device, module, each, places_only, one.name)
            assert not any(words in text for words in NO_SUCH_KEYWORD), (each.name, text)
        text = said(shared_device, module, each, least, "no_such_keyword")
        assert any(words in text for words in NO_SUCH_KEYWORD), (each.name, text)
        if not by_keyword:  # otherwise types are checked first
            text = said(shared_device, module, each, len(by_place) + 1)
            assert any(words in text for words in TOO_MANY), (each.name, len(by_place) + 1, text)
        if least:
            text = said(shared_device, module, each, least - 1)
            assert any(words in text for words in TOO_FEW), (each.name, least - 1, text)
    if module == "httpserver":  # any value is a bool, so start() did start HTTP, and HTTP alone
        pair = "cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem'"
        assert shared_device.eval(f"__import__('httpserver').start({pair})")


def test_request(shared_device: Device) -> None:
    """A request has the attributes of the stub, with their types."""
    kinds = fields(read_module("httpserver").classes["Request"])
    shared_device.exec(
        "import httpserver\n"
        "def kinds(request):\n"
        f"    names = {list(kinds)!r}\n"
        "    return repr({name: type(getattr(request, name)).__name__ for name in names})\n"
        "httpserver.on('/kinds', kinds)"
    )
    text = Endpoint(shared_device.port(80)).get("/kinds").text
    shared_device.exec("httpserver.off('/kinds')")
    assert eval(text) == {name: kind.partition("[")[0] for name, kind in kinds.items()}


@pytest.mark.parametrize(
    ("module", "function"), [("httpserver", "stats"), ("httpserver", "info"), ("bench", "heap")]
)
def test_dictionaries(module: str, function: str, shared_device: Device) -> None:
    """stats() and heap() have the keys of the stub, at every depth."""
    records = {
        name: fields(record)
        for each in MODULES
        for name, record in read_module(each).classes.items()
    }
    optional = "NotRequired["

    def compare(name: str, value: dict[str, object]) -> None:
        kinds = records[name]
        needed = {field for field, kind in kinds.items() if not kind.startswith(optional)}
        assert needed <= set(value) <= set(kinds), name
        for field, inner in value.items():
            kind = kinds[field].removeprefix(optional).removesuffix("]").removesuffix(" | None")
            if kind in records:
                assert isinstance(inner, dict)
                compare(kind, inner)
            else:
                assert type(inner).__name__ == kind.partition("[")[0], field

    compare(function.capitalize(), shared_device.eval(f"__import__({module!r}).{function}()"))
