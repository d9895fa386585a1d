"""docker-compose.yml is what the Compose specification takes, without an engine to try it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from espbench.boards import BOARDS
from espbench.idf import NEWEST, OLDEST

TREE = Path(__file__).resolve().parents[2]

# What we use of https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json.
SERVICE = {
    "image": str,
    "init": bool,
    "working_dir": str,
    "volumes": list,
    "environment": dict,
    "command": list,
    "stdin_open": bool,
    "tty": bool,
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the file."""
    data: dict[str, Any] = yaml.safe_load((TREE / "docker-compose.yml").read_text())
    return data


def default(text: str) -> str:
    """Return a value with the defaults of its variables."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


def test_top_level(compose: dict[str, Any]) -> None:
    """Nothing is there that Compose does not know; x- is anybody's."""
    assert {name for name in compose if not name.startswith("x-")} == {"services", "volumes"}
    assert set(compose["services"]) == {"test", "shell"}


@pytest.mark.parametrize("name", ["test", "shell"])
def test_service(compose: dict[str, Any], name: str) -> None:
    """Every key is one of the specification's, with a value of its type."""
    service = compose["services"][name]
    for key, value in service.items():
        assert isinstance(value, SERVICE[key]), key
    assert all(isinstance(word, str) for word in service["command"])
    for key, value in service["environment"].items():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", key)
        assert isinstance(value, str)
    mounts = [default(volume).split(":") for volume in service["volumes"]]
    named = {source for source, _ in mounts if not source.startswith(".")}
    assert named <= set(compose["volumes"])
    assert [".", service["working_dir"]] in mounts


def test_image(compose: dict[str, Any]) -> None:
    """The image is Espressif's, with an ESP-IDF that the firmware is written for."""
    (image,) = {service["image"] for service in compose["services"].values()}
    match = re.fullmatch(r"espressif/idf:v(\d+)\.(\d+)\.\d+", default(image))
    assert match is not None
    assert OLDEST <= (int(match[1]), int(match[2])) <= NEWEST


def test_what_is_run(compose: dict[str, Any]) -> None:
    """The tests run on boards that exist, by a target that exists."""
    service = compose["services"]["test"]
    assert set(default(service["environment"]["ESPBENCH_BOARDS"]).split(",")) <= set(BOARDS)
    program, target = service["command"]
    assert program == "make"
    assert re.search(rf"^{target}:", (TREE / "Makefile").read_text(), re.MULTILINE)
