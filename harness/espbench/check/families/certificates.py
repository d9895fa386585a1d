# SPDX-License-Identifier: MIT
"""Devices that boot with a bad certificate or key: HTTP stays up, and the console says why.

They are looked for in the files that were given, in the image's file systems and NVS, and in its
application; the profile may name them.
"""

from __future__ import annotations

import re

from espbench.certs import Recipe, recipes
from espbench.check.check import CheckFailed, NotApplicable, Observation, check
from espbench.check.credentials.find import Places, Sources, find
from espbench.check.credentials.place import Start
from espbench.check.diagnosis.console_lines import program_ended
from espbench.check.result import Severity
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.clients import Endpoint, TlsError
from espbench.clients.errors import ClientError
from espbench.util.timeouts import Deadline

CASES = {
    "no certificate": "cert-missing",
    "no key": "key-missing",
    "a folder instead of the certificate": "cert-unreadable",
    "a certificate that is not PEM": "cert-text",
    "a damaged certificate": "cert-damaged",
    "an encrypted key": "key-encrypted",
    "the key of another certificate": "key-of-another",
    "a chain of 12 certificates": "chain-too-large",
    "an expired certificate": "expired",
}
BOOT, MORE = 60.0, 5.0
"""Seconds (before scaling) for HTTP to answer after the start, and for what follows it."""
LOOK = 0.2
HANDSHAKE = 20.0
_CAUSE = re.compile(
    r"cert|key|pem\b|x509|x\.509|pk_parse|chain|0x80(?:15|19)|-0x[0-9a-f]{4}|ENOENT|EISDIR|"
    r"no such file|not found|does not (?:match|belong)",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"error|fail|cannot|could not|invalid|missing|not found|no such|unable|damaged|bad|expired|"
    r"Traceback|OSError|ValueError|ENOENT|mismatch|does not|too large|^E \(",
    re.IGNORECASE,
)
_SUCCESS = re.compile(
    r"^[^\n]*\b(?:https|ssl|tls|wss|443)\b[^\n]*\b(?:started|starts|listening|running|ready|up)\b"
    r"[^\n]*$|^[^\n]*\b(?:started|listening|running|ready)\b[^\n]*\b(?:https|ssl|tls|443)\b[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)


def places_of(subject: Subject) -> Places:
    """Return where certificate and key are stored.

    Raises:
        NotApplicable: they are not found.
    """
    profile = subject.profile
    return find(subject.booter.sources, profile.certificate, profile.key)


def with_recipe(sources: Sources, places: Places, recipe: Recipe) -> Start:
    """Return what a device with the certificate and the key of a recipe starts with.

    Raises:
        NotApplicable: a place cannot have this content.
    """
    start = Start(dict(sources.files), bytearray(sources.image))
    for name, place in ((recipe.cert_file, places.certificate), (recipe.key_file, places.key)):
        place.put(
            start,
            {
                path.removeprefix(name): data
                for path, data in recipe.device_files.items()
                if path.startswith(name)
            },
        )
    return start


def causes(text: str, places: Places) -> list[str]:
    """Return the lines of a console that name a cause: trouble with a certificate or key; pure."""
    names = {place.name.rsplit("/", 1)[-1] for place in (places.certificate, places.key)}
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    return [
        line.strip()
        for line in plain.splitlines()
        if _TROUBLE.search(line) and (_CAUSE.search(line) or any(name in line for name in names))
    ]


def _serves_http(subject: Subject, plain: Server, deadline: Deadline) -> bool:
    device = subject.device
    while not deadline.expired():
        if device.panicked() or program_ended(device.console.text):
            return False
        if subject.answers(plain, 2.0):
            return True
        device.wait_for_change(LOOK)
    return False


def _handshake(subject: Subject, secure: Server) -> str:
    """Return why a handshake without verification fails; "" if it works."""
    ports = subject.device.ports(secure.port)
    endpoint = Endpoint(ports[0], subject.profile.tls, timeout=HANDSHAKE)
    try:
        endpoint.tls_stream().close()
    except TlsError as error:
        return error.reason.replace("_", " ").lower() or "the handshake failed"
    except ClientError as error:
        return re.sub(r"127\.0\.0\.1:\d+", "it", str(error)).rstrip(".")
    return ""


@check(
    "certificates.files",
    "ESP-IDF, components/esp_https_server/src/https_server.c",
    Severity.ROBUSTNESS,
    needs="",
    cases=CASES,
    limit=120,
    estimate=60,
)
def files(subject: Subject, name: str) -> Observation | None:
    """With a bad certificate or key, HTTP stays up, and the console says what is wrong."""
    recipe = recipes()[name]
    sources = subject.booter.sources
    places = places_of(subject)
    secure = next((each for each in subject.servers if each.tls), None)
    plain = next((each for each in subject.servers if each.http and not each.tls), None)
    if secure is None:
        raise NotApplicable("Nothing speaks TLS.")
    case = next(case for case, value in CASES.items() if value == name)
    what = f"With {case}"
    made = with_recipe(sources, places, recipe)
    image = bytes(made.image) if made.changed else None
    with subject.booter.booted(made.files, image) as other:
        device = other.device
        deadline = Deadline(BOOT)
        if plain is not None:
            up = _serves_http(other, plain, deadline)
            _check_alive(other, what)
            if not up:
                raise CheckFailed(
                    f"{what}, {plain.name} does not answer within {BOOT:g} s of the boot: a server "
                    "without TLS needs no certificate."
                )
        failed = ""
        waiting = Deadline(MORE if plain is not None else BOOT / 3)
        while not causes(device.console.text, places) and not waiting.expired():
            device.wait_for_change(LOOK)
            failed = _handshake(other, secure)
            if not failed:
                break
        failed = failed or _handshake(other, secure)
        _check_alive(other, what)
        if not failed:
            return Observation(f"HTTPS works with {case}.") if not recipe.starts else None
        text = device.console.text
        found = causes(text, places)
        if claim := _SUCCESS.search(text):
            said = f" Only then does the console say {_cut(found[-1], 160)!r}." if found else ""
            raise CheckFailed(
                f"{what}, the console says {_cut(claim[0].strip(), 120)!r}, but no handshake works "
                f"({failed}).{said}"
            )
        if not found:
            raise CheckFailed(
                f"{what}, HTTPS does not work ({failed}), and the console does not say why."
            )
    return None


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[:most]}..."


def _check_alive(subject: Subject, what: str) -> None:
    """Check that the device neither panicked nor ended its program."""
    device = subject.device
    if device.panicked():
        headline = device.faults.panics[0].headline
        device.faults.take_unseen()
        raise CheckFailed(f"{what}, the device panics: {headline}.")
    if ended := program_ended(device.console.text):
        raise CheckFailed(f"{what}, {ended}.")
    boots = max(device.boots, len(device.resets))
    if boots > 2:
        raise CheckFailed(f"{what}, the device keeps rebooting.")
