"""Memories: what happened, facts with their history, and what to keep, each with its labels.

Found by their words, by the letters in them (misspellings, other forms) and by vectors. A vector
is kept whole beside its memory, with one bit of sign for each of its numbers: the nearest are
looked for among the bits, all of them, and whoever asked compares the few hundred that are left.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Any, Literal

import apsw
import msgspec
from msgspec.structs import replace

from loom_desktop.clock import Clock
from loom_desktop.errors import NotFound
from loom_desktop.event import Privacy
from loom_desktop.store.columns import labels, origins, storable
from loom_desktop.store.database import Database
from loom_desktop.store.nearest import Nearest

Kind = Literal["episodic", "semantic", "note"]
"""What happened; a fact; something to keep."""
Tier = Literal["working", "session", "long-term"]
MOST_ROWS = 20_000
"""So many hits of words, and twice as many of letters, are looked at. The rarest come first, so
what is left out are words that stand nearly everywhere."""
MOST_GRAMS = 64
MOST_WORDS = 16
CANDIDATES = 300
_word = re.compile(r"\w+")
_BY_LETTERS = "select rowid from memory_letters where memory_letters match ?"


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """One memory."""

    text: str
    kind: Kind = "note"
    tier: Tier = "long-term"
    subject: str = ""
    relation: str = ""
    object: str = ""
    """A fact has all three; they are its text, too."""
    time: float = 0.0
    """When it was learned or last confirmed. Confidence decays from here."""
    changed: float = 0.0
    """When its words were changed last, or it stopped to count."""
    expires: float = 0.0
    """From then on it is not there any more; 0 is never."""
    confidence: float = 1.0
    """When it was learned, 0 to 1."""
    thread: int = 0
    agent: str = ""
    origin: frozenset[str] = frozenset()
    privacy: Privacy = Privacy.LOCAL_ONLY
    state: str = "active"
    """active, or superseded: a newer fact took its place."""
    superseded_by: int = 0
    event: int = 0
    """The event that brought its words here, when there is one: it is forgotten with it."""
    card: int = 0
    """The card that told the person of it, the same."""
    id: int = 0
    """Given by the store."""


_NAMES = Memory.__struct_fields__
_KEPT = tuple(name for name in _NAMES if name != "id")
_SUPERSEDED = "superseded_by = ? and superseded_by > 0"
"""The second half lets SQLite use its index, which has no others."""
_ACTIVE = "state = 'active' and (expires = 0 or expires > ?)"


class Memories:
    """All memories. Those whose time is over are not there, whether or not ``sweep`` has come."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._nearest = Nearest()

    async def add(
        self,
        memory: Memory,
        *,
        sources: Iterable[int] = (),
        supersedes: Iterable[int] = (),
        vectors: Mapping[str, tuple[bytes, bytes]] | None = None,
    ) -> Memory:
        """Keep it; answers with its id in it. All of this is written, or nothing.

        ``sources`` are the memories it was made from: forgetting one of them forgets it as well.
        Those it ``supersedes`` become its history. ``vectors``: by model, the vector and its bits.
        """
        now = self._clock()
        time = memory.time or now
        memory = replace(memory, text=storable(memory.text), time=time, changed=now, id=0)
        before, made_from, found = list(supersedes), list(sources), dict(vectors or {})

        def write(connection: apsw.Connection) -> int:
            marks = ", ".join("?" * len(_KEPT))
            row: Any = connection.execute(
                f"insert into memory({', '.join(_KEPT)}) values ({marks}) returning id",
                _row(memory),
            ).get
            connection.executemany(
                "insert or ignore into memory_source(memory, source) values (?, ?)",
                [(row, one) for one in made_from],
            )
            connection.executemany(
                "update memory set state = 'superseded', superseded_by = ?, changed = ? "
                "where id = ?",
                [(row, now, one) for one in before],
            )
            _put_vectors(connection, int(row), found)
            return int(row)

        return replace(memory, id=await self._db.do(write))

    async def get(self, id: int) -> Memory:  # noqa: A002  # the name of the field
        """One of them, also one of a history. Raises NotFound."""
        found = await self._select("id = ?", (id,))
        if not found:
            raise _missing(id)
        return found[0]

    async def some(self, ids: Sequence[int]) -> list[Memory]:
        """Those of these numbers that count now, in no order."""
        many = ",".join(str(int(one)) for one in ids)
        return await self._select(f"id in ({many}) and {_ACTIVE}", (self._clock(),))

    async def listed(self, *, kind: str = "", tier: str = "", limit: int = 100) -> list[Memory]:
        """Those that count, the newest first."""
        where, values = [_ACTIVE], [self._clock()]
        for name, value in (("kind", kind), ("tier", tier)):
            if value:
                where.append(f"{name} = ?")
                values.append(value)  # type: ignore[arg-type]
        order = " order by time desc, id desc limit ?"
        return await self._select(" and ".join(where) + order, (*values, limit))

    async def after(self, id: int, *, limit: int = 100) -> list[Memory]:  # noqa: A002
        """Those behind a number, with those of a history, in the order in which they came."""
        ended = "(expires = 0 or expires > ?)"
        return await self._select(
            f"id > ? and {ended} order by id limit ?", (id, self._clock(), limit)
        )

    async def facts(self, subject: str, relation: str) -> list[Memory]:
        """Facts that say this of that; upper and lower case are the same."""
        return await self._select(
            "kind = 'semantic' and subject = ? collate nocase and relation = ? collate nocase "
            f"and {_ACTIVE} order by id desc",
            (storable(subject), storable(relation), self._clock()),
        )

    async def history(self, id: int) -> list[Memory]:  # noqa: A002
        """What it took the place of, the newest first."""
        rows = await self._db.read(lambda connection: _before(connection, [id]))
        found = await self._select(f"id in ({','.join(map(str, rows - {id}))})", ())
        return sorted(found, key=lambda one: one.id, reverse=True)

    async def made_from(self, id: int) -> list[int]:  # noqa: A002
        """The numbers of the memories that it was made from."""
        return await self._db.read(
            lambda connection: [
                int(row[0])
                for row in connection.execute(
                    "select source from memory_source where memory = ? order by source", (id,)
                )
            ]
        )

    async def change(
        self,
        memory: Memory,
        *,
        vectors: Mapping[str, tuple[bytes, bytes]] | None = None,
    ) -> Memory:
        """Write it down as it is now. ``vectors``, if the text is another one, are the new ones.

        Whatever holds the old words goes when they change: what was made from them, the event that
        brought them, the card that told of them. Raises NotFound.
        """
        before = await self.get(memory.id)
        memory = replace(memory, text=storable(memory.text), changed=self._clock())
        if memory.text == before.text:
            await self._db.do(lambda connection: _change(connection, memory))
            return memory
        memory = replace(memory, event=0, card=0)

        def write(connection: apsw.Connection) -> None:
            _delete(connection, _derived(connection, [memory.id]) - {memory.id})
            _delete_traces(connection, before.event, before.card)
            _delete_before(connection, before.superseded_by)
            _change(connection, memory)
            connection.execute("delete from memory_vector where memory = ?", (memory.id,))
            _put_vectors(connection, memory.id, dict(vectors or {}))

        await self._db.erase(write)
        return memory

    async def count(self) -> int:
        """How many count now."""
        return await self._db.read(
            lambda connection: int(
                str(
                    connection.execute(
                        f"select count(*) from memory where {_ACTIVE}", (self._clock(),)
                    ).get
                )
            )
        )

    # ------------------------------------------------------------------ finding

    async def words(self, query: str, *, limit: int = CANDIDATES) -> list[int]:
        """Those with any of these words, in any of their forms; the best by bm25 first."""
        said = list(dict.fromkeys(_word.findall(storable(query).lower())))[:MOST_WORDS]

        def look(connection: apsw.Connection) -> list[int]:
            counts = _counts(connection, "memory_words", said)
            rare = _rarest(counts, MOST_ROWS)
            if not rare:
                return []
            match = " OR ".join(map(_quoted, rare))
            rows = connection.execute(
                "select rowid from memory_words where memory_words match ? order by rank limit ?",
                (match, limit),
            )
            return [int(row[0]) for row in rows]

        return await self._db.read(look) if said else []

    async def letters(
        self, grams: Sequence[str], *, limit: int = CANDIDATES
    ) -> list[tuple[int, float]]:
        """Those with most of these three characters in a row, and how much of what was asked they
        have, 0 to 1; what few others have counts for more."""
        said = [one for one in dict.fromkeys(map(storable, grams)) if len(one) == 3][:MOST_GRAMS]

        def look(connection: apsw.Connection) -> list[tuple[int, float]]:
            counts = _counts(connection, "memory_letters", said)
            everything = int(str(connection.execute("select count(*) from memory").get))
            weights = {one: math.log(1 + everything / max(1, counts[one])) for one in said}
            scores: dict[int, float] = {}
            for gram in _rarest(counts, 2 * MOST_ROWS):
                weight = weights[gram]
                rows: Any = connection.execute(_BY_LETTERS, (_quoted(gram),)).fetchall()
                for (row,) in rows:
                    scores[row] = scores.get(row, 0.0) + weight
            whole = sum(weights.values())
            best = nlargest(limit, scores.items(), key=lambda one: (one[1], one[0]))
            return [(row, score / whole) for row, score in best]

        return await self._db.read(look) if said else []

    async def near(self, model: str, bits: bytes, *, limit: int = CANDIDATES) -> list[int]:
        """Those whose vector of this model points most nearly where these bits do."""
        return await self._db.read(
            lambda connection: self._nearest.find(connection, model, bits, limit)
        )

    async def vectors(self, model: str, ids: Sequence[int]) -> dict[int, bytes]:
        """The vectors of this model of these, by their numbers; some may have none."""
        many = ",".join(str(int(one)) for one in ids)

        def look(connection: apsw.Connection) -> dict[int, bytes]:
            rows: Any = connection.execute(
                f"select memory, vector from memory_vector where model = ? and memory in ({many})",
                (model,),
            ).fetchall()
            return dict(rows)

        return await self._db.read(look)

    async def without_vector(self, model: str, *, limit: int = 100) -> list[Memory]:
        """Those that count and have none of this model."""
        return await self._select(
            f"{_ACTIVE} and not exists (select 1 from memory_vector "
            "where memory_vector.memory = memory.id and model = ?) order by id limit ?",
            (self._clock(), model, limit),
        )

    async def put_vectors(self, found: Mapping[int, tuple[str, bytes, bytes]]) -> None:
        """Keep a vector for each of these: model, vector, bits. Whoever is gone gets none."""

        def write(connection: apsw.Connection) -> None:
            for row, (model, vector, bits) in found.items():
                if connection.execute("select 1 from memory where id = ?", (row,)).get:
                    _put_vectors(connection, row, {model: (vector, bits)})

        await self._db.do(write)

    # ------------------------------------------------------------------ forgetting

    async def told(self, id: int, card: int) -> None:  # noqa: A002
        """This card tells the person of it."""
        await self._db.do(
            lambda connection: connection.execute(
                "update memory set card = ? where id = ?", (card, id)
            )
        )

    async def forget(self, ids: Iterable[int]) -> list[int]:
        """Remove these from every file: with their history, with what was made from them, with
        their vectors, the events that brought them and the cards that told of them.

        Answers with the numbers of all that are gone.
        """
        wanted = list(ids)
        return await self._db.erase(
            lambda connection: _delete(
                connection, _derived(connection, _before(connection, wanted))
            )
        )

    async def revert(self, id: int) -> list[int]:  # noqa: A002
        """Remove this one as ``forget`` does, but what it took the place of stays.

        That counts again, or is the history of what took the place of this one.
        """
        return await self._db.erase(
            lambda connection: _delete(connection, _derived(connection, [id]))
        )

    async def sweep(self) -> tuple[list[int], float]:
        """Remove those whose time is over, and what was made from them.

        Answers with their numbers, and with when the next one's time will be over (0: none).
        """
        now = self._clock()

        def write(connection: apsw.Connection) -> list[int]:
            rows: Any = connection.execute(
                "select id from memory where expires > 0 and expires <= ?", (now,)
            ).fetchall()
            return _delete(connection, _derived(connection, [row[0] for row in rows]))

        gone: list[int] = []
        following = await self._first_end()
        if 0.0 < following <= now:  # else nothing is written: a computer at rest stays at rest
            gone = await self._db.do(write)
            await self._db.checkpoint()
            following = await self._first_end()
        return gone, following

    async def _first_end(self) -> float:
        found = await self._db.read(
            lambda connection: (
                connection.execute("select min(expires) from memory where expires > 0").get
            )
        )
        return float(str(found or 0.0))

    async def _select(self, where: str, values: tuple[Any, ...]) -> list[Memory]:
        rows = await self._db.read(
            lambda connection: connection.execute(
                f"select {', '.join(_NAMES)} from memory where {where}", values
            ).fetchall()
        )
        return [_memory(row) for row in rows]


