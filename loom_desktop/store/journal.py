"""Journal: every durable event, in the order of its commit, kept before it counts as accepted.

Each event has a number, ``seq``: the order in which they reached the disk. Ids are given when an
event is made, and one made earlier may be kept later, so whoever reads on counts by ``seq``. A
number is never given twice, whatever is forgotten or restored.

The columns are what questions are asked about; the event itself is one msgpack blob, written when
it was handed over, so that later changes to its payload cannot reach it.

**What is verified.** Each row has a CRC-32 of its blob and number, which is looked at whenever it
is read from a store without encryption; one that fails is never given to anybody. Pages of an
encrypted store are authenticated as they are read. Each block of 1,024 numbers knows how many rows
it should have, which ``faults`` compares (part of ``Store.check``). So what a disk changes in a
blob is seen at once; a row that is gone, or a column that makes a question miss it, is seen by the
check. Not seen: a file that was put back as a whole, and a forger, who can make a CRC.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast
from zlib import crc32

import apsw
import msgspec

from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.store.columns import plain, storable
from loom_desktop.store.database import Database
from loom_desktop.store.schema import BLOCK_BITS, check_of, reached

log = logging.getLogger(__name__)

MOST_AT_ONCE = 1_000
"""Events that ``keep`` brings into one group; what waits behind them comes with the next."""
MOST_WAITING = 100_000
"""More than this, handed to ``keep`` and not on the disk, are not taken: see ``waiting``."""
MOST_WAITING_BYTES = 64 << 20
MOST_LINKS = 64
"""How far ``chain`` goes back, and how deep it follows the effects."""
MOST_EFFECTS = 500
_AT_ONCE = 5_000
_PAGE = 500

_CHUNKS = (500, 50, 5, 1)
_ROW = "(?,?,?,?,?,?,?,?)"
_INSERT = "insert into event(seq, id, time, topic, thread, cause, crc, event) values "
# One statement for many rows: SQLite gives the interpreter back after each step, and with a busy
# loop beside it every taking back may cost 5 ms (8,000 rows/s one by one, 36,000 like this).
_PUT = {count: _INSERT + ",".join([_ROW] * count) for count in _CHUNKS}
_COUNT = """
    insert into event_block(id, low, high, count, last) values (?, ?, ?, ?, ?)
    on conflict (id) do update set low = min(low, excluded.low), high = max(high, excluded.high),
        count = count + excluded.count, last = max(last, excluded.last)"""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Event).decode
_Kept = tuple[Event, bytes]
"""The event as it was handed over, and its blob."""
Numbered = tuple[int, Event]


class Faults(NamedTuple):
    """What a look at every event found."""

    damaged: int
    """Rows that are not what was written."""
    missing: int
    """Rows that should be there."""


class Journal:
    """What happened. Reading sees every event that was handed over before.

    ``committed``, when set, is called on the store's loop once for each group that is on the disk,
    with its events and their numbers, in order; the events are the very objects that were handed
    over. Whoever awaits that group goes on after it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self.committed: Callable[[Sequence[Numbered]], None] | None = None
        self.damage_found: Callable[[], None] | None = None
        """Called from any thread when a row that is read is not what was written."""
        self.damaged = 0
        """Rows that were read and left out, because they are not what was written."""
        self._lock = threading.Lock()
        self._waiting: list[_Kept] = []
        self._waiting_bytes = 0
        self._taken = self._written = 0
        self._at_work = False
        self._flushing: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._unkept = self._unkept_told = 0
        self._sealed = database.key is not None
        self._numbered: apsw.Connection | None = None
        self._next = 1
        database.noted = self._tell_committed

    @property
    def lost(self) -> int:
        """Events that ``keep`` could not keep: not plain data, an id that was there, too many."""
        return self._unkept + (len(self._waiting) if self._db.closed else 0)

    @property
    def waiting(self) -> int:
        """Events handed to ``keep`` and not on the disk: who sees many awaits ``flush``."""
        return len(self._waiting)

    # ------------------------------------------------------------------ writing

    def keep(self, event: Event) -> None:
        """Keep it with the next group, from any thread. Never waits and never raises.

        When the disk does not take it, it is tried again with the next one, with ``flush`` and with
        ``retry``.
        """
        try:
            blob = _encode(event)
        except (TypeError, ValueError, OverflowError):
            try:
                blob = encoded(event)
            except (TypeError, ValueError) as error:
                self._unkept += 1
                log.error("An event %s is not plain data and was not kept: %s", event.topic, error)
                return
        waiting = self._waiting
        if len(waiting) >= MOST_WAITING or self._waiting_bytes >= MOST_WAITING_BYTES:
            self._unkept += 1
            return
        self._waiting_bytes += len(blob)
        # no lock: ``_settled`` clears the flag before it looks whether something waits
        waiting.append((event, blob))
        if not self._at_work:
            self.retry()

    async def append(self, event: Event) -> int:
        """Return its number when it is on the disk. The same event twice is kept once.

        Raises TypeError for a payload that is not plain data, ValueError for another event with an
        id that is taken, Unavailable when the disk does not take it.
        """
        kept = (event, encoded(event))
        return await self._db.do(lambda connection: self._put(connection, kept))

    async def append_many(self, events: Iterable[Event]) -> list[int]:
        """The same for several in one transaction: all of them, or none."""
        kept = [(event, encoded(event)) for event in events]
        if not kept:
            return []

        def write(connection: apsw.Connection) -> list[int]:
            first = self._put_all(connection, kept)
            if first:
                return [*range(first, first + len(kept))]
            return [self._put(connection, one) for one in kept]

        return await self._db.do(write)

    def put(self, connection: apsw.Connection, event: Event) -> int:
        """``append`` inside a transaction of the store. Raises what it raises."""
        return self._put(connection, (event, encoded(event)))

    async def flush(self) -> None:
        """Return when everything kept so far is on the disk.

        Raises Unavailable when any of it is not; what can still be written is tried again with the
        next call. What ``keep`` did not take is said by the first call after it.
        """
        others = self._db.submit(lambda connection: None)  # what came to the store by other ways
        await self._flush()
        await asyncio.wrap_future(others)
        if (unkept := self._unkept) > self._unkept_told:
            count, self._unkept_told = unkept - self._unkept_told, unkept
            raise Unavailable(
                f"{count} events were not saved.", hint="Look what the log says about them."
            )

    def retry(self) -> None:
        """Try again to write what the disk did not take. Never waits."""
        with self._lock:
            if self._at_work or not self._waiting:
                return
            self._at_work = True
        self._work_on()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            if not self._waiting:
                return
            future: asyncio.Future[None] = loop.create_future()
            self._flushing.append((self._written + len(self._waiting), loop, future))
            begin, self._at_work = not self._at_work, True
        if begin:
            self._work_on()
        await future

    def _work_on(self) -> None:
        try:
            self._db.follow(self._write, self._settled)
        except Unavailable as error:
            self._settled(error)

    def _write(self, connection: apsw.Connection) -> None:
        """What waits, at most ``MOST_AT_ONCE``. Run again after a failure it takes the same."""
        with self._lock:
            kept = self._waiting[:MOST_AT_ONCE]
        self._taken = len(kept)
        if self._put_all(connection, kept):
            return
        unkept = 0
        for one in kept:
            try:
                self._put(connection, one)
            except (ValueError, TypeError, OverflowError, apsw.ConstraintError) as error:
                unkept += 1
                log.error("An event %s was not kept: %s", one[0].topic, error)
        self._unkept += unkept

    def _settled(self, error: BaseException | None) -> None:
        """In the store's thread: what was taken is on the disk, or not."""
        with self._lock:
            if error is None:
                left = 1 - self._taken / max(len(self._waiting), 1)
                self._waiting_bytes = int(self._waiting_bytes * left)  # near enough for a bound
                del self._waiting[: self._taken]
                self._written += self._taken
            self._at_work = False
            more = self._at_work = error is None and bool(self._waiting)
            over = [one for one in self._flushing if error is not None or one[0] <= self._written]
            if over:
                self._flushing = [one for one in self._flushing if one not in over]
        for _, loop, future in over:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, future, error)
        if more:
            self._work_on()

    def _tell_committed(self, notes: list[Any]) -> None:
        if self.committed is not None and self._db.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._db.loop.call_soon_threadsafe(self.committed, notes)

    def _number(self, connection: apsw.Connection) -> int:
        """The next number on this connection. None is given twice, also when the file changes."""
        if connection is not self._numbered:
            self._next = max(self._next, reached(connection) + 1)
            self._numbered = connection
        return self._next

    def last(self, connection: apsw.Connection) -> int:
        """The highest number that was given, inside a transaction of the store."""
        return self._number(connection) - 1

    def _put_all(self, connection: apsw.Connection, kept: Sequence[_Kept]) -> int:
        """The number of the first; 0 and nothing written when one of them has to be looked at."""
        first = seq = self._number(connection)
        values: list[Any] = []
        notes: list[Numbered] = []
        for event, blob in kept:
            values += (
                seq, event.id, event.time, event.topic, event.thread, event.cause,
                crc32(blob, seq), blob,
            )  # fmt: skip
            notes.append((seq, event))
            seq += 1
        connection.execute("savepoint rows")
        try:
            at, end, width = 0, len(values), 8
            for count in _CHUNKS:
                sql, step = _PUT[count], count * width
                while end - at >= step:
                    connection.execute(sql, values if step == end else values[at : at + step])
                    at += step
            _count(connection, first, kept)
        except (apsw.ConstraintError, TypeError, ValueError, OverflowError):
            connection.execute("rollback to rows; release rows")
            return 0
        connection.execute("release rows")
        self._next = seq
        self._db.notes += notes
        return first

    def _put(self, connection: apsw.Connection, kept: _Kept) -> int:
        """Its number: put now, or the very same was there before."""
        event, blob = kept
        seq = self._number(connection)
        row = (
            seq, event.id, event.time, storable(event.topic), event.thread, event.cause,
            check_of(blob, seq), blob,
        )  # fmt: skip
        try:
            connection.execute(_PUT[1], row)
        except apsw.ConstraintError:
            there: Any = connection.execute(
                "select seq, event from event where id = ?", (event.id,)
            ).fetchone()
            if there is None:  # no row was in the way: a time that is no number
                raise ValueError(f"The event {event.id} is no event.") from None
            with contextlib.suppress(msgspec.DecodeError):
                if _decode(there[1]) == _decode(blob):
                    return int(there[0])
            raise ValueError(f"There is another event {event.id} in the journal.") from None
        _count(connection, seq, [kept])
        self._next = seq + 1
        self._db.notes.append((seq, event))
        return seq

    # ------------------------------------------------------------------ reading

    async def event(self, id: int) -> Event | None:  # noqa: A002  # the name of the field
        """The event of that id, or None: realtime events are not here, old ones not any more."""
        found = await self._select("where id = ?", (id,))
        return found[0] if found and found[0].id == id else None

    async def thread(self, id: int, *, limit: int = 1_000) -> list[Event]:  # noqa: A002
        """A conversation or piece of work from its first event on."""
        found = await self._select(
            """where (thread = ?1 and thread <> 0) or (id = ?1 and thread in (0, ?1))
            order by id limit ?2""",
            (id, limit),
        )
        return [event for event in found if event.begins == id]

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
        """The newest ``limit`` of a time span (``until`` 0: no end), by their ids."""
        await self._before_reading()

        def look(connection: apsw.Connection) -> list[Numbered]:
            span = _span(connection, since, until)
            if span is None:
                return []
            where, values = _within(*span, since, until)
            if topic_prefix:
                where += " and topic >= ? and topic < ?"
                values += [topic_prefix, topic_prefix + "\U0010ffff"]
            return self._read(
                connection, f"where {where} order by seq desc limit ?", *values, limit
            )

        found = [event for _, event in await self._db.read(look)]
        return sorted(found, key=lambda event: event.id)

    async def after(self, seq: int, *, limit: int = _PAGE) -> list[Numbered]:
        """The next ones of what is on the disk, by number. Empty: there is none yet."""
        where, values = _within(seq + 1, 1 << 62, 0.0, 0.0)
        return await self._db.read(lambda connection: self._page(connection, where, values, limit))

    async def replay(
        self,
        topic: str = "",
        *,
        since: float = 0.0,
        until: float = 0.0,
        thread: int = 0,
        after_seq: int = 0,
        limit: int = 0,
    ) -> AsyncIterator[Numbered]:
        """What happened once more, in the order of the commits; 0 or empty asks for no bound.

        ``topic`` is a pattern as in a subscription, or the beginning of a topic up to a dot. A page
        is read at a time, so nothing is held while the caller works; what is committed meanwhile
        comes as well.
        """
        await self._before_reading()
        start, wanted = _topics(topic)
        left = limit or -1
        while True:

            def look(connection: apsw.Connection, seq: int = after_seq) -> list[Numbered]:
                span = _span(connection, since, until)
                if span is None:
                    return []
                where, values = _within(max(span[0], seq + 1), span[1], since, until)
                if start:
                    where += " and topic >= ? and topic < ?"
                    values += [start, start + "\U0010ffff"]
                if thread:
                    where += " and (thread = ? or id = ? and thread = 0)"
                    values += [thread, thread]
                return self._page(connection, where, values, _PAGE)

            page = await self._db.read(look)
            for seq, event in page:
                after_seq = seq
                if wanted is not None and not wanted.fullmatch(event.topic):
                    continue
                yield seq, event
                left -= 1
                if not left:
                    return
            if not page:
                return

    async def last_id(self) -> int:
        """The highest id of an event or a turn that is kept; 0 in an empty store.

        Turns that were copied or imported have no event: their ids must not be given again either.
        """
        await self._before_reading()
        sql = "select max(id) from event union all select max(turn) from message"
        return await self._db.read(
            lambda connection: max(int(one or 0) for (one,) in connection.execute(sql).fetchall())
        )

    async def last_seq(self) -> int:
        """The number of the newest event that is on the disk."""
        return await self._db.do(self.last)

    def faults(
        self, connection: apsw.Connection, *, thorough: bool, stopping: Callable[[], bool]
    ) -> Faults:
        """Whether every event is there, and if ``thorough`` is what was written. Takes long.

        Raises UnicodeDecodeError when a topic is no text any more.
        """
        missing = 0
        counted = f"""select b.count - (select count(*) from event
                where seq between b.id << {BLOCK_BITS} and (b.id << {BLOCK_BITS}) + ?)
            from event_block b"""
        for (fewer,) in connection.execute(counted, ((1 << BLOCK_BITS) - 1,)):
            missing += abs(int(str(fewer)))
            if stopping():
                raise apsw.InterruptError("closing")
        if not thorough:
            return Faults(0, missing)
        damaged = 0
        rows = connection.execute(
            "select seq, crc, event, id, time, topic, thread, cause from event"
        )
        for number, (seq, crc, blob, *columns) in enumerate(cast("Any", rows)):
            if number % 1_000 == 0 and stopping():
                raise apsw.InterruptError("closing")
            damaged += not is_sound(seq, crc, blob, columns)
        return Faults(damaged, missing)

    async def _select(self, where: str, values: tuple[Any, ...]) -> list[Event]:
        await self._before_reading()
        found = await self._db.read(lambda connection: self._read(connection, where, *values))
        return [event for _, event in found]

    async def _before_reading(self) -> None:
        with contextlib.suppress(Unavailable):  # what was saved before can still be read
            await self._flush()

    def _read(self, connection: apsw.Connection, where: str, *values: Any) -> list[Numbered]:
        """In a reading thread: the events, and no row that is not what was written."""
        rows: Any = connection.execute(f"select seq, crc, event from event {where}", values)
        try:
            page = rows.fetchall()
        except UnicodeDecodeError:  # a blob that calls itself a text: it fails its check below
            rows = f"select seq, cast(crc as integer), cast(event as blob) from event {where}"
            page = connection.execute(rows, values).fetchall()
        if not page:
            return []
        # at once, as one by one costs half as much again; a page of an encrypted store was
        # authenticated when SQLite read it
        with contextlib.suppress(TypeError, msgspec.DecodeError):
            seqs, checks, blobs = zip(*page, strict=True)
            if self._sealed or (*map(crc32, blobs, seqs),) == checks:
                return [*zip(seqs, map(_decode, blobs), strict=True)]
        found: list[Numbered] = []
        for seq, check, blob in page:
            try:
                if check_of(blob, seq) == check:
                    found.append((seq, _decode(blob)))
                    continue
            except (TypeError, msgspec.DecodeError) as error:  # a column of another type, or none
                log.warning("The event number %s is not readable: %s", seq, error)
            self.spoilt()
        return found

    def _page(
        self, connection: apsw.Connection, where: str, values: list[Any], limit: int
    ) -> list[Numbered]:
        """The first of them by number, the lowest being the first value. Empty only when there are
        none: rows that are not what was written may fill a page of their own."""
        while True:
            found = self._read(connection, f"where {where} order by seq limit ?", *values, limit)
            if found:
                return found
            last: Any = connection.execute(
                f"select max(seq) from (select seq from event where {where} order by seq limit ?)",
                (*values, limit),
            ).get
            if last is None:
                return []
            values = [last + 1, *values[1:]]

    def spoilt(self) -> None:
        """From any thread: a row that was read is not what was written."""
        self.damaged += 1
        if self.damage_found is not None:
            self.damage_found()

    # ------------------------------------------------------------------ forgetting

    async def forget_thread(self, thread: int) -> int:
        """Take out what nobody shall find, such as a measurement; how many events that were.

        Copies that were made meanwhile keep it: to forget what is the person's is more than this.
        """
        await self._before_reading()

        def write(connection: apsw.Connection) -> int:
            connection.execute("delete from event where thread = ? and thread <> 0", (thread,))
            return connection.changes()

        return await self._db.do(write)

    async def forget_before(self, time: float) -> int:
        """Remove what is older, and dead letters; a part at a time so that nobody waits long.

        Returns how many events that were.

        Also what a subscriber has not had: the person said how long, and a subscriber may be gone
        for good. That is counted and told.
        """
        await self._before_reading()
        removed, unread = 0, 0
        while True:
            now, of_them = await self._db.do(lambda connection: _forget(connection, time))
            removed, unread = removed + now, unread + of_them
            if now < _AT_ONCE:
                break
        if unread:
            self._db.tell(
                f"{unread} old events were forgotten that a part of Loom had not worked on.",
                "Keep events for longer, or remove what no longer runs.",
            )
        if removed:
            await self._db.checkpoint()
        return removed


