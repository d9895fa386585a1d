# SPDX-License-Identifier: MIT
"""docs/how-to/check.md: its commands, its profile, its baseline and its excerpts are true."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from espbench.certs import recipes
from espbench.check.baseline import read_baseline
from espbench.check.families import all_checks
from espbench.check.profile import Profile, read_profile
from espbench.check.result import Outcome, Severity
from espbench.cli.main import make_parser
from espbench.errors import ConfigError
from espbench.plugin import options

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "check.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)


def commands(program: str) -> list[list[str]]:
    """Return the arguments of the page's commands of a program."""
    lines = [line.partition(" > ")[0] for line in "".join(blocks("sh")).splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith(program)]


def test_commands() -> None:
    """Each command has existing options and names an existing check."""
    given = [make_parser().parse_args(each) for each in commands("espbench")]
    images = {each.image for each in given if not each.earlier}
    assert images == {"build", "build/merged-binary.bin"}
    checks = {each.name: each for each in all_checks()}
    families = {each.family for each in checks.values()}
    for name in (name for each in given for name in each.only):
        check, _, case = name.partition("@")[0].partition(":")
        assert check in checks or check in families
        assert not case or case in checks[check].cases


def test_options_of_pytest() -> None:
    """Each option of pytest exists."""
    parser = pytest.Parser(_ispytest=True)
    options.add(parser)
    added = {
        name for group in parser._groups for option in group.options for name in option.names()
    }
    used = {word.partition("=")[0] for each in commands("pytest") for word in each}
    used = {word for word in used if word.startswith("--")}
    assert len(used) >= 3
    assert used <= {*added, "--collect-only"}


def test_profile(tmp_path: Path) -> None:
    """The example is valid, and has every key but the alternative that the text names."""
    (text,) = (each for each in blocks("toml") if "[firmware]" in each)
    (tmp_path / "data").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "app.elf").touch()
    (tmp_path / "tests").mkdir()
    identity = recipes()["p256"]
    for name, file in (("client.pem", identity.cert_file), ("client.key", identity.key_file)):
        (tmp_path / "tests" / name).write_bytes(identity.device_files[file])
    path = tmp_path / "espbench.toml"
    path.write_text(text)
    read, empty = read_profile(path), Profile()
    names = [each.name for each in fields(Profile)]
    assert [n for n in names if getattr(read, n) == getattr(empty, n)] == ["ready_http"]
    path.write_text(text.replace('ready-console = "^server up"', 'ready-http = "/path"'))
    assert read_profile(path).ready_http == "/path"


def test_an_unknown_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the one that the page shows."""
    monkeypatch.chdir(tmp_path)
    path = Path("espbench.toml")
    path.write_text('[firmware]\nready-console = "^server up"\nready-timeot = 30\n')
    with pytest.raises(ConfigError) as raised:
        read_profile(path)
    assert f"\nespbench: {raised.value}\n" in TEXT


def test_baseline(tmp_path: Path) -> None:
    """The excerpt of a baseline is one."""
    (text,) = (each for each in blocks("toml") if "[[known]]" in each)
    (tmp_path / "check.toml").write_text(text)
    baseline = read_baseline(tmp_path / "check.toml")
    names = {each.name for each in all_checks()}
    assert {each.check for each in baseline.known} <= names
    assert {each.source for each in baseline.figures.values()} <= names


def test_excerpts() -> None:
    """Lines and rows are about existing checks."""
    names = {each.name for each in all_checks()}
    lines = re.findall(r"^\[\d+/\d+\] ([\w.]+) ", TEXT, re.M)
    rows = [".".join(pair) for pair in re.findall(r"^│ (\w+) +│ (\w+) +│", TEXT, re.M)]
    assert len(lines) >= 3
    assert len(rows) >= 6
    assert {*lines, *rows} <= names


def test_outcomes_and_severities() -> None:
    """The tables explain each outcome and each severity."""
    words = set(re.findall(r"^\| ([\w ]+) \|", TEXT, re.M))
    assert {each.value for each in (*Outcome, *Severity)} <= words
