"""Salvage: every row that a damaged store still gives.

A table is read from both ends up to the bad page, then by halves into what lies between. Pages of
an encrypted store are authenticated, so a row that can be read is right; an event of a plain one is
taken when its check value is. A copy that was made after the damage has it too: what nobody can
read there is removed first, or it would be found again and again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, cast

import apsw

from loom_desktop.store import schema
from loom_desktop.store.journal import is_sound

log = logging.getLogger(__name__)

MOST_TRIES = 2_000
"""Queries per table: a bad page far up in the tree hides all of it."""
_ROWS = 200
_BEFORE_ALL, _AFTER_ALL = -(1 << 62), 1 << 62
_Row = tuple[Any, ...]


def salvage(
    source: apsw.Connection, target: apsw.Connection, *, sealed: bool = False
) -> tuple[int, int]:
    """Copy what can be read; what the target has under the same key gives way.

    ``sealed``: the target is encrypted and was checked, so every row in it is right.
    Returns how many rows were not in the target as they are, and how often reading failed.
    """
    saved = 0
    target.execute("pragma foreign_keys = off")
    try:
        with target:
            failed = 0 if sealed else sum(_clean(target, table) for table in schema.TABLES)
        for table in schema.TABLES:
            try:
                there = _columns(source, table)
            except apsw.Error:  # its schema is not readable: nothing is
                failed += 1
                break
            today = _columns(target, table)
            columns = [name for name in today if name in there]
            if not columns or columns[0] != there[0]:  # an older schema does not have it
                continue
            reader = _Reader(source, table, columns)
            put = _put
            if table == "event" and columns != today:
                put = _put_old_event
            with target:
                for row in reader.rows():
                    if put is _put and not _right(table, columns, row):
                        failed += 1
                        continue
                    saved += put(target, table, columns, row)
            failed += reader.failed
        with target:
            schema.recount(target)
    finally:
        target.execute("pragma foreign_keys = on")
    return saved, failed


class _Reader:
    def __init__(self, source: apsw.Connection, table: str, columns: Sequence[str]) -> None:
        self._source = source
        self._key = columns[0]
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
        """Some rows with a key between those two, and whether damage ended them."""
        self._tries += 1
        rows: list[_Row] = []
        try:
            key = self._key
            where = f"where {key} > ? and {key} < ? order by {key} {direction} limit {_ROWS}"
            for row in self._source.execute(f"{self._select} {where}", (low, high)):
                rows.append(row)  # one by one: those before the damage count
        except (apsw.Error, UnicodeDecodeError):
            self.failed += 1
            return rows, True
        return rows, False


def _columns(connection: apsw.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f"pragma table_info({table})")]


def _clean(target: apsw.Connection, table: str) -> int:
    """Remove the rows that are not what was written, or hold a text that is none; how many."""
    columns = _columns(target, table)
    read = ", ".join(
        f"case typeof({name}) when 'text' then cast({name} as blob) else {name} end, typeof({name})"
        for name in columns
    )
    bad: list[Any] = []
    for cells in target.execute(f"select {read} from {table}"):
        values, kinds = cells[::2], cells[1::2]
        try:
            row = tuple(
                bytes(cast("bytes", value)).decode() if kind == "text" else value
                for value, kind in zip(values, kinds, strict=True)
            )
        except UnicodeDecodeError:
            bad.append(values[0])
            continue
        if not _right(table, columns, row):
            bad.append(cast("int", row[0]))
    target.executemany(f"delete from {table} where {columns[0]} = ?", [(key,) for key in bad])
    return len(bad)


def _right(table: str, columns: Sequence[str], row: _Row) -> bool:
    """Whether an event, or a dead letter, is what was written; of others nothing is known."""
    if table == "event":
        seq, id_, time, topic, thread, cause, crc, blob = row
        return is_sound(seq, crc, blob, (id_, time, topic, thread, cause))
    if table == "dead":
        cells = dict(zip(columns, row, strict=True))
        try:
            return bool(schema.check_of(cells["event"], cells["seq"]) == cells["crc"])
        except TypeError:
            return False
    return True


def _put(target: apsw.Connection, table: str, columns: Sequence[str], row: _Row) -> bool:
    """Whether that changed anything."""
    names, marks, key = ", ".join(columns), ", ".join("?" * len(columns)), columns[0]
    there = target.execute(f"select {names} from {table} where {key} = ?", row[:1]).fetchone()
    if there == row:
        return False
    if there is not None:  # delete and insert, so that the triggers see both
        target.execute(f"delete from {table} where {key} = ?", row[:1])
    try:
        target.execute(f"insert into {table}({names}) values ({marks})", row)
    except apsw.ConstraintError:  # the same thing under another key
        log.info("A row of %s is there already", table)
        return False
    return True


def _put_old_event(target: apsw.Connection, table: str, columns: Sequence[str], row: _Row) -> bool:
    """One from before events had numbers: it gets the next one."""
    id_, time, topic, thread, cause, blob = row
    if target.execute("select 1 from event where id = ?", (id_,)).get:
        return False
    seq = int(str(target.execute("select max(seq) from event").get or 0)) + 1
    thread = thread if thread != id_ else 0
    crc = schema.check_of(blob, seq)
    whole = (seq, id_, time, topic, thread, cause, crc, blob)
    return _put(target, table, _columns(target, table), whole)
