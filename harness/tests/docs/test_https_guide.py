# SPDX-License-Identifier: MIT
"""docs/how-to/https.md: its main.py works, and so does each row of its troubleshooting table.

The main.py runs unchanged, except that a test may change the settings at its top, as users do.
"""

from __future__ import annotations

import re
import ssl
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import websocket
from espbench.boards.board import Board
from espbench.certs import recipes
from espbench.clients import (
    ClientTimeout,
    ConnectionEnded,
    Endpoints,
    RawWebSocket,
    Tls,
    TlsError,
    WebRepl,
)
from espbench.device.device import Device
from espbench.plugin import DeviceFactory
from espbench.util.timeouts import Deadline

DOCUMENT = Path(__file__).parents[3] / "docs" / "how-to" / "https.md"
PASSWORD = "SecureWebREPLPass456"
FORWARDS = {80: 10, 443: 5}
ADDRESS = "10.0.2.15"
"""The first address that slirp's DHCP server assigns."""
UP = r"^WSS: .*\n"
"""The last line that main.py prints."""
UP_PLAIN = r"^WS: .*\n"
"""The last line that main.py prints when HTTPS is off."""
CERT, KEY = "/certs/servercert.pem", "/certs/prvtkey.pem"
TLS_SESSION = 40_000
"""Maximum size of a TLS session according to the guide, in bytes."""

Files = Mapping[str, bytes]


def main_py(**settings: object) -> str:
    """Return the document's main.py with these settings at its top changed."""
    blocks = re.findall(r"^```python\n(# main\.py.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    assert len(blocks) == 1, "docs/how-to/https.md must have exactly one main.py"
    text = str(blocks[0])
    for name, value in settings.items():
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value!r}", text, flags=re.M)
        assert count == 1, f"main.py has no setting {name}"
    return text


@pytest.fixture(scope="module")
def pair() -> Files:
    """Return the files that the openssl command of the guide generates, by path on the device."""
    files = recipes()["openssl-line"].device_files
    return {f"/certs/{name}": data for name, data in files.items()}


@pytest.fixture
def device_options() -> Mapping[str, Any]:
    """Return the options of all devices here; `boot` adds the files."""
    return {"forwards": FORWARDS, "ready": "control"}


Boot = Callable[..., Device]


@pytest.fixture
def boot(device_factory: DeviceFactory, pair: Files) -> Boot:
    """Return a function that boots main.py, with the pair unless other files are given."""

    def start(main: str | None = None, files: Files | None = None, **options: Any) -> Device:
        files = pair if files is None else files
        return device_factory(files={**files, "/main.py": main or main_py()}, **options)

    return start


def endpoints_of(device: Device, recipe: str = "openssl-line") -> Endpoints:
    """Return endpoints that trust the certificate of the guide, which names no host."""
    trust = recipes()[recipe].trust
    return Endpoints(device, Tls(trust=trust, check_name=False, secrets=device.tls_secrets))


def run_line(endpoints: Endpoints, scheme: str, line: str) -> str:
    """Log in to the WebREPL and return what a line prints."""
    with endpoints[scheme].websocket("/webrepl") as socket:
        return WebRepl(socket, PASSWORD).line(line)


def assert_serves(device: Device, *, https: bool = True, recipe: str = "openssl-line") -> None:
    """Assert that HTTP and WS work, and that HTTPS and WSS work only if `https` is true."""
    endpoints = endpoints_of(device, recipe)
    for scheme in ("http", "https") if https else ("http",):
        assert endpoints[scheme].get("/nothing-here").status == 404
        assert run_line(endpoints, scheme, "6 * 7") == "42\n"
    assert device.eval("__import__('httpserver').https_running()") is https


def failure(device: Device) -> str:
    """Return the reason in the next failure message of HTTPS."""
    return device.console.expect(r"^Failed to start HTTPS server: (.+)\n")[1]


def wait_until(device: Device, expression: str) -> None:
    """Wait until an expression is true on the device, while its program keeps running."""
    deadline = Deadline(10)
    while not device.eval(expression):
        assert not deadline.expired(), f"{expression} did not become true"
        device.wait_for_change(0.02)


