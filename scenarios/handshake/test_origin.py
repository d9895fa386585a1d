# SPDX-License-Identifier: MIT
"""The Origin check: which web pages may open a WebSocket (RFC 6455 section 10.2)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from espbench.clients import ConnectionEnded, Endpoint, Endpoints, Frame
from espbench.clients.websocket import CLOSE, close_payload, upgrade_headers
from espbench.device.device import Device

BOTH = pytest.mark.parametrize("scheme", ["ws", "wss"])
PATHS = pytest.mark.parametrize(
    ("module", "path"), [("webrepl", "/webrepl"), ("wsserver", "/ws")], ids=["webrepl", "wsserver"]
)
STARTS = {"webrepl": "webrepl.start('espbench'{})", "wsserver": "wsserver.start('/ws'{})"}


def upgrade_status(endpoint: Endpoint, path: str, host: str | None, *origins: str) -> int:
    """Return the status of a browser's upgrade request with this Host and these Origin headers."""
    headers = [*upgrade_headers().items(), *(("Origin", origin) for origin in origins)]
    if host is not None:
        headers.insert(0, ("Host", host))
    with endpoint.http() as http:
        http.send("GET", path, headers=headers)
        status = http.receive_upgrade().status
        if status == 101:
            http.stream.send(Frame(CLOSE, close_payload(1000)).encode())
            with suppress(ConnectionEnded):
                while http.stream.receive():
                    pass
        return status


OTHER = {"ws": "https", "wss": "http"}
PAGES = {
    # name: Host, the page's origin after "scheme://", whether it is the device's own
    "forwarded": ("localhost:8080", "localhost:8080", True),
    "address": ("192.168.1.32", "192.168.1.32", True),
    "case": ("Device.Local", "dEVICE.local", True),
    "IPv6": ("[fe80::a]:8080", "[FE80::A]:8080", True),
    "another-host": ("device.local", "evil.example", False),
    "subdomain": ("device.local", "device.local.evil.example", False),
    "user-info": ("device.local", "device.local@evil.example", False),
    "another-port": ("localhost:8080", "localhost:8081", False),
    "no-port": ("localhost:8080", "localhost", False),
    "another-IPv6": ("[fe80::a]", "[fe80::b]", False),
    "path": ("device.local", "device.local/", False),
}


@pytest.mark.failures("ws_origin")
@BOTH
@PATHS
def test_same_origin(
    module: str, path: str, scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """By default only the device's own pages may connect, and clients that send no Origin."""
    endpoint = endpoints[scheme]
    http = "https" if scheme == "wss" else "http"
    for name, (host, page, own) in PAGES.items():
        status = upgrade_status(endpoint, path, host, f"{http}://{page}")
        assert status == (101 if own else 403), name
    port = {"ws": 80, "wss": 443}[scheme]
    for host, page in [("a", f"a:{port}"), (f"a:{port}", "a")]:
        assert upgrade_status(endpoint, path, host, f"{http}://{page}") == 101
    wrong = {"ws": 443, "wss": 80}[scheme]
    assert upgrade_status(endpoint, path, "a", f"{http}://a:{wrong}") == 403
    assert upgrade_status(endpoint, path, "a") == 101
    assert upgrade_status(endpoint, path, "a", f"{OTHER[scheme]}://a") == 403
    assert upgrade_status(endpoint, path, "null", "null") == 403
    assert upgrade_status(endpoint, path, "a", "") == 403
    assert upgrade_status(endpoint, path, "a", f"{http}://a", f"{http}://a") == 403
    assert upgrade_status(endpoint, path, "a", f"{http}://a {http}://b") == 403


@pytest.mark.failures("ws_origin")
@BOTH
@PATHS
def test_further_origins(
    module: str, path: str, scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """origins= lists further origins that may connect; "*" allows any."""
    endpoint = endpoints[scheme]
    http = "https" if scheme == "wss" else "http"
    listed = ", origins=['https://device.local', 'http://10.0.0.5:8080']"
    shared_device.exec(f"import webrepl, wsserver\n{STARTS[module].format(listed)}")
    for origin in ("https://device.local", "http://10.0.0.5:8080", "HTTPS://Device.Local",
                   "https://device.local:443", f"{http}://own"):  # fmt: skip
        assert upgrade_status(endpoint, path, "own", origin) == 101, origin
    assert upgrade_status(endpoint, path, "own") == 101
    for origin in ("https://evil.example", "http://device.local", "https://device.local.evil.example",
                   "null", "https://device.local:8443", "http://10.0.0.5"):  # fmt: skip
        assert upgrade_status(endpoint, path, "own", origin) == 403, origin
    shared_device.exec(STARTS[module].format(", origins=('*',)"))
    for origin in ("https://evil.example", "null"):
        assert upgrade_status(endpoint, path, "own", origin) == 101, origin
    shared_device.exec(STARTS[module].format(""))
    assert upgrade_status(endpoint, path, "own", "https://evil.example") == 403


@pytest.mark.failures("ws_origin")
@BOTH
@PATHS
def test_absolute_form(
    module: str, path: str, scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """The origin is that of an absolute-form target, whatever Host is (RFC 9112, section 3.2.2)."""
    endpoint = endpoints[scheme]
    http = "https" if scheme == "wss" else "http"
    target = f"{http}://own.test:8080{path}"
    assert upgrade_status(endpoint, target, "evil.example", f"{http}://own.test:8080") == 101
    assert upgrade_status(endpoint, target, "evil.example") == 101
    assert upgrade_status(endpoint, target, "evil.example", f"{http}://evil.example") == 403
    assert upgrade_status(endpoint, target, "own.test", f"{http}://own.test") == 403


@BOTH
@PATHS
def test_white_space_after_host(
    module: str, path: str, scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """White space after Host and Origin does not belong to them (RFC 9112, section 5.1)."""
    http = "https" if scheme == "wss" else "http"
    assert upgrade_status(endpoints[scheme], path, "own \t", f"{http}://own ") == 101
