"""Salvage: every row that a damaged store still gives.

A table is read from both ends up to the bad page, then by halves into what lies between. Pages of
an encrypted store are authenticated, so a row that can be read is right.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from loom_desktop.store import schema

log = logging.getLogger(__name__)

MOST_TRIES = 2_000
"""Queries per table: a bad page far up in the tree hides all of it."""
_ROWS = 200
_BEFORE_ALL, _AFTER_ALL = -(1 << 62), 1 << 62
_Row = tuple[Any, ...]


def salvage(source: apsw.Connection, target: apsw.Connection) -> tuple[int, int]:
    """Copy what can be read; what the target has under the same id gives way.

    Returns how many rows were not in the target as they are, and how often reading failed.
    """
    saved = failed = 0
    target.execute("pragma foreign_keys = off")
    try:
        for table in schema.TABLES:
            try:
                there = {str(row[1]) for row in source.execute(f"pragma table_info({table})")}
            except apsw.Error:  # its schema is not readable: nothing is
                return saved, failed + 1
            columns = [
                str(row[1])
                for row in target.execute(f"pragma table_info({table})")
                if row[1] in there
            ]
            if not columns or columns[0] != "id":  # an older schema does not have it
                continue
            reader = _Reader(source, table, columns)
            with target:
                saved += sum(_put(target, table, columns, row) for row in reader.rows())
            failed += reader.failed
    finally:
        target.execute("pragma foreign_keys = on")
    return saved, failed


class _Reader:
    def __init__(self, source: apsw.Connection, table: str, columns: Sequence[str]) -> None:
        self._source = source
        self._select = f"select {', '.join(columns)} from {table} not indexed"
        self._tries = 0
        self.failed = 0

    def rows(self) -> Iterator[_Row]:
        low, high = _BEFORE_ALL, _AFTER_ALL
        for direction in ("asc", "desc"):
            while True:
                rows, damaged = self._page(low, high, direction)
                yield from rows
                if rows and direction == "asc":
                    low = rows[-1][0]
                elif rows:
                    high = rows[-1][0]
                if damaged:
                    break
                if len(rows) < _ROWS:
                    return
        gaps = [(low, high)]
        while gaps and self._tries < MOST_TRIES:
            low, high = gaps.pop()
            if high - low <= 2:  # a single row, and it was tried
                continue
            middle = (low + high) // 2
            for start, end in ((low, middle + 1), (middle, high)):
                rows, damaged = self._page(start, end, "asc")
                yield from rows
                if damaged or len(rows) == _ROWS:
                    gaps.append((rows[-1][0] if rows else start, end))

    def _page(self, low: int, high: int, direction: str) -> tuple[list[_Row], bool]:
        """Some rows with an id between those two, and whether damage ended them."""
        self._tries += 1
        rows: list[_Row] = []
        try:
            sql = f"{self._select} where id > ? and id < ? order by id {direction} limit {_ROWS}"
            for row in self._source.execute(sql, (low, high)):
                rows.append(row)  # one by one: those before the damage count
        except (apsw.Error, UnicodeDecodeError):
            self.failed += 1
            return rows, True
        return rows, False


def _put(target: apsw.Connection, table: str, columns: Sequence[str], row: _Row) -> bool:
    """Whether that changed anything."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    there = target.execute(f"select {names} from {table} where id = ?", row[:1]).fetchone()
    if there == row:
        return False
    if there is not None:  # delete and insert, so that the triggers see both
        target.execute(f"delete from {table} where id = ?", row[:1])
    try:
        target.execute(f"insert into {table}({names}) values ({marks})", row)
    except apsw.ConstraintError:  # the same thing under another id
        log.info("A row of %s is there already", table)
        return False
    return True