def of_thread(connection: apsw.Connection, thread: int) -> None:
    """A conversation is forgotten: so is what was learned in it, but for what was to be kept.

    What that took the place of was said in another one, and takes over its place.
    """
    rows = connection.execute(
        "select id from memory where thread = ? and (kind <> 'note' or tier = 'working')", (thread,)
    ).fetchall()
    ids = [int(str(row[0])) for row in rows]
    _delete(connection, _derived(connection, ids))


def _missing(number: int) -> NotFound:
    return NotFound(f"There is no memory {number}.", hint="loom memory list shows those there are.")


def _row(memory: Memory) -> tuple[Any, ...]:
    values = {name: getattr(memory, name) for name in _KEPT}
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = storable(value)
    values["origin"], values["privacy"] = labels(memory.origin), int(memory.privacy)
    return tuple(values.values())


def _memory(row: Any) -> Memory:
    values = dict(zip(_NAMES, row, strict=True))
    values["origin"] = origins(values["origin"])
    values["privacy"] = Privacy(values["privacy"])
    return Memory(**values)


def _put_vectors(
    connection: apsw.Connection, row: int, found: Mapping[str, tuple[bytes, bytes]]
) -> None:
    connection.executemany(
        "insert or replace into memory_vector(memory, model, vector, bits) values (?, ?, ?, ?)",
        [(row, model, vector, bits) for model, (vector, bits) in found.items()],
    )


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _counts(connection: apsw.Connection, index: str, terms: Iterable[str]) -> dict[str, int]:
    """In how many rows each of them stands; beyond what we would look at is not counted on."""
    most = 2 * MOST_ROWS + 1
    return {
        term: int(
            str(
                connection.execute(
                    f"select count(*) from "
                    f"(select 1 from {index} where {index} match ? limit {most})",
                    (_quoted(term),),
                ).get
            )
        )
        for term in terms
    }


