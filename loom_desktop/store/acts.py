"""Acts: what Loom is about to do outside the database, and how it went.

The intent is on the disk before the act, the outcome after it. After a crash an act that was
started and has no outcome is *unknown*: it is shown to the person and never run again by itself.
The same rows are what undo needs: where each file was, what it was, and where its old self is kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import apsw
from msgspec import Struct

from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound
from loom_desktop.store.columns import path_bytes, path_text, storable
from loom_desktop.store.database import Database


class Step(Struct, frozen=True, kw_only=True):
    """One file of an act."""

    source: str
    target: str = ""
    size_bytes: int = 0
    mtime_ns: int = 0
    sha256: str = ""
    """Of the file as it was; empty when it was too large to say."""
    kept: str = ""
    """Where its old self is kept, for what would be overwritten or removed."""
    state: str = "planned"
    """planned, started, done, failed, undone."""
    message: str = ""
    """Why it failed, or why it cannot be undone."""
    number: int = 0
    """Its place in the act, from 0."""


class Act(Struct, frozen=True, kw_only=True):
    """One thing that Loom did, with all its steps."""

    id: int
    time: float
    agent: str
    kind: str
    """The capability: ``files.move``."""
    words: str
    """What was done, for the person."""
    thread: int
    state: str
    """planned, started, done, failed, undone, or unknown once the person has seen that."""
    outcome: str
    ended: float
    steps: tuple[Step, ...]


class Acts:
    """The undo journal."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._run = int.from_bytes(os.urandom(7))  # tells this run's acts from those before it

    async def intend(
        self,
        kind: str,
        agent: str,
        words: str,
        *,
        thread: int = 0,
        steps: Sequence[Step] = (),
    ) -> int:
        """Write down what will be done. Returns the act's id when it is on the disk."""
        head = (self._clock(), storable(agent), kind, storable(words), thread, self._run)
        rows = [
            (
                number,
                path_bytes(step.source),
                path_bytes(step.target),
                step.size_bytes,
                step.mtime_ns,
                step.sha256,
                path_bytes(step.kept),
                step.state,
                storable(step.message),
            )
            for number, step in enumerate(steps)
        ]

        def write(connection: apsw.Connection) -> int:
            connection.execute(
                """insert into act(time, agent, kind, words, thread, state, outcome, ended, run)
                values (?, ?, ?, ?, ?, 'planned', '', 0, ?)""",
                head,
            )
            id_ = connection.last_insert_rowid()
            connection.executemany(
                """insert into act_step(act, number, source, target, size_bytes, mtime_ns, sha256,
                kept, state, message) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                [(id_, *row) for row in rows],
            )
            return id_

        return await self._db.do(write)

    async def start(self, act: int) -> None:
        """From here on a crash makes it unknown. Return when that is on the disk."""
        await self._db.do(
            lambda connection: connection.execute(
                "update act set state = 'started', run = ? where id = ?", (self._run, act)
            )
        )

    async def step(
        self,
        act: int,
        number: int,
        state: str,
        *,
        target: str | None = None,
        kept: str | None = None,
        sha256: str | None = None,
        message: str = "",
    ) -> None:
        """Note how far one step is, and what became known about it. Raises NotFound."""
        values = (
            state,
            None if target is None else path_bytes(target),
            None if kept is None else path_bytes(kept),
            sha256,
            storable(message),
            act,
            number,
        )

        def write(connection: apsw.Connection) -> int:
            connection.execute(
                """update act_step set state = ?, target = coalesce(?, target),
                kept = coalesce(?, kept), sha256 = coalesce(?, sha256), message = ?
                where act = ? and number = ?""",
                values,
            )
            return connection.changes()

        if not await self._db.do(write):
            raise NotFound(
                f"There is no step {number} of {act}.", hint="The inbox shows what was done."
            )

    async def finish(self, act: int, state: str, outcome: str = "") -> None:
        """Write down how it went: done, failed, undone, unknown."""
        values = (state, storable(outcome), self._clock(), act)
        await self._db.do(
            lambda connection: connection.execute(
                "update act set state = ?, outcome = ?, ended = ? where id = ?", values
            )
        )

    async def unknown(self) -> list[Act]:
        """Started before this run and without an outcome, oldest first."""
        return await self._select("state = 'started' and run <> ? order by id", (self._run,))

    async def get(self, act: int) -> Act:
        """The act. Raises NotFound."""
        found = await self._select("id = ?", (act,))
        if not found:
            raise NotFound(f"There is no action {act}.", hint="The inbox shows what was done.")
        return found[0]

    async def recent(self, *, agent: str = "", since: float = 0.0, limit: int = 50) -> list[Act]:
        """What was done, the newest first; all of it with its steps."""
        return await self._select(
            "(?1 = '' or agent = ?1) and time >= ?2 order by id desc limit ?3",
            (agent, since, limit),
        )

    async def undoable(self, *, agent: str = "", since: float = 0.0, limit: int = 50) -> list[Act]:
        """Acts of which at least one step is done and not undone; the newest first."""
        return await self._select(
            """(?1 = '' or agent = ?1) and time >= ?2
            and exists (select 1 from act_step where act_step.act = act.id and state = 'done')
            order by id desc limit ?3""",
            (agent, since, limit),
        )

    async def forget_before(self, time: float) -> list[str]:
        """Remove acts that ended and are older. Returns the kept files nothing refers to now."""

        def write(connection: apsw.Connection) -> list[Any]:
            old = "select id from act where time < ? and state <> 'started'"
            kept = connection.execute(
                f"select kept from act_step where act in ({old}) and kept <> x''", (time,)
            ).fetchall()
            connection.execute(f"delete from act where id in ({old})", (time,))
            return kept

        return [path_text(kept) for (kept,) in await self._db.do(write)]

    async def _select(self, where: str, values: tuple[Any, ...]) -> list[Act]:
        def look(connection: apsw.Connection) -> list[Act]:
            acts: list[Any] = connection.execute(
                f"""select id, time, agent, kind, words, thread, state, outcome, ended
                from act where {where}""",
                values,
            ).fetchall()
            return [
                Act(
                    id=id_,
                    time=time,
                    agent=agent,
                    kind=kind,
                    words=words,
                    thread=thread,
                    state=state,
                    outcome=outcome,
                    ended=ended,
                    steps=_steps(connection, id_),
                )
                for id_, time, agent, kind, words, thread, state, outcome, ended in acts
            ]

        return await self._db.read(look)


def _steps(connection: apsw.Connection, act: int) -> tuple[Step, ...]:
    rows: list[Any] = connection.execute(
        """select number, source, target, size_bytes, mtime_ns, sha256, kept, state, message
        from act_step where act = ? order by number""",
        (act,),
    ).fetchall()
    return tuple(
        Step(
            number=number,
            source=path_text(source),
            target=path_text(target),
            size_bytes=size_bytes,
            mtime_ns=mtime_ns,
            sha256=sha256,
            kept=path_text(kept),
            state=state,
            message=message,
        )
        for number, source, target, size_bytes, mtime_ns, sha256, kept, state, message in rows
    )