def is_sound(seq: Any, crc: Any, blob: Any, columns: Sequence[Any]) -> bool:
    """Whether a row is what was written; ``columns``: id, time, topic, thread, cause."""
    try:
        if check_of(blob, seq) != crc:
            return False
        event = _decode(blob)
    except (TypeError, msgspec.DecodeError):
        return False
    id_, time, topic, thread, cause = columns
    return (event.id, event.time, event.topic, event.cause) == (id_, time, topic, cause) and (
        thread == event.thread or (thread == 0 and event.thread == event.id)
    )


def encoded(event: Event) -> bytes:
    """The event as it is written. Raises TypeError for a payload that is not plain data."""
    try:
        return _encode(event)
    except UnicodeEncodeError:  # a file name that is not text, most often
        text = msgspec.structs.replace(
            event,
            payload=plain(event.payload),
            topic=storable(event.topic),
            sender=storable(event.sender),
            origin=frozenset(storable(one) for one in event.origin),
        )
        return _encode(text)
    except OverflowError as error:  # whole numbers beyond 64 bits
        raise TypeError(str(error)) from error


def _count(connection: apsw.Connection, first: int, kept: Sequence[_Kept]) -> None:
    """Note in the blocks that these are there from now on."""
    at, end = first, first + len(kept)
    while at < end:
        block = at >> BLOCK_BITS
        next_ = min(end, (block + 1) << BLOCK_BITS)
        times = [one[0].time for one in kept[at - first : next_ - first]]
        connection.execute(_COUNT, (block, min(times), max(times), next_ - at, next_ - 1))
        at = next_


