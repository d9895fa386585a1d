# SPDX-License-Identifier: MIT
"""The TLS connections of a capture, and their secrets in a key log."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from espbench.clients.tls import Tls, TlsSteps
from espbench.netem.client_randoms import client_randoms, secrets_of

RANDOM = bytes(range(32))
HELLO = b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03" + RANDOM
LOG = [
    "# made by somebody's client\n",
    f"CLIENT_RANDOM {RANDOM.hex()} 0011\n",
    f"CLIENT_HANDSHAKE_TRAFFIC_SECRET {RANDOM.hex().upper()} 2233\n",
    f"CLIENT_RANDOM {'ff' * 32} 4455\n",
    "CLIENT_RANDOM\n",
]


def test_secrets_of_a_connection() -> None:
    """Only the lines of the connections in the capture are returned, whatever their label."""
    assert client_randoms(b"before" + HELLO + b"after") == {RANDOM.hex()}
    assert secrets_of(LOG, {RANDOM.hex()}) == [LOG[1].strip(), LOG[2].strip()]
    assert secrets_of(LOG, set()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda hello: hello[:-1],  # cut off
        lambda hello: b"\x17" + hello[1:],  # application data
        lambda hello: hello[:5] + b"\x02" + hello[6:],  # a ServerHello
    ],
)
def test_no_client_hello(change: Callable[[bytes], bytes]) -> None:
    """What is not a ClientHello with its whole random has none."""
    assert client_randoms(change(HELLO)) == set()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_hello_of_openssl(version: ssl.TLSVersion) -> None:
    """The random is found in the ClientHello that a real client sends, in either version."""
    hello = TlsSteps(Tls(verify=False, minimum=version, maximum=version)).hello
    assert client_randoms(hello) == {hello[11:43].hex()}