def again(device: Device, main: str | None = None) -> None:
    """Restart the device, with another main.py if one is given."""
    if main is not None:
        device.put("/main.py", main)
    device.console.skip()
    device.reset()


# -------------------------------------------------------------------- the example


def test_prints_and_serves(boot: Boot) -> None:
    """The complete example joins the Wi-Fi, prints its five lines and serves all four schemes."""
    device = boot()
    device.console.expect(UP)
    text = device.console.text
    assert re.findall(r"^(?:Connected|HTTPS?|WSS?): .*$", text, re.M) == [
        f"Connected: {ADDRESS}",
        f"HTTP:  http://{ADDRESS}/",
        f"WS:    ws://{ADDRESS}/webrepl",
        f"HTTPS: https://{ADDRESS}/",
        f"WSS:   wss://{ADDRESS}/webrepl",
    ]
    assert "Failed" not in text
    assert_serves(device)
    with device.no_leak(tolerance=256):
        assert_serves(device)


def test_one_table_for_both(boot: Boot) -> None:
    """A handler that a WebREPL session adds over wss answers on http and https."""
    device = boot()
    device.console.expect(UP)
    endpoints = endpoints_of(device)
    with endpoints.https.websocket("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.line("from esp32 import httpserver")
        repl.line("httpserver.on('/both', lambda request: 'secure %s' % request.secure)")
        repl.line("import page")
        repl.line("page.start('guide')")
    for endpoint in (endpoints.http, endpoints.https):
        assert endpoint.get("/").text == "guide\n"
    assert endpoints.http.get("/both").text == "secure False"
    assert endpoints.https.get("/both").text == "secure True"


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websocket_client(scheme: str, boot: Boot) -> None:
    """The documented lines for websocket-client reach the WebREPL, unverified and verified."""
    device = boot()
    device.console.expect(UP)
    trusted = device.folder / "servercert.pem"
    trusted.write_bytes(recipes()["openssl-line"].device_files["servercert.pem"])
    for sslopt in (
        {"cert_reqs": ssl.CERT_NONE},
        {"ca_certs": str(trusted), "check_hostname": False},
    ):
        client: Any = websocket.WebSocket(sslopt=sslopt)
        client.connect(device.url("/webrepl", scheme), timeout=10)
        assert client.recv() == "Password: "
        client.send(PASSWORD + "\r")
        assert "WebREPL connected" in client.recv()
        client.close()


def test_https_disabled(boot: Boot) -> None:
    """HTTPS_ENABLED = False serves and prints HTTP and WS only, without any failure."""
    device = boot(main_py(HTTPS_ENABLED=False))
    device.console.expect(UP_PLAIN)
    assert_serves(device, https=False)
    assert not re.search(r"^(HTTPS|WSS|Failed)", device.console.text, re.M)


def test_without_import_time(boot: Boot) -> None:
    """Without `import time` the loop raises a NameError in its first iteration."""
    device = boot(main_py().replace("import time\n", ""))
    device.console.expect(UP)
    device.console.expect(r"^NameError: name 'time' isn't defined")
    device.console.expect(r"^>>> ")
    endpoints = endpoints_of(device)
    with endpoints.https.tls_stream() as stream:
        assert stream.version == "TLSv1.2"
    device.exec("from esp32 import httpserver\nhttpserver.on('/', lambda request: 'never')")
    with pytest.raises(ClientTimeout):
        endpoints.https.patient(1).get("/")
    assert run_line(endpoints, "https", "6 * 7") == "42\n"
    again(device, main_py())
    device.console.expect(UP)
    assert_serves(device)


def upload(socket: RawWebSocket, path: str, data: bytes) -> None:
    """Put a file on the device by MicroPython's WebREPL protocol (its webrepl_cli.py)."""

    def answered() -> None:
        while isinstance(answer := socket.receive(), str):
            pass  # output of the REPL
        assert answer == b"WB\0\0"

    name = path.encode()
    socket.send(struct.pack("<2sBBQLH64s", b"WA", 1, 0, 0, len(data), len(name), name))
    answered()
    for position in range(0, len(data), 1024):
        socket.send(data[position : position + 1024])
    answered()


def test_upload_by_webrepl(boot: Boot, pair: Files) -> None:
    """Certificates that a WebREPL session over ws uploads to /certs serve https after a restart."""
    device = boot(files={})
    device.console.expect(UP)
    with endpoints_of(device).http.websocket("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.line("import os")
        repl.line("os.mkdir('/certs')")
        for path, data in pair.items():
            upload(socket, path, data)
        assert repl.line("os.stat('/certs/servercert.pem')[6]") == f"{len(pair[CERT])}\n"
    again(device)
    device.console.expect(UP)
    assert_serves(device)


# -------------------------------------------------------------------- Wi-Fi


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"WIFI_PASSWORD": "SecurePassword124"}, "STAT_WRONG_PASSWORD"),
        ({"WIFI_PASSWORD": ""}, "STAT_WRONG_PASSWORD"),
        ({"WIFI_SSID": "MyNetwork2"}, "STAT_NO_AP_FOUND"),
    ],
)
def test_wrong_network(wrong: dict[str, str], status: str, boot: Boot) -> None:
    """With a wrong name or password it never connects, and status() says which is wrong."""
    device = boot(main_py(**wrong))
    device.exec("import network\nsta = network.WLAN()")
    wait_until(device, f"sta.status() == network.{status}")
    assert device.eval("(sta.isconnected(), sta.ifconfig()[0])") == [False, "0.0.0.0"]
    assert "Connected" not in device.console.text
    with pytest.raises(ClientTimeout):
        endpoints_of(device).http.patient(0.5).get("/")
    again(device, main_py())
    device.console.expect(UP)
    assert_serves(device)


