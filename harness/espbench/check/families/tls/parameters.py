# SPDX-License-Identifier: MIT
"""What a server negotiates: versions, cipher suites, groups, signature schemes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import NamedTuple

from espbench.check.check import CheckFailed, NotApplicable, Observation, check, expect
from espbench.check.families.tls.support import HANDSHAKE, reason
from espbench.check.handshake.client_hello import (
    GROUPS,
    SIGNATURES,
    SUITES,
    SUITES13,
    ClientHello,
    Extension,
    usual,
)
from espbench.check.handshake.names import (
    GROUPS as ALL_GROUPS,
)
from espbench.check.handshake.names import (
    SIGNATURES as ALL_SIGNATURES,
)
from espbench.check.handshake.names import (
    SSL3,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    group_name,
    signature_name,
    suite_name,
    version_name,
)
from espbench.check.handshake.server_flight import ServerFlight, ask
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.clients.errors import ClientError
from espbench.util.listing import counted, listing
from espbench.util.timeouts import Deadline

__all__ = ["hello_for", "takes"]

OLD_SUITES = (*SUITES, 0x000A, 0xC012, 0xC008, 0x0016)
"""What clients of TLS 1.1 and before may have: CBC with AES and 3DES."""
WEAK = {
    "NULL": (0x0001, 0x0002, 0x003B, 0xC006, 0xC010, 0xC001, 0xC00B, 0x00B4),
    "export": (0x0003, 0x0006, 0x0008, 0x000B, 0x000E, 0x0011, 0x0014),
    "anonymous": (0x0018, 0x001B, 0x0034, 0x003A, 0x006C, 0x006D, 0x00A6, 0xC018, 0xC019),
    "RC4": (0x0004, 0x0005, 0xC007, 0xC011, 0xC002, 0xC00C),
    "DES": (0x0009, 0x000C, 0x000F, 0x0012, 0x0015),
    "3DES": (0x000A, 0x0016, 0xC008, 0xC012, 0xC003, 0xC00D),
}
WHY = {
    "NULL": "RFC 9325, section 4.1, forbids suites without encryption",
    "export": "RFC 9325, section 4.1, forbids export suites",
    "anonymous": "RFC 9325, section 4.1, forbids suites without a certificate",
    "RC4": "RFC 7465 forbids RC4",
    "DES": "RFC 9325, section 4.1, forbids keys of less than 112 bits",
    "3DES": "64-bit blocks leak after some 32 GB (CVE-2016-2183), so RFC 9325 section 4.1 advises "
    "against it",
}
CERTIFICATE_CURVES = (23, 24, 25)
BUDGET = 25.0
"""Seconds (before scaling) in which what a server takes is listed, for each version of TLS."""
NONE = "It does not accept a typical ClientHello: see tls.handshake."
UNTRIED = "the others were not tried, as this took too long"


def hello_for(
    version: int,
    suites: Sequence[int] | None = None,
    groups: Sequence[int] = GROUPS,
    signatures: Sequence[int] = SIGNATURES,
) -> bytes:
    """Return a ClientHello, as a record, that offers one version."""
    if version >= TLS13:
        offered = SUITES13 if suites is None else suites
        shares = [group for group in groups if group in (29, 23)] or [groups[0]]
        try:
            extensions = usual(groups, signatures, (version,), shares)
        except ValueError:  # no key of this group at hand: let the server ask for one
            extensions = usual(groups, signatures, (version,), ())
        return ClientHello(TLS12, offered, extensions, bytes(32)).record()
    offered = SUITES if suites is None else suites
    extensions = usual(groups, signatures) if version >= TLS12 else usual(groups)[:3]
    return ClientHello(version, (*offered, 0x00FF), extensions).record()


def takes(subject: Subject, version: int) -> bool:
    """Return whether the server takes this version, with usual suites."""
    flight = ask(subject.endpoint, hello_for(version))
    return flight.accepted and flight.version == version


def _version_to_ask(subject: Subject) -> int:
    """Return TLS 1.2 if the server takes it, of which a client sees more, else TLS 1.3.

    Raises:
        NotApplicable: it takes neither TLS 1.2 nor TLS 1.3.
    """
    for version in (TLS12, TLS13):
        if takes(subject, version):
            return version
    raise NotApplicable(NONE)


@check("tls.versions", "RFC 9325, section 3.1.1", needs="tls", estimate=2)
def versions(subject: Subject) -> Observation:
    """It supports TLS 1.2 or TLS 1.3."""
    found = [version for version in (TLS13, TLS12) if takes(subject, version)]
    expect(found, "It supports neither TLS 1.2 nor TLS 1.3 with a client's usual cipher suites.")
    return Observation(f"It supports {listing(version_name(each) for each in found)}.")


@check(
    "tls.old_versions",
    "RFC 8996, sections 4 and 5; RFC 7568, section 3",
    Severity.SECURITY,
    needs="tls",
    cases={version_name(version): version for version in (TLS11, TLS10, SSL3)},
    estimate=2,
)
def old_versions(subject: Subject, version: int) -> None:
    """It refuses TLS 1.1, TLS 1.0 and SSL 3.0."""
    suites = [*OLD_SUITES, *WEAK["RC4"]]
    flight = ask(subject.endpoint, hello_for(version, suites))
    name, rfc = version_name(version), "RFC 7568" if version == SSL3 else "RFC 8996"
    expect(
        not (flight.accepted and flight.version == version),
        f"It negotiates {name} ({suite_name(flight.suite)}), which {rfc} forbids.",
    )


@check(
    "tls.version_tolerance",
    "RFC 5246, appendix E.1; RFC 8446, section 4.2.1",
    needs="tls",
    cases={
        "client_version 3.4": 0x0304,
        "client_version 3.9": 0x0309,
        "supported_versions with unknown ones": 0,
        "record version 3.0": 1,
        "record version 3.3": 2,
    },
    estimate=3,
)
def version_tolerance(subject: Subject, case: int) -> None:
    """A client that also supports unknown versions gets a version that both support."""
    version = _version_to_ask(subject)
    if case >= 0x0300:
        if version != TLS12:
            raise NotApplicable("It does not support TLS 1.2.")
        sent = ClientHello(case, (*SUITES, 0x00FF), usual()).record()
    elif case == 0:
        extensions = usual(versions=(0x3A3A, 0x0305, TLS13, TLS12))
        sent = ClientHello(TLS12, (*SUITES13, *SUITES), extensions, bytes(32)).record()
    else:
        sent = hello_for(version)
        sent = sent[:1] + (b"\3\0" if case == 1 else b"\3\3") + sent[3:]
    flight = ask(subject.endpoint, sent)
    expect(
        flight.accepted,
        f"It {flight.how()}, although the client also supports {version_name(version)}: a server "
        "has to choose the highest version that both support, and to accept any record "
        "version 3.x.",
    )


@check(
    "tls.unknown_values",
    "RFC 8446, section 4.1.2; RFC 8701",
    needs="tls",
    cases={"cipher suites": 1, "extensions": 2, "groups": 3, "signature schemes": 4},
    estimate=2,
)
def unknown_values(subject: Subject, case: int) -> None:
    """It ignores unknown values in a ClientHello."""
    versions = [version for version in (TLS12, TLS13) if takes(subject, version)]
    if not versions:
        raise NotApplicable(NONE)
    for version in versions:
        _ignores_unknown(subject, case, version)


def _ignores_unknown(subject: Subject, case: int, version: int) -> None:
    grease = 0x3A3A
    versions_offered = (TLS13,) if version == TLS13 else ()
    suites: tuple[int, ...] = SUITES13 if version == TLS13 else (*SUITES, 0x00FF)
    groups: tuple[int, ...] = GROUPS
    signatures: tuple[int, ...] = SIGNATURES
    more: list[Extension] = []
    if case == 1:
        suites = (grease, 0xFEFE, *suites)
    elif case == 2:
        more = [Extension(grease, b"what is it?"), Extension(0xFEED, b"")]
    elif case == 3:
        groups = (grease, 0x7777, *groups)
    else:
        signatures = (grease, 0x7777, *signatures)
    extensions = usual(groups, signatures, versions_offered, more=more)
    flight = ask(subject.endpoint, ClientHello(TLS12, suites, extensions, bytes(32)).record())
    expect(
        flight.accepted,
        f"It {flight.how()} after a ClientHello of {version_name(version)} with two unknown "
        "values: a server must ignore them.",
    )


@check(
    "tls.weak_suites",
    "RFC 9325, section 4.1",
    Severity.SECURITY,
    needs="tls",
    cases=WEAK,
    estimate=4,
)
def weak_suites(subject: Subject, suites: Sequence[int]) -> None:
    """It refuses cipher suites that are broken, or lack encryption or authentication."""
    kind = next(name for name, values in WEAK.items() if values == suites)
    for version in (TLS12, TLS10):
        flight = ask(subject.endpoint, hello_for(version, suites))
        if flight.accepted and flight.suite in suites:
            raise CheckFailed(
                f"It negotiates {suite_name(flight.suite)} in {version_name(flight.version)}: "
                f"{WHY[kind]}."
            )


class _Listed(NamedTuple):
    """What a server takes.

    Attributes:
        values: its choices, in its order, or in the client's.
        all: whether it was asked until it refused, and not only until the time was up.
        own: whether the order is its own, and it does not take the client's first choice.
    """

    values: list[int]
    all: bool
    own: bool


def _listed(
    ask_for: Callable[[list[int]], ServerFlight],
    chosen: Callable[[ServerFlight], int],
    offered: Sequence[int],
    what: str,
) -> _Listed:
    """Offer values, leave out what the server chooses, and so on, for `BUDGET` seconds.

    Raises:
        CheckFailed: it chose what was not offered.
    """
    left, found, budget = list(offered), list[int](), Deadline(BUDGET)
    refused = False
    while left and not refused and not (found and budget.expired()):
        flight = ask_for(left)
        if flight.end == "silent":
            raise CheckFailed(f"It {flight.how()} when a client offered {len(left)} {what}.")
        refused = not flight.complete
        if not refused:
            value = chosen(flight)
            expect(
                value in left,
                f"It chose 0x{value:04x}, which was not among the {what} that the client offered.",
                Severity.CONFORMANCE,
            )
            left.remove(value)
            found.append(value)
    return _Listed(found, refused or not left, own=_own_order(ask_for, chosen, found))


def _own_order(
    ask_for: Callable[[list[int]], ServerFlight],
    chosen: Callable[[ServerFlight], int],
    found: Sequence[int],
) -> bool:
    """Return whether a server's first choice stays the same if a client offers it last."""
    if len(found) < 2:
        return True
    flight = ask_for(list(reversed(found)))
    return not flight.complete or chosen(flight) == found[0]


