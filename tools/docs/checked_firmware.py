# SPDX-License-Identifier: MIT
"""Shows what `espbench check` found in firmware that others wrote.

    python tools/docs/checked_firmware.py take NAME RESULTS_JSON
    python tools/docs/checked_firmware.py write

`take` keeps what `espbench check --json` printed about a firmware in
`docs/reference/checked-firmware.json`. `write` makes `docs/reference/checked-firmware.md` of it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espbench.check.report.explanation import sentences
from espbench.check.result import Finding, Severity

TREE = Path(__file__).resolve().parent.parent.parent
DATA = TREE / "docs" / "reference" / "checked-firmware.json"
PAGE = TREE / "docs" / "reference" / "checked-firmware.md"
FAILED, LACKS = "failed", "not applicable"
SHOWN = 3
"""Findings of a check that the page shows at most."""

_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
_FOLDER = re.compile(r"(?:/[\w.-]+)+/(?=(?:components|examples)/)")
"""Where a firmware was built, in a decoded panic."""

Entry = Mapping[str, Any]

SUMMARIES = {
    "ESP-IDF https_server/simple": "One task does all handshakes and requests, so a client that "
    "stops in either keeps everybody out. Chunks are taken for the next request. The 405 response "
    "to TRACE lacks Allow, and Connection: close is ignored.",
    "ESP-IDF ws_echo_server": "An empty message panics the example's handler, which passes a NULL "
    "payload to `strcmp()`. Fragments are echoed one by one, and reserved bits and opcodes are "
    "ignored. A plain GET of the WebSocket's path is never answered.",
    "ESP-IDF wss_server": "Has the faults of the two above. An empty message panics it in "
    "`ESP_LOGI()`, which gets a NULL payload.",
    "ESP-IDF ws_echo_server (esp32c3)": "The same faults as on `esp32`.",
    "ESP-IDF file_serving": "Takes a chunked body of a GET for the next request. It serves "
    "requests without Host, refuses a target in absolute form, answers HEAD with a body, and keeps "
    "connections open that were to be closed. A client that sends its head byte by byte keeps "
    "everybody else out.",
    "pyDirect httpserver and wsserver": "Bodies are taken for requests, and so are chunks. A frame "
    "that claims 2^32 + 4 bytes is read as one of 4. Clients that leave in the middle of a request "
    "stop the server for a minute. A ping with a payload ends the WebSocket, invalid frames and "
    "UTF-8 are accepted, and over TLS no message is echoed. Without the certificate's file the "
    "program ends with an exception.",
    "pyDirect webrepl": "The faults of HTTP and TLS are those of the modules above, on which it "
    "runs. Over its WebSocket, a close frame gets the end of the connection instead of a close "
    "frame, the pong to a ping with a payload is empty, and invalid frames are ignored. In either "
    "firmware, the task of the program sometimes takes the processor for seconds after a TLS "
    "check, and nobody is served; which check that follows differs from run to run.",
    "MicroPython microdot": "A TLS connection that fails is neither answered nor closed, so each "
    "one occupies memory until HTTPS is dead. Unmasked frames, reserved bits and reserved opcodes "
    "are accepted, and fragments end the WebSocket. A request without Host is served. Without the "
    "certificate's file the program ends with an exception.",
}
"""What is wrong with each firmware, in short."""

NOTES = {
    "pyDirect webrepl": "Its own tests, httpserver/tests of commit 362a8cc, ran against the "
    "emulated device, too, each script on a fresh one. test_connection_recovery passes, with the "
    "device's address and password in place of those in its source. The others fail for reasons "
    "that are not the emulator's. The six tests of test_http_functional pass on the device, but "
    "its client takes the first output of a test for its result in JSON. The first test of "
    "test_http_basic stops the server that carries its WebREPL. test_websocket and "
    "test_device_side call `wsserver.start()` without the path that it requires; the latter also "
    "imports the modules from `esp32`, where they are not.",
}
"""What else was run on them, by firmware."""


def taken(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of the output of `espbench check --json`.

    Raises:
        ValueError: espbench itself failed in a check, so the results are not whole.
    """
    broken = [each["id"] for each in results["results"] if each["outcome"] == "error"]
    if broken:
        raise ValueError(f"not taken: {', '.join(broken)} ended with an error of espbench itself")
    return {
        "board": results["board"],
        "servers": [described(server) for server in results["servers"]],
        "checks": {
            each["id"]: {
                "outcome": each["outcome"],
                "severity": each["severity"],
                "findings": findings(each["findings"]),
            }
            for each in results["results"]
        },
    }


