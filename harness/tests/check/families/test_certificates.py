# SPDX-License-Identifier: MIT
"""Where certificates lie, which files a recipe changes, and which lines name a cause."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from espbench.certs import recipes
from espbench.check.check import NotApplicable
from espbench.check.credentials.find import Places, Sources
from espbench.check.credentials.place import FilePlace
from espbench.check.families.certificates import causes, places_of, with_recipe
from espbench.check.profile import Profile
from espbench.check.subject import Subject
from espbench.flash.littlefs_image import Content

PLACES = Places(FilePlace("/tls/device.crt"), FilePlace("/tls/device.key"))
CERTIFICATE, KEY = PLACES.certificate.name, PLACES.key.name
GOOD = recipes()["p256"].files


def _places(files: dict[str, Content], profile: Profile) -> Places:
    booter = SimpleNamespace(sources=Sources(files))
    return places_of(cast("Subject", SimpleNamespace(booter=booter, profile=profile)))


def test_places() -> None:
    """The profile says where they lie; without one, the files' content does."""
    files: dict[str, Content] = {
        "/main.py": "print('-----BEGIN CERTIFICATE-----'[:4])",
        "/x/a.pem": GOOD["servercert.pem"],
        "/x/b.pem": GOOD["prvtkey.pem"],
    }
    named = Profile(certificate=CERTIFICATE, key=KEY)
    assert _places(files, named) == PLACES
    del files["/main.py"]
    found = _places(files, Profile())
    assert (found.certificate.name, found.key.name) == ("/x/a.pem", "/x/b.pem")
    with pytest.raises(NotApplicable, match="name certificate and key under"):
        _places({"/main.py": "pass"}, Profile())


def test_recipe() -> None:
    """A recipe replaces both files, wherever they lie, and leaves all others."""
    files: dict[str, Content] = {
        "/main.py": "pass",
        CERTIFICATE: "old",
        KEY: "old",
    }

    def made(name: str) -> dict[str, Content]:
        start = with_recipe(Sources(files), PLACES, recipes()[name])
        assert not start.changed
        return start.files

    assert made("p256") == {
        "/main.py": "pass",
        CERTIFICATE: GOOD["servercert.pem"],
        KEY: GOOD["prvtkey.pem"],
    }
    assert sorted(made("cert-missing")) == ["/main.py", KEY]
    assert sorted(made("cert-unreadable")) == ["/main.py", f"{CERTIFICATE}/placeholder", KEY]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Failed to start HTTPS server: device.crt: not found", True),
        ("E (1) esp-tls-mbedtls: mbedtls_x509_crt_parse returned -0x2180", True),
        ("OSError: [Errno 2] ENOENT", True),
        ("E (31) esp_https_server: esp_tls_create_server_session failed, 0x8015", True),
        ("W (31) wifi: no access point found", False),
        ("I (31) esp_https_server: loading certificate /tls/device.crt", False),
        ("HTTPS server started on port 443", False),
        ("E (31) emac: no mem for receive buffer", False),
    ],
)
def test_causes(line: str, names: bool) -> None:
    """A line names the cause if it speaks of trouble with a certificate, a key or their files."""
    assert bool(causes(f"boot\n{line}\nmore\n", PLACES)) is names
