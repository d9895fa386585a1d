# SPDX-License-Identifier: MIT
"""TLS clients: `TlsStream`, and `TlsSteps`, which runs the handshake step by step.

Both run OpenSSL on memory buffers (`ssl.MemoryBIO`), so that the bytes on the wire
can be cut, delayed and held back.
"""

from __future__ import annotations

import contextlib
import enum
import os
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from espbench.clients.errors import ClientError, ConnectionEnded, TlsError
from espbench.clients.tcp import Stream, Timeout
from espbench.util.timeouts import Deadline

__all__ = [
    "KEY_LOG",
    "UNVERIFIED",
    "Record",
    "Step",
    "Tls",
    "TlsSteps",
    "TlsStream",
    "records",
    "tls_error",
]

KEY_LOG = "SSLKEYLOGFILE"
"""Environment variable with the file for the secrets of clients that name no other."""


@dataclass(frozen=True)
class Tls:
    """TLS options of a client.

    Attributes:
        trust: certificates (PEM) to trust; None trusts nothing, which only makes sense
            with `verify` off.
        server_name: the expected host name, also sent as SNI (RFC 6066).
        verify: whether to verify the chain and the name.
        check_name: whether to verify the name, if `verify` is on.
        minimum, maximum: TLS versions; None is OpenSSL's default.
        ciphers: an OpenSSL cipher list for TLS 1.2, such as ``ECDHE-ECDSA-AES128-GCM-SHA256``.
        curve: the only group to offer, such as ``prime256v1``.
        secrets: file to which session secrets are appended (SSLKEYLOGFILE format); None for the one
            that the environment variable SSLKEYLOGFILE names, if it does, as in
            `ssl.create_default_context`. `Endpoints` names the device's.
        certificate: PEM file with the client's own certificate and its chain, for a server that
            asks for one; None for none.
        key: PEM file with its private key; None if `certificate` has it, too.
    """

    trust: str | None = None
    server_name: str = "espbench.test"
    verify: bool = True
    check_name: bool = True
    minimum: ssl.TLSVersion | None = None
    maximum: ssl.TLSVersion | None = None
    ciphers: str | None = None
    curve: str | None = None
    secrets: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return an `ssl.SSLContext` with these options.

        Raises:
            ssl.SSLError: OpenSSL does not know the ciphers or the curve, or the client's
                certificate and key are invalid.
            OSError: the file with one of them cannot be read, or the secrets cannot be written.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # An end without close_notify must be visible, whatever this Python's default is.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        context.check_hostname = self.verify and self.check_name
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        if self.trust:
            context.load_verify_locations(cadata=self.trust)
        if self.minimum is not None:
            context.minimum_version = self.minimum
        if self.maximum is not None:
            context.maximum_version = self.maximum
        if self.ciphers is not None:
            context.set_ciphers(self.ciphers)
        if self.curve is not None:
            context.set_ecdh_curve(self.curve)
        if secrets := self.secrets or os.environ.get(KEY_LOG):
            context.keylog_filename = str(secrets)
        return context


def _is_end(error: ssl.SSLError) -> bool:
    """Return whether TCP ended without close_notify; not all Pythons have a class for that."""
    return isinstance(error, ssl.SSLEOFError) or error.reason == "UNEXPECTED_EOF_WHILE_READING"


UNVERIFIED = Tls(verify=False)
"""The behaviour of a browser after the user accepted its warning."""