@pytest.mark.device(args={"wlan_ssid": "Café 100 %", "wlan_password": "two words"})
def test_another_network(boot: Boot) -> None:
    """Name and password may be any text, including spaces and non-ASCII letters."""
    device = boot(main_py(WIFI_SSID="Café 100 %", WIFI_PASSWORD="two words"))
    device.console.expect(UP)
    assert_serves(device)
    assert device.eval("__import__('network').WLAN().config('ssid')") == "Café 100 %"


@pytest.mark.device(args={"wlan_password": ""})
def test_open_network(boot: Boot) -> None:
    """The station joins an open network with or without a password."""
    device = boot()
    device.console.expect(UP)
    device.exec("import network\nsta = network.WLAN()")
    assert device.eval("sta.scan()[0][4]") == device.eval("network.WLAN.SEC_OPEN")
    device.exec("sta.connect('MyNetwork')\nwhile not sta.isconnected(): pass")
    assert_serves(device)


def test_station(boot: Boot) -> None:
    """WLAN has the states, errors and values of the esp32 port, and releases the interface."""
    device = boot("pass\n")
    device.exec("import network\nsta = network.WLAN(network.STA_IF)\nlan = network.LAN()")

    def names(expression: str) -> object:
        return device.eval(expression)

    def raises(statement: str) -> str:
        device.exec(f"said = ''\ntry:\n    {statement}\nexcept OSError as e:\n    said = str(e)")
        return str(device.eval("said"))

    assert names("(network.STA_IF, network.AP_IF, sta.IF_STA, sta.IF_AP)") == [0, 1, 0, 1]
    assert raises("sta.connect('MyNetwork', 'SecurePassword123')") == "Wifi Not Started"
    assert raises("sta.scan()") == "STA must be active"
    assert "cannot be an access point" in raises("network.WLAN(network.AP_IF)")
    wait_until(device, "lan.isconnected()")
    assert names("(sta.active(), sta.isconnected())") == [False, False]
    # the station takes the interface over
    assert names("(sta.active(True), lan.active(), lan.isconnected())") == [True, False, False]
    assert names("(sta.ifconfig()[0], sta.ipconfig('addr4')[0])") == ["0.0.0.0", "0.0.0.0"]
    assert names("sta.status() == network.STAT_IDLE")
    assert raises("sta.status('rssi')") == "Wifi Not Connected"
    assert names("[(n[0].decode(), n[2], n[3], n[4], n[5]) for n in sta.scan()]") == [
        ["MyNetwork", 6, -50, 3, False]
    ]
    device.exec("sta.connect('MyNetwork', 'SecurePassword123')\nfirst = sta.status()")
    assert names("first == network.STAT_CONNECTING")
    device.exec("while not sta.isconnected():\n    pass")
    assert names("(sta.status() == network.STAT_GOT_IP, sta.ifconfig()[0])") == [True, ADDRESS]
    assert names("(sta.status('rssi'), sta.config('ssid'), sta.config('essid'))") == [
        -50,
        "MyNetwork",
        "MyNetwork",
    ]
    assert names("len(sta.config('mac'))") == 6
    device.exec("sta.config(hostname='bench-1')")
    assert names("(sta.config('hostname'), network.hostname())") == ["bench-1", "bench-1"]
    assert raises("sta.config(ssid='x')") == "AP required"
    # a failed attempt is repeated forever, unless `reconnects` limits it
    device.exec("sta.disconnect()")
    assert names("(sta.isconnected(), sta.status() == network.STAT_IDLE)") == [False, True]
    device.exec("sta.connect('MyNetwork', 'wrong')")
    assert raises("sta.connect('MyNetwork', 'SecurePassword123')") == "Wifi Internal State Error"
    device.exec(
        "sta.disconnect()\nsta.config(reconnects=1)\nsta.connect('Other', 'x')\n"
        "def gave_up():\n"
        "    try:\n        sta.connect('MyNetwork', 'SecurePassword123')\n"
        "    except OSError:\n        return False\n"
        "    return True\n"
        "while not gave_up(): pass\n"
        "while not sta.isconnected(): pass"
    )
    # a static address, set before it joins
    device.exec(
        "sta.disconnect()\n"
        "sta.ifconfig(('10.0.2.77', '255.255.255.0', '10.0.2.2', '10.0.2.3'))\n"
        "sta.connect('MyNetwork', 'SecurePassword123')\nwhile not sta.isconnected(): pass"
    )
    assert names("sta.ifconfig()") == ["10.0.2.77", "255.255.255.0", "10.0.2.2", "10.0.2.3"]
    # and back to the LAN
    assert names("(lan.active(True), sta.active())") == [True, False]
    wait_until(device, "lan.isconnected()")


