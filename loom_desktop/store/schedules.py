"""Schedules: what shall happen when, and what did, so that nothing fires twice.

A time is kept as the person meant it: wall time, zone and fold. ``next`` is the same as seconds
since 1970 and is worked out anew whenever the zone's rules say so. Each occurrence that fired is a
row of its own, so a clock that is set back brings nothing again.
"""

from __future__ import annotations

from typing import Any

import apsw
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound
from loom_desktop.event import Event, Privacy
from loom_desktop.store.columns import labels, origins, packed, storable
from loom_desktop.store.database import Database
from loom_desktop.store.journal import Journal


class Schedule(Struct, frozen=True, kw_only=True):
    """One reminder, or one recurring piece of work of an agent."""

    id: int = 0
    """0: the store gives one."""
    text: str
    """What to say when the time comes."""
    said: str = ""
    """What the person said, in their words."""
    at: str = ""
    """Wall time of the first occurrence, ISO without an offset."""
    zone: str = ""
    """IANA name."""
    fold: int = 0
    """1: the second of two equal wall times."""
    rrule: str = ""
    cron: str = ""
    every_s: float = 0.0
    policy: str = "once"
    """What to do with occurrences that were missed: skip, once, all, ask."""
    next: float = 0.0
    """Seconds since 1970; 0 when there is no further one."""
    state: str = "active"
    """active, done, cancelled."""
    thread: int = 0
    origin: frozenset[str] = frozenset()
    privacy: Privacy = Privacy.LOCAL_ONLY
    created: float = 0.0
    agent: str = ""
    """Whose it is; empty is the person's own reminder."""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the agent wants to have back."""


_NAMES = Schedule.__struct_fields__
_COLUMNS = ", ".join(_NAMES)
_data = msgspec.msgpack.Decoder(dict[str, Any])


class Schedules:
    """All schedules. Changing one to what it was is how it is undone."""

    def __init__(self, database: Database, clock: Clock, journal: Journal) -> None:
        self._db = database
        self._clock = clock
        self._journal = journal

    async def add(self, schedule: Schedule) -> Schedule:
        """Add it. Answers with its id and the time of its making in it."""
        schedule = replace(schedule, created=schedule.created or self._clock())
        row = _row(schedule)
        id_ = await self._db.do(
            lambda connection: int(
                _only(
                    connection,
                    f"insert into schedule({_COLUMNS}) values ({_marks(len(_NAMES))}) returning id",
                    row,
                )
            )
        )
        return replace(schedule, id=id_)

    async def change(self, schedule: Schedule) -> None:
        """Put it in place of the one of that id. Raises NotFound."""
        changes = ", ".join(f"{name} = ?" for name in _NAMES[1:])

        def write(connection: apsw.Connection) -> int:
            connection.execute(
                f"update schedule set {changes} where id = ?",
                (*_row(schedule)[1:], schedule.id),
            )
            return connection.changes()

        if not await self._db.do(write):
            raise _missing(schedule.id)

    async def get(self, id: int) -> Schedule:  # noqa: A002  # the name of the field
        """The schedule. Raises NotFound."""
        found = await self._select("id = ?", (id,))
        if not found:
            raise _missing(id)
        return found[0]

    async def active(self, *, agent: str | None = None) -> list[Schedule]:
        """What is still to come, the next one first; of all when ``agent`` is None."""
        return await self._select(
            "state = 'active' and (?1 is null or agent = ?1) order by next = 0, next, id", (agent,)
        )

    async def recent(self, *, limit: int = 100) -> list[Schedule]:
        """Of every state, the newest first."""
        return await self._select("1 order by id desc limit ?", (limit,))

    async def due(self, now: float) -> list[Schedule]:
        """What should have fired by then, the earliest first."""
        return await self._select(
            "state = 'active' and next > 0 and next <= ? order by next, id", (now,)
        )

    async def next_due(self) -> float:
        """When the next one is due, or 0: how long the timer may sleep."""
        return await self._db.read(
            lambda connection: float(
                _only(
                    connection,
                    "select min(next) from schedule where state = 'active' and next > 0",
                    (),
                )
                or 0.0
            )
        )

    async def advance(
        self,
        id: int,  # noqa: A002
        occurrence: float,
        next: float,  # noqa: A002
        event: Event | None = None,
    ) -> bool:
        """Note that this occurrence fires now, and go on to the next (0: that was the last).

        True for exactly one caller, ever: only it may fire. When the schedule was changed
        meanwhile, its new ``next`` stays. False also when it is not active any more. ``event`` is
        appended to the journal in the same transaction: what is noted is never lost on its way.
        Raises what ``Journal.append`` raises, and then nothing is noted.
        """
        now = self._clock()

        def write(connection: apsw.Connection) -> bool:
            if _only(connection, "select state from schedule where id = ?", (id,)) != "active":
                return False
            connection.execute(
                "insert or ignore into occurrence(schedule, at, time) values (?, ?, ?)",
                (id, occurrence, now),
            )
            first = connection.changes() > 0
            connection.execute(
                """update schedule set next = ?1, state = case when ?1 = 0 then 'done' else state
                end where id = ?2 and next = ?3""",
                (next, id, occurrence),
            )
            if first and event is not None:
                self._journal.put(connection, event)
            return first

        return await self._db.do(write)

    async def occurrences(self, id: int, *, limit: int = 100) -> list[float]:  # noqa: A002
        """When it fired: the times it was meant for, the newest first."""
        rows: list[Any] = await self._db.read(
            lambda connection: connection.execute(
                "select at from occurrence where schedule = ? order by at desc limit ?", (id, limit)
            ).fetchall()
        )
        return [at for (at,) in rows]

    async def finish(self, id: int) -> bool:  # noqa: A002
        """The person says it is done. Whether it was active."""
        return await self._set_state(id, "done", "active")

    async def remove(self, id: int) -> bool:  # noqa: A002
        """Cancel it; ``restore`` brings it back. Whether it was active."""
        return await self._set_state(id, "cancelled", "active")

    async def restore(self, id: int) -> bool:  # noqa: A002
        """Make it active again. Whether it was cancelled or done.

        What became due meanwhile is due at once; what fired already does not fire again.
        """
        return await self._set_state(id, "active", "cancelled", "done")

    async def forget(self, id: int) -> bool:  # noqa: A002
        """Remove it from every file. Whether it was there."""

        def write(connection: apsw.Connection) -> bool:
            connection.execute("delete from schedule where id = ?", (id,))
            return connection.changes() > 0

        return await self._db.erase(write)

    async def forget_agent(self, agent: str) -> None:
        """Remove all that this agent planned. The reminders of the person are nobody's."""
        await self._db.do(
            lambda connection: connection.execute(
                "delete from schedule where agent = ? and agent <> ''", (storable(agent),)
            )
        )

    async def forget_before(self, time: float) -> int:
        """Forget what fired before that: a clock is not set back so far. How many times it was.

        The schedules stay, and so does when they come next.
        """

        def write(connection: apsw.Connection) -> int:
            connection.execute("delete from occurrence where time < ?", (time,))
            return connection.changes()

        return await self._db.do(write)

    async def _set_state(self, id_: int, state: str, *expected: str) -> bool:
        def write(connection: apsw.Connection) -> bool:
            connection.execute(
                f"update schedule set state = ? where id = ? and state in "
                f"({_marks(len(expected))})",
                (state, id_, *expected),
            )
            return connection.changes() > 0

        return await self._db.do(write)

    async def _select(self, where: str, values: tuple[Any, ...]) -> list[Schedule]:
        rows = await self._db.read(
            lambda connection: connection.execute(
                f"select {_COLUMNS} from schedule where {where}", values
            ).fetchall()
        )
        return [_schedule(row) for row in rows]


def _row(schedule: Schedule) -> tuple[Any, ...]:
    values = {name: getattr(schedule, name) for name in _NAMES}
    values.update(
        id=schedule.id or None,
        text=storable(schedule.text),
        said=storable(schedule.said),
        origin=labels(schedule.origin),
        privacy=int(schedule.privacy),
        data=packed(schedule.data),
    )
    return tuple(values.values())


def _schedule(row: Any) -> Schedule:
    values = dict(zip(_NAMES, row, strict=True))
    values["origin"] = origins(values["origin"])
    values["privacy"] = Privacy(values["privacy"])
    values["data"] = _data.decode(values["data"])
    return Schedule(**values)


def _missing(id_: int) -> NotFound:
    return NotFound(
        f"There is no reminder {id_}.", hint="The list of reminders shows those there are."
    )


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _only(connection: apsw.Connection, sql: str, values: tuple[Any, ...]) -> Any:
    return connection.execute(sql, values).get