class TlsStream:
    """A TLS connection over a TCP connection."""

    def __init__(self, raw: Stream, tls: Tls, timeout: Timeout = None) -> None:
        """Do the handshake.

        Raises:
            TlsError: the handshake failed, here or (with an alert) at the peer.
            ConnectionEnded: the peer ended the connection during the handshake.
            ClientTimeout: the handshake took too long.
        """
        self.raw = raw
        self.ended_cleanly: bool | None = None
        """Whether the peer sent close_notify (RFC 5246 section 7.2.1); None: still open."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = tls.context().wrap_bio(
            self._incoming, self._outgoing, server_hostname=tls.server_name
        )
        deadline = raw.deadline(timeout)
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                self._exchange(deadline)
                continue
            except ssl.SSLError as error:
                self._flush_quietly(deadline)
                raise tls_error(raw.peer, error) from None
            self._flush(deadline)
            break
        # OpenSSL no longer tells it after the peer has ended the connection without close_notify.
        self._version = self._object.version() or ""

    @property
    def port(self) -> int:
        """The client's source port, which identifies the connection on the device."""
        return self.raw.port

    @property
    def version(self) -> str:
        """The protocol version, such as ``TLSv1.2``."""
        return self._version

    @property
    def cipher(self) -> str:
        """The cipher suite's OpenSSL name."""
        cipher = self._object.cipher()
        return cipher[0] if cipher else ""

    @property
    def certificate(self) -> bytes:
        """The server's certificate as DER."""
        return self._object.getpeercert(binary_form=True) or b""

    def send(self, data: bytes, timeout: Timeout = None) -> None:
        """Send all of the data.

        Raises:
            ConnectionEnded: the peer has ended the connection.
            ClientTimeout: the peer did not take the data in time.
            TlsError: OpenSSL reported an error.
        """
        if data:
            try:
                self._object.write(data)
            except ssl.SSLError as error:
                if not _is_end(error):
                    raise tls_error(self.raw.peer, error) from None
                raise ConnectionEnded(
                    f"{self.raw.peer} has closed the TLS connection without a close_notify.",
                    reset=False,
                ) from None
        self._flush(self.raw.deadline(timeout))

    def receive(self, timeout: Timeout = None) -> bytes:
        """Return available data, waiting for at least one byte; b"" if the peer closed."""
        deadline = self.raw.deadline(timeout)
        while True:
            try:
                data = self._object.read(65536)
            except ssl.SSLWantReadError:
                self._read(deadline)
            except ssl.SSLZeroReturnError:
                self.ended_cleanly = True
                return b""
            except ssl.SSLError as error:
                if not _is_end(error):
                    raise tls_error(self.raw.peer, error) from None
                self.ended_cleanly = False
                return b""
            else:
                if data:
                    return data
                self.ended_cleanly = True
                return b""

    def finish(self) -> None:
        """Send close_notify (RFC 5246 section 7.2.1); what the peer sends still arrives."""
        # unwrap() raises as long as the peer's close_notify is missing, which is not needed.
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._object.unwrap()
        self._flush_quietly(Deadline(1))

    def close(self) -> None:
        """Send close_notify, then close the TCP connection, unless `reset` has ended it."""
        if not self.raw.closed:
            self.finish()
        self.raw.close()

    def reset(self) -> None:
        """End the TCP connection with a reset, without close_notify."""
        self.raw.reset()

    def _exchange(self, deadline: Deadline) -> None:
        self._flush(deadline)
        data = self.raw.receive(deadline)
        if not data:
            raise ConnectionEnded(
                f"{self.raw.peer} closed the connection during the TLS handshake.", reset=False
            )
        self._incoming.write(data)

    def _read(self, deadline: Deadline) -> None:
        data = self.raw.receive(deadline)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self, deadline: Deadline) -> None:
        if self._outgoing.pending:
            self.raw.send(self._outgoing.read(), deadline)

    def _flush_quietly(self, deadline: Deadline) -> None:
        """Send a pending alert, if the peer is still there."""
        with contextlib.suppress(ClientError):
            self._flush(deadline)

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def tls_error(peer: str, error: ssl.SSLError) -> TlsError:
    """Convert an error of OpenSSL into a `TlsError`."""
    reason = error.reason or ""
    words = getattr(error, "verify_message", "") or reason.replace("_", " ").lower() or str(error)
    return TlsError(f"TLS with {peer} failed: {words}.", reason=reason)


@dataclass(frozen=True)
class Record:
    """A TLS record (RFC 5246 section 6.2.1) as sent on the wire."""

    content_type: int
    raw: bytes

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23

    @property
    def alert(self) -> tuple[int, int]:
        """Level and description of an unencrypted alert (RFC 5246 section 7.2)."""
        return self.raw[5], self.raw[6]


