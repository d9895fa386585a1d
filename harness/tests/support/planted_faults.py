# SPDX-License-Identifier: MIT
"""`FAULTS`: the faults of the firmware in planted.py, and the checks that have to find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True)
class Fault:
    """A fault that the planted firmware can have.

    Attributes:
        description: what the firmware does wrong.
        checks: the checks that have to find it; with a port or a case where that one is enough.
        consequences: patterns for the names of other checks that may fail because of it.
        observed: a pattern for the sentence of a check that does not call it a failure.
        gap: why no check finds it yet, or "".
    """

    description: str
    checks: Sequence[str]
    consequences: Sequence[str] = ()
    observed: str = ""
    gap: str = ""


FAULTS = {
    "panics_at_first_boot": Fault(
        "panics once, then boots",
        ("boot.comes_up",),
    ),
    "stays_down_after_reset": Fault("does not serve after a reset", ("boot.reset",)),
    "handshake_blocks": Fault(
        "serves nobody else during a handshake",
        ("tls.slow_client:half a ClientHello",),
        consequences=("tls.trickle", "tls.silent_clients"),
    ),
    "no_handshake_timeout": Fault(
        "waits for ever for a handshake",
        ("tls.handshake_timeout",),
        consequences=("tls.silent_clients",),  # they keep their places
        observed="It still waits for a client",
    ),
    "cannot_do_a_handshake": Fault(
        "says that HTTPS started, and fails each handshake",
        ("tls.serves",),
    ),
    "http_dies_with_https": Fault(
        "stops HTTP when a handshake fails",
        ("tls.abandoned:half of the ClientHello sent",),
        # Nearly all of tls leave a handshake, and without memory one fails.
        consequences=("tls.*", "memory.handshakes", "memory.allocations", "memory.scarce"),
    ),
    "no_close_notify": Fault(
        "ends TLS sessions without close_notify", ("tls.server_closes", "tls.close_notify")
    ),
    "large_hello_fails": Fault("fails with a ClientHello over 1500 bytes", ("tls.large_hello",)),
    "split_hello_fails": Fault("wants the ClientHello in one record", ("tls.fragments",)),
    "tiny_segments_fail": Fault(
        "wants a record's header in one segment", ("tls.fragments",), consequences=("tls.trickle",)
    ),
    "holds_plain_http": Fault(
        "waits after plain HTTP on the TLS port",
        ("tls.alerts:unknown record type",),
    ),
    "garbage_panics": Fault("panics when a client does not speak TLS", ("tls.alerts:garbage",)),
    "places_are_lost": Fault(
        "never takes a TLS client again after it was full",
        ("tls.sessions",),
        consequences=(  # they fill it
            "tls.*",
            "websocket.*",
            "http.idle_connections",
            "http.held_connections",
            "http.at_once",
        ),
    ),
    "expired_certificate": Fault("has an expired certificate", ("tls.certificate_validity",)),
    "wrong_key": Fault(
        "has a key that does not belong to its certificate",
        ("tls.serves",),
    ),
    "no_name": Fault(
        "has a certificate without subjectAltName",
        ("tls.certificate_name",),
    ),
    "head_blocks": Fault(
        "serves nobody else during a request's head",
        ("http.slow_heads:one",),
    ),
    "body_blocks": Fault(
        "serves nobody else during a request's body",
        ("http.slow_bodies:one",),
    ),
    "no_head_timeout": Fault(
        "waits for ever for a request's head",
        ("http.slow_heads:many",),
        observed="none is dropped",
    ),
    "no_body_timeout": Fault(
        "waits for ever for a request's body",
        ("http.slow_bodies:many",),
        observed="none is dropped",
    ),
    "smuggling": Fault("takes Content-Length together with Transfer-Encoding", ("http.smuggling",)),
    "no_host": Fault("takes requests without Host", ("http.host",)),
    "obs_fold": Fault(
        "takes the rest of a folded field for another field",
        ("http.hidden_framing",),
        consequences=(
            "http.smuggling",
            "http.fields",
        ),
    ),
    "blank_before_colon": Fault(
        "takes a blank between a field's name and its colon",
        ("http.fields",),
        consequences=(
            "http.smuggling",
            "http.invalid_length",
        ),
    ),
    "head_has_body": Fault("answers HEAD with a body", ("http.head",)),
    "long_target_panics": Fault(
        "copies the target into 64 bytes of stack",
        ("http.long_target",),
        consequences=("http.long_path",),
    ),
    "pipelined_request_lost": Fault(
        "drops a request that was sent before its turn", ("http.pipelining",)
    ),
    "half_close_drops": Fault(
        "does not answer a client that has closed its direction",
        ("http.half_close",),
        observed="gets no response",
    ),
    "chunk_extension": Fault("refuses chunk extensions", ("http.chunked",)),
    "trailers_are_a_request": Fault("takes the trailers for the next request", ("http.chunked",)),
    "expect_ignored": Fault("sends no 100 (Continue)", ("http.expect_continue:POST",)),
    "any_method": Fault(
        "takes an unknown method for GET", ("http.methods",), observed="FROB is answered with 200"
    ),
    "absolute_form": Fault("does not know the absolute form", ("http.absolute_form",)),
    "unmasked": Fault("takes unmasked frames", ("websocket.masking",)),
    "no_close_frame": Fault("answers no close frame", ("websocket.close",)),
    "close_code": Fault("answers a close frame with status code 1006", ("websocket.close",)),
    "wrong_accept": Fault(
        "computes Sec-WebSocket-Accept with another GUID",
        ("websocket.upgrade",),
        consequences=("websocket.*",),  # no client that checks it connects
    ),
    "invalid_utf8": Fault("takes text that is not UTF-8", ("websocket.utf8:6.3.1",)),
    "no_pong": Fault(
        "answers no ping",
        ("websocket.pings:2.2",),
        consequences=(  # to them, a pong shows that the server goes on
            "websocket.aborted",
            "websocket.stalled",
            "websocket.places",
            "websocket.fragmentation",
            "websocket.utf8",
        ),
    ),
    "fragments": Fault(
        "returns only the last fragment of a message",
        ("websocket.fragmentation:5.3",),
        consequences=("websocket.auto_fragment", "websocket.utf8"),  # they send fragments, too
    ),
    "reserved_bits": Fault("takes frames with reserved bits", ("websocket.reserved_bits",)),
    "bad_opcode_restarts": Fault("restarts on an unknown opcode", ("websocket.opcodes:4.1.1",)),
    "oversized_frame_hangs": Fault(
        "loops for ever after a frame that is too long",
        ("websocket.huge_frames:2**63 - 1",),
        # Rests of a message may be read as such a frame, even after a client has closed.
        consequences=("memory.large_message", "websocket.*"),
    ),
    "long_control_frame": Fault(
        "takes control frames of more than 125 bytes",
        ("websocket.pings:2.5",),
        consequences=("websocket.close",),
    ),
    "program_ends": Fault(
        "ends its program on an empty message",
        ("websocket.framing:1.1.1",),
        consequences=("websocket.utf8",),
    ),
    "any_version": Fault("takes any Sec-WebSocket-Version", ("websocket.version",)),
    "one_connection_token": Fault(
        "refuses an upgrade with two Connection tokens", ("websocket.upgrade",)
    ),
    "http_leaks": Fault(
        "loses 100 bytes with each HTTP connection",
        ("memory.requests@80",),
        consequences=("memory.websockets",),
    ),
    "tls_leaks": Fault(
        "loses 100 bytes with each TLS connection",
        ("memory.requests@443",),
        consequences=("memory.handshakes", "memory.websockets"),
    ),
    "aborted_handshake_leaks": Fault(
        "loses a session with each aborted handshake", ("memory.handshakes",)
    ),
    "no_memory_panics": Fault(
        "panics when it has no memory for a connection",
        ("memory.allocations",),
        consequences=("memory.scarce",),
    ),
    "wears_out": Fault(
        "refuses every connection after the 700th",
        ("soak.requests",),
        consequences=("*",),  # whichever makes the 700th finds a device that does not answer
    ),
}
"""Every fault by its name, which is that of a constant in planted/faults.h."""
