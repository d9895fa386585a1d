# SPDX-License-Identifier: MIT
"""`espbench ci`: where the workflow installs espbench from, by pip's record and by git."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from espbench.cli import main as cli
from espbench.cli.workflow.repository import public_url
from firmware_projects import TEMPLATE, comes_from, edits, git, idf_project, written

PUBLIC = "https://github.com/me/espbench"
TEMPLATES = "git+https://github.com/OWNER/espbench@v0.1.0"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDF_PATH", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


def source(
    record: Mapping[str, Any] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[str, str]:
    """Return the workflow's ESPBENCH for pip's record, and what `espbench ci` prints."""
    comes_from(record, monkeypatch)
    project = tmp_path / "project"
    idf_project(project)
    assert cli.main(["ci", str(project)]) == 0
    return written(project)["env"]["ESPBENCH"], capsys.readouterr().out


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (
            {"vcs_info": {"vcs": "git", "requested_revision": "v0.2.0", "commit_id": "12ab"}},
            f"git+{PUBLIC}@v0.2.0",
        ),
        (
            {"vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "12ab"}},
            f"git+{PUBLIC}@12ab",
        ),
        ({"vcs_info": {"vcs": "git", "commit_id": "12ab"}}, f"git+{PUBLIC}@12ab"),
        (
            {
                "url": "ssh://git@github.com/me/espbench",
                "vcs_info": {"vcs": "git", "commit_id": "12ab"},
            },
            f"git+{PUBLIC}@12ab",
        ),
        ({"url": f"{PUBLIC}/a/espbench.whl", "archive_info": {}}, f"{PUBLIC}/a/espbench.whl"),
    ],
    ids=["tag", "branch", "default", "ssh", "archive"],
)
def test_a_public_source(
    record: Mapping[str, Any],
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The workflow installs what pip installed here, pinned; it is only there to look at."""
    found, said = source({"url": PUBLIC, **record}, tmp_path, monkeypatch, capsys)
    assert found == wanted
    assert edits(said) == []
    assert f"ESPBENCH: {wanted}\n    this espbench was installed from there\n" in said


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"url": "file:///a/espbench.whl", "archive_info": {}}, "/a/espbench.whl"),
        ({"url": "file:///a/es%20pb", "vcs_info": {"vcs": "git", "commit_id": "12ab"}}, "/a/es pb"),
        ({"url": "file:///a/espbench", "dir_info": {}}, "/a/espbench"),
        (
            {"url": "http://localhost/x", "vcs_info": {"vcs": "git", "commit_id": "12ab"}},
            "http://localhost/x",
        ),
    ],
    ids=["wheel", "git", "folder", "this host"],
)
def test_a_local_source(
    record: Mapping[str, Any],
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A path of this machine is not written into a workflow: the user has to name a source."""
    found, said = source(record, tmp_path, monkeypatch, capsys)
    assert found == TEMPLATES
    assert TEMPLATES in TEMPLATE.read_text()
    assert edits(said) == ["ESPBENCH"]
    assert (
        f"this espbench was installed from {why}, which other machines cannot reach: replace "
        "OWNER, and v0.1.0 with a tag\n"
    ) in said


def test_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a record the user has to name a source."""
    found, said = source(None, tmp_path, monkeypatch, capsys)
    assert (found, edits(said)) == (TEMPLATES, ["ESPBENCH"])


@pytest.mark.parametrize("kind", ["dir_info", "vcs_info"])
@pytest.mark.parametrize("tag", ["", "v0.3.0"])
def test_a_clone(
    kind: str,
    tag: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For a clone on this machine, it is the clone's remote, once that has the commit."""
    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "-q")
    git(clone, "commit", "-q", "--allow-empty", "-m", "one")
    git(clone, "remote", "add", "origin", "https://me:secret@github.com/me/espbench")
    commit = git(clone, "rev-parse", "HEAD")
    if tag:
        git(clone, "tag", tag)
    vcs = {"vcs": "git", "requested_revision": tag, "commit_id": commit}
    record = {"url": clone.as_uri(), kind: vcs}
    wanted = f"git+{PUBLIC}@{tag or commit}"
    found, said = source(record, tmp_path, monkeypatch, capsys)
    assert (found, edits(said)) == (wanted, ["ESPBENCH"])
    assert f"push this commit of {clone} first: its remote does not have it\n" in said
    git(clone, "update-ref", "refs/remotes/origin/main", "HEAD")
    found, said = source(record, tmp_path, monkeypatch, capsys)
    assert (found, edits(said)) == (wanted, [])


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://github.com/me/x.git", "https://github.com/me/x.git"),
        ("https://me:token@example.com:8443/x", "https://example.com:8443/x"),
        ("git@github.com:me/x.git", "https://github.com/me/x.git"),
        ("ssh://git@example.com:22/me/x", "https://example.com/me/x"),
        ("/srv/git/x", ""),
        ("../x", ""),
        ("file:///srv/x", ""),
        ("http://127.0.0.1/x", ""),
        ("https://box.local/x", ""),
        ("", ""),
    ],
)
def test_public_urls(url: str, public: str) -> None:
    """Credentials are left out, SSH becomes https, and a URL of this machine is none."""
    assert public_url(url) == public
