# SPDX-License-Identifier: MIT
"""Compares the numbered checks of WebSockets with the Autobahn suite, case by case.

    python tools/docs/autobahn.py ask NAME ws://127.0.0.1:PORT/PATH INDEX_JSON
    python tools/docs/autobahn.py write

`ask` runs each numbered check on a running server, reads what the suite (`wstest --mode
fuzzingclient`) wrote into its `index.json` about the same server, and keeps both in
`docs/reference/autobahn.json`. `write` makes `docs/reference/autobahn.md` of that file.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from espbench.check.check import Check
from espbench.check.errors import CheckFailed, NotApplicable
from espbench.check.families import all_checks
from espbench.check.server import Server, WebSocketPath
from espbench.check.subject import Subject
from espbench.clients.errors import ClientError
from espbench.util.timeouts import Deadline

TREE = Path(__file__).resolve().parent.parent.parent
DATA = TREE / "docs" / "reference" / "autobahn.json"
PAGE = TREE / "docs" / "reference" / "autobahn.md"
PASSED, OBSERVED, FAILED, LACKS = "passed", "observed", "failed", "not applicable"

Case = Mapping[str, str]
"""What both say about a case: ours, sentence, behavior, close."""

REASONS = (
    (
        "size",
        "A message of 65,535 bytes or more is refused because of its size. RFC 6455, section 10.4, "
        "allows limits, and section 7.4.1 has the code 1009 for them. The suite wants an echo; "
        "`check` observes the limit.",
    ),
    (
        "binary",
        "The path echoes text alone, which is the application's choice. The suite wants an echo of "
        "binary messages, too. For `check`, the case does not apply.",
    ),
    (
        "close",
        "The server ends the TCP connection without a close frame, which it MUST send (RFC 6455, "
        "section 5.5.1). The suite calls that behavior OK and the close unclean; `check` fails "
        "the case only in group 7, which is about closing.",
    ),
    (
        "pong",
        "A pong that nobody asked for ends the connection, although RFC 6455, section 5.5.3, "
        "allows it. The suite sends its close frame right behind it and calls the close unclean; "
        "`check` sends a ping behind it, which gets no pong.",
    ),
    (
        "pieces",
        "ESP-IDF's server (v5.4, `httpd_ws.c`) takes a mask key of which only some bytes have come "
        "for complete. What it does then depends on how TCP cuts the frame, which differs from run "
        "to run. Any failure is a true one.",
    ),
    (
        "payload",
        "ESP-IDF's server (v5.4, `httpd_parse.c`) leaves the payload of pongs and of unknown "
        "control frames unread, and takes it for the next frame's head. It is masked with a random "
        "key, so that what the server does differs from run to run. Any failure is a true one.",
    ),
    (
        "unread",
        "pyDirect's server (`ws_handler` in `modwsserver.c`) answers each ping with an empty pong, "
        "and leaves the payloads of pings and pongs unread. ESP-IDF's server takes them for the "
        "next frame's head: masked with a random key, they may end the connection. In 2.5 that "
        "looks as if the server refused a ping of 126 bytes. In 2.7 and 2.8, `check` sends a ping "
        "behind the pong and wants its payload back; the suite does not.",
    ),
    (
        "code",
        "The server fails the connection with a close code other than the one that is due. RFC "
        "6455, section 7.1.7, says SHOULD: `check` observes it, and the suite fails it in group 7.",
    ),
)


SERVERS = {
    "espbench": "this project's firmware on `lx60`",
    "ws_echo_server": "ESP-IDF v5.4.1, `examples/protocols/http_server/ws_echo_server`, on `esp32`."
    " The five cases with an empty message or fragment are left out: they panic it",
    "pyDirect": "jetpax/pyDirect's `httpserver` and `wsserver` on MicroPython v1.27.0, on `esp32`. "
    "The 55 cases with a message that is not UTF-8 for MicroPython are left out: for them "
    "`call_mp_ws_callback` (`modwsserver.c`) raises a UnicodeError outside of its `nlr_push()`, "
    "which ends the program. 6.4.4 and 6.20.1 were repeated: a connection had ended by chance",
}
FOUND_OUT: Mapping[tuple[str, str], str] = {
    ("ws_echo_server", number): reason
    for reason, numbers in {
        "pong": ("2.7", "2.8"),
        "pieces": ("2.6", "2.11", "3.4", "4.1.5", "4.2.5", "5.5", "5.8", "5.11", "5.14"),
        "payload": ("2.9", "4.2.4", "5.2", "7.1.5"),
    }.items()
    for number in numbers
} | {("pyDirect", number): "unread" for number in ("2.5", "2.7", "2.8")}
"""Reasons that somebody found in what was on the wire, by server and case."""


def numbered() -> list[tuple[Check, str]]:
    """Return the checks with numbered cases, and each number, in the suite's order."""
    found = [
        (check, case)
        for check in all_checks()
        if check.family == "websocket"
        for case in check.cases
        if "." in case and case.replace(".", "").isdigit()
    ]
    return sorted(found, key=lambda pair: key_of(pair[1]))


def key_of(number: str) -> list[int]:
    """Return a key that sorts case numbers."""
    return [int(part) for part in number.split(".")]


