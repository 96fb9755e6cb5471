"""Deliveries: what each durable subscriber has had of the journal, and what nobody could work on.

A subscriber has a cursor: it has had every event up to that number. What it did beyond, out of
order, is a row of its own until the cursor gets there; so is how often an event was tried. ``done``
costs nothing and comes with the next group, so after a crash an event may come again; ``commit``
brings the mark and what the handler writes into one transaction, so that those writes happen once.

An event that fails too often is buried: it is a dead letter with a copy of its own, to be looked
at, dropped or revived, and the subscriber goes on without it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import apsw
import msgspec
from msgspec import Struct

from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound, Unavailable, UsageError
from loom_desktop.event import Event
from loom_desktop.store import state
from loom_desktop.store.columns import labels, packed, storable, unpacked
from loom_desktop.store.database import Database
from loom_desktop.store.journal import Journal, Numbered, encoded
from loom_desktop.store.schema import check_of

log = logging.getLogger(__name__)

Write = tuple[str, str, Any, int | None]
"""Agent, key, value and the version that is expected; None for any (see ``State.put``)."""

MOST_TRACEBACK = 16_000
"""Characters; the end says what went wrong."""

_LAST_DEAD = "last_dead_letter"
"""The fact that says the highest number a dead letter ever had."""
_decode = msgspec.msgpack.Decoder(Event).decode
_DEAD = "id, subscriber, seq, crc, event, handler, traceback, tries, time, taken"


class Place(NamedTuple):
    """How far a subscriber is."""

    seq: int
    """It has had everything up to this number."""
    done: frozenset[int]
    """What it has had beyond."""
    tries: dict[int, int]
    """How often it tried what it has not had."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a subscriber could not work on."""

    id: int
    subscriber: str
    seq: int
    event: Event
    handler: str
    traceback: str
    tries: int
    time: float
    """When it was buried, seconds since 1970."""
    taken: bool
    """It is being tried once more."""


class _Conflict(Exception):
    """Another one was faster: nothing of this transaction is written."""


class _Marks:
    """What one subscriber did that is not on the disk."""

    __slots__ = ("again", "done", "low")

    def __init__(self) -> None:
        self.low = 0
        self.done: set[int] = set()
        """Beyond ``low``."""
        self.again: set[int] = set()
        """Dead letters that were revived."""

    def add(self, low: int, done: Iterable[int], again: Iterable[int]) -> None:
        self.again.update(again)
        if low > self.low:
            self.low = low
            if self.done:
                self.done = {seq for seq in self.done if seq > low}
        self.done.update(seq for seq in done if seq > self.low)


