# SPDX-License-Identifier: MIT
"""The command line of esp-emu, as its documentation describes it (`command_line`); pure.

Source: README.md of github.com/espressif/esp-emulator as of esp-emu 0.49.0: "CLI Options", "Host
Control Channel" and "User-mode Networking".
"""

from __future__ import annotations

from collections.abc import Mapping

from espbench.qemu.process import Machine

__all__ = ["GUEST", "HOST", "command_line"]

HOST = "127.0.0.1"
"""Where it listens for forwarded connections and for its control channel."""
GUEST = "192.168.4.2"
"""The address that its DHCP server gives to the guest, over Wi-Fi and over Ethernet."""


def command_line(
    machine: Machine,
    ports: Mapping[int, int],
    *,
    program: str | None = None,
    control: int | None = None,
) -> list[str]:
    """Return esp-emu's command line; its console is on standard input and output.

    Args:
        machine: the machine to emulate; its board names the chip.
        ports: host port by guest port. esp-emu neither chooses a free one nor says which it took.
        program: the program; None for the board's.
        control: host port for the control channel; None for no channel.
    """
    board = machine.board
    net = ["user"]
    if not machine.internet:
        net.append("restrict=yes")
    net += [f"hostfwd=tcp:{HOST}:{host}-:{guest}" for guest, host in sorted(ports.items())]
    command = [program or board.qemu, "--chip", board.machine, "--firmware", str(machine.flash)]
    if board.ram is not None:
        command += ["--psram-size", board.ram]
    # Without --net, it would take an interface tap0 of the host, if there is one.
    command += ["--net", ",".join(net)]
    if board.wifi is not None:
        command += ["--wifi-ssid", board.wifi.ssid, "--wifi-password", board.wifi.password]
    if control is not None:
        command += ["--control-tcp", f"{HOST}:{control}"]
    return [*command, *machine.extra]
