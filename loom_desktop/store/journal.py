"""Journal: every durable event, in the order of their ids, kept before it counts as accepted.

The columns are what questions are asked about; the event itself is one msgpack blob, written when
it was handed over, so that later changes to its payload cannot reach it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, cast

import apsw
import msgspec

from loom_desktop.event import Event
from loom_desktop.store.columns import labels, plain, storable
from loom_desktop.store.database import Database

log = logging.getLogger(__name__)

MOST_LINKS = 64
"""How far ``chain`` goes back, and how deep it follows the effects."""
MOST_EFFECTS = 500
_AT_ONCE = 5_000

_COLUMNS = "id, time, topic, sender, thread, cause, origin, privacy, event"
_PUT = f"insert into event({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Event)
_Row = tuple[Any, ...]


class Journal:
    """What happened. Reading sees every event that was handed over before."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._lock = threading.Lock()
        self._batch: _Batch | None = None
        self._unkept = 0

    @property
    def lost(self) -> int:
        """Events that ``keep`` could not keep: not plain data, or an id that was there already."""
        return self._unkept

    def keep(self, event: Event) -> None:
        """Keep it with the next group, from any thread. Never waits and never raises."""
        try:
            row = _row(event)
        except (TypeError, ValueError) as error:
            self._unkept += 1
            log.error("An event %s is not plain data and was not kept: %s", event.topic, error)
            return
        with self._lock:
            batch = self._batch
            if batch is not None and batch.add(row):
                return
            batch = self._batch = _Batch()
            batch.add(row)
        self._db.post(lambda connection: self._write(connection, batch))

    async def append(self, event: Event) -> None:
        """Return when it is on the disk. The same event twice is kept once.

        Raises TypeError for a payload that is not plain data, ValueError for another event with an
        id that is taken, Unavailable when the disk does not take it.
        """
        row = _row(event)
        if not await self._db.do(lambda connection: _put(connection, row)):
            raise ValueError(f"There is another event {event.id} in the journal.")

    async def flush(self) -> None:
        """Return when everything kept so far is written. Raises Unavailable when it is not."""
        await self._flush()

    async def event(self, id: int) -> Event | None:  # noqa: A002  # the name of the field
        """The event of that id, or None: realtime events are not here, old ones not any more."""
        found = await self._select("where id = ?", (id,))
        return found[0] if found else None

    async def thread(self, id: int, *, limit: int = 1_000) -> list[Event]:  # noqa: A002
        """A conversation or piece of work from its first event on."""
        return await self._select("where thread = ? order by id limit ?", (id, limit))

    async def chain(self, id: int) -> list[Event]:  # noqa: A002
        """From the root cause through this event to all its effects, in order."""
        return await self._select(
            """where id in (
                with recursive up(id, cause, depth) as (
                    select id, cause, 0 from event where id = ?1
                    union select event.id, event.cause, depth + 1 from event, up
                    where event.id = up.cause and up.cause <> 0 and depth < ?2)
                select id from up)
            or id in (
                with recursive down(id, depth) as (
                    select id, 0 from event where id = ?1
                    union select event.id, depth + 1 from event, down
                    where event.cause = down.id and event.cause <> 0 and depth < ?2 limit ?3)
                select id from down)
            order by id""",
            (id, MOST_LINKS, MOST_EFFECTS),
        )

    async def events(
        self, topic_prefix: str = "", *, since: float = 0.0, until: float = 0.0, limit: int = 100
    ) -> list[Event]:
        """The newest ``limit`` of a time span (``until`` 0: no end), oldest first."""
        where, values = "time >= ? and (? = 0 or time < ?)", [since, until, until]
        of_topic: list[str] = []
        if topic_prefix:
            where += " and topic >= ? and topic < ?"
            of_topic = [topic_prefix, topic_prefix + "\U0010ffff"]
        found = await self._select(
            f"where {where} order by id desc limit ?", (*values, *of_topic, limit)
        )
        return found[::-1]

    async def last_id(self) -> int:
        """The highest id that was ever kept and not forgotten; 0 in an empty journal."""
        await self._flush()
        return await self._db.read(
            lambda connection: int(connection.execute("select max(id) from event").get or 0)
        )

    async def forget_before(self, time: float) -> int:
        """Remove what is older, a part at a time so that nobody waits long. Returns how many."""
        removed = 0
        await self._flush()
        while True:
            now = await self._db.do(
                lambda connection: _changes(
                    connection,
                    "delete from event where id in (select id from event where time < ? limit ?)",
                    (time, _AT_ONCE),
                )
            )
            removed += now
            if now < _AT_ONCE:
                break
        if removed:
            await self._db.checkpoint()
        return removed

    async def _select(self, where: str, values: tuple[Any, ...]) -> list[Event]:
        await self._flush()
        blobs = await self._db.read(
            lambda connection: connection.execute(
                f"select event from event {where}", values
            ).fetchall()
        )
        events: list[Event] = []
        for (blob,) in cast(list[tuple[bytes]], blobs):
            try:
                events.append(_decoder.decode(blob))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                log.warning("An event of the journal is not readable: %s", error)
        return events

    async def _flush(self) -> None:
        """Wait for what was kept: whatever is queued now comes after it."""
        await self._db.do(lambda connection: None)

    def _write(self, connection: apsw.Connection, batch: _Batch) -> None:
        rows = batch.taken()
        with self._lock:
            if self._batch is batch:
                self._batch = None
        connection.execute("savepoint rows")
        try:
            connection.executemany(_PUT, rows)
        except apsw.ConstraintError:
            connection.execute("rollback to rows")
            for row in rows:
                if not _put(connection, row):
                    self._unkept += 1
                    log.error("There is another event %s in the journal.", row[0])
        connection.execute("release rows")


class _Batch:
    """Rows that go into one group. Closed when they are taken; a second try takes the same."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._open = True
        self._lock = threading.Lock()

    def add(self, row: _Row) -> bool:
        with self._lock:
            if self._open:
                self._rows.append(row)
            return self._open

    def taken(self) -> list[_Row]:
        with self._lock:
            self._open = False
        return self._rows


def _row(event: Event) -> _Row:
    try:
        blob = _encoder.encode(event)
    except UnicodeEncodeError:  # a file name that is not text, most often
        event = msgspec.structs.replace(
            event,
            payload=plain(event.payload),
            topic=storable(event.topic),
            sender=storable(event.sender),
            origin=frozenset(storable(one) for one in event.origin),
        )
        blob = _encoder.encode(event)
    except OverflowError as error:  # whole numbers beyond 64 bits
        raise TypeError(str(error)) from error
    return (
        event.id,
        event.time,
        event.topic,
        event.sender,
        event.begins,
        event.cause,
        labels(event.origin),
        int(event.privacy),
        blob,
    )


def _put(connection: apsw.Connection, row: _Row) -> bool:
    """Whether it is there now: put, or the very same was there before."""
    connection.execute("savepoint one")
    try:
        connection.execute(_PUT, row)
    except apsw.ConstraintError:
        connection.execute("rollback to one")
        there: Any = connection.execute("select event from event where id = ?", (row[0],)).get
        return _decoder.decode(there) == _decoder.decode(row[-1])
    finally:
        connection.execute("release one")
    return True


def _changes(connection: apsw.Connection, sql: str, values: tuple[Any, ...]) -> int:
    connection.execute(sql, values)
    return connection.changes()
