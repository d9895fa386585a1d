# SPDX-License-Identifier: MIT
"""Which of pytest-embedded's arguments for QEMU espbench interprets, and which it passes on."""

from __future__ import annotations

import pytest
from espbench.embedded.qemu_args import Theirs, theirs
from espbench.errors import ConfigError


@pytest.mark.parametrize(
    ("cli", "extra", "expected"),
    [
        (None, None, Theirs()),
        ("-nographic -machine esp32c3", None, Theirs(machine="esp32c3")),
        ("'-M esp32,foo=on -m 4M'", "", Theirs(machine="esp32", extra=("-m", "4M"))),
        (
            None,
            "-global driver=timer.esp32.timg,property=wdt_disable,value=true",
            Theirs(extra=("-global", "driver=timer.esp32.timg,property=wdt_disable,value=true")),
        ),
        (
            "-nic user,id=u,model=open_eth,hostfwd=tcp::8080-:80,hostfwd=tcp::8443-:443",
            "-serial mon:stdio -serial null",
            Theirs(rules=("tcp::8080-:80", "tcp::8443-:443"), extra=("-serial", "null")),
        ),
    ],
)
def test_arguments(cli: str | None, extra: str | None, expected: Theirs) -> None:
    """Redundant arguments are dropped, ports are forwarded, and the rest is passed on."""
    assert theirs(cli, extra) == expected


@pytest.mark.parametrize(
    "text", ["-nic tap", "-netdev user,id=n", "-nic user,model=e1000", "-nic user,restrict=on"]
)
def test_another_network(text: str) -> None:
    """A network other than espbench's is rejected."""
    with pytest.raises(ConfigError) as caught:
        theirs(None, f"-m 4M {text}")
    assert str(caught.value) == (
        f"espbench sets up the network of a dut and cannot accept `{text}` from --qemu-cli-args "
        "or --qemu-extra-args: remove it, or use pytest-embedded's own QEMU with "
        "--espbench-dut=off."
    )
