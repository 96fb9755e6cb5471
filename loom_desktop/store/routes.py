"""Routes: which model was asked each time and why, what came of it, what it cost. No content."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import apsw
from msgspec import Struct

from loom_desktop.errors import Unavailable
from loom_desktop.store.columns import storable
from loom_desktop.store.database import Database

UNKNOWN = -1.0
"""A time or a cost that nobody knows: it is not zero."""


class Routed(Struct, frozen=True, kw_only=True):
    """One model that was asked, or none at all. Fallbacks share their ``decision``."""

    id: int = 0
    """Given by the store."""
    time: float
    decision: int
    thread: int = 0
    turn: int = 0
    """Id of the event that asked, where who asks said it."""
    agent: str = ""
    background: bool = False
    """It was not for a question of the person."""
    name: str
    """As in ``[llm.NAME]``, or of what was found; ``offline`` for no model."""
    model: str = ""
    local: bool = True
    rule: str = ""
    """Which rule of the policy chose it."""
    reason: str = ""
    confidence: float = 0.0
    phase: str = ""
    """``quick`` or ``refine``, where there were two answers."""
    arm: str = ""
    """``rules`` or ``bandit``, while the two are compared."""
    label: str = ""
    """The privacy of the content."""
    privacy: str = ""
    """Of the policy: the most private content that might leave."""
    latency_budget_ms: int = -1
    cost_cap: float = UNKNOWN
    quality_threshold: float = UNKNOWN
    estimated_s: float = UNKNOWN
    """Until the first word."""
    estimated_cost: float = UNKNOWN
    first_s: float = UNKNOWN
    seconds: float = 0.0
    cost: float = 0.0
    prompt: int = 0
    completion: int = 0
    outcome: str = ""
    """``worked``, ``failed``, ``cancelled``; ``refused``: the question was at fault."""
    thumb: int = 0
    """What the person said of the answer: 1, -1, or nothing."""


_NAMES = Routed.__struct_fields__
_KEPT = _NAMES[1:]
_FLAGS = ("background", "local")


class Routes:
    """All of them."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._added = False
        """A row may still be on its way to the disk."""

    def add(self, row: Routed) -> None:
        """Write it down. Does not wait; whoever looks afterwards sees it."""
        values = [getattr(row, name) for name in _KEPT]
        values = [storable(one) if isinstance(one, str) else one for one in values]
        marks, self._added = ", ".join("?" * len(values)), True
        self._db.post(
            lambda connection: connection.execute(
                f"insert into routed({', '.join(_KEPT)}) values ({marks})", values
            )
        )

    async def recent(self, *, limit: int = 100, agent: str = "") -> list[Routed]:
        """The newest first; of one agent, or of all."""
        where = "where agent = ?2" if agent else "where ?2 = ''"
        return await self._select(f"{where} order by id desc limit ?1", (limit, agent))

    async def since(self, time: float) -> list[Routed]:
        """Those from then on, the oldest first."""
        return await self._select("where time >= ? order by id", (time,))

    async def of(self, turn: int) -> list[Routed]:
        """Those that answered a turn of a conversation, the oldest first.

        Where who asked did not say the turn, it is told by thread and time.
        """
        return await self._select(f"where id in ({_OF_TURN}) order by id", (turn,))

    async def rate(self, turn: int, thumb: int) -> Routed | None:
        """Note what the person says of the answer of a turn, at the model that gave it last.

        None when no model answered it.
        """

        def write(connection: apsw.Connection) -> int:
            number: Any = connection.execute(
                f"""select max(id) from routed where name <> 'offline'
                and outcome = 'worked' and id in ({_OF_TURN})""",
                (turn,),
            ).get
            connection.execute("update routed set thumb = ? where id = ?", (thumb, number))
            return number or 0

        number = await self._db.do(write)
        found = await self._select("where id = ?", (number,))
        return found[0] if found else None

    async def forget_before(self, time: float) -> int:
        """Remove what is older. Returns how many."""

        def write(connection: apsw.Connection) -> int:
            connection.execute("delete from routed where time < ?", (time,))
            return connection.changes()

        return await self._db.do(write)

    async def _select(self, rest: str, values: tuple[Any, ...]) -> list[Routed]:
        if self._added:
            self._added = False
            with suppress(Unavailable):  # a full disk: what there is is listed
                await self._db.do(lambda connection: None)
        query = f"select {', '.join(_NAMES)} from routed {rest}"
        # made into rows in the thread of the store: there may be thousands
        return await self._db.read(
            lambda connection: [_routed(row) for row in connection.execute(query, values)]
        )


# The question and the answer of a turn are messages; what was asked of models lies between them.
_OF_TURN = """select routed.id from routed left join
    (select min(conversation) as thread, min(time) as begun, max(time) as ended from message
        where turn = ?1) as said on true
    where routed.turn = ?1 or (routed.turn = 0 and routed.thread = said.thread
        and not routed.background and routed.time between said.begun and said.ended)"""


def of_thread(connection: apsw.Connection, thread: int) -> None:
    """A conversation is forgotten: so is who was asked in it. Its messages are still there."""
    connection.execute(
        """delete from routed where thread = ?1
        or turn in (select turn from message where conversation = ?1)""",
        (thread,),
    )


def _routed(row: Any) -> Routed:
    values = dict(zip(_NAMES, row, strict=True))
    for name in _FLAGS:
        values[name] = bool(values[name])
    return Routed(**values)
