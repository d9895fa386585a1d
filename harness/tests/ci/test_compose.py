# SPDX-License-Identifier: MIT
"""docker-compose.yml: its services, images, ports and commands, checked without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from espbench.boards.builtin import BOARDS
from espbench.cli.main import make_parser
from espbench.firmware.idf_env import NEWEST, OLDEST

TREE = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the parsed file."""
    data: dict[str, Any] = yaml.safe_load((TREE / "docker-compose.yml").read_text())
    return data


def default(text: str) -> str:
    """Return a value with its variables replaced by their defaults."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


def test_services(compose: dict[str, Any]) -> None:
    """There are services for the suites, a shell and a device."""
    assert set(compose["services"]) == {"test", "shell", "up"}


@pytest.mark.parametrize("name", ["test", "shell", "up"])
def test_service(compose: dict[str, Any], name: str) -> None:
    """Each service runs in the mounted tree, and its named volumes are declared."""
    service = compose["services"][name]
    mounts = [default(volume).split(":") for volume in service["volumes"]]
    named = {source for source, _ in mounts if not source.startswith(".")}
    assert named <= set(compose["volumes"])
    assert [".", service["working_dir"]] in mounts


def test_up(compose: dict[str, Any]) -> None:
    """It publishes the ports the device listens on, to this machine only."""
    service = compose["services"]["up"]
    program, script, purpose, dashes, name, *options = map(default, service["command"])
    assert (program, purpose, dashes, name) == ("python3", "run", "--", "espbench")
    assert (TREE / script / "__main__.py").is_file()
    asked = make_parser().parse_args(options)
    assert asked.board in BOARDS
    assert asked.host == "0.0.0.0"
    published = [default(port).split(":") for port in service["ports"]]
    assert [inside for _, _, inside in published] == [str(asked.http_port), str(asked.https_port)]
    assert {address for address, _, _ in published} == {"127.0.0.1"}


def test_image(compose: dict[str, Any]) -> None:
    """The image is Espressif's, with an ESP-IDF version that the firmware supports."""
    (image,) = {service["image"] for service in compose["services"].values()}
    match = re.fullmatch(r"espressif/idf:v(\d+)\.(\d+)\.\d+", default(image))
    assert match is not None
    assert OLDEST <= (int(match[1]), int(match[2])) <= NEWEST


def test_what_is_run(compose: dict[str, Any]) -> None:
    """The tests run on every board that needs Espressif's tools, with an existing make target."""
    service = compose["services"]["test"]
    boards = default(service["environment"]["ESPBENCH_BOARDS"]).split(",")
    assert boards == [name for name in BOARDS if name != "lx60"]
    program, target = service["command"]
    assert program == "make"
    assert re.search(rf"^{target}:", (TREE / "Makefile").read_text(), re.MULTILINE)
