"""Notes: what the person asked Loom to write down."""

from __future__ import annotations

from typing import Any

import apsw
from msgspec import Struct

from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound
from loom_desktop.event import Privacy
from loom_desktop.store.columns import labels, matching, origins, storable
from loom_desktop.store.database import Database


class Note(Struct, frozen=True, kw_only=True):
    """One note."""

    id: int
    text: str
    time: float
    changed: float
    """When its text was changed last, or its ``time``."""
    state: str
    """active, or removed (it can be restored)."""
    thread: int
    origin: frozenset[str]
    privacy: Privacy


_NAMES = Note.__struct_fields__
_COLUMNS = ", ".join(_NAMES)


class Notes:
    """All notes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def add(
        self,
        text: str,
        *,
        thread: int = 0,
        origin: frozenset[str] = frozenset(),
        privacy: Privacy = Privacy.LOCAL_ONLY,
    ) -> Note:
        """Write it down."""
        now, text = self._clock(), storable(text)
        values = (text, now, now, "active", thread, labels(origin), int(privacy))

        def write(connection: apsw.Connection) -> Any:
            return connection.execute(
                """insert into note(text, time, changed, state, thread, origin, privacy)
                values (?, ?, ?, ?, ?, ?, ?) returning id""",
                values,
            ).get

        return Note(
            id=await self._db.do(write),
            text=text,
            time=now,
            changed=now,
            state="active",
            thread=thread,
            origin=origin,
            privacy=privacy,
        )

    async def get(self, id: int) -> Note:  # noqa: A002  # the name of the field
        """The note, removed or not. Raises NotFound."""
        found = await self._select("id = ?", (id,))
        if not found:
            raise NotFound(
                f"There is no note {id}.", hint="The list of notes shows those there are."
            )
        return found[0]

    async def change(self, id: int, text: str) -> None:  # noqa: A002
        """Give it another text. Raises NotFound."""
        now = self._clock()
        if not await self._update("text = ?, changed = ? where id = ?", (storable(text), now, id)):
            raise NotFound(
                f"There is no note {id}.", hint="The list of notes shows those there are."
            )

    async def recent(self, *, limit: int = 100) -> list[Note]:
        """Those not removed, the newest first."""
        return await self._select("state = 'active' order by time desc, id desc limit ?", (limit,))

    async def search(self, query: str, *, limit: int = 50) -> list[Note]:
        """Those with all of these words, in any of their forms; the best first."""
        if not (words := matching(query)):
            return []
        return await self._select(
            "note_words match ? and state = 'active' order by rank limit ?",
            (words, limit),
            "note_words join note on note.id = note_words.rowid",
        )

    async def remove(self, id: int) -> bool:  # noqa: A002
        """Take it out of the lists; ``restore`` brings it back. Whether it was there."""
        return await self._update("state = 'removed' where id = ? and state = 'active'", (id,))

    async def restore(self, id: int) -> bool:  # noqa: A002
        """Whether it was removed, and is back."""
        return await self._update("state = 'active' where id = ? and state = 'removed'", (id,))

    async def forget(self, id: int) -> bool:  # noqa: A002
        """Remove it from every file. Whether it was there."""

        def write(connection: apsw.Connection) -> bool:
            connection.execute("delete from note where id = ?", (id,))
            return connection.changes() > 0

        return await self._db.erase(write)

    async def _update(self, what: str, values: tuple[Any, ...]) -> bool:
        def write(connection: apsw.Connection) -> bool:
            connection.execute(f"update note set {what}", values)
            return connection.changes() > 0

        return await self._db.do(write)

    async def _select(
        self, where: str, values: tuple[Any, ...], source: str = "note"
    ) -> list[Note]:
        columns = ", ".join(f"note.{one}" for one in _NAMES)
        rows = await self._db.read(
            lambda connection: connection.execute(
                f"select {columns} from {source} where {where}", values
            ).fetchall()
        )
        return [_note(row) for row in rows]


def _note(row: Any) -> Note:
    values = dict(zip(_NAMES, row, strict=True))
    values["origin"] = origins(values["origin"])
    values["privacy"] = Privacy(values["privacy"])
    return Note(**values)
