"""Reads what a model server sends: server-sent events, or one JSON body when it does not stream.

The content decides, not the header: servers stream as ``application/json`` and answer whole as
``text/event-stream``. Bytes are cut into lines before they are decoded, so a character that comes
in two pieces is never broken. The format is that of the HTML standard, section 9.2.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from email.message import Message as Header
from typing import Any

MOST_EVENT_BYTES = 1_000_000
MOST_BYTES = 32_000_000
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"", b"data", b"event", b"id", b"retry")  # an empty name is a comment


class Garbled(Exception):
    """What came is not an answer of a model. The text says why, as the end of a sentence."""


class EventStream:
    """Takes bytes as they come, gives the data of each whole event.

    A comment, an unknown field and an event without data are skipped, as the standard says. The
    last event counts although its empty line is missing.
    """

    def __init__(self, charset: str = "utf-8") -> None:
        self._charset = charset
        self._rest = b""
        self._data: list[str] = []
        self._size = 0
        self._begun = False
        self.recognised = False
        """Whether any line so far was one of the format."""

    def feed(self, piece: bytes) -> Iterator[str]:
        """The events that are whole with this piece. Raises Garbled when one has no end."""
        buffer = self._rest + piece
        if not self._begun:
            if len(buffer) < 3 and _BOM.startswith(buffer):
                self._rest = buffer
                return
            buffer, self._begun = buffer.removeprefix(_BOM), True
        start = 0
        while True:
            end, after = _line_end(buffer, start)
            if end < 0:
                break
            yield from self._line(buffer[start:end])
            start = after
        self._rest = buffer[start:]
        if self._size + len(self._rest) > MOST_EVENT_BYTES:
            raise Garbled("it sent a line without end")

    def end(self) -> Iterator[str]:
        """What was still open when the stream ended."""
        rest, self._rest = self._rest, b""
        if rest:
            yield from self._line(rest.removesuffix(b"\r"))
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[str]:
        if not line:
            data, self._data, self._size = self._data, [], 0
            if data:
                yield "\n".join(data)
            return
        name, _, value = line.partition(b":")
        if name in _FIELDS:
            self.recognised = True
        if name == b"data":
            self._size += len(value)
            self._data.append(self._decode(value.removeprefix(b" ")))

    def _decode(self, line: bytes) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            pass
        try:  # the standard knows only UTF-8, but a server may mean what its header says
            return line.decode(self._charset)
        except (UnicodeDecodeError, LookupError):
            return line.decode("utf-8", errors="replace")


def _line_end(buffer: bytes, start: int) -> tuple[int, int]:
    """Where the line ends and the next begins; -1 when more must come to know it."""
    newline, carriage = buffer.find(b"\n", start), buffer.find(b"\r", start)
    if carriage < 0 or 0 <= newline < carriage:
        return newline, newline + 1
    if carriage + 1 == len(buffer):
        return -1, -1
    return carriage, carriage + (2 if buffer[carriage + 1 : carriage + 2] == b"\n" else 1)


async def objects(
    chunks: AsyncIterator[bytes], content_type: str = ""
) -> AsyncGenerator[dict[str, Any] | None, None]:
    """The JSON objects of an answer as they come; ``None`` is the server's own mark of the end.

    Raises Garbled. Nothing at all is no error here: it is the caller who knows what is missing.
    """
    header = Header()
    header["content-type"] = content_type
    charset = header.get_content_charset("utf-8")
    head, size = b"", 0
    events: EventStream | None = None
    async for chunk in chunks:
        size += len(chunk)
        if size > MOST_BYTES:
            raise Garbled(f"it sent more than {MOST_BYTES // 1_000_000} MB")
        if events is None:
            head += chunk
            start = head.removeprefix(_BOM).lstrip()
            if not start or _BOM.startswith(head) or start[:1] in b"{[<":
                continue  # not a stream: read it to its end
            events, chunk = EventStream(charset), head
        for data in events.feed(chunk):
            if (one := _object(data)) is not _SKIP:
                yield one
                if one is None:
                    return
    if events is not None:
        for data in events.end():
            if (one := _object(data)) is not _SKIP:
                yield one
        if not events.recognised:
            raise Garbled("it is not the answer of a model server")
        return
    for one in _whole(head.removeprefix(_BOM).strip(), charset):
        yield one


_SKIP: dict[str, Any] = {}


def _object(data: str) -> dict[str, Any] | None:
    data = data.strip()
    if not data:
        return _SKIP
    if data == "[DONE]":
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Garbled("a piece of it cannot be read") from error
    if not isinstance(found, dict):
        raise Garbled("a piece of it is not what a model server sends")
    return found


def _whole(body: bytes, charset: str) -> Iterator[dict[str, Any]]:
    """One JSON object, a list of them, or one in each line."""
    if not body:
        return
    if body.startswith(b"<"):
        raise Garbled("it sent a web page")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = body.decode(charset)
        except (UnicodeDecodeError, LookupError) as error:
            raise Garbled("it is not text") from error
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise Garbled("it cannot be read") from error
    for one in found if isinstance(found, list) else [found]:
        if not isinstance(one, dict):
            raise Garbled("it is not what a model server sends")
        yield one
