# SPDX-License-Identifier: MIT
"""What the user should look at before the workflow is committed, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from espbench.cli.workflow.found import FirmwareProject
from espbench.cli.workflow.source import Source
from espbench.util.listing import listing

__all__ = ["LX60", "UNKNOWN", "Remark", "of_branch", "of_project", "of_source"]

UNKNOWN: Mapping[str, str] = {
    "BUILD": "write the command that makes the image here",
    "FIRMWARE": "name the image: a merged .bin, or ESP-IDF's build folder",
}
"""What to do with the settings of a project about which nothing was found out."""
LX60: Mapping[str, str] = {
    "BUILD": "write the command that builds the firmware here",
    "FIRMWARE": "name the ELF file that it makes",
    "READY": "write what the console shows when the firmware is ready, or set READY_HTTP",
    "PORTS": "name the ports on which it must serve",
}
"""The same for firmware for `lx60`."""
WIFI = (
    "nothing sets CONFIG_ETH_USE_OPENETH=y: QEMU has no Wi-Fi, so a server that waits for it is "
    "not found (docs/tutorial/your-firmware.md shows how to add Ethernet for QEMU)"
)
NO_ELF = (
    "no ELF file is beside it: with the one that the build made, reports decode panics and name "
    "tasks and functions"
)


@dataclass(frozen=True)
class Remark:
    """A line of the workflow to look at.

    Attributes:
        key: what the line begins with.
        text: what to know about it.
        edit: whether it is not right yet.
    """

    key: str
    text: str
    edit: bool = False


def of_branch(branch: str) -> Remark:
    """Return what to know about the branch whose pushes are checked; "" if git knows none."""
    if branch:
        return Remark("branches", "the repository's default branch")
    return Remark("branches", "not in git yet: will this be the repository's default branch?")


def of_source(source: Source) -> Remark:
    """Return what to know about where the workflow installs espbench from."""
    todo = "" if source.wanted else ": replace OWNER, and v0.1.0 with a tag"
    return Remark("ESPBENCH", f"{source.remark}{todo}", edit=not source.sure)


def of_project(project: FirmwareProject) -> list[Remark]:
    """Return what to know about the build, the image and the container."""
    found = [Remark("BUILD", project.remark, edit=not project.sure)]
    if project.others:
        found.append(
            Remark("FIRMWARE", f"one of several images, besides {listing(project.others)}")
        )
    if project.ethernet is False:
        found.append(Remark("FIRMWARE", WIFI))
    if not project.symbols:
        found.append(Remark("FIRMWARE", NO_ELF))
    if not project.makes:
        text = "only its QEMU is used"
    elif project.idf:
        text = f"the ESP-IDF {project.idf} that you use"
    else:
        text = "no build shows your version of ESP-IDF: is it this one?"
    return [*found, Remark("container", text)]