def _span(connection: apsw.Connection, since: float, until: float) -> tuple[int, int] | None:
    """The numbers between which the events of that time are."""
    if not since and not until:
        return 0, 1 << 62
    low, high = cast(
        "Any",
        connection.execute(
            """select min(id), max(id) from event_block
            where count > 0 and high >= ?1 and (?2 = 0 or low < ?2)""",
            (since, until),
        ).fetchone(),
    )
    return None if low is None else (low << BLOCK_BITS, (high + 1 << BLOCK_BITS) - 1)


def _within(first: int, last: int, since: float, until: float) -> tuple[str, list[Any]]:
    where, values = "seq between ? and ?", list[Any]([first, last])
    if since or until:
        where += " and time >= ? and (? = 0 or time < ?)"
        values += [since, until, until]
    return where, values


def _topics(topic: str) -> tuple[str, re.Pattern[str] | None]:
    """How the topics begin that are meant, and what they look like when that is not all."""
    if not topic or topic.endswith("."):
        return topic, None
    parts = {"*": r"[^.]+", ">": ".+"}
    pattern = re.compile(r"\.".join(parts.get(one, re.escape(one)) for one in topic.split(".")))
    return re.split(r"(?:^|(?<=\.))[*>]", topic, maxsplit=1)[0], pattern


