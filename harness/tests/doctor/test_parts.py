# SPDX-License-Identifier: MIT
"""`espbench doctor --sources` lists every third-party part of the firmware."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.cli.main import main
from espbench.doctor.parts import PINNED, parts
from espbench.firmware import idf_env
from espbench.firmware.build import builder_of
from espbench.firmware.sources import pinned
from fake_idf import fake_micropython


@pytest.fixture(autouse=True)
def no_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build the pinned sources, whatever the user has set."""
    monkeypatch.delenv("ESPBENCH_MICROPYTHON", raising=False)


def test_every_source() -> None:
    """Each pinned source is a part, with its version, on the boards whose builder fetches it."""
    found = {part.name: part for part in parts() if part.origin == PINNED}
    assert {name: (part.version, part.licence) for name, part in found.items()} == {
        name: (source.version, source.licence) for name, source in pinned().sources.items()
    }
    for name, board in BOARDS.items():
        assert {part.name for part in found.values() if name in part.boards} == set(
            builder_of(board).sources()
        )


def test_what_each_part_says() -> None:
    """Each part has all fields, and no board is unknown."""
    for part in parts():
        assert set(part.boards) <= set(BOARDS)
        fields = (part.version, part.licence, part.boards, part.origin, part.support)
        assert all((*fields, part.advisories))
        assert re.fullmatch(r"[A-Z][a-z]+ 20\d\d", part.looked_at)


def test_the_versions_of_esp_idf() -> None:
    """The part names the versions that the build accepts."""
    (part,) = [part for part in parts() if part.name == "esp-idf"]
    oldest, newest = (".".join(map(str, each)) for each in (idf_env.OLDEST, idf_env.NEWEST))
    assert part.version == f"v{oldest} to v{newest}"


def test_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a paragraph with its version, licence and the rest."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["doctor", "--sources"]) == 0
    shown = capsys.readouterr().out
    for part in parts():
        head = f"{part.name} {part.version} ({part.licence})\n"
        paragraph = shown.partition(head)[2].partition("\n\n")[0]
        words = " ".join(paragraph.split())
        for text in (part.origin, part.support, f"{part.advisories} ({part.looked_at})"):
            assert " ".join(text.split()) in words
    assert "`firmware/modules/webserver/http/framing.c`" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --json, the same is JSON; --board selects, and a checkout is named."""
    assert main(["doctor", "--sources", "--board", "esp32", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in data["parts"]] == [
        part.name for part in parts() if "esp32" in part.boards
    ]
    assert {"version", "licence", "support", "advisories", "looked_at"} < set(data["parts"][0])
    assert data["replaced"] == {}
    checkout = fake_micropython(tmp_path, (1, 28, 0))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(checkout))
    assert main(["doctor", "--sources", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["replaced"] == {
        "part": "micropython",
        "version": "v1.28.0",
        "folder": str(checkout),
    }
    assert main(["doctor", "--sources"]) == 0
    assert capsys.readouterr().out.endswith(
        f"ESPBENCH_MICROPYTHON puts v1.28.0 ({checkout}) in place of micropython.\n"
    )