def records(data: bytes) -> Iterator[Record]:
    """Yield the complete records in this data; an incomplete one at the end is omitted."""
    while len(data) >= 5:
        content_type, _version, length = struct.unpack("!BHH", data[:5])
        if len(data) < 5 + length:
            return
        yield Record(content_type, data[: 5 + length])
        data = data[5 + length :]


class Step(enum.Enum):
    """Progress of a TLS 1.2 handshake (RFC 5246 section 7.3), as the client sees it."""

    CONNECTED = "TCP connected, nothing sent"
    HALF_A_HELLO = "half of the ClientHello sent"
    HELLO_SENT = "ClientHello sent, nothing read"
    SERVER_HELLO_READ = "first bytes of the server's flight read"
    SERVER_DONE_READ = "server's flight read up to ServerHelloDone"
    KEY_EXCHANGE_SENT = "ClientKeyExchange sent"
    CIPHER_CHANGED = "ChangeCipherSpec also sent"
    HALF_A_FINISHED = "half of the Finished sent"
    FINISHED_SENT = "Finished sent, server's Finished not read"
    ESTABLISHED = "server's Finished read"


class TlsSteps:
    """A client that stops its handshake at a given step and gives access to its bytes."""

    def __init__(self, tls: Tls) -> None:
        """Prepare the ClientHello; nothing is sent."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = tls.context().wrap_bio(
            self._incoming, self._outgoing, server_hostname=tls.server_name
        )
        self.established = False
        """Whether the handshake is complete on this side."""
        self.hello = self._go_on()
        """The ClientHello as a record."""

    def feed(self, data: bytes) -> bytes:
        """Take data from the server; return the data to send, b"" while more input is needed.

        Raises:
            ConnectionEnded: the data is b"", the end of the connection.
            TlsError: OpenSSL reported an error.
        """
        if not data:
            raise ConnectionEnded(
                "The device closed the connection during the TLS handshake.", reset=False
            )
        self._incoming.write(data)
        return self._go_on()

    def _go_on(self) -> bytes:
        try:
            self._object.do_handshake()
            self.established = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise tls_error("the device", error) from None
        return self._outgoing.read()

    def go(self, stream: Stream, step: Step, timeout: Timeout = None) -> None:
        """Run the handshake on this fresh connection up to this step, and stop there.

        Raises:
            ConnectionEnded: the server ended the connection before that.
            ClientTimeout: the server did not send its flight in time.
            TlsError: OpenSSL reported an error.
        """
        deadline = stream.deadline(timeout)
        if step is Step.CONNECTED:
            return
        if step is Step.HALF_A_HELLO:
            stream.send(self.hello[: len(self.hello) // 2], deadline)
            return
        stream.send(self.hello, deadline)
        if step is Step.HELLO_SENT:
            return
        answer = b""
        while not answer:
            data = stream.receive(deadline)
            if not data:
                raise ConnectionEnded(
                    f"{stream.peer} closed the connection during the TLS handshake.", reset=False
                )
            if step is Step.SERVER_HELLO_READ:
                return
            answer = self.feed(data)
        if step is Step.SERVER_DONE_READ:
            return
        # Before the key exchange there is a Certificate if the server has asked for one. In TLS 1.3
        # the ClientHello has the key exchange, and ChangeCipherSpec comes first.
        sent = list(records(answer))
        kinds = [record.content_type for record in sent]
        change = kinds.index(Record.CHANGE_CIPHER_SPEC) if Record.CHANGE_CIPHER_SPEC in kinds else 0
        *before, finished = (record.raw for record in sent)
        to_send = {
            Step.KEY_EXCHANGE_SENT: b"".join(before[:change]),
            Step.CIPHER_CHANGED: b"".join(before),
            Step.HALF_A_FINISHED: b"".join([*before, finished[: len(finished) // 2]]),
        }
        stream.send(to_send.get(step, answer), deadline)
        while step is Step.ESTABLISHED and not self.established:
            data = stream.receive(deadline)
            if not data:
                raise ConnectionEnded(
                    f"{stream.peer} closed the connection before its Finished.", reset=False
                )
            self.feed(data)

    def encrypt(self, data: bytes) -> bytes:
        """Return application data as encrypted records, to be sent whole or in parts."""
        self._object.write(data)
        return self._outgoing.read()
