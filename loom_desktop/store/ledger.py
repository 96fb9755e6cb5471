"""Ledger: every connection to another machine, written down before it is opened. No content."""

from __future__ import annotations

from typing import Any

import apsw
from msgspec import Struct

from loom_desktop.clock import Clock
from loom_desktop.event import Privacy
from loom_desktop.store.columns import storable
from loom_desktop.store.database import Database


class Egress(Struct, frozen=True, kw_only=True):
    """One connection."""

    id: int
    time: float
    host: str
    port: int
    purpose: str
    agent: str
    thread: int
    privacy: Privacy
    """Of the strictest thing that was sent."""
    bytes_out: int
    bytes_in: int
    outcome: str
    """Empty while it is open, or when we ended before it did."""
    ended: float


class Totals(Struct, frozen=True):
    """What left this machine in a span of time."""

    connections: int
    bytes_out: int
    bytes_in: int


_NAMES = Egress.__struct_fields__


class Ledger:
    """What ``net`` writes to."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def begin(
        self,
        host: str,
        port: int,
        *,
        purpose: str,
        agent: str = "",
        thread: int = 0,
        privacy: Privacy = Privacy.LOCAL_ONLY,
    ) -> int:
        """Return its id when it is on the disk: only then may the connection be opened.

        Raises Unavailable when it cannot be written down; then there is no connection.
        """
        values = (
            self._clock(),
            storable(host),
            port,
            storable(purpose),
            storable(agent),
            thread,
            int(privacy),
        )

        def write(connection: apsw.Connection) -> int:
            connection.execute(
                """insert into egress(time, host, port, purpose, agent, thread, privacy, bytes_out,
                bytes_in, outcome, ended) values (?, ?, ?, ?, ?, ?, ?, 0, 0, '', 0)""",
                values,
            )
            return connection.last_insert_rowid()

        return await self._db.do(write)

    def finish(self, id: int, *, bytes_out: int, bytes_in: int, outcome: str) -> None:  # noqa: A002
        """Write down how it ended. Does not wait."""
        values = (bytes_out, bytes_in, storable(outcome), self._clock(), id)
        self._db.post(
            lambda connection: connection.execute(
                """update egress set bytes_out = ?, bytes_in = ?, outcome = ?, ended = ?
                where id = ?""",
                values,
            )
        )

    async def since(self, time: float) -> Totals:
        """The sum of the connections begun since then that left this computer."""
        row: Any = await self._db.read(
            lambda connection: connection.execute(
                """select count(*), coalesce(sum(bytes_out), 0), coalesce(sum(bytes_in), 0)
                from egress where time >= ? and host not like '127.%'
                and host not in ('localhost', '::1')""",
                (time,),
            ).fetchone()
        )
        return Totals(*row)

    async def recent(self, *, limit: int = 100) -> list[Egress]:
        """The newest first."""
        rows: list[Any] = await self._db.read(
            lambda connection: connection.execute(
                f"select {', '.join(_NAMES)} from egress order by id desc limit ?", (limit,)
            ).fetchall()
        )
        return [_egress(row) for row in rows]

    async def forget_before(self, time: float) -> int:
        """Remove what is older. Returns how many."""

        def write(connection: apsw.Connection) -> int:
            connection.execute("delete from egress where time < ?", (time,))
            return connection.changes()

        return await self._db.do(write)


def _egress(row: Any) -> Egress:
    values = dict(zip(_NAMES, row, strict=True))
    values["privacy"] = Privacy(values["privacy"])
    return Egress(**values)