def test_soft_reset(boot: Boot) -> None:
    """A soft reset runs main.py again: the LAN gets the interface, and then the station."""
    device = boot()
    device.console.expect(UP)
    device.console.send(b"\x03")
    device.console.expect(r"^>>> ")
    device.console.send(b"\x04")
    device.console.expect(r"^MPY: soft reboot\n")
    device.console.expect(UP)
    assert_serves(device)
    assert device.eval("__import__('network').LAN().active()") is False


# -------------------------------------------------------------------- failed to start


def test_files_not_found(boot: Boot) -> None:
    """Without files, the message names one; after an upload and a restart HTTPS starts."""
    device = boot(files={})
    assert failure(device) == f"certificate file not found: {CERT}"
    device.console.expect(UP)
    assert_serves(device, https=False)
    device.exec(
        "import os\nfound = True\ntry:\n    os.stat('/certs')\nexcept OSError: found = False"
    )
    assert device.eval("found") is False
    for name, data in recipes()["openssl-line"].device_files.items():
        device.put(f"/certs/{name}", data)
    again(device)
    device.console.expect(UP)
    assert_serves(device)


def test_a_wrong_path(boot: Boot) -> None:
    """The message names a wrong path; with the right one HTTPS starts."""
    device = boot(main_py(HTTPS_KEY_FILE="/cert/prvtkey.pem"))
    assert failure(device) == "key file not found: /cert/prvtkey.pem"
    again(device, main_py())
    device.console.expect(UP)
    assert_serves(device)


