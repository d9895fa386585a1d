# SPDX-License-Identifier: MIT
"""ci/containers.py: its commands, with a stand-in for the container engine."""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import chroots
import containers
import pytest
from containers import Engine, NotPossible, Place

TREE = Path(__file__).resolve().parents[3]
ENGINE = """#!/bin/sh
echo "$*" >> "$0.log"
case "$*" in
  *" info") exit $(cat "$0.info") ;;
  *"image inspect"*) exit 1 ;;
  "--root r build "*) exit $(cat "$0.build") ;;
  "--root r run "*) exit $(cat "$0.run") ;;
esac
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a stand-in for podman that logs its arguments, and whose commands succeed."""
    path = tmp_path / "podman"
    path.write_text(ENGINE)
    path.chmod(0o755)
    for command in ("info", "build", "run"):
        path.with_name(f"podman.{command}").write_text("0")
    return path


def said(program: Path) -> list[str]:
    """Return the commands that the stand-in got."""
    return program.with_name("podman.log").read_text().splitlines()


def engine(program: Path) -> Engine:
    """Return an engine with the stand-in as its program."""
    return Engine(
        str(program), ("--root", "r"), ("--ulimit", "n"), ("-v", "m"), (str(program), "c")
    )


def test_run_has_all_options(program: Path) -> None:
    """Global options come before the command; limits and mounts come before the image."""
    command = engine(program).run("debian", "true", "-w", "/x")
    assert command[1:] == [
        *("--root", "r", "run", "--rm", "--init", "--network", "host", "--ulimit", "n"),
        *("-v", "m", "-w", "/x", "debian", "bash", "-c", "set -e\ntrue"),
    ]


@pytest.mark.parametrize("name", ["espbench.yml", "espbench-lx60.yml"])
def test_steps_are_shell(name: str) -> None:
    """The script of a workflow has each shell step that runs without a failure, and parses."""
    data = containers.read(TREE / "ci" / name)
    script = containers.steps(data, {"Build the firmware": "echo inserted"})
    shown = [line for line in script.splitlines() if line.startswith("echo '== ")]
    wanted = [step["name"] for step in data["jobs"]["espbench"]["steps"] if "run" in step]
    assert shown == [f"echo '== {name}'" for name in wanted]
    assert script.index("echo inserted") > script.index("== Build the firmware")
    subprocess.run(["bash", "-n", "-c", containers.IDF_PROJECT + script], check=True)


def test_steps_of_a_failure_are_left_out() -> None:
    """A step that runs only after a failure is not part of a run that passes."""
    listed = [
        {"name": "a", "run": "one"},
        {"name": "b", "run": "two", "if": "${{ failure() }}"},
        {"name": "c", "uses": "an/action"},
    ]
    script = containers.steps({"jobs": {"espbench": {"steps": listed}}}, {})
    assert "one" in script
    assert "two" not in script


@pytest.mark.parametrize("name", ["lx60-workflow", "workflow"])
@pytest.mark.parametrize("status", [0, 3])
def test_workflow(name: str, status: int, program: Path, tmp_path: Path) -> None:
    """A workflow runs in the image that it names, with its variables; a failed step fails it."""
    program.with_name("podman.run").write_text(str(status))
    place = Place(engine(program), tmp_path / "work", "http://127.0.0.1:1/espbench.whl")
    assert containers.PARTS[name](place, tmp_path / "log") == status
    text = "\n".join(said(program))
    assert "-e ESPBENCH=http://127.0.0.1:1/espbench.whl" in text
    assert "-w /project" in text
    file = "espbench.yml" if name == "workflow" else "espbench-lx60.yml"
    image = containers.read(TREE / "ci" / file)["jobs"]["espbench"]["container"]
    assert f" {image} bash -c " in text


def test_image_is_built_before_it_runs(program: Path, tmp_path: Path) -> None:
    """The suite runs only in an image that was built."""
    place = Place(engine(program), tmp_path / "work", "URL")
    program.with_name("podman.build").write_text("125")
    assert containers.image(place, tmp_path / "log") == 125
    (built,) = said(program)
    assert built.startswith("--root r build ")
    assert "--build-arg ESPBENCH=URL" in built
    program.with_name("podman.build").write_text("0")
    program.with_name("podman.run").write_text("1")
    assert containers.image(place, tmp_path / "log") == 1
    assert any(line.startswith("--root r run ") for line in said(program))


def test_no_engine(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An engine that is not installed is named, with the command that installs one."""
    status = containers.main(["--engine", "no-such-engine", "--work", str(tmp_path)])
    assert status == 2
    assert "no-such-engine is not installed: apt-get install" in capsys.readouterr().err


def test_engine_that_does_not_work(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An engine that cannot start is reported before anything is built."""
    program.with_name("podman.info").write_text("125")
    options = ["--engine", str(program), "--engine-options=-q", "--work", str(program.parent / "w")]
    assert containers.main(options) == 2
    assert "does not work here" in capsys.readouterr().err
    assert said(program) == ["-q info"]


def test_failed_part(
    program: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that fails shows the end of its log, and the exit status says so."""

    def part(_place: Place, log: Path) -> int:
        return containers.run([sys.executable, "-c", "print('why'); exit(4)"], log)

    monkeypatch.setattr(containers, "PARTS", {"image": part})
    monkeypatch.setattr(containers, "served_wheel", lambda _folder: contextlib.nullcontext("URL"))
    options = ["--engine", str(program), "--engine-options=-q", "--work", str(program.parent / "w")]
    assert containers.main([*options, "--parts", "image"]) == 1
    shown = capsys.readouterr().out
    assert "    why" in shown
    assert "image failed" in shown


def test_answers_on_both_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`compose-up` fails if HTTPS does not answer, even if HTTP does."""
    handler = http.server.SimpleHTTPRequestHandler
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(containers, "HTTP_PORT", server.server_port)
        monkeypatch.setattr(containers, "HTTPS_PORT", server.server_port)
        assert containers._answers(tmp_path / "log", 0) == 1
        server.shutdown()
    http_line, https_line = (tmp_path / "log").read_text().splitlines()
    assert http_line.endswith("answered 200")
    assert https_line.startswith("https://")


def test_wheel_is_served(tmp_path: Path) -> None:
    """The wheel is built in a folder of its own, and its URL names it."""
    with containers.served_wheel(tmp_path / "wheel") as url:
        (wheel,) = (tmp_path / "wheel").glob("espbench-*.whl")
        assert url.endswith(f"/{wheel.name}")
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert len(answer.read()) == wheel.stat().st_size


def test_debootstrap_needs_an_import(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where chroots cannot be created, the reason is said."""

    def impossible() -> None:
        raise chroots.NotPossible("chroots need root: run this as root.")

    monkeypatch.setattr(chroots, "check", impossible)
    with pytest.raises(NotPossible, match="need root"):
        containers.debootstrap(engine(program), program.parent)