@check("tls.suites", "RFC 5246, section 7.4.1.3; RFC 9325, section 4.2", needs="tls", estimate=12)
def suites(subject: Subject) -> Observation:
    """It chooses a cipher suite that the client offers."""

    def taken(version: int, offered: Sequence[int]) -> _Listed:
        return _listed(
            lambda left: ask(subject.endpoint, hello_for(version, left)),
            lambda flight: flight.suite,
            offered,
            "cipher suites",
        )

    parts, count, static, complete = [], 0, 0, True
    for version, offered in ((TLS13, SUITES13), (TLS12, SUITES)):
        if not takes(subject, version):
            continue
        found, every, own = taken(version, offered)
        if not found:
            continue
        count += len(found)
        complete = complete and every
        static += sum(suite_name(each).startswith("TLS_RSA_WITH") for each in found)
        best = suite_name(found[0]).removeprefix("TLS_") if own else "the client's"
        number = f"{'' if every else 'at least '}{counted(len(found), 'cipher suite')}"
        parts.append(f"{number} of {version_name(version)} (first choice: {best})")
    sentence = f"It supports {listing(parts)}{'' if complete else f'; {UNTRIED}'}." if parts else ""
    if static:
        sentence += (
            f" {static} of them {'lacks' if static == 1 else 'lack'} forward secrecy, so RFC 9325 "
            "advises against them."
        )
    figure = Figure("tls.suites", "supported cipher suites", count)
    return Observation(sentence, [figure] if complete else [])


