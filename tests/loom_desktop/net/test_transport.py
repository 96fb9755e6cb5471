from __future__ import annotations

import gzip
import ssl
import zlib

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import TimedOut, Unavailable
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
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "": bytes}[kind](body)
    decode = decoder(kind, "it")
    pieces = [packed[i : i + size] for i in range(0, len(packed), size)]
    assert b"".join(part for piece in pieces for part in decode(piece)) == body


def test_no_piece_of_a_packed_body_grows_without_limit() -> None:
    decode = decoder("gzip", "it")
    assert max(len(part) for part in decode(gzip.compress(b"\0" * 10_000_000))) <= 65_536


def test_an_unknown_packing_is_refused() -> None:
    with pytest.raises(Unavailable):
        decoder("zstd", "it")
