"""State: what agents remember between runs, and a few facts about the application itself."""

from __future__ import annotations

from typing import Any

import apsw
from msgspec import Struct

from loom_desktop.store.columns import packed, storable, unpacked
from loom_desktop.store.database import Database

APPLICATION = ""
"""The agent that stands for the application itself."""


class Versioned(Struct, frozen=True):
    """A value, and how many times it was written."""

    value: Any
    version: int


class State:
    """Plain data under a key, per agent. Facts of the application are under no agent's name."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def get(self, agent: str, key: str) -> Versioned | None:
        """The value and its version, or None."""
        row: Any = await self._db.read(
            lambda connection: connection.execute(
                "select value, version from state where agent = ? and key = ?",
                (storable(agent), storable(key)),
            ).fetchone()
        )
        return None if row is None else Versioned(unpacked(row[0]), row[1])

    async def put(
        self, agent: str, key: str, value: Any, expected_version: int | None = None
    ) -> int:
        """The new version, or 0 when another one was faster and nothing was written.

        ``expected_version`` None writes in any case; 0 only when there is no such key yet.
        Raises TypeError when it is not plain data.
        """
        row = (storable(agent), storable(key), packed(value))
        return await self._db.do(lambda connection: put(connection, *row, expected_version))

    async def keys(self, agent: str) -> list[str]:
        """In order."""
        rows: list[Any] = await self._db.read(
            lambda connection: connection.execute(
                "select key from state where agent = ? order by key", (storable(agent),)
            ).fetchall()
        )
        return [key for (key,) in rows]

    async def remove(self, agent: str, key: str) -> bool:
        """Whether it was there."""

        def write(connection: apsw.Connection) -> bool:
            connection.execute(
                "delete from state where agent = ? and key = ?", (storable(agent), storable(key))
            )
            return connection.changes() > 0

        return await self._db.do(write)

    async def forget(self, agent: str) -> None:
        """Remove all that this agent keeps, from every file."""
        await self._db.erase(
            lambda connection: connection.execute(
                "delete from state where agent = ? and agent <> ''", (storable(agent),)
            )
        )

    async def fact(self, key: str, default: Any = None) -> Any:
        """A fact about the application: ``first_run``, ``paused_until`` ..."""
        found = await self.get(APPLICATION, key)
        return default if found is None else found.value

    async def set_fact(self, key: str, value: Any) -> None:
        """Write it down."""
        await self.put(APPLICATION, key, value)


def put(
    connection: apsw.Connection, agent: str, key: str, value: bytes, expected: int | None
) -> int:
    """``State.put`` inside a transaction."""
    there: Any = connection.execute(
        "select version from state where agent = ? and key = ?", (agent, key)
    ).get
    version = there or 0
    if expected is not None and expected != version:
        return 0
    connection.execute(
        """insert into state(agent, key, value, version) values (?, ?, ?, ?)
        on conflict (agent, key) do update set value = excluded.value, version = excluded.version
        """,
        (agent, key, value, version + 1),
    )
    return int(version) + 1