def described(server: Mapping[str, Any]) -> str:
    """Return what a server speaks, on which port, and its WebSockets."""
    scheme = ("https" if server["tls"] else "http") if server["http"] else "tcp"
    sockets = [f", WebSocket {each['path']}" for each in server["websockets"]]
    return f"{scheme} on port {server['port']}{''.join(sockets)}"


def findings(found: Sequence[Mapping[str, str]]) -> list[str]:
    """Return what is wrong, as the reports say it, without traces of the machine that found it."""
    return sentences(
        Finding(plain(each["sentence"]), Severity(each["severity"]), each["case"]) for each in found
    )


def plain(sentence: str) -> str:
    """Return a sentence without ports and folders of the machine on which it was found."""
    return _FOLDER.sub("", _ADDRESS.sub("The device", sentence))


def page(data: Mapping[str, Entry]) -> str:
    """Return the page."""
    lines = [
        "# Checked firmware",
        "",
        "<!-- written by tools/docs/checked_firmware.py -->",
        "",
        "What [`espbench check`](../how-to/check.md) finds in firmware that others wrote,",
        "unmodified. A cell has the severity of what failed; ✓ means that",
        "nothing did, and an empty cell that the check does not apply. The table has the checks",
        "that failed on at least one of them.",
        "",
        "ESP-IDF's examples are of v5.4.1, with Ethernet (`CONFIG_ETH_USE_OPENETH`), upstream",
        "Mbed TLS 3.6.2 and `CONFIG_MBEDTLS_GCM_SUPPORT_NON_AES_CIPHER=n`, the default before",
        "v5.5, which explains what `tls.suites_work` finds. file_serving has one core",
        "(`CONFIG_FREERTOS_UNICORE`) and a profile with the path of its icon. pyDirect is on",
        "MicroPython v1.27.0 and ESP-IDF v5.5.3, and microdot 2.7.0 on MicroPython v1.27.0 and",
        "ESP-IDF v5.5.5.",
        "",
        *overview(data),
        "",
    ]
    for name, entry in data.items():
        lines += [f"## {name}", "", f"Board `{entry['board']}`: {'; '.join(entry['servers'])}.", ""]
        lines += [SUMMARIES[name], ""]
        lines += [NOTES[name], ""] if name in NOTES else []
        for check, result in entry["checks"].items():
            if result["outcome"] == FAILED:
                lines += [f"- **{check}** ({result['severity']}): {shown(result['findings'])}"]
        lines.append("")
    return "\n".join(lines)


def overview(data: Mapping[str, Entry]) -> list[str]:
    """Return the table of checks by firmware."""
    checks = dict.fromkeys(
        name.partition("@")[0]
        for entry in data.values()
        for name, result in entry["checks"].items()
        if result["outcome"] == FAILED
    )
    rows = [f"| check | {' | '.join(data)} |", f"|---|{'---|' * len(data)}"]
    for check in checks:
        cells = [cell(entry, check) for entry in data.values()]
        rows.append(f"| `{check}` | {' | '.join(cells)} |")
    return rows


def cell(entry: Entry, check: str) -> str:
    """Return the outcome of a check on a firmware, the worst of its servers'."""
    found = [r for name, r in entry["checks"].items() if name.partition("@")[0] == check]
    if severities := [r["severity"] for r in found if r["outcome"] == FAILED]:
        return next(
            each for each in ("security", "robustness", "conformance") if each in severities
        )
    return "✓" if any(r["outcome"] != LACKS for r in found) else ""


def shown(findings: Sequence[str]) -> str:
    """Return findings as one line of Markdown."""
    rest = len(findings) - SHOWN
    text = " ".join(findings[:SHOWN]) + (f" (and {rest} more)" if rest > 0 else "")
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"&#{ord(character)};")
    return " ".join(text.split())


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status."""
    data = json.loads(DATA.read_text(encoding="utf-8")) if DATA.is_file() else {}
    if len(arguments) == 3 and arguments[0] == "take":
        _, name, source = arguments
        data[name] = taken(json.loads(Path(source).read_text(encoding="utf-8")))
        text = json.dumps(data, indent=1, sort_keys=False, ensure_ascii=False) + "\n"
        DATA.write_text(text, encoding="utf-8")
        return 0
    if list(arguments) == ["write"]:
        PAGE.write_text(page(data), encoding="utf-8")
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