def test_files_unreadable(boot: Boot, pair: Files) -> None:
    """A folder in place of the certificate gives an error; with the file HTTPS starts."""
    device = boot(files={f"{CERT}/oops.txt": b"", KEY: pair[KEY]})
    assert re.search(rf"cannot be read: .*{CERT}", failure(device))
    device.console.expect(UP)
    assert_serves(device, https=False)
    assert device.eval(f"__import__('os').stat('{CERT}')[0] & 0x4000") == 0x4000
    device.exec(f"import os\nos.remove('{CERT}/oops.txt')\nos.rmdir('{CERT}')")
    device.put(CERT, pair[CERT])
    again(device)
    device.console.expect(UP)
    assert_serves(device)


HOLD = "import bench\nbench.ballast(bench.heap()['free'] - {})\n"
"""Stand-in for another feature: it leaves only this many bytes of the network heap."""


def test_not_enough_memory_to_start(boot: Boot) -> None:
    """Without memory for the key, the message says so; HTTP works, and HTTPS after freeing some."""
    # The largest key: the one of the guide needs hardly more memory than HTTP.
    device = boot(HOLD.format(8000) + main_py(), files=recipes()["rsa4096"].on_device())
    assert re.fullmatch(
        r"Memory allocation failed: out of memory \(\d+ bytes free, largest block \d+\)",
        failure(device),
    )
    device.console.expect(UP)
    assert_serves(device, https=False)
    # with HTTPS off, it reports no failure
    again(device, HOLD.format(8000) + main_py(HTTPS_ENABLED=False))
    device.console.expect(UP_PLAIN)
    assert "Failed" not in device.console.text[device.console.text.rindex("Connected") :]
    assert_serves(device, https=False)
    # the other feature ends, and HTTPS starts without a restart
    device.ballast(0)
    device.exec(
        "from esp32 import httpserver\n"
        "ok = httpserver.start(port=80, cert_file=HTTPS_CERT_FILE, key_file=HTTPS_KEY_FILE)"
    )
    assert device.eval("ok") is True
    assert_serves(device, recipe="rsa4096")


def test_not_enough_memory_for_a_session(boot: Boot) -> None:
    """Without memory for a TLS session, the console says so, HTTP works, and HTTPS recovers."""
    device = boot()
    device.console.expect(UP)
    assert_serves(device)
    device.ballast(device.settle().free - 14_000)
    endpoints = endpoints_of(device)
    with pytest.raises((TlsError, ConnectionEnded)):
        endpoints.https.get("/")
    device.console.expect(r"^https: Memory allocation failed: .*out of memory .*TLS")
    assert endpoints.http.get("/").status in (200, 404)
    device.ballast(0)
    assert_serves(device)


