"""Vectors of texts: of their letters, which needs nothing, or of their meaning, by a model.

A vector is one signed byte for each of its numbers, of which the largest is 127 or -127: a quarter
of what floating point takes. Its bits are the signs, by which the nearest of very many are found
quickly.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Sequence
from operator import mul
from typing import Protocol

_word = re.compile(r"\w+")
_SCALE = 127
_DIMENSIONS = 256
_MOST_CHARS = 2_000
"""Of a text that are looked at: what it is about is said by then."""
_SHORT = 4
"""Words shorter than this say little: most of them are articles and the like."""


class Embedder(Protocol):
    """What makes vectors. Those of one name can be compared with each other, and no others."""

    name: str
    exact: bool
    """Whether near vectors mean the same. Those of letters are only good to compare what shares
    letters anyway."""

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """A vector for each. Called in a thread; may take its time."""


class Letters:
    """Vectors of hashed letters: two and three in a row, in each word. Needs no model, is the same
    for all languages, and brings misspellings and other forms near to each other."""

    name = "letters-1"
    exact = False

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """About 50 us for a sentence."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> bytes:
        numbers = [0.0] * _DIMENSIONS
        for word in _word.findall(folded(text[:_MOST_CHARS])):
            framed = f"<{word}>"
            pieces = [
                framed[at : at + size] for size in (2, 3) for at in range(len(framed) - size + 1)
            ]
            weight = (0.08 if len(word) < _SHORT else 0.2) * min(len(word), 10)
            weight /= math.sqrt(len(pieces))
            for piece in pieces:
                hashed = zlib.crc32(piece.encode())
                numbers[hashed % _DIMENSIONS] += weight if hashed >> 31 else -weight
        return packed(numbers)


def folded(text: str) -> str:
    """Lower case, without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def grams(text: str) -> list[str]:
    """Every three characters in a row of its words, the frames of words among them; each once."""
    spread = f" {' '.join(_word.findall(text.lower()))} "
    return list(dict.fromkeys(spread[at : at + 3] for at in range(len(spread) - 2)))


def packed(numbers: Iterable[float]) -> bytes:
    """Numbers as a vector. All of them 0 stay that."""
    values = list(numbers)
    largest = max(map(abs, values), default=0.0) or 1.0
    return bytes(round(value * _SCALE / largest) & 0xFF for value in values)


def bits(vector: bytes) -> bytes:
    """The signs of a vector, one bit each."""
    signs = 0
    for value in vector:
        signs = signs << 1 | value >> 7
    return signs.to_bytes((len(vector) + 7) // 8)


def likeness(one: bytes) -> Callable[[bytes], float]:
    """The cosine of this vector and of any other, -1 to 1; 0 for such as cannot be compared."""
    numbers = memoryview(one).cast("b")
    length = math.hypot(*numbers)

    def compared(other: bytes) -> float:
        if len(other) != len(one):
            return 0.0
        others = memoryview(other).cast("b")
        product: int = sum(map(mul, numbers, others))
        return product / (length * math.hypot(*others) or 1.0)

    return compared