def _openssl_names() -> dict[int, str]:
    """Return OpenSSL's names of the cipher suites for TLS 1.2 that it has, by code point."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return {each["id"] & 0xFFFF: each["name"] for each in context.get_ciphers()}


@check("tls.suites_work", "RFC 5246, section 7.4.9", needs="tls", estimate=12, provokes=True)
def suites_work(subject: Subject) -> Observation:
    """It completes a handshake with each cipher suite that it chooses."""
    if not takes(subject, TLS12):
        raise NotApplicable(
            "It does not support TLS 1.2, and a TLS 1.3 client cannot select parameters that "
            "precisely."
        )
    names, budget = _openssl_names(), Deadline(BUDGET)
    done, broken, untried = 0, [], ""
    for suite in (each for each in SUITES if each in names):
        if budget.expired():
            untried = f"; {UNTRIED}"
            break
        flight = ask(subject.endpoint, hello_for(TLS12, (suite,)))
        if not flight.complete:
            continue
        done += 1
        if why := _handshake_fails(subject, names[suite]):
            broken.append(f"{suite_name(suite)} ({why})")
    it, which = ("it", "this suite") if len(broken) == 1 else ("them", "one of these suites")
    expect(
        not broken,
        f"It cannot complete a handshake with {listing(broken)}, although it chooses {it}: a "
        f"client that prefers {which} is not served.",
    )
    number = counted(done, "cipher suite")
    return Observation(f"It completes handshakes with {number} of TLS 1.2{untried}.")


def _handshake_fails(subject: Subject, cipher: str) -> str:
    """Return how a handshake with one of OpenSSL's suites fails twice; "" if it does not."""
    endpoint = subject.endpoint.patient(HANDSHAKE).but(
        ciphers=f"{cipher}:@SECLEVEL=0", maximum=ssl.TLSVersion.TLSv1_2
    )
    why = ""
    for _ in range(2):
        try:
            endpoint.tls_stream().close()
        except ClientError as error:
            why = reason(error).rstrip(".")
        else:
            return ""
    return why


