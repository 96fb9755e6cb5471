"""How values become columns and come back: labels, odd text, paths, search words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

import msgspec

MOST_SEARCH_WORDS = 16
_word = re.compile(r"\w+")
_names = msgspec.json.Decoder(list[str])


def storable(text: str) -> str:
    """The text with lone surrogates replaced: neither SQLite nor JSON takes them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def plain(value: Any) -> Any:
    """Plain data in which every text is ``storable``; the slow way, for when encoding failed."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value


def labels(origin: Iterable[str]) -> str:
    """A set of labels as one column; in order, so that equal sets are equal columns."""
    return msgspec.json.encode([storable(one) for one in sorted(origin)]).decode()


def origins(column: str) -> frozenset[str]:
    """What ``labels`` wrote. Anything else is a missing label."""
    try:
        return frozenset(_names.decode(column))
    except msgspec.DecodeError:
        return frozenset()


def packed(value: Any) -> bytes:
    """Plain data as one column. Raises TypeError for what is not plain data."""
    try:
        return msgspec.msgpack.encode(value)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode(plain(value))
    except OverflowError as error:  # whole numbers beyond 64 bits
        raise TypeError(str(error)) from error


def unpacked(column: bytes) -> Any:
    """What ``packed`` wrote."""
    return msgspec.msgpack.decode(column)


def path_bytes(path: str) -> bytes:
    """A path as the file system knows it: names that are not text survive as well."""
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:  # no file can have that name
        return os.fsencode(storable(path))


def path_text(column: bytes) -> str:
    """What ``path_bytes`` wrote."""
    return os.fsdecode(column)


def matching(query: str) -> str:
    """What a person typed as an FTS5 query: all of the words, the last may be unfinished.

    Nothing in it is syntax, so no input is an error. Empty when there is no word in it.
    """
    words = _word.findall(storable(query))[:MOST_SEARCH_WORDS]
    return " ".join(f'"{word}"' for word in words) + "*" if words else ""
