# SPDX-License-Identifier: MIT
"""Path traversal: files outside of what a server means to show, and keys anywhere."""

from __future__ import annotations

from espbench.check.check import Observation, check, expect
from espbench.check.families.http.exchange import exchange, head, normal_get
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.util.listing import counted
from espbench.util.timeouts import Deadline

WAYS = {
    "no way around": "{dir}/{name}",
    "dots": "{dir}/../../../{name}",
    "dots at the root": "/../{name}",
    "encoded dots": "{dir}/%2e%2e/%2e%2e/{name}",
    "encoded slashes": "{dir}/..%2f..%2f{name}",
    "encoded twice": "{dir}/%252e%252e%252f{name}",
    "backslashes": "{dir}/..\\..\\{name}",
    "encoded backslashes": "{dir}/..%5c..%5c{name}",
    "two slashes": "//{name}",
    "dots after dots": "{dir}/....//....//{name}",
    "overlong UTF-8": "{dir}/%c0%ae%c0%ae/{name}",
    "cut by NUL": "{dir}/../{name}%00.html",
}
NAMES = ("main.py", "boot.py", "etc/passwd")
KEYS = ("certs/prvtkey.pem", "key.pem", "prvtkey.pem")
MOST = 6
"""Files to ask for in each way."""
BUDGET = 12.0
"""Seconds (before scaling) for each way: a file system on flash may search a second for a file."""


def _targets(subject: Subject) -> list[str]:
    """Return paths of files that no client should get, the likely ones first."""
    stored = [name.lstrip("/") for name in subject.device.files]
    secret = [name for name in stored if name.endswith((".py", ".pem", ".der", ".key", ".json"))]
    key = subject.profile.key
    named = [] if key.startswith("nvs:") else [key.lstrip("/")]
    names = [*named, *sorted(secret), *KEYS[:1], *NAMES]
    return list(dict.fromkeys(name for name in names if name))[:MOST]


@check(
    "http.traversal",
    "RFC 9110, section 17.3; RFC 3986, section 5.2.4",
    Severity.SECURITY,
    plain=True,
    cases=WAYS,
    estimate=6,
)
def traversal(subject: Subject, way: str) -> Observation | None:
    """No path leads out of the files that are served, or to a private key."""
    folder = subject.path.rpartition("/")[0]
    plain = normal_get(subject)[0].body
    names, budget = _targets(subject), Deadline(BUDGET)
    for number, name in enumerate(names):
        if budget.expired():
            left = len(names) - number
            return Observation(
                f"It answers so slowly that {counted(left, 'file')} "
                f"{'was' if left == 1 else 'were'} not tried."
            )
        target = way.format(dir=folder, name=name)
        got = exchange(subject, head(subject, target=target), most=1)
        if not 200 <= got.status <= 299:
            continue
        body = got.responses[0].body
        expect(b"PRIVATE KEY-----" not in body, f"GET {target} returns a private key.")
        direct = exchange(subject, head(subject, target=f"/{name}"), most=1)
        nothing = exchange(subject, head(subject, target="/espbench-does-not-exist"), most=1)
        same = [plain, *(each.body for each in (*direct.responses, *nothing.responses))]
        expect(
            not body or body in same,
            f"GET {target} is answered with {got.status} and {counted(len(body), 'byte')}, GET "
            f"/{name} with {direct.status}: the path leads out of the files that are served.",
        )
    return None
