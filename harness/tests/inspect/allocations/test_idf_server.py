# SPDX-License-Identifier: MIT
"""ESP-IDF's example https_server/simple, unmodified, on both cores: its allocations, from outside.

ESPBENCH_PROBES names a folder with builds of it, `simple-VERSION-BOARD`, each with `firmware.bin`
(the merged flash image) and `firmware.elf`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from espbench.boards.readiness import ConsoleReadiness
from espbench.clients import UNVERIFIED, ClientError, Endpoint
from espbench.device.device import Device
from espbench.errors import QemuNotFound
from espbench.inspect.allocations import (
    AllocationFailures,
    AllocationPlaces,
    Ballast,
    Place,
    try_places,
)
from espbench.inspect.stub import FirmwareCode, GdbStub
from probe_builds import VARIABLE

BUILDS = sorted(Path(os.environ.get(VARIABLE) or "/nonexistent").glob("simple-*-*/firmware.bin"))
READY = ConsoleReadiness("Server listening on port 443")
CORES = {"esp32": 2, "esp32c3": 1}
PATIENCE = 90.0
"""Seconds that a client waits for a handshake with a stop at each of 6500 allocations."""
SESSION = 15_000
"""Bytes that a TLS session surely takes."""

pytestmark = [
    pytest.mark.skipif(
        not BUILDS,
        reason=f"No build of https_server/simple was found: set {VARIABLE} to a folder that has "
        "simple-VERSION-BOARD/firmware.bin and .elf.",
    ),
    pytest.mark.timeout(600),
]


@pytest.fixture(params=BUILDS, ids=lambda path: path.parent.name)
def server(request: pytest.FixtureRequest) -> Iterator[Device]:
    """Return the running server."""
    image: Path = request.param
    match = re.fullmatch(r"simple-[\d.]+-(\w+)", image.parent.name)
    assert match is not None
    device = Device(match[1], image, ports={"https": 443}, ready=READY)
    try:
        device.start()
    except QemuNotFound as error:
        pytest.skip(str(error))
    try:
        yield device
    finally:
        device.close()


def test_each_core_has_its_registers(server: Device) -> None:
    """The stub names the CPUs, and each runs known code or waits in ROM."""
    assert server.qemu.qmp is not None
    with GdbStub(server.qemu.qmp, FirmwareCode(server.elf)) as stub:
        registers = stub.registers()
        assert len(registers) == CORES[server.board.name]
        assert all(0x40000000 <= one["pc"] < 0x50000000 for one in registers)


def test_known_leak(server: Device) -> None:
    """The session is lost when the transport's context cannot be allocated: esp-idf#18776.

    One stop suffices to let that place fail, among the 6500 allocations of a handshake.
    """
    endpoint = Endpoint(server.port(443), UNVERIFIED, timeout=PATIENCE)

    def exchange() -> None:
        assert endpoint.get("/").status == 200

    exchange()
    assert server.qemu.qmp is not None
    with GdbStub(server.qemu.qmp, FirmwareCode(server.elf)) as stub:
        places = AllocationPlaces(stub).of(exchange)
        assert len(places) > 50
        names = {place.frames[0].function for place in places}
        assert {"ssl_handshake_init", "mbedtls_ssl_setup", "esp_tls_init"} <= names
        assert not {"malloc", "valloc", "heap_caps_calloc", "mbedtls_calloc"} & names
        chosen = [of(places, "esp_tls_init"), of(places, "httpd_ssl_open")]
        before = stub.stops
        harmless, leak = try_places(
            chosen,
            AllocationFailures(stub),
            exchange,
            answers=lambda: endpoint.get("/").status == 200,
            free=lambda _: server.heap_at_rest(20).free,
            panics=lambda: len(server.faults.panics),
        )
        assert stub.stops - before == 2
        assert harmless.lost is not None
        assert harmless.lost < 1000
        assert not harmless.served
        assert harmless.answers
        assert leak.lost is not None
        assert leak.lost > SESSION
        assert re.fullmatch(
            r"httpd_ssl_open \(https_server\.c:\d+\) fails: \d+ bytes lost", str(leak)
        )


def test_ballast(server: Device) -> None:
    """Without memory for a session the handshake fails; released, the server serves again."""
    endpoint = Endpoint(server.port(443), UNVERIFIED, timeout=10)
    assert endpoint.get("/").status == 200
    assert server.qemu.qmp is not None
    with GdbStub(server.qemu.qmp, FirmwareCode(server.elf)) as stub:
        ballast = Ballast(stub, lambda: endpoint.raw().close())
        everything = ballast.hold(1 << 30)
        assert ballast.hold(everything - 12_000) == everything - 12_000
        with pytest.raises(ClientError):
            endpoint.get("/")
        ballast.release()
        assert ballast.held == 0
        assert endpoint.get("/").status == 200


def of(places: list[Place], function: str) -> Place:
    """Return the only place in a function."""
    [place] = [place for place in places if place.frames[0].function == function]
    return place
