# SPDX-License-Identifier: MIT
"""Says that it works, and works: whether handshakes succeed that should."""

from __future__ import annotations

import re

from espbench.check.check import CheckFailed, NotApplicable, Observation, check, expect
from espbench.check.families.tls.support import HANDSHAKE, reason, speak
from espbench.check.handshake.established import asks_for_certificate
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import Endpoint
from espbench.clients.errors import ClientError

LIKELY = (443, 8443)
TIMES = 3
_CLAIM = re.compile(
    r"^[^\n]*\b(?:https?|tls|ssl|server)\b[^\n]*\b(?:start(?:ed|ing)?|listen(?:s|ing)?|running|ready|up)\b"
    r"[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)


def claims(text: str) -> str:
    """Return the console's line that says that a server works, as a clause; "" without one."""
    lines = [match[0].strip() for match in _CLAIM.finditer(re.sub(r"\x1b\[[\d;]*m", "", text))]
    secure = [line for line in lines if re.search(r"https|tls|ssl|443", line, re.IGNORECASE)]
    found = (secure or lines)[:1]
    return f" although the console says {found[0]!r}" if found else ""


@check("tls.handshake", "RFC 5246, section 7.3", Severity.ROBUSTNESS, needs="tls", estimate=3)
def handshake(subject: Subject) -> None:
    """Clients with usual parameters complete one handshake after the other."""
    for number in range(1, TIMES + 1):
        try:
            with subject.endpoint.patient(HANDSHAKE).tls_stream() as stream:
                speak(stream, subject)
        except ClientError as error:
            raise CheckFailed(
                f"Handshake {number} of {TIMES} with usual parameters "
                f"fails{claims(subject.device.console.text)}: {reason(error)}"
            ) from None


@check(
    "tls.serves",
    "RFC 9110, section 4.2.2",
    Severity.ROBUSTNESS,
    needs="",
    estimate=1,
)
def serves(subject: Subject) -> None:
    """What listens on an HTTPS port speaks TLS."""
    if not subject.servers:
        raise NotApplicable("Nothing listens at all: see boot.comes_up.")
    https = subject.profile.ports.get("https")
    wanted = LIKELY if https is None else (https,)
    mute = [
        each for each in subject.servers if not each.works and (each.tls or each.port in wanted)
    ]
    missing = https is not None and all(each.port != https for each in subject.servers)
    expect(
        not missing,
        f"Nothing listens on port {https}, which the profile names for HTTPS"
        f"{claims(subject.device.console.text)}.",
    )
    if not mute and not any(each.tls and each.works for each in subject.servers):
        raise NotApplicable("Nothing listens on an HTTPS port.")
    for server in mute:
        error = ""
        try:
            endpoint = Endpoint(
                subject.device.port(server.port), subject.profile.tls, timeout=HANDSHAKE
            )
            endpoint.tls_stream().close()
        except ClientError as failed:
            error = reason(failed)
        if error:
            raise CheckFailed(
                f"Port {server.port} is open, but no TLS handshake works there"
                f"{claims(subject.device.console.text)}: {error}"
            )


@check(
    "tls.client_certificate",
    "RFC 5246, section 7.4.4; RFC 8446, section 4.3.2",
    needs="tls",
    estimate=2,
)
def client_certificate(subject: Subject) -> Observation | None:
    """Reports whether it asks clients for a certificate, and serves those without one."""
    endpoint = subject.endpoint.patient(HANDSHAKE)
    with endpoint.raw() as stream:
        if not asks_for_certificate(stream, HANDSHAKE):
            return None
    try:
        endpoint.but(certificate=None, key=None).get(subject.path)
    except ClientError:
        missing = subject.profile.client_certificate is None
        advice = ": name one in the profile ([client] with certificate and key)" if missing else ""
        return Observation(
            f"It asks clients for a certificate, and serves none without one{advice}."
        )
    return Observation("It asks clients for a certificate, and also serves those without one.")
