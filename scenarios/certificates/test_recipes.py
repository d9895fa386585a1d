# SPDX-License-Identifier: MIT
"""Every certificate of `espbench.certs`: good ones serve, bad ones are reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from espbench.certs import BAD, GOOD, Fails, Recipe, Starts, recipes
from espbench.check.families.tls.parameters import hello_for
from espbench.check.handshake.names import TLS12
from espbench.check.handshake.server_flight import ask
from espbench.clients import Endpoints, Tls, TlsError
from espbench.device.device import Device

FOLDER = "/try"
SECP384R1, X25519 = 24, 29
"""Numbers of groups (RFC 8422, section 5.1.1)."""
START = "__import__('httpserver').start"
REMOVE = """
import os
def remove(path):
    if os.stat(path)[0] & 0x4000:
        for name in os.listdir(path):
            remove(path + '/' + name)
        os.rmdir(path)
    else:
        os.remove(path)
"""


@pytest.fixture
def install(shared_device: Device) -> Iterator[Callable[[Recipe], str]]:
    """Return a function that installs a recipe's files and returns start()'s arguments for them."""

    def put(recipe: Recipe) -> str:
        shared_device.exec(f"import os\nos.mkdir('{FOLDER}')")
        for name, data in recipe.device_files.items():
            if "/" in name:
                shared_device.exec(f"os.mkdir('{FOLDER}/{name.partition('/')[0]}')")
            shared_device.put(f"{FOLDER}/{name}", data, piece=30_000)
        return f"cert_file='{FOLDER}/{recipe.cert_file}', key_file='{FOLDER}/{recipe.key_file}'"

    shared_device.exec(REMOVE)
    yield put
    shared_device.exec(f"remove('{FOLDER}')")
    assert shared_device.eval(
        f"{START}(cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem')"
    )


def named(*groups: tuple[Recipe, ...]) -> list[object]:
    """Return the recipes as parameters with their names as ids."""
    return [pytest.param(recipe, id=recipe.name) for group in groups for recipe in group]


def key_kind(certificate: bytes) -> str:
    """Return the kind of key in a certificate, as the recipes name it."""
    public = x509.load_der_x509_certificate(certificate).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return f"rsa{public.key_size}"
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return f"p{public.key_size}"


@pytest.mark.failures("tls_alert", "handshake_closed")
@pytest.mark.parametrize("case", named(GOOD))
def test_good_ones_serve(
    case: Recipe, install: Callable[[Recipe], str], shared_device: Device, endpoints: Endpoints
) -> None:
    """HTTPS starts; a verifying client accepts the certificate, or rejects it as expected."""
    assert isinstance(case.expectation, Starts)
    assert shared_device.eval(f"{START}({install(case)})", timeout=20) is True
    assert shared_device.eval("__import__('httpserver').https_running()") is True
    tls = Tls(trust=case.trust, server_name=case.server_name, secrets=shared_device.tls_secrets)
    endpoint = endpoints.but(trust=tls.trust, server_name=tls.server_name).https
    if case.expectation.client_error is None:
        with endpoint.tls_stream() as stream:
            assert key_kind(stream.certificate) == case.expectation.key
        with endpoint.websocket() as wss:
            wss.send("verified")
            assert wss.receive() == "verified"
    else:
        with pytest.raises(TlsError, match=case.expectation.client_error):
            endpoint.get("/hello")
    # A client that does not verify is always served.
    assert endpoint.but(verify=False).get("/hello").text == "hello\n"
    assert endpoints.http.get("/hello").text == "hello\n"


@pytest.mark.failures("handshake_closed")
@pytest.mark.parametrize("name", ["rsa2048", "p384"])
def test_x25519_is_preferred_to_p384(
    name: str, install: Callable[[Recipe], str], shared_device: Device, endpoints: Endpoints
) -> None:
    """A client without P-256 gets X25519, which takes less work than P-384."""
    assert shared_device.eval(f"{START}({install(recipes()[name])})", timeout=20) is True
    hello = hello_for(TLS12, groups=[SECP384R1, X25519])
    assert ask(endpoints.https, hello).group == X25519


def test_the_users_line_is_its_own_trust(
    install: Callable[[Recipe], str], shared_device: Device, endpoints: Endpoints
) -> None:
    """The certificate from the guide's openssl line verifies against itself, names aside."""
    case = recipes()["openssl-line"]
    assert shared_device.eval(f"{START}({install(case)})", timeout=20) is True
    endpoint = endpoints.but(trust=case.trust, check_name=False).https
    assert endpoint.get("/hello").text == "hello\n"