def _rarest(counts: Mapping[str, int], most: int) -> list[str]:
    """Terms that stand somewhere, the rarest first, as long as their rows are few enough."""
    kept: list[str] = []
    rows = 0
    for term in sorted((one for one in counts if counts[one]), key=lambda one: counts[one]):
        rows += counts[term]
        if kept and rows > most:
            break
        kept.append(term)
    return kept


def _before(connection: apsw.Connection, ids: Iterable[int]) -> set[int]:
    """These, and all that they took the place of."""
    return _closure(connection, ids, f"select id from memory where {_SUPERSEDED}")


def _derived(connection: apsw.Connection, ids: Iterable[int]) -> set[int]:
    """These, and all that was made from them."""
    return _closure(connection, ids, "select memory from memory_source where source = ?")


def _closure(connection: apsw.Connection, ids: Iterable[int], step: str) -> set[int]:
    found = set(ids)
    ahead = list(found)
    while ahead:
        for (row,) in connection.execute(step, (ahead.pop(),)).fetchall():
            number = int(str(row))
            if number not in found:
                found.add(number)
                ahead.append(number)
    return found


def _delete(connection: apsw.Connection, ids: Iterable[int]) -> list[int]:
    """Remove the rows and what only stands somewhere because of them; those that were there.

    What one of them took the place of, and is none of them, takes over the place of that one.
    """
    gone: list[int] = []
    for number in sorted(ids):
        found: Any = connection.execute(
            "select event, card, state, superseded_by from memory where id = ?", (number,)
        ).fetchone()
        if found is None:
            continue
        event, card, state, newer = found
        _delete_traces(connection, event, card)
        _delete_before(connection, newer)
        connection.execute(
            f"update memory set state = ?, superseded_by = ? where {_SUPERSEDED}",
            (state, newer, number),
        )
        connection.execute("delete from memory_source where source = ?", (number,))
        connection.execute("delete from memory where id = ?", (number,))
        gone.append(number)
    return gone