@check("tls.groups", "RFC 8446, section 4.2.7; RFC 8422, section 5.1.1", needs="tls", estimate=4)
def groups(subject: Subject) -> Observation:
    """It chooses a group that the client offers."""
    version = _version_to_ask(subject)
    suites = None if version == TLS13 else [each for each in SUITES if _ecdhe(each)]
    found, every, own = _listed(
        lambda left: ask(subject.endpoint, hello_for(version, suites, groups=left)),
        lambda flight: flight.group,
        list(ALL_GROUPS),
        "groups",
    )
    # An ECDSA certificate can only be used if its own curve is offered, too (RFC 8422, section
    # 5.1), so what the server likes less than that has to be offered beside it.
    curves = [group for group in found if group in CERTIFICATE_CURVES]
    for group in ALL_GROUPS if curves and every else ():
        if group not in found:
            flight = ask(subject.endpoint, hello_for(version, suites, groups=[group, *curves]))
            found += [group] if flight.complete and flight.group == group else []
    if not found:
        return Observation(
            "It does not support elliptic curves, so it has no forward secrecy from ECDHE."
        )
    names = listing(group_name(each) for each in found)
    whose = "this" if own else "the client's"
    order = f", in {whose} order of preference" if len(found) > 1 else ""
    return Observation(f"It supports {names}{order}{'' if every else f'; {UNTRIED}'}.")


def _ecdhe(suite: int) -> bool:
    return suite_name(suite).startswith("TLS_ECDHE")


@check("tls.signatures", "RFC 5246, section 7.4.1.4.1", needs="tls", estimate=4)
def signatures(subject: Subject) -> Observation:
    """It signs with a scheme that the client offers."""
    if not takes(subject, TLS12):
        raise NotApplicable(
            "It does not support TLS 1.2, and in TLS 1.3 the signature is encrypted."
        )
    suites = [each for each in SUITES if _ecdhe(each)]
    found, every, _ = _listed(
        lambda left: ask(subject.endpoint, hello_for(TLS12, suites, signatures=left)),
        lambda flight: flight.signature,
        list(ALL_SIGNATURES),
        "signature schemes",
    )
    names = listing(signature_name(each) for each in found)
    weak = [each for each in found if each >> 8 in (1, 2)]
    expect(
        not weak or not every or len(found) > len(weak),
        f"It only signs with {names}, which RFC 9155 forbids.",
        Severity.SECURITY,
    )
    old = " MD5 and SHA-1 are deprecated (RFC 9155)." if weak else ""
    untried = "" if every else f"; {UNTRIED}"
    return Observation(f"It signs with {names}{untried}.{old}" if names else "")


@check(
    "tls.server_hello",
    "RFC 5246, sections 7.4.1.3 and 7.4.1.4; RFC 8446, section 4.1.3",
    needs="tls",
    estimate=2,
)
def server_hello(subject: Subject) -> Observation:
    """Its ServerHello has no compression, and no extension that the client did not send."""
    version = _version_to_ask(subject)
    flight = ask(subject.endpoint, hello_for(version))
    asked = {0, 10, 11, 13, 23, 43, 45, 51, 0xFF01}
    more = [each for each in flight.extensions if each not in asked]
    extensions = f"extension{'' if len(more) == 1 else 's'} {listing(map(str, more))}"
    expect(not more, f"Its ServerHello has the {extensions}, which the client did not send.")
    expect(
        flight.compression == 0,
        f"It chose compression method {flight.compression}, which the client did not offer.",
        Severity.SECURITY,
    )
    deflate = ClientHello(TLS12, (*SUITES, 0x00FF), usual(), compressions=b"\1\0").record()
    compressed = ask(subject.endpoint, deflate)
    expect(
        not (compressed.accepted and compressed.compression == 1),
        "It compresses records (DEFLATE), which lets an attacker recover secrets (CRIME, "
        "RFC 9325 section 3.3).",
        Severity.SECURITY,
    )
    lacks = []
    if flight.version == TLS12:
        if 0xFF01 not in flight.extensions:
            lacks.append("renegotiation_info (RFC 5746)")
        if 23 not in flight.extensions:
            lacks.append("extended_master_secret (RFC 7627)")
    return Observation(f"Its ServerHello lacks {' and '.join(lacks)}." if lacks else "")
