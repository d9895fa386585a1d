# SPDX-License-Identifier: MIT
"""The clients' pure parts: frames, requests, records."""

from __future__ import annotations

import ssl

import pytest
from espbench.clients import Frame, Tls, TlsError, TlsSteps, chunked, encode_request, records
from espbench.clients.websocket import accept_of, close_payload, mask
from wsproto.frame_protocol import FrameProtocol, Opcode


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frames_are_what_wsproto_reads(size: int) -> None:
    """wsproto decodes frames of every length class."""
    payload = bytes(index % 251 for index in range(size))
    decoder = FrameProtocol(client=False, extensions=[])
    decoder.receive_bytes(Frame(0x2, payload).encode())
    frames = list(decoder.received_frames())
    parts = [f.payload for f in frames if isinstance(f.payload, (bytes, bytearray))]
    assert b"".join(parts) == payload
    assert {frame.opcode for frame in frames} == {Opcode.BINARY}


def test_an_odd_frame_is_odd() -> None:
    """Reserved bits, a missing mask and a false length are sent as given."""
    frame = Frame(0x1, b"ab", fin=False, rsv=5, masked=False, length=7)
    assert frame.encode() == bytes([0x51, 7]) + b"ab"


def test_a_longer_length_than_needed() -> None:
    """A length can be encoded in more bytes than needed, which RFC 6455 5.2 forbids."""
    assert Frame(0x1, b"", masked=False, length_bytes=8).encode() == b"\x81\x7f" + bytes(8)


def test_mask_is_its_own_inverse() -> None:
    """Masking twice gives the payload back, leading zeros included."""
    payload = b"\0\0hello"
    assert mask(mask(payload, b"\0\1\2\3"), b"\0\1\2\3") == payload


def test_accept_of_the_rfcs_example() -> None:
    """The result is that of the example in RFC 6455 section 1.3."""
    assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_close_payload_has_code_and_reason() -> None:
    """A close frame's payload is the code in network order and the reason."""
    assert close_payload(1000, "bye") == b"\x03\xe8bye"


def test_a_request_has_host_and_length() -> None:
    """Host and Content-Length are added when they are not given."""
    assert encode_request("POST", "/x", "h", b"ab", {"A": "b"}) == (
        b"POST /x HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 2\r\n\r\nab"
    )


def test_given_headers_are_left_alone() -> None:
    """Given Host and Content-Length headers are sent unchanged."""
    request = encode_request("POST", "/", "h", b"ab", {"host": "x", "content-length": "99"})
    assert request == b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nab"


def test_chunked_ends_with_an_empty_chunk() -> None:
    """Sizes are hexadecimal; empty parts, which would end the body, are omitted."""
    assert chunked([b"a" * 16, b"", b"b"]) == b"10\r\n" + b"a" * 16 + b"\r\n1\r\nb\r\n0\r\n\r\n"


def test_the_hello_is_one_whole_record() -> None:
    """The ClientHello is available before the server has sent anything."""
    steps = TlsSteps(Tls(verify=False))
    assert [record.content_type for record in records(steps.hello)] == [22]
    assert not steps.established


def test_records_leave_a_part_out() -> None:
    """Half a record at the end is not yielded."""
    hello = TlsSteps(Tls(verify=False)).hello
    assert [record.raw for record in records(hello + hello[:10])] == [hello]


def test_garbage_from_the_server_is_a_tls_error() -> None:
    """A response that is not TLS gives an error with OpenSSL's reason."""
    steps = TlsSteps(Tls(verify=False))
    with pytest.raises(TlsError, match="failed: wrong version number") as caught:
        steps.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert caught.value.reason == "WRONG_VERSION_NUMBER"


def test_tls_options_reach_the_context() -> None:
    """Version, ciphers and verification of the context are those of the options."""
    context = Tls(
        verify=False,
        maximum=ssl.TLSVersion.TLSv1_2,
        ciphers="ECDHE-ECDSA-AES128-GCM-SHA256",
    ).context()
    assert context.maximum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE
    names = {cipher["name"] for cipher in context.get_ciphers() if "TLSv1.2" in str(cipher)}
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in names
