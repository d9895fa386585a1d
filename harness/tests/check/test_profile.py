# SPDX-License-Identifier: MIT
"""The profile of a firmware: what it holds, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.certs import recipes
from espbench.check.profile import ExpectedAnswer, Profile, read_profile
from espbench.check.server import WebSocketPath
from espbench.clients import Tls
from espbench.errors import ConfigError

WHOLE = """\
[firmware]
elf = "app.elf"
files = "data"
files-partition = "storage"
ready-console = "^server up"
ready-timeout = 30
ports = {http = 8080, https = 8443}

[[paths]]
path = "/api"
status = 401

[[websockets]]
path = "/chat"
echo = true
subprotocol = "chat"

[certificates]
certificate = "/certs/servercert.pem"
key = "/certs/prvtkey.pem"

[headers]
Authorization = "Basic abc"

[limits]
tls-sessions = 3
"""


def written(folder: Path, text: str, name: str = "espbench.toml") -> Path:
    """Write a profile, with the files that `WHOLE` names beside it."""
    (folder / "app.elf").touch()
    (folder / "data").mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_whole(tmp_path: Path) -> None:
    """Each key arrives; paths are relative to the file."""
    assert read_profile(written(tmp_path, WHOLE)) == Profile(
        elf=tmp_path / "app.elf",
        files=tmp_path / "data",
        files_partition="storage",
        ready_console="^server up",
        ready_timeout=30,
        ports={"http": 8080, "https": 8443},
        paths=(ExpectedAnswer("/api", 401),),
        websockets=(WebSocketPath("/chat", echo=True, subprotocol="chat"),),
        certificate="/certs/servercert.pem",
        key="/certs/prvtkey.pem",
        headers={"Authorization": "Basic abc"},
        tls_sessions=3,
    )


def test_pyproject(tmp_path: Path) -> None:
    """In pyproject.toml, the table is tool.espbench; other tools' tables do not matter."""
    text = "[tool.ruff]\nx = 1\n[tool.espbench.limits]\ntls-sessions = 2\n"
    assert read_profile(written(tmp_path, text, "pyproject.toml")).tls_sessions == 2
    assert read_profile(written(tmp_path, "[project]\n", "pyproject.toml")) == Profile()
    wrong = "[limits]\ntls-sessions = 9\n[tool.espbench.limits]\ntls-sessions = 0\n"
    with pytest.raises(ConfigError, match=r"pyproject\.toml:4: limits\.tls-sessions must be 1"):
        read_profile(written(tmp_path, wrong, "pyproject.toml"))


def test_client(tmp_path: Path) -> None:
    """A client's certificate may have its key in the same file; clients use both."""
    identity = recipes()["p256"]
    pair = [identity.device_files[name] for name in (identity.cert_file, identity.key_file)]
    (tmp_path / "both.pem").write_bytes(b"".join(pair))
    profile = read_profile(written(tmp_path, '[client]\ncertificate = "both.pem"\n'))
    assert profile.client_certificate == tmp_path / "both.pem"
    assert profile.tls == Tls(verify=False, certificate=tmp_path / "both.pem")
    assert Profile().tls == Tls(verify=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[limits]\ntls-session = 3\n", r":2: limits\.tls-session is unknown: use tls-sessions"),
        ("[limit]\n", r":1: limit is unknown: use firmware, paths"),
        ("\n[limits]\ntls-sessions = 'x'\n", r":3: limits\.tls-sessions must be an integer, not"),
        ("[limits]\ntls-sessions = true\n", r":2: limits\.tls-sessions must be an integer"),
        ("[firmware]\nready-console = '('\n", r":2: firmware\.ready-console is not a regular ex"),
        ("[firmware]\nready-timeout = '1'\n", r":2: firmware\.ready-timeout must be a number"),
        ("[limits]\ntls-sessions = -1\n", r":2: limits\.tls-sessions must be 1 or more, not -1"),
        ("[limits]\ntls-sessions = 0\n", r":2: limits\.tls-sessions must be 1 or more, not 0"),
        ("limits.tls-sessions = 0\n", r":1: limits\.tls-sessions must be 1 or more"),
        ("[firmware]\nready-timeout = 0\n", r":2: firmware\.ready-timeout must be 0\.1 or more"),
        ("[firmware]\nready-timeout = nan\n", r":2: firmware\.ready-timeout must be .*, not nan"),
        ("[firmware]\nready-timeout = inf\n", r":2: firmware\.ready-timeout must be .*, not inf"),
        ("[firmware]\nports = {ftp = 21}\n", r":2: firmware\.ports\.ftp is unknown: use http, "),
        ("[firmware]\nports = {http = 'x'}\n", r":2: firmware\.ports\.http must be an integer"),
        ("[firmware]\nports = {http = true}\n", r":2: firmware\.ports\.http must be an integer"),
        ("[firmware.ports]\nhttps = 0\n", r":2: firmware\.ports\.https must be from 1 to 65535"),
        ("[firmware]\nports = {http = 65536}\n", r":2: .*must be from 1 to 65535, not 65536\."),
        ("[[paths]]\npath = '/'\nstatus = 99\n", r":3: paths\.status must be from 100 to 599"),
        (
            "[[paths]]\npath = '/'\nstatus = 200\n[[paths]]\npath = '/'\nstatus = -1\n",
            r":6: paths\.status must be from 100 to 599, not -1\.",
        ),
        ("[[paths]]\npath = '/'\n[[paths]]\n", r":3: paths\.path is missing: each entry needs it"),
        ("paths = 3\n", r":1: paths must be an array of tables"),
        ("paths = [3]\n", r":1: paths must be an array of tables, such as \[\[paths\]\]"),
        ("firmware = 3\n", r":1: firmware must be a table"),
        ("[headers]\nX = 3\n", r":2: headers\.X must be a string"),
        ("[client]\nkey = 'app.elf'\n", r":2: client\.key needs a certificate beside it"),
        ("[client]\ncertificate = 'none.pem'\n", r"none.pem does not exist: check client.cert"),
        ("[client]\ncertificate = 'app.elf'\n", r"app\.elf and its private key cannot be used"),
        ("[firmware]\nfiles = 'gone'\n", r"gone does not exist: check firmware\.files"),
        ("[firmware\n", r"is not valid TOML"),
    ],
)
def test_wrong(text: str, message: str, tmp_path: Path) -> None:
    """What is wrong is one sentence, with the line where possible."""
    with pytest.raises(ConfigError, match=message) as caught:
        read_profile(written(tmp_path, text))
    assert "\n" not in str(caught.value).partition("is not valid")[0]


def test_no_file(tmp_path: Path) -> None:
    """A missing file, and one that is not text, name the option."""
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file.*check --profile"):
        read_profile(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        read_profile(tmp_path / "binary.toml")