@pytest.mark.parametrize("case", named(BAD))
def test_bad_ones_are_named(
    case: Recipe, install: Callable[[Recipe], str], shared_device: Device, endpoints: Endpoints
) -> None:
    """start() returns False, its console line names the cause, and HTTP serves throughout."""
    assert isinstance(case.expectation, Fails)
    arguments = install(case)
    with endpoints.http.http() as kept:
        assert kept.get("/hello").status == 200
        since = len(shared_device.console.text)
        assert shared_device.eval(f"{START}({arguments})", timeout=20) is False
        line = failure_line(shared_device, since)
        assert re.search(case.expectation.sentence, line), line
        assert shared_device.eval("__import__('httpserver').https_running()") is False
        assert kept.get("/hello").status == 200
    assert endpoints.http.get("/hello").text == "hello\n"


def failure_line(device: Device, since: int) -> str:
    """Return the cause after "Failed to start HTTPS server: ", of which there must be just one."""
    found = re.findall(
        r"^Failed to start HTTPS server: (.+?)\r?$", device.console.text[since:], re.MULTILINE
    )
    assert len(found) == 1, f"expected one message, found {len(found)}: {found}"
    return str(found[0])


def test_no_two_causes_share_a_sentence(
    install: Callable[[Recipe], str], shared_device: Device, endpoints: Endpoints
) -> None:
    """Different mistakes are distinguishable: each of ten produces a different message."""
    sentences = {}
    for name in (
        "cert-missing",
        "cert-unreadable",
        "cert-text",
        "cert-without-certificate",
        "key-without-key",
        "key-encrypted",
        "key-of-another",
        "chain-too-large",
        "cert-damaged",
        "rsa1024",
    ):
        arguments = install(recipes()[name])
        since = len(shared_device.console.text)
        assert shared_device.eval(f"{START}({arguments})", timeout=20) is False
        sentences[name] = failure_line(shared_device, since)
        if name != "rsa1024":
            shared_device.exec(f"remove('{FOLDER}')")
    words = {re.sub(rf"{FOLDER}\S+|\d+", "", sentence) for sentence in sentences.values()}
    assert len(words) == len(sentences), sentences


def test_only_one_of_the_two_files(shared_device: Device, endpoints: Endpoints) -> None:
    """A certificate without a key is reported as such; HTTP serves."""
    for arguments in ("cert_file='/certs/servercert.pem'", "key_file='/certs/prvtkey.pem'"):
        since = len(shared_device.console.text)
        assert shared_device.eval(f"{START}({arguments})") is False
        assert "file" in failure_line(shared_device, since)
        assert endpoints.http.get("/hello").status == 200
    assert shared_device.eval(
        f"{START}(cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem')"
    )


def test_port_in_use(shared_device: Device, endpoints: Endpoints) -> None:
    """HTTPS on HTTP's port is reported as a port in use; HTTP serves."""
    since = len(shared_device.console.text)
    files = "cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem'"
    assert shared_device.eval(f"{START}({files}, https_port=80)") is False
    line = failure_line(shared_device, since)
    assert re.search(r"port 80 .*(in use|taken)", line), line
    assert endpoints.http.get("/hello").status == 200
    assert shared_device.eval(f"{START}({files})") is True


@pytest.mark.failures("no_memory")
def test_out_of_memory(shared_device: Device, endpoints: Endpoints) -> None:
    """Without memory for certificate and key the message says so; with memory HTTPS starts."""
    files = "cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem'"
    assert shared_device.eval(f"{START}()") is True
    shared_device.settle()
    shared_device.ballast(shared_device.heap().free - 3000)
    since = len(shared_device.console.text)
    try:
        assert shared_device.eval(f"{START}({files})") is False
        assert "out of memory" in failure_line(shared_device, since)
        assert endpoints.http.get("/hello").status == 200
    finally:
        shared_device.ballast(0)
    assert shared_device.eval(f"{START}({files})") is True


@pytest.mark.parametrize("times", [10])
def test_restarting_https_leaks_nothing(
    times: int, shared_device: Device, endpoints: Endpoints
) -> None:
    """Starting and stopping HTTPS ten times frees all memory each time."""
    files = "cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem'"
    free = shared_device.settle().free
    for _ in range(times):
        assert shared_device.eval(f"{START}()") is True
        assert shared_device.eval(f"{START}({files})") is True
        shared_device.settle(free=free - 4096)


@pytest.mark.device(ready="http")
@pytest.mark.parametrize("name", ["key-of-another", "key-missing"])
def test_a_bad_pair_at_boot(name: str, device: Device, endpoints: Endpoints) -> None:
    """A device that boots with a bad certificate or key says so and serves HTTP."""
    assert "Failed to start HTTPS server: " in device.console.text
    assert device.eval("__import__('httpserver').https_running()") is False
    assert endpoints.http.get("/hello").status == 200


@pytest.fixture
def device_options(request: pytest.FixtureRequest) -> dict[str, object]:
    """Return options with the files of the recipe that the scenario's parameter names."""
    name = request.node.callspec.params["name"]
    files = recipes()[name].device_files.items()
    return {"files": {f"/certs/{path}": data for path, data in files}}
