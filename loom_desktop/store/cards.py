"""Cards: what was offered to the person, how it was answered, and what is never offered again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import apsw
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound
from loom_desktop.store.columns import labels, matching, origins, packed, storable
from loom_desktop.store.database import Database

OPEN = ("open", "waiting")
"""A card in one of these states still wants an answer."""


class Action(Struct, frozen=True):
    """A button of a card."""

    id: str
    label: str
    primary: bool = False


class Card(Struct, frozen=True, kw_only=True):
    """Something shown to the person, with at most three buttons."""

    id: int = 0
    """0: the store gives one."""
    kind: str
    """suggestion, approval, reminder or notice."""
    agent: str
    title: str
    text: str = ""
    detail: str = ""
    actions: Sequence[Action] = ()
    state: str = "open"
    """open, waiting (held back), answered, expired, superseded, declined, quiet."""
    created: float = 0.0
    expires: float = 0.0
    """0: never."""
    answer: str = ""
    """Id of the action that was chosen."""
    thread: int = 0
    cause: int = 0
    origin: frozenset[str] = frozenset()
    why: str = ""
    """Why it is there, in one sentence."""
    digest: str = ""
    """What an approval is bound to: the SHA-256 of exactly this act."""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the agent gave when it offered, and gets back with the answer."""


class Never(Struct, frozen=True, kw_only=True):
    """The person said: do not offer this kind of thing again."""

    agent: str
    what: str
    """The kind of thing, in the agent's words."""
    time: float


_COLUMNS = (
    "id, kind, agent, title, text, detail, actions, state, created, expires, answer, thread, "
    "cause, origin, why, digest, data"
)
_actions = msgspec.msgpack.Decoder(tuple[Action, ...])
_data = msgspec.msgpack.Decoder(dict[str, Any])