def test_not_enough_python_memory(boot: Boot) -> None:
    """A full Python heap raises MicroPython's MemoryError; gc.collect() helps."""
    device = boot()
    device.console.expect(UP)
    endpoints = endpoints_of(device)
    with endpoints.https.websocket("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.line("import gc")
        assert "memory allocation failed, allocating" in repl.line("held = bytearray(400000)")
        # MicroPython collects garbage when it runs out of memory, unless the GC is disabled
        repl.line("gc.disable()")
        assert "memory allocation failed, allocating" in repl.line(
            "exec('for i in range(100): bytearray(40000)')"
        )
        repl.line("gc.collect(); gc.enable()")
        assert repl.line("len(bytearray(40000))") == "40000\n"
    assert_serves(device)


def test_port_in_use(boot: Boot) -> None:
    """With HTTP on 443, the message says that the port is in use; on 80 both start."""
    wrong = main_py().replace("port=80", "port=443")
    device = boot(wrong)
    assert failure(device) == "port 443 is in use"
    device.console.expect(UP)
    again(device, main_py())
    device.console.expect(UP)
    assert_serves(device)


# -------------------------------------------------------------------- connections


def test_certificate_not_trusted(boot: Boot) -> None:
    """A verifying client rejects the certificate, unless it trusts it or skips verification."""
    device = boot()
    device.console.expect(UP)
    careful = endpoints_of(device).but(trust=recipes()["p256"].trust)
    with pytest.raises(TlsError, match=r"(?i)self.signed certificate"):
        careful.https.get("/")
    device.console.expect(r"^https: .*the client ended the handshake with an alert")
    assert careful.but(verify=False).https.get("/").status in (200, 404)
    assert_serves(device)


def test_443_refuses_while_80_answers(boot: Boot) -> None:
    """With HTTPS off, port 443 refuses connections and HTTP answers; with HTTPS on, both answer."""
    device = boot(main_py(HTTPS_ENABLED=False))
    device.console.expect(UP_PLAIN)
    endpoints = endpoints_of(device)
    assert endpoints.http.get("/").status in (200, 404)
    with pytest.raises(ConnectionEnded):
        endpoints.https.get("/")
    assert device.eval("__import__('httpserver').https_running()") is False
    again(device, main_py())
    device.console.expect(UP)
    assert_serves(device)


def test_443_times_out_with_the_network(boot: Boot) -> None:
    """The station disconnects out of range of the access point, and joins again in range."""
    device = boot()
    device.console.expect(UP)
    assert_serves(device)
    device.exec("import network\nsta = network.WLAN()")
    device.monitor("set_link", name="net0", up=False)
    wait_until(device, "not sta.isconnected()")
    assert device.eval("(sta.ifconfig()[0], sta.scan())") == ["0.0.0.0", []]
    since = len(device.events)
    device.monitor("set_link", name="net0", up=True)
    assert device.wait_for_event("net", since=since)["ip"] == ADDRESS
    assert device.eval("(sta.isconnected(), sta.status() == network.STAT_GOT_IP)") == [True, True]
    assert_serves(device)


# -------------------------------------------------------------------- memory


def test_memory_claims(
    boot: Boot, pair: Files, board: Board, record_property: Callable[[str, object], None]
) -> None:
    """Files of 1 to 2 kB, at most 40 kB per TLS session, 4 HTTPS and 10 HTTP connections.

    The 40 kB are the peak; the board has its own limit for an open session.
    """
    sizes = {name: len(data) for name, data in pair.items()}
    assert all(1000 <= size <= 2048 for size in sizes.values()), sizes
    device = boot(main_py(HTTPS_ENABLED=False))
    device.console.expect(UP_PLAIN)
    endpoints = endpoints_of(device)
    assert endpoints.http.get("/").status in (200, 404)
    plain = device.settle().free
    start = "httpserver.start(cert_file=HTTPS_CERT_FILE, key_file=HTTPS_KEY_FILE)"
    device.exec("from esp32 import httpserver")
    assert device.eval(start) is True
    identity = plain - device.settle().free
    assert endpoints.https.get("/").status in (200, 404)  # an RSA key's first handshake keeps 2 kB
    key_cache = plain - identity - device.settle().free
    connections = []
    try:
        device.heap_reset()
        before = device.heap().free
        for _ in range(4):
            connections.append(endpoints.https.http())
            assert connections[-1].get("/").status in (200, 404)
        sessions = (before - device.heap().free) / 4
        peak = before - device.heap().low_water - 3 * sessions
        before = device.heap().free
        for _ in range(10):
            connections.append(endpoints.http.http())
            assert connections[-1].get("/").status in (200, 404)
        plain_connections = (before - device.heap().free) / 10
        stats = device.stats()
        assert (stats["https"]["open"], stats["http"]["open"]) == (4, 10)
        assert stats["https"]["purged"] == stats["http"]["purged"] == 0
        for connection in connections:
            assert connection.get("/").status in (200, 404)
        left = device.heap().free
    finally:
        for connection in connections:
            connection.close()
    figures = {
        "certificate_and_key_files": sum(sizes.values()),
        "certificate_and_key_in_memory": identity,
        "rsa_key_cache": key_cache,
        "tls_session": round(sessions),
        "tls_session_peak": round(peak),
        "http_connection": round(plain_connections),
        "free_with_all_14": left,
    }
    record_property("memory", figures)
    print(figures)
    assert identity <= 8192
    assert sessions <= board.tls_session
    assert sessions <= peak <= TLS_SESSION
    assert plain_connections <= 1000
