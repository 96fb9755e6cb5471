"""Nearest: whose vectors point most nearly the same way, among very many, by the signs alone.

What is looked through is kept in memory once somebody asked: about 130 bytes for each of them.
Each time it is looked whether it is still what the table says. A difference that this does not see
costs a candidate, and no more: whoever asked goes on with the vectors themselves.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import Any

import apsw

_OF_MODEL = "from memory_vector where model = ? and length(bits) > 0"
_SINCE = """select id, memory, bits from memory_vector not indexed
    where id > ? and model = ? and length(bits) > 0"""


class Nearest:
    """The signs of the vectors of one model, as of the last look. For one thread at a time."""

    def __init__(self) -> None:
        self._model = ""
        self._last = self._at = 0
        """The newest row, and its place below."""
        self._ids: list[int] = []
        self._signs: list[int] = []

    def find(self, connection: apsw.Connection, model: str, bits: bytes, limit: int) -> list[int]:
        """The numbers of the memories with the fewest signs apart from these, the nearest first."""
        self._look(connection, model)
        wanted = int.from_bytes(bits)
        apart = [(one ^ wanted).bit_count() for one in self._signs]
        best = nsmallest(limit, range(len(apart)), key=apart.__getitem__)
        return [self._ids[at] for at in best]

    def _look(self, connection: apsw.Connection, model: str) -> None:
        """Take in what came since; all of it anew when something went, or it is another model."""
        if self._ids and model == self._model and self._still_there(connection):
            values = (model, self._last)
            self._take(
                connection.execute(f"select id, memory, bits {_OF_MODEL} and id > ?", values)
            )
            many = connection.execute(f"select count(*) {_OF_MODEL}", (model,)).get
            if many == len(self._ids):
                return
        self._model, self._last = model, 0
        self._ids, self._signs = [], []
        self._take(connection.execute(f"select id, memory, bits {_OF_MODEL}", (model,)))

    def _still_there(self, connection: apsw.Connection) -> bool:
        """Whether the last row is what it was: its number may have been given again."""
        newest: Any = connection.execute(
            "select memory, bits from memory_vector where id = ?", (self._last,)
        ).fetchone()
        if newest is None:
            return False
        memory, bits = newest
        return bool((memory, int.from_bytes(bits)) == (self._ids[self._at], self._signs[self._at]))

    def _take(self, rows: Any) -> None:
        for number, memory, bits in rows.fetchall():
            if number > self._last:
                self._last, self._at = number, len(self._ids)
            self._ids.append(memory)
            self._signs.append(int.from_bytes(bits))