class Cards:
    """All cards, from the first offer to the last answer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def put(self, card: Card) -> Card:
        """Add it, or replace the one of that id. Answers with its id in it.

        Raises TypeError when its data is not plain.
        """
        row = _row(card)
        shown = self._clock() if card.state == "open" else 0.0
        id_ = await self._db.do(lambda connection: _put(connection, row, shown))
        return replace(card, id=id_)

    async def get(self, id: int) -> Card:  # noqa: A002  # the name of the field
        """The card. Raises NotFound."""
        found = await self._select("id = ?", (id,), 1)
        if not found:
            raise NotFound(f"There is no card {id}.", hint="The inbox shows those there are.")
        return found[0]

    async def open(self) -> list[Card]:
        """Those that are shown and want an answer, oldest first."""
        return await self._select("state = 'open' order by id", (), 1_000)

    async def waiting(self) -> list[Card]:
        """Those held back, oldest first."""
        return await self._select("state = 'waiting' order by id", (), 1_000)

    async def quiet(self) -> list[Card]:
        """Those that lie in the inbox and were never shown, oldest first."""
        return await self._select("state = 'quiet' order by id", (), 1_000)

    async def recent(
        self,
        query: str = "",
        *,
        kind: str = "",
        agent: str = "",
        since: float = 0.0,
        limit: int = 100,
    ) -> list[Card]:
        """Cards with all of these words, or all; the newest first."""
        words = matching(query)
        if query.strip() and not words:
            return []
        where, values = ["created >= ?"], [since]
        more: list[Any] = []
        for column, value in (("kind", kind), ("agent", agent)):
            if value:
                where.append(f"{column} = ?")
                more.append(value)
        if words:
            where.append("id in (select rowid from card_words where card_words match ?)")
            more.append(words)
        return await self._select(
            f"{' and '.join(where)} order by created desc, id desc", (*values, *more), limit
        )

    async def set_state(
        self,
        id: int,  # noqa: A002
        state: str,
        *,
        answer: str = "",
        expected: Collection[str] = OPEN,
    ) -> bool:
        """Change the state if it is one of those expected, and no other call was faster.

        The first answer wins: of any number of calls with ``answered`` one gets True. A card whose
        time is over is not answered any more.
        """
        now = self._clock()
        return await self._db.do(
            lambda connection: _set_state(connection, id, state, answer, expected, now)
        )

    async def expire_due(self, states: Collection[str] = OPEN) -> list[Card]:
        """Mark those expired whose time is over, and answer with them."""
        now = self._clock()

        def expire(connection: apsw.Connection) -> list[Any]:
            return connection.execute(
                f"""update card set state = 'expired' where expires > 0 and expires <= ?
                and state in ({", ".join("?" * len(states))}) returning {_COLUMNS}""",
                (now, *states),
            ).fetchall()

        return [_card(row) for row in await self._db.do(expire)]

    async def offered_since(self, time: float, *, kind: str = "suggestion") -> int:
        """How many of that kind were shown since then; what waits or is quiet does not count."""
        return await self._db.read(
            lambda connection: int(
                connection.execute(
                    "select count(*) from card where shown >= ? and shown > 0 and kind = ?",
                    (time, kind),
                ).get
                or 0
            )
        )

    async def forget_before(self, time: float) -> int:
        """Remove cards that were settled and are older. Returns how many."""

        def forget(connection: apsw.Connection) -> int:
            connection.execute(
                "delete from card where created < ? and state not in ('open', 'waiting')", (time,)
            )
            return connection.changes()

        return await self._db.do(forget)

    # ------------------------------------------------------------------ never again

    async def add_never(self, agent: str, what: str) -> None:
        """From now on ``never`` says yes for it."""
        now = self._clock()
        await self._db.do(
            lambda connection: connection.execute(
                "insert or ignore into never(agent, what, time) values (?, ?, ?)",
                (storable(agent), storable(what), now),
            )
        )

    async def remove_never(self, agent: str, what: str) -> bool:
        """Whether there was such a rule."""

        def remove(connection: apsw.Connection) -> bool:
            connection.execute(
                "delete from never where agent = ? and what = ?", (storable(agent), storable(what))
            )
            return connection.changes() > 0

        return await self._db.do(remove)

    async def never(self, agent: str, what: str) -> bool:
        """Whether this agent shall not offer this kind of thing."""
        return await self._db.read(
            lambda connection: (
                connection.execute(
                    "select 1 from never where agent = ? and what = ?",
                    (storable(agent), storable(what)),
                ).get
                is not None
            )
        )

    async def nevers(self) -> list[Never]:
        """All those rules, the newest first."""
        rows: list[Any] = await self._db.read(
            lambda connection: connection.execute(
                "select agent, what, time from never order by id desc"
            ).fetchall()
        )
        return [Never(agent=agent, what=what, time=time) for agent, what, time in rows]

    async def _select(self, where: str, values: tuple[Any, ...], limit: int) -> list[Card]:
        rows = await self._db.read(
            lambda connection: connection.execute(
                f"select {_COLUMNS} from card where {where} limit ?", (*values, limit)
            ).fetchall()
        )
        return [_card(row) for row in rows]


def _row(card: Card) -> tuple[Any, ...]:
    return (
        card.id or None,
        card.kind,
        storable(card.agent),
        storable(card.title),
        storable(card.text),
        storable(card.detail),
        packed([msgspec.to_builtins(one) for one in card.actions]),
        card.state,
        card.created,
        card.expires,
        storable(card.answer),
        card.thread,
        card.cause,
        labels(card.origin),
        storable(card.why),
        card.digest,
        packed(card.data),
    )


def _put(connection: apsw.Connection, row: tuple[Any, ...], shown: float) -> int:
    names = _COLUMNS.split(", ")
    changes = ", ".join(f"{one} = excluded.{one}" for one in names[1:])
    id_: Any = connection.execute(
        f"""insert into card({_COLUMNS}, shown) values ({"?, " * len(names)}?)
        on conflict (id) do update set {changes}, shown = max(shown, excluded.shown)
        returning id""",
        (*row, shown),
    ).get
    return int(id_)


def _set_state(
    connection: apsw.Connection,
    id_: int,
    state: str,
    answer: str,
    expected: Collection[str],
    now: float,
) -> bool:
    connection.execute(
        f"""update card set state = ?1, answer = ?2,
            shown = case when ?1 = 'open' then ?3 else shown end
        where id = ?4 and (?1 <> 'answered' or expires = 0 or expires > ?3)
            and state in ({", ".join(f"?{n}" for n in range(5, 5 + len(expected)))})""",
        (state, storable(answer), now, id_, *expected),
    )
    return connection.changes() > 0


def _card(row: Any) -> Card:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["actions"] = _actions.decode(values["actions"])
    values["origin"] = origins(values["origin"])
    values["data"] = _data.decode(values["data"])
    return Card(**values)
