from __future__ import annotations

import asyncio
import datetime
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import TimedOut, Unavailable
from loom_desktop.net import Net
from loom_desktop.net.transport import Unreachable, decoder, unreachable


def verification(words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = words
    return error


@pytest.mark.parametrize(
    ("error", "why", "says"),
    [
        (httpcore2.ConnectError(ConnectionRefusedError(111, "x")), "refused", "connection refused"),
        (httpcore2.ConnectError(OSError(113, "x")), "route", "cannot be reached from here"),
        (httpcore2.ConnectError(OSError(101, "x")), "route", "cannot be reached from here"),
        (httpcore2.ConnectError(ssl.SSLError(1, "WRONG_VERSION")), "tls", "encrypted protocol"),
        (httpcore2.ConnectError(verification("it is too old")), "tls", "it is too old"),
        (httpcore2.RemoteProtocolError("incomplete"), "broken", "hung up before it answered"),
        (httpcore2.ReadError(ConnectionResetError(104, "x")), "broken", "hung up"),
    ],
)
def test_what_the_library_raises_becomes_a_sentence(error: Exception, why: str, says: str) -> None:
    told = unreachable(error, "it")
    assert isinstance(told, Unreachable)
    assert (told.why, says in told.message) == (why, True)


def test_a_connection_that_takes_too_long_is_a_time_out() -> None:
    assert isinstance(unreachable(httpcore2.ConnectTimeout(TimeoutError()), "it"), TimedOut)


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(KeyError):
        unreachable(KeyError("x"), "it")


@given(st.binary(max_size=5000), st.integers(1, 700), st.sampled_from(["gzip", "deflate", ""]))
def test_a_packed_body_is_the_same_however_it_is_cut(body: bytes, size: int, kind: str) -> None:
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body), "": body}[kind]
    decode = decoder(kind, "it")
    pieces = [packed[i : i + size] for i in range(0, len(packed), size)]
    assert b"".join(part for piece in pieces for part in decode(piece)) == body


def test_no_piece_of_a_packed_body_grows_without_limit() -> None:
    decode = decoder("gzip", "it")
    assert max(len(part) for part in decode(gzip.compress(b"\0" * 10_000_000))) <= 65_536


def test_an_unknown_packing_is_refused() -> None:
    with pytest.raises(Unavailable):
        decoder("zstd", "it")


# ------------------------------------------------------------------------------ encryption


class Tls:
    """A server for model.example with a certificate of our own; remembers the names it is asked."""

    def __init__(self, folder: Path) -> None:
        x509 = pytest.importorskip("cryptography.x509")
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "model.example")])
        begin = datetime.datetime(2020, 1, 1)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=36_500))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("model.example")]), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self.certificate = folder / "certificate.pem"
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = folder / "key.pem"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, private)
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.names: list[str | None] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


class Lines:
    async def begin(self, host: str, port: int, **about: Any) -> int:
        return 1

    def finish(self, id: int, **outcome: Any) -> None:  # noqa: A002
        pass


async def home(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
async def tls(tmp_path: Path) -> AsyncIterator[tuple[Tls, int]]:
    served = Tls(tmp_path)
    server = await asyncio.start_server(served.answer, "127.0.0.1", 0, ssl=served.context)
    async with server:
        yield served, server.sockets[0].getsockname()[1]


async def fetched(port: int, host: str = "model.example") -> bytes:
    net = Net(Lines(), resolve=home, allowed_local=[f"{host}:{port}"])
    try:
        return (await net.fetch(f"https://{host}:{port}/", allow_local=True)).content
    finally:
        await net.close()


async def test_the_connection_goes_to_the_checked_address_with_the_original_name(
    tls: tuple[Tls, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, port = tls
    trusting = ssl.create_default_context(cafile=str(served.certificate))
    monkeypatch.setattr("httpx2.create_ssl_context", lambda **_: trusting)
    assert await fetched(port) == b"ok"
    assert served.names == ["model.example"]
    with pytest.raises(Unreachable, match="could not prove who it is") as caught:
        await fetched(port, "other.example")
    assert caught.value.why == "tls"


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls: tuple[Tls, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, port = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(served.certificate))  # the environment has no say
    with pytest.raises(Unreachable, match="could not prove who it is"):
        await fetched(port)