class Deliveries:
    """Cursors, tries and dead letters. Numbers are those of the journal."""

    def __init__(self, database: Database, journal: Journal, clock: Clock) -> None:
        self._db = database
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, _Marks] = {}
        self._writing: dict[str, _Marks] = {}
        self._at_work = False
        self._revived: set[tuple[str, int]] = set()
        self._begun: set[str] = set()

    # ------------------------------------------------------------------ subscribers

    async def begin(self, name: str, *, from_start: bool = False, since: int = 0) -> Place:
        """Where it goes on; what it has revived and not finished is a dead letter again.

        A new name begins behind what is in the journal now, or with ``from_start`` before it.
        ``since`` is the id from which on events are for it, also when they were faster.
        """
        name = storable(name)

        def write(connection: apsw.Connection) -> Place:
            self._catch_up(connection, name)
            there = _subscriber(connection, name)
            if there is None:
                seq = 0 if from_start else self._journal.last(connection)
                if since:
                    faster: Any = connection.execute(
                        "select min(seq) - 1 from event where id >= ?", (since,)
                    ).get
                    seq = seq if faster is None else min(seq, faster)
                connection.execute("insert into subscriber(name, seq) values (?, ?)", (name, seq))
                return Place(seq, frozenset(), {})
            connection.execute(
                "update dead set taken = 0 where subscriber = ? and taken <> 0", (name,)
            )
            rows: Any = connection.execute(
                "select seq, tries, done from delivery where subscriber = ? and seq > ?", there
            ).fetchall()
            return Place(
                there[1],
                frozenset(seq for seq, _, done in rows if done),
                {seq: tries for seq, tries, done in rows if not done},
            )

        place = await self._db.do(write)
        with self._lock:
            self._begun.add(name)
            self._revived = {one for one in self._revived if one[0] != name}
        return place

    async def forget(self, name: str) -> bool:
        """Its cursor, its tries and its dead letters. Whether there was one."""
        name = storable(name)

        def write(connection: apsw.Connection) -> bool:
            connection.execute("delete from dead where subscriber = ?", (name,))
            connection.execute("delete from subscriber where name = ?", (name,))
            return connection.changes() > 0

        with self._lock:
            self._begun.discard(name)
            self._waiting.pop(name, None)
        return await self._db.do(write)

    async def after(self, seq: int, *, limit: int = 500) -> list[Numbered]:
        """The next events that are on the disk, in the order of their commits."""
        return await self._journal.after(seq, limit=limit)

    # ------------------------------------------------------------------ what was done

    def done(self, name: str, seq: int, low: int) -> None:
        """It has had this event, and everything up to ``low``. From any thread; never waits.

        Written with the next group, once for each name; when the disk does not take it, with the
        one after that. Nothing happens when it did not begin since the store was opened or
        restored.
        """
        name = storable(name)
        with self._lock:
            if name not in self._begun:
                return
            marks = self._waiting.get(name)
            if marks is None:
                marks = self._waiting[name] = _Marks()
            marks.add(low, (seq,), (seq,) if (name, seq) in self._revived else ())
            if self._at_work:
                return
            self._at_work = True
        self._work_on()

    async def commit(self, name: str, seq: int, low: int, writes: Sequence[Write]) -> bool:
        """``done`` together with what the handler writes to the state: both are saved, or neither.

        False, and nothing is written, when it had this event before, did not begin (see ``done``),
        or a version is not the expected one. Raises TypeError for a value that is not plain data,
        Unavailable when the disk does not take it.
        """
        name = storable(name)
        rows = [
            (storable(agent), storable(key), packed(value), expected)
            for agent, key, value, expected in writes
        ]

        def write(connection: apsw.Connection) -> None:
            self._catch_up(connection, name)
            there = _subscriber(connection, name)
            if there is None or name not in self._begun:
                raise _Conflict
            again = connection.execute(
                "select 1 from dead where subscriber = ? and seq = ? and taken <> 0", (name, seq)
            ).get
            had = connection.execute(
                "select 1 from delivery where subscriber = ? and seq = ? and done <> 0",
                (there[0], seq),
            ).get
            if not again and (seq <= there[1] or had):
                raise _Conflict
            for row in rows:
                if not state.put(connection, *row):
                    raise _Conflict
            self._mark(connection, name, low, (seq,))

        try:
            await self._db.do(write)
        except _Conflict:
            return False
        self._revived.discard((name, seq))
        return True

    async def tried(self, name: str, seq: int, tries: int) -> None:
        """Note how often it tried this event, so that a crash does not begin the count anew."""
        name = storable(name)

        def write(connection: apsw.Connection) -> None:
            there = _subscriber(connection, name)
            if there is not None and seq > there[1]:
                connection.execute(
                    """insert into delivery(subscriber, seq, tries, done) values (?, ?, ?, 0)
                    on conflict (subscriber, seq) do update set tries = excluded.tries""",
                    (there[0], seq, tries),
                )
            connection.execute(
                "update dead set tries = ? where subscriber = ? and seq = ? and taken <> 0",
                (tries, name, seq),
            )

        await self._db.do(write)

    # ------------------------------------------------------------------ dead letters

    async def bury(
        self,
        name: str,
        seq: int,
        low: int,
        event: Event,
        handler: str,
        traceback: str,
        tries: int,
    ) -> int:
        """A dead letter, and the mark that it was had, in one transaction. Answers with its id.

        No other one ever gets the id, also when this one is dropped: who noted a number must not
        drop or revive something else by it.
        """
        name, now, blob = storable(name), self._clock(), encoded(event)
        row = (
            name, seq, event.id, storable(event.topic), event.begins, storable(handler),
            storable(traceback[-MOST_TRACEBACK:]), tries, now, labels(event.origin),
            int(event.privacy), check_of(blob, seq), blob,
        )  # fmt: skip

        def write(connection: apsw.Connection) -> int:
            self._catch_up(connection, name)
            self._mark(connection, name, low, (seq,), keep_dead=True)
            new = _last_dead(connection) + 1
            connection.execute(
                """insert into dead(id, subscriber, seq, event_id, topic, thread, handler,
                    traceback, tries, time, origin, privacy, crc, event, taken)
                values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
                on conflict (subscriber, seq) do update set handler = excluded.handler,
                    traceback = excluded.traceback, tries = excluded.tries, time = excluded.time,
                    taken = 0""",
                (new, *row),
            )
            there = int(
                str(
                    connection.execute(
                        "select id from dead where subscriber = ? and seq = ?", (name, seq)
                    ).get
                )
            )
            if there == new:
                _note_last_dead(connection, new)
            return there

        id_ = await self._db.do(write)
        self._revived.discard((name, seq))
        return id_

    async def dead(self, *, limit: int = 100, subscriber: str = "") -> list[DeadLetter]:
        """The newest ones, of all subscribers or of one."""
        return await self._letters(
            "where ?1 = '' or subscriber = ?1 order by id desc limit ?2",
            (storable(subscriber), limit),
        )

    async def last_dead(self) -> int:
        """The highest number that a dead letter ever had; 0 when there never was one."""
        return await self._db.read(_last_dead)

    async def none_up_to(self, id: int) -> None:  # noqa: A002
        """No new dead letter gets this number or a lower one: another file had them."""

        def write(connection: apsw.Connection) -> None:
            if id > _last_dead(connection):
                _note_last_dead(connection, id)

        await self._db.do(write)

    async def count(self) -> int:
        """How many dead letters there are that nobody tries again just now."""
        return await self._db.read(
            lambda connection: int(
                str(connection.execute("select count(*) from dead where taken = 0").get)
            )
        )

    async def alike(self, letter: DeadLetter) -> bool:
        """Whether its subscriber has another one of that topic."""
        values = (letter.subscriber, letter.event.topic, letter.id)
        found = await self._db.read(
            lambda connection: (
                connection.execute(
                    "select 1 from dead where subscriber = ? and topic = ? and id <> ? limit 1",
                    values,
                ).get
            )
        )
        return found is not None

    async def dead_letter(self, id: int) -> DeadLetter:  # noqa: A002  # the name of the field
        """One of them. Raises NotFound."""
        found = await self._letters("where id = ?", (id,))
        if not found:
            raise _missing(id)
        return found[0]

    async def drop(self, id: int) -> bool:  # noqa: A002
        """Nobody shall work on it any more. Whether it was there."""

        def write(connection: apsw.Connection) -> bool:
            connection.execute("delete from dead where id = ?", (id,))
            return connection.changes() > 0

        return await self._db.do(write)

    async def revive(self, id: int) -> DeadLetter:  # noqa: A002
        """Take it for another try: ``done`` or ``commit`` removes it, ``bury`` puts it back.

        Until then it is still there, so a crash loses nothing: ``begin`` puts it back as well.
        Raises NotFound, and UsageError when it is being tried already.
        """

        def write(connection: apsw.Connection) -> DeadLetter:
            found = self._decoded(connection, "where id = ?", (id,))
            if not found:
                raise _missing(id)
            if found[0].taken:
                raise UsageError(
                    f"The dead letter {id} is being tried already.", hint="Look a little later."
                )
            connection.execute("update dead set taken = 1 where id = ?", (id,))
            return found[0]

        letter = await self._db.do(write)
        self._revived.add((letter.subscriber, letter.seq))
        return letter

    async def _letters(self, where: str, values: tuple[Any, ...]) -> list[DeadLetter]:
        return await self._db.read(lambda connection: self._decoded(connection, where, values))

    def _decoded(
        self, connection: apsw.Connection, where: str, values: tuple[Any, ...]
    ) -> list[DeadLetter]:
        found: list[DeadLetter] = []
        rows: Any = connection.execute(f"select {_DEAD} from dead {where}", values).fetchall()
        for id_, subscriber, seq, crc, blob, handler, traceback, tries, time, taken in rows:
            if check_of(blob, seq) != crc:
                self._journal.spoilt()
                continue
            found.append(
                DeadLetter(
                    id=id_,
                    subscriber=subscriber,
                    seq=seq,
                    event=_decode(blob),
                    handler=handler,
                    traceback=traceback,
                    tries=tries,
                    time=time,
                    taken=bool(taken),
                )
            )
        return found

    # ------------------------------------------------------------------ writing

    def restored(self) -> None:
        """In the store's thread: another file took the place of the store, so numbers of what was
        done say nothing any more. Who subscribes begins anew."""
        with self._lock:
            self._waiting, self._writing = {}, {}
            self._begun, self._revived = set(), set()

    async def flush(self) -> None:
        """Return when all that was said to be done is on the disk. Raises Unavailable."""
        await self._db.do(self._catch_up)

    def retry(self) -> None:
        """Try again to write what the disk did not take. Never waits."""
        with self._lock:
            if self._at_work or not (self._waiting or self._writing):
                return
            self._at_work = True
        self._work_on()

    def _work_on(self) -> None:
        try:
            self._db.follow(self._write, self._settled)
        except Unavailable as error:
            self._settled(error)

    def _write(self, connection: apsw.Connection) -> None:
        """Everything that waits. Run again after a failure it has at least the same."""
        with self._lock:
            for name, marks in self._waiting.items():
                self._writing.setdefault(name, _Marks()).add(marks.low, marks.done, marks.again)
            self._waiting = {}
        self._catch_up(connection)

    def _settled(self, error: BaseException | None) -> None:
        """In the store's thread: what was being written is on the disk, or not."""
        with self._lock:
            if error is None:
                for name, marks in self._writing.items():
                    self._revived.difference_update((name, seq) for seq in marks.again)
                self._writing = {}
            more = self._at_work = error is None and bool(self._waiting)
        if more:
            self._work_on()

    def _catch_up(self, connection: apsw.Connection, *names: str) -> None:
        """Write what is not on the disk; that it may be written twice does no harm."""
        with self._lock:
            marks = [
                (name, one.low, {*one.done, *one.again})
                for waiting in (self._writing, self._waiting)
                for name, one in waiting.items()
                if not names or name in names
            ]
        for name, low, done in marks:
            self._mark(connection, name, low, done)

    def _mark(
        self,
        connection: apsw.Connection,
        name: str,
        low: int,
        done: Iterable[int],
        *,
        keep_dead: bool = False,
    ) -> None:
        there = _subscriber(connection, name)
        if there is None:  # forgotten meanwhile
            return
        id_, cursor = there
        if low > cursor:
            connection.execute("update subscriber set seq = ? where id = ?", (low, id_))
            connection.execute("delete from delivery where subscriber = ? and seq <= ?", (id_, low))
            cursor = low
        for seq in done:
            if seq > cursor:
                connection.execute(
                    """insert into delivery(subscriber, seq, tries, done) values (?, ?, 0, 1)
                    on conflict (subscriber, seq) do update set done = 1""",
                    (id_, seq),
                )
            if not keep_dead and (name, seq) in self._revived:
                connection.execute(
                    "delete from dead where subscriber = ? and seq = ? and taken <> 0", (name, seq)
                )


def _subscriber(connection: apsw.Connection, name: str) -> tuple[int, int] | None:
    """Its row and its cursor."""
    found: Any = connection.execute(
        "select id, seq from subscriber where name = ?", (name,)
    ).fetchone()
    return found and (found[0], found[1])


def _last_dead(connection: apsw.Connection) -> int:
    said: Any = connection.execute(
        "select value from state where agent = ? and key = ?", (state.APPLICATION, _LAST_DEAD)
    ).get
    there = int(str(connection.execute("select max(id) from dead").get or 0))
    return there if said is None else max(there, int(unpacked(said)))


def _note_last_dead(connection: apsw.Connection, id_: int) -> None:
    state.put(connection, state.APPLICATION, _LAST_DEAD, packed(id_), None)


def _missing(id_: int) -> NotFound:
    return NotFound(f"There is no dead letter {id_}.", hint="See: loom dead list")
