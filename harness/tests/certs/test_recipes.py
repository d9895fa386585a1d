# SPDX-License-Identifier: MIT
"""The recipes match their descriptions, as checked by cryptography, OpenSSL and the ssl module."""

from __future__ import annotations

import base64
import datetime
import re
import shutil
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from espbench.certs import (
    BAD,
    CERT_FILE,
    GOOD,
    KEY_FILE,
    TRUST_FILE,
    Fails,
    Recipe,
    Starts,
    recipes,
)
from espbench.certs import keys as cert_keys
from espbench.certs.keys import kind_of, private_key

OURS = {"cr", "literal-newlines", "indented", "der", "der-rsa", "der-chain"}
"""Files that the device takes, and `SSLContext.load_cert_chain()` does not."""
SERVING = [recipe for recipe in GOOD if recipe.name not in OURS]


def by_name(*groups: tuple[Recipe, ...] | list[Recipe]) -> list[object]:
    """Return the recipes as pytest parameters with their names as ids."""
    return [pytest.param(recipe, id=recipe.name) for group in groups for recipe in group]


def handshake(recipe: Recipe, folder: Path, *, check_name: bool = True) -> bytes:
    """Run an OpenSSL handshake in memory with these files; return the server's certificate."""
    recipe.write(folder)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / recipe.cert_file, folder / recipe.key_file)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = check_name
    if recipe.trust:
        client_context.load_verify_locations(cadata=recipe.trust)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=recipe.server_name)
    for side in (client, server, client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(binary_form=True) or b""


def test_names_are_unique() -> None:
    """No two recipes share a name."""
    assert len(recipes()) == len(GOOD) + len(BAD)


@pytest.mark.parametrize("recipe", by_name(SERVING))
def test_serving_recipes_serve_or_are_refused_as_expected(recipe: Recipe, tmp_path: Path) -> None:
    """OpenSSL's client accepts the certificate, or refuses it with the recipe's error."""
    assert isinstance(recipe.expectation, Starts)
    if recipe.expectation.client_error is None:
        shown = handshake(recipe, tmp_path)
        assert kind_of_public(shown) == recipe.expectation.key
    else:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            handshake(recipe, tmp_path)
        assert re.search(recipe.expectation.client_error, str(caught.value))


def kind_of_public(der: bytes) -> str:
    """Return the kind of key in this certificate, as the recipes name it."""
    public = x509.load_der_x509_certificate(der).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return f"rsa{public.key_size}"
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return f"p{public.key_size}"


def test_the_guides_command_verifies_when_the_name_is_not_checked(tmp_path: Path) -> None:
    """The guide's certificate is a valid trust anchor for itself; it only lacks a host name."""
    assert kind_of_public(handshake(recipes()["openssl-line"], tmp_path, check_name=False))


def test_the_guides_command_writes_the_guides_files(tmp_path: Path) -> None:
    """The guide's openssl command writes the two files that the recipe uses."""
    subprocess.run(
        ["sh", "-c", str(recipes()["openssl-line"].command)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [KEY_FILE, CERT_FILE]
    certificate = x509.load_pem_x509_certificate((tmp_path / CERT_FILE).read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=ESP32 Device"


@pytest.mark.parametrize(
    ("name", "first_line"),
    [
        ("p256", b"-----BEGIN PRIVATE KEY-----"),
        ("key-pkcs1", b"-----BEGIN RSA PRIVATE KEY-----"),
        ("key-sec1", b"-----BEGIN EC PRIVATE KEY-----"),
        ("key-ec-parameters", b"-----BEGIN EC PARAMETERS-----"),
        ("key-encrypted", b"-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        ("key-openssh", b"-----BEGIN OPENSSH PRIVATE KEY-----"),
    ],
)
def test_key_formats_start_as_their_standard_says(name: str, first_line: bytes) -> None:
    """Each key format has its own first line."""
    assert recipes()[name].files[KEY_FILE].splitlines()[0] == first_line


@pytest.mark.parametrize("name", sorted(OURS - {"der-rsa", "der-chain"}))
def test_other_forms_have_the_same_contents(name: str) -> None:
    """They are the files of `p256`, written in another way."""
    good, files = recipes()["p256"].files, recipes()[name].files
    for each in (CERT_FILE, KEY_FILE):
        assert files[each] != good[each]
        if name == "der":
            assert _contents(good[each]) == files[each]
        else:
            plain = files[each].replace(b"\\n", b"\n").replace(b"\r", b"\n").replace(b"    ", b"")
            assert plain == good[each]


def _contents(text: bytes) -> bytes:
    return base64.b64decode(b"".join(text.splitlines()[1:-1]))


@pytest.mark.parametrize("length", [2, 3])
def test_chains_have_their_length(length: int) -> None:
    """A chain of n has n certificates in the file, without the root."""
    recipe = recipes()[{2: "chain-two", 3: "chain-three"}[length]]
    assert recipe.files[CERT_FILE].count(b"BEGIN CERTIFICATE") == length
    assert recipe.files[TRUST_FILE] not in recipe.files[CERT_FILE]


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
@pytest.mark.parametrize("name", ["key-of-another", "key-of-another-kind", "chain-wrong-order"])
def test_mismatched_pairs_are_refused_by_openssl(name: str, tmp_path: Path) -> None:
    """OpenSSL also reports that key and certificate do not match."""
    recipes()[name].write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ssl.SSLError, match=r"MISMATCH|NO_CERTIFICATE_ASSIGNED"):
        context.load_cert_chain(tmp_path / CERT_FILE, tmp_path / KEY_FILE)


@pytest.mark.parametrize(
    "name", ["cert-truncated", "cert-damaged", "cert-text", "cert-request", "cert-empty", "der"]
)
def test_bad_certificates_cannot_be_loaded(name: str) -> None:
    """None of the unusable certificate files can be read as PEM."""
    with pytest.raises(ValueError, match=r"."):
        x509.load_pem_x509_certificates(recipes()[name].files[CERT_FILE])


@pytest.mark.parametrize("name", ["chain-second-broken", "chain-second-truncated"])
def test_only_the_second_certificate_is_bad(name: str) -> None:
    """The first certificate of the chain is intact; the second is not."""
    data = recipes()[name].files[CERT_FILE]
    first, rest = data.split(b"-----END CERTIFICATE-----\n", 1)
    x509.load_pem_x509_certificate(first + b"-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError, match=r"."):
        x509.load_pem_x509_certificate(rest)


@pytest.mark.parametrize("name", ["key-truncated", "key-text", "der", "key-empty"])
def test_bad_keys_cannot_be_loaded(name: str) -> None:
    """None of the unusable key files can be read as PEM."""
    with pytest.raises(ValueError, match=r"."):
        serialization.load_pem_private_key(recipes()[name].files[KEY_FILE], None)


@pytest.mark.parametrize("name", ["key-encrypted", "key-encrypted-traditional"])
def test_encrypted_keys_ask_for_a_password(name: str) -> None:
    """The keys load with their password and are unusable without it."""
    data = recipes()[name].files[KEY_FILE]
    with pytest.raises(TypeError):
        serialization.load_pem_private_key(data, None)
    assert serialization.load_pem_private_key(data, b"secret")


def test_every_bad_recipe_differs_from_the_good_one_in_one_file() -> None:
    """A bad recipe has one defect: its other file is that of the good recipe."""
    good = recipes()["p256"].files
    whole_pairs = {"ec-compressed", "chain-wrong-order", "ed25519", "p521", "rsa1024", "x25519"}
    whole_pairs |= {"rsa-pss", "pkcs12", "cert-request"}
    for recipe in BAD:
        if recipe.name in whole_pairs or re.match("chain-second|.*too-large", recipe.name):
            continue
        same = [name for name in (CERT_FILE, KEY_FILE) if recipe.files.get(name) == good[name]]
        assert len(same) == 1, recipe.name


@pytest.mark.parametrize(
    ("name", "limit"), [("chain-too-large", 2**12), ("cert-file-too-large", 2**14)]
)
def test_a_chain_that_is_too_large_does_not_fit_its_limit(name: str, limit: int) -> None:
    """One chain exceeds ESP-IDF's output buffer, the other any TLS record (RFC 5246 6.2.1)."""
    data = recipes()[name].files[CERT_FILE]
    certificates = x509.load_pem_x509_certificates(data)
    size = sum(len(c.public_bytes(serialization.Encoding.DER)) for c in certificates)
    assert size > limit


def test_validity_is_fixed() -> None:
    """Every run gives the same dates, because the device's image is cached by its content."""
    data = recipes()["expired"].files[CERT_FILE]
    certificate = x509.load_pem_x509_certificate(data)
    assert certificate.not_valid_after_utc == datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def test_the_same_bytes_in_another_process() -> None:
    """Certificates are deterministic: another process makes identical ones."""
    code = (
        "import hashlib\n"
        "from espbench.certs import recipes\n"
        "files = recipes()['chain-rsa-three'].files | recipes()['p384'].files\n"
        "print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_write_makes_the_files_and_keeps_keys_private(tmp_path: Path) -> None:
    """`write` writes every file, and only the owner can read the key."""
    folder = tmp_path / "new" / "folder"
    paths = recipes()["p256"].write(folder)
    assert {path.name for path in paths} == {CERT_FILE, KEY_FILE, TRUST_FILE}
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert (folder / CERT_FILE).read_bytes() == recipes()["p256"].files[CERT_FILE]


def test_write_makes_a_folder_where_a_recipe_wants_one(tmp_path: Path) -> None:
    """The unreadable certificate is a folder of that name."""
    recipes()["cert-unreadable"].write(tmp_path)
    assert (tmp_path / CERT_FILE).is_dir()


def test_device_files_omit_the_trusted_certificate() -> None:
    """The certificate that clients trust does not go to the device."""
    assert set(recipes()["p256"].device_files) == {CERT_FILE, KEY_FILE}


def test_every_sentence_is_a_pattern() -> None:
    """The pattern of each bad recipe compiles and does not match an empty message."""
    for recipe in BAD:
        assert isinstance(recipe.expectation, Fails)
        assert not re.search(recipe.expectation.sentence, "")


def test_keys_are_kept_for_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is generated once and kept in the cache folder, readable by its owner only."""
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path))
    first = private_key("p256", "kept")
    path = tmp_path / "keys" / "p256-kept.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    cert_keys._cached.cache_clear()
    assert cert_keys.pkcs8(private_key("p256", "kept")) == cert_keys.pkcs8(first)


@pytest.mark.parametrize("damage", [b"", b"garbage", cert_keys.pkcs8(cert_keys.generate("p384"))])
def test_a_damaged_kept_key_is_replaced(
    damage: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key file that is empty, garbage or of another kind is replaced."""
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path))
    path = tmp_path / "keys" / "p256-damaged.pem"
    path.parent.mkdir()
    path.write_bytes(damage)
    key = private_key("p256", "damaged")
    assert path.read_bytes() == cert_keys.pkcs8(key)


def test_an_unwritable_cache_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are still generated when they cannot be cached."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path / "file"))
    assert kind_of(private_key("p256", "homeless")) == "p256"


def test_an_unknown_kind_is_named() -> None:
    """The error for an unknown key kind lists the known ones."""
    with pytest.raises(ValueError, match=r"rsa3000.*p256"):
        private_key("rsa3000")