def _delete_traces(connection: apsw.Connection, event: int, card: int) -> None:
    """The event that brought the words, and the card that told of them with the event of that."""
    if event:
        of_memory = "topic like 'memory.%'"
        connection.execute(f"delete from event where id = ? and {of_memory}", (event,))
        connection.execute(f"delete from dead where event_id = ? and {of_memory}", (event,))
    if not card:
        return
    _delete_offer(connection, card)
    connection.execute("delete from card where id = ?", (card,))


def _delete_before(connection: apsw.Connection, newer: int) -> None:
    """What the card of a newer fact says of the one before; the card and its undo stay."""
    card: Any = connection.execute("select card from memory where id = ?", (newer,)).get
    if card:
        _delete_offer(connection, card)
        connection.execute("update card set text = '' where id = ?", (card,))


def _delete_offer(connection: apsw.Connection, card: int) -> None:
    """The event with the words of that card."""
    cause = connection.execute("select cause from card where id = ?", (card,)).get
    rows: Any = connection.execute(
        "select seq, event from event where cause = ? and topic = 'card.offered'", (cause or -1,)
    ).fetchall()
    for seq, blob in rows:
        if msgspec.msgpack.decode(blob).get("payload", {}).get("card", {}).get("id") == card:
            connection.execute("delete from event where seq = ?", (seq,))


def _change(connection: apsw.Connection, memory: Memory) -> None:
    connection.execute(
        f"update memory set {', '.join(f'{name} = ?' for name in _KEPT)} where id = ?",
        (*_row(memory), memory.id),
    )
    if not connection.changes():
        raise _missing(memory.id)
