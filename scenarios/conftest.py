"""What all suites share: a device with a P-256 certificate, doors to it, and a last look at it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from espbench.certs import Recipe, recipes
from espbench.clients import Doors, Tls
from espbench.device import Device

CERTS = "/certs"
FORWARDS = {80: 6, 443: 6}
"""Host ports for each guest port, so that several clients can come at once."""

PASSED = pytest.StashKey[bool]()
_WARM: WeakKeyDictionary[Device, int] = WeakKeyDictionary()
"""In which boot a device has answered its first requests."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the suites' marker."""
    config.addinivalue_line(
        "markers",
        "failures(*causes): failures that the scenario provokes; any other cause that the device "
        "counts fails it",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the scenario itself passed."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


def on_device(recipe: Recipe, folder: str = CERTS) -> dict[str, bytes]:
    """Return a recipe's files by their path on the device."""
    return {f"{folder}/{name}": data for name, data in recipe.device_files.items()}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """Return the recipe that the device starts with: P-256, the quickest handshake."""
    return recipes()["p256"]


@pytest.fixture
def device_options(recipe: Recipe) -> Mapping[str, Any]:
    """Return what every device of these suites starts with."""
    return {"files": on_device(recipe), "forwards": FORWARDS}


@pytest.fixture(scope="module")
def shared_device_options(recipe: Recipe) -> Mapping[str, Any]:
    """Return the same for a device that a module shares."""
    return {"files": on_device(recipe), "forwards": FORWARDS}


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Device:
    """Return the device of this scenario: its own if it asks for one, else the module's."""
    own = "device" in request.fixturenames
    device: Device = request.getfixturevalue("device" if own else "shared_device")
    return device


@pytest.fixture
def doors(bench: Device, recipe: Recipe) -> Doors:
    """Return all the ways in to the device, for clients that verify it."""
    return Doors(bench, Tls(trust=recipe.trust, secrets=bench.tls_secrets))


@pytest.fixture
def serves(bench: Device, doors: Doors) -> Callable[[], None]:
    """Return a function that asserts that the device serves HTTP, and HTTPS where it runs."""

    def check() -> None:
        assert doors.http.get("/hello").text == "hello\n"
        if bench.eval("__import__('httpserver').https_running()"):
            assert doors.https.get("/hello").text == "hello\n"

    return check


@pytest.fixture(autouse=True)
def nothing_is_lost(request: pytest.FixtureRequest) -> Iterator[None]:
    """Assert after each scenario that the device serves, leaks nothing and failed as expected.

    A device whose scenario failed is not looked at (the scenario's error says more), and
    is reset when others go on with it.
    """
    if not {"device", "shared_device", "bench", "doors"} & set(request.fixturenames):
        yield
        return
    device: Device = request.getfixturevalue("bench")
    serves: Callable[[], None] = request.getfixturevalue("serves")
    if _WARM.get(device) != device.boots:
        serves()  # the first connection of each kind takes memory once, for good
        _WARM[device] = device.boots
    free = device.settle().free
    failures = device.stats()["failures"]
    yield
    if not request.node.stash.get(PASSED, False):
        device.reset()
        return
    serves()
    device.settle(free=free)
    stats = device.stats()
    assert stats["queue"]["depth"] == 0, "requests are left in the queue"
    marker = request.node.get_closest_marker("failures")
    allowed = set(marker.args) if marker else set()
    counted = {
        cause: count - failures.get(cause, 0)
        for cause, count in stats["failures"].items()
        if count > failures.get(cause, 0) and cause not in allowed
    }
    assert not counted, f"the device counted failures that nobody provoked: {counted}"
