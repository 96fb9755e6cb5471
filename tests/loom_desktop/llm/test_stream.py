from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.llm.stream import MOST_EVENT_BYTES, EventStream, Garbled, objects

A, B = {"a": 1}, {"b": "ü€😀"}
UTF8 = json.dumps(B, ensure_ascii=False).encode()


def read(data: bytes, size: int = 0, charset: str = "utf-8") -> list[str]:
    stream = EventStream(charset)
    size = size or max(1, len(data))
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return [one for piece in pieces for one in stream.feed(piece)] + list(stream.end())


async def said(pieces: Sequence[bytes], kind: str = "text/event-stream") -> list[Any]:
    async def chunks() -> AsyncIterator[bytes]:
        for one in pieces:
            yield one

    return [one async for one in objects(chunks(), kind)]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b": comment\n\ndata: a\n\n", ["a"]),
        (b"event: x\nid: 1\nretry: 5\ndata: a\n\n", ["a"]),
        (b"nonsense\ndata: a\nmore: nonsense\n\n", ["a"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data: a", ["a"]),
        (b"data: a\n", ["a"]),
        (b"data: a\r", ["a"]),
        (b"\n\n\ndata: a\n\n\n\n", ["a"]),
        (b"data\n\n", [""]),
        (b"", []),
        (b"event: x\n\n", []),
    ],
)
def test_events_are_read_as_the_standard_says(data: bytes, events: list[str]) -> None:
    for size in range(1, len(data) + 1):
        assert read(data, size) == events, f"in pieces of {size}"


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 30),
)
def test_no_cut_changes_what_is_read(texts: list[str], end: str, size: int) -> None:
    data = "".join(f"data: {one}{end}{end}" for one in texts).encode()
    assert read(data, size) == texts


@given(st.binary(max_size=300), st.integers(1, 40))
def test_no_bytes_break_the_reader(data: bytes, size: int) -> None:
    assert read(data, size) == read(data)


def test_bytes_in_the_charset_of_the_header_are_read_when_they_are_no_utf8() -> None:
    assert read("data: für\n\n".encode("latin-1"), charset="iso-8859-1") == ["für"]
    assert read("data: für\n\n".encode(), charset="iso-8859-1") == ["für"]
    assert read(b"data: f\xfcr\n\n", charset="no-such-charset") == ["f\ufffdr"]


def test_an_event_without_end_is_refused() -> None:
    with pytest.raises(Garbled, match="without end"):
        read(b"data: " + b"x" * (MOST_EVENT_BYTES + 10), 65536)
    with pytest.raises(Garbled, match="without end"):
        read((b"data: " + b"x" * 1000 + b"\n") * 1100, 65536)


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("text/event-stream", b'data: {"a": 1}\n\ndata: [DONE]\n\n', [A, None]),
        ("text/event-stream", b'data: {"a": 1}\n\n', [A]),
        ("application/json", b'data: {"a": 1}\n\ndata: [DONE]\n\n', [A, None]),
        ("", b'data: {"a": 1}\n\n', [A]),
        ("application/json", b'{"a": 1}', [A]),
        ("text/event-stream", b' \n{"a": 1}', [A]),
        ("application/json", b'\xef\xbb\xbf{"a": 1}', [A]),
        ("application/json", b'[{"a": 1}]', [A]),
        ("application/x-ndjson", b'{"a": 1}\n{"a": 1}\n', [A, A]),
        ("application/json", UTF8, [B]),
        ("text/event-stream; charset=latin-1", b"data: " + UTF8 + b"\n\n", [B]),
        ("application/json; charset=latin-1", '{"ä": 1}'.encode("latin-1"), [{"ä": 1}]),
        ("text/event-stream", b": keep-alive\n\n", []),
        ("text/event-stream", b"", []),
        ("application/json", b"", []),
        ("text/event-stream", b'data: [DONE]\n\ndata: {"a": 1}\n\n', [None]),
        ("text/event-stream", b'data:\n\ndata: {"a": 1}\n\n', [A]),
    ],
)
async def test_the_content_decides_how_it_is_read(kind: str, body: bytes, found: list[Any]) -> None:
    assert await said([body], kind) == found
    assert await said([body[i : i + 1] for i in range(len(body))], kind) == found


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>Sign in</title>",
        b"\x00\x01\x02\xff\xfe",
        b"220 mail.example ESMTP\r\n",
        b"{broken",
        b"[1, 2]",
        b"data: {broken\n\n",
        b"data: 7\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"{" + b'"a":[' * 50_000,
        b'{"a": 1}\nnot json',
    ],
)
async def test_what_is_no_answer_of_a_model_is_refused(body: bytes) -> None:
    with pytest.raises(Garbled):
        await said([body])


async def test_more_than_the_cap_is_refused() -> None:
    with pytest.raises(Garbled, match="more than 32 MB"):
        await said([b": " + b"x" * 900_000 + b"\n"] * 40)


async def test_an_object_is_there_as_soon_as_its_line_is() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'data: {"a": 1}\n\n'
        raise AssertionError("nobody asked for more")

    async for one in objects(chunks()):
        assert one == A
        break