def _forget(connection: apsw.Connection, time: float) -> tuple[int, int]:
    """How many old ones were removed, and how many of those somebody had not had."""
    blocks: Any = connection.execute(
        "select min(id), max(id) from event_block where low < ? and count > 0", (time,)
    ).fetchone()
    if blocks[0] is None:
        return 0, 0
    span = (blocks[0] << BLOCK_BITS, (blocks[1] + 1 << BLOCK_BITS) - 1)
    old = "select seq from event where seq between ? and ? and time < ? order by seq limit ?"
    values = (*span, time, _AT_ONCE)
    unread: Any = connection.execute(
        f"select count(*) from ({old}) where seq > (select min(seq) from subscriber)", values
    ).get
    connection.execute(f"delete from event where seq in ({old})", values)
    removed = connection.changes()
    if removed < _AT_ONCE:  # no block says any more that there is something old in it
        connection.execute(
            f"""delete from event_block
                where count <= 0 and id < (select max(id) from event_block);
            update event_block set low = (select coalesce(min(time), 9e99) from event
                where seq between event_block.id << {BLOCK_BITS}
                    and (event_block.id + 1 << {BLOCK_BITS}) - 1)
            where low < ?;
            delete from dead where time < ?""",
            (time, time),
        )
    return removed, int(unread)


def _resolve(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():  # whoever waited was cancelled
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