class Running:
    """A server that runs somewhere, in the place of a device."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.tls_secrets = None
        self.files: dict[str, bytes] = {}
        self.console = SimpleNamespace(changed=threading.Lock(), text="")
        self.boots = 1
        self.resets: list[str] = []
        self.faults = SimpleNamespace(panics=[])

    def ports(self, guest_port: int) -> list[int]:  # noqa: ARG002
        """Return its port."""
        return [self.port]


def ask(url: str, numbers: Container[str]) -> dict[str, tuple[str, str]]:
    """Return what these numbered checks say about a server: an outcome and a sentence."""
    parts = urlsplit(url)
    websocket = WebSocketPath(parts.path, echo=True)
    server = Server(80, http=True, path="/", websockets=(websocket,))
    device = cast("Any", Running(parts.port or 80))
    subject = Subject(device, [server], server, websocket)
    found = {}
    for check, case in numbered():
        if case not in numbers:
            continue
        found[case] = one(check, subject, case)
        print(case, *found[case], file=sys.stderr, flush=True)
        if found[case][0] == FAILED:
            recover(subject)
    return found


def one(check: Check, subject: Subject, case: str) -> tuple[str, str]:
    """Return what a check says about one case."""
    try:
        seen = check.run(subject, case)
    except CheckFailed as error:
        return FAILED, str(error)
    except NotApplicable as error:
        return LACKS, str(error)
    except ClientError as error:
        return FAILED, str(error)
    return (OBSERVED, seen.sentence) if seen and seen.sentence else (PASSED, "")


def recover(subject: Subject) -> None:
    """Wait until a server that a case has hurt answers again."""
    deadline = Deadline(60)
    while not deadline.expired() and not subject.answers(timeout=5):
        pass


def suite_fails(number: str, behavior: str, close: str) -> bool:
    """Return whether the suite says that a server does something wrong in a case."""
    if behavior == "INFORMATIONAL":
        return False
    unclean = close == "UNCLEAN" and number.startswith("7.")
    return behavior == "FAILED" or close == "FAILED" or unclean


def agrees(number: str, case: Case) -> bool:
    """Return whether both say the same about a case."""
    return (case["ours"] == FAILED) == suite_fails(number, case["behavior"], case["close"])


def reason_of(name: str, number: str, case: Case) -> str:
    """Return the name of the reason for which both differ; "" if they do not.

    Raises:
        ValueError: nobody has found out why.
    """
    if agrees(number, case):
        return ""
    if (name, number) in FOUND_OUT:
        return FOUND_OUT[name, number]
    if case["ours"] == LACKS and "binary" in case["sentence"]:
        return "binary"
    if case["ours"] == OBSERVED and "bytes got" in case["sentence"]:
        return "size"
    if case["close"] == "UNCLEAN":
        return "close"
    if case["ours"] == OBSERVED and "instead of close code" in case["sentence"]:
        return "code"
    raise ValueError(f"{number}: {dict(case)}: find out who is right, and add it to REASONS")


def page(data: Mapping[str, Mapping[str, Case]]) -> str:
    """Return the page: how many cases agree, each difference, and all cases."""
    lines = [
        "# Agreement with the Autobahn suite",
        "",
        "<!-- written by tools/docs/autobahn.py -->",
        "",
        "The checks `websocket.framing` (1), `pings` (2), `reserved_bits` (3), `opcodes` (4),",
        "`fragmentation` (5), `utf8` (6), `close` (7) and `auto_fragment` (10) have the numbers of",
        "the Autobahn suite's cases. Both were run on the same servers: autobahntestsuite 25.10.1",
        "as `fuzzingclient`, and `espbench check`. `--only websocket.close:7.1.1` repeats one.",
        "",
        *(f"- `{name}`: {SERVERS[name]}" for name in data if name in SERVERS),
        "",
        "| server | cases | both pass | both fail | differ |",
        "|---|---|---|---|---|",
    ]
    differ: dict[str, list[str]] = {}
    for name, cases in data.items():
        counts: Counter[str] = Counter()
        for number, case in cases.items():
            reason = reason_of(name, number, case)
            if reason:
                differ.setdefault(reason, []).append(f"{name} {number}")
            fails = case["ours"] == FAILED
            counts["differ" if reason else "fail" if fails else "pass"] += 1
        lines.append(
            f"| {name} | {len(cases)} | {counts['pass']} | {counts['fail']} | {counts['differ']} |"
        )
    if differ:
        lines += ["", "## Where both differ", "", "| why | cases |", "|---|---|"]
        texts = dict(REASONS)
        lines += [f"| {texts[name]} | {', '.join(found)} |" for name, found in differ.items()]
    lines += [
        "",
        "## All cases",
        "",
        "Each cell: what `check` says, and what the suite says (behavior; close).",
        "obs.: observed; n/a: not applicable.",
        "",
        f"| case | {' | '.join(data)} |",
        f"|---|{'---|' * len(data)}",
    ]
    numbers = sorted({number for cases in data.values() for number in cases}, key=key_of)
    for number in numbers:
        cells = [cell(data[name].get(number)) for name in data]
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


SHORT = {PASSED: "passed", OBSERVED: "obs.", FAILED: "FAILED", LACKS: "n/a"}


def cell(case: Case | None) -> str:
    """Return what both say about a case, for the table."""
    if case is None:
        return ""
    close = "" if case["close"] == "OK" else f"; {case['close'].lower()}"
    return f"{SHORT[case['ours']]} / {case['behavior'].lower()}{close}"


def main(arguments: Sequence[str]) -> int:
    """Run one of the two commands."""
    if len(arguments) == 4 and arguments[0] == "ask":
        name, url, index = arguments[1:]
        (suite,) = json.loads(Path(index).read_text()).values()
        ours = ask(url, suite)
        data = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
        data[name] = {
            number: {
                "ours": ours[number][0],
                "sentence": ours[number][1],
                "behavior": suite[number]["behavior"],
                "close": suite[number]["behaviorClose"],
            }
            for number in sorted(ours, key=key_of)
        }
        DATA.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        return 0
    if list(arguments) == ["write"]:
        PAGE.write_text(page(json.loads(DATA.read_text(encoding="utf-8"))), encoding="utf-8")
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
