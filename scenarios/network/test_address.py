# SPDX-License-Identifier: MIT
"""How soon after start the device has its address, by the device's own clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from espbench.device.device import Device
from espbench.plugin import DeviceFactory
from espbench.util.timeouts import timeout_scale

SOON = 0.2
"""Maximum seconds from before the Ethernet driver starts until there is an address."""
BOOTS = 5
"""How many boots to try: a busy host can only make a boot slower, so the fastest of them counts."""
ADDRESS = "10.0.2.15"


def until_address(device: Device) -> float:
    """Return the seconds from the boot event, which precedes the driver, to the address."""
    address = device.wait_for_event("net")
    boots = [event for event in device.events if event["event"] == "boot"]
    assert len(boots) == 1
    assert address["ip"] == ADDRESS
    return float(address["us"] - boots[0]["us"]) / 1e6


@pytest.mark.parametrize("dhcp", [0, 1], ids=["static", "dhcp"])
def test_has_its_address_soon(
    dhcp: int, device_factory: DeviceFactory, record_property: Callable[[str, object], None]
) -> None:
    """With a static or a DHCP address, the network is up 200 ms after its start."""
    soon = SOON * timeout_scale()
    took: list[float] = []
    while len(took) < BOOTS and not (took and took[-1] < soon):
        took.append(until_address(device_factory(args={"dhcp": dhcp}, ready="control")))
    record_property("seconds_to_an_address", took)
    print(took)
    assert min(took) < soon
