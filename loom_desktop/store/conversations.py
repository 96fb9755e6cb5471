"""Conversations: what was asked and answered, searchable, and forgotten without a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
from msgspec import Struct
from msgspec.structs import replace

from loom_desktop.event import Privacy, next_id
from loom_desktop.store import provenance, routes
from loom_desktop.store.columns import labels, matching, origins, storable
from loom_desktop.store.database import Database
from loom_desktop.store.memories import of_thread
from loom_desktop.store.provenance import Provenance

if TYPE_CHECKING:
    from loom_desktop.text import transcripts
    from loom_desktop.text.transcripts import Transcript

STREAMING = "streaming"
INTERRUPTED = "interrupted"
TITLE_CHARS = 80


class Message(Struct, frozen=True, kw_only=True):
    """One side of one turn."""

    conversation: int
    turn: int
    """Id of the event that asked. Question and answer share it."""
    role: str
    """``user`` or ``assistant``; one message of each role in a turn."""
    text: str
    time: float
    id: int = 0
    """Given by the store."""
    route: str = ""
    model: str = ""
    seconds: float = 0.0
    cost: float = 0.0
    state: str = "done"
    """``streaming`` until it is whole; then done, failed, cancelled. ``interrupted``: we ended."""
    origin: frozenset[str] = frozenset()
    privacy: Privacy = Privacy.LOCAL_ONLY


class Conversation(Struct, frozen=True, kw_only=True):
    """A line of the history."""

    conversation: int
    title: str
    """The beginning of the first question, or what it was called where it was imported from."""
    time: float
    """Of the last message."""
    turns: int
    parent: int = 0
    """The conversation that it is a branch of."""
    service: str = ""
    """The service that it was imported from."""


class Hit(Struct, frozen=True, kw_only=True):
    """A message in which something was found."""

    conversation: int
    turn: int
    role: str
    time: float
    text: str
    """What stands around the words."""


class Imported(NamedTuple):
    """What came of an import."""

    added: list[int]
    """Conversations that are new, in the order of the file."""
    known: int
    """How many were there already."""


_FILE = frozenset({"file"})
_COLUMNS = (
    "conversation, turn, role, text, time, route, model, seconds, cost, state, origin, privacy"
)


class Conversations:
    """Messages, by conversation."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, message: Message) -> Message:
        """Add it, or change what this role said in this turn. Answers with its id in it."""
        message = replace(message, text=storable(message.text))
        id_ = await self._db.do(lambda connection: _put(connection, message))
        return replace(message, id=id_)

    def extend(self, turn: int, piece: str) -> None:
        """Add a piece to the answer that streams. Does not wait; the last ``put`` has all of it."""
        piece = storable(piece)
        self._db.post(
            lambda connection: connection.execute(
                """update message set text = text || ?
                where turn = ? and role = 'assistant' and state = ?""",
                (piece, turn, STREAMING),
            )
        )

    async def messages(self, conversation: int, *, limit: int = 1_000) -> list[Message]:
        """The newest ``limit`` of it, oldest first."""
        newest = await self._select("conversation = ? order by id desc", (conversation,), limit)
        return newest[::-1]

    async def count(self, conversation: int) -> int:
        """How many messages it has."""
        rows: Any = await self._db.read(
            lambda connection: (
                connection.execute(
                    "select count(*) from message where conversation = ?", (conversation,)
                ).get
            )
        )
        return int(rows)

    async def search(self, query: str, *, limit: int = 50) -> list[Message]:
        """Messages with all of these words, in any of their forms; the best first."""
        if not (words := matching(query)):
            return []
        return await self._select(
            "words.message_words match ? order by rank",
            (words,),
            limit,
            "message_words words join message on message.id = words.rowid",
        )

    async def find(self, query: str, *, limit: int = 50) -> list[Hit]:
        """Where these words were said, in any of their forms; the best first."""
        if not (words := matching(query)):
            return []
        rows: Any = await self._db.read(
            lambda connection: connection.execute(
                """select conversation, turn, role, time,
                    snippet(message_words, 0, '', '', '…', 24)
                from message_words join message on message.id = message_words.rowid
                where message_words match ? order by rank limit ?""",
                (words, limit),
            ).fetchall()
        )
        return [
            Hit(conversation=of, turn=turn, role=role, time=time, text=" ".join(text.split()))
            for of, turn, role, time, text in rows
        ]

    async def recent(self, query: str = "", *, limit: int = 50) -> list[Conversation]:
        """Conversations with these words in them or in their title, or all; the newest first."""
        words = matching(query)
        if query.strip() and not words:
            return []
        return await self._db.read(lambda connection: _recent(connection, query, words, limit))

    async def provenance(self, conversation: int) -> Provenance:
        """Where it came from."""
        return await self._db.read(lambda connection: provenance.read(connection, conversation))

    async def branches(self, conversation: int) -> list[int]:
        """The conversations that began as a part of this one; their messages are copies."""
        found = await self._db.read(provenance.every)
        return [one for one, about in found.items() if about.parent == conversation]

    async def branch(self, conversation: int, upto: int) -> int:
        """A new conversation with what was said in the turns up to this number, as it was said.

        Its id; it has no message when there is no such turn. Turns are counted by their number, so
        ``upto`` may be one that there is not: ``turn - 1`` is all before that turn.
        """
        return await self._db.do(lambda connection: _branch(connection, conversation, upto))

    async def transcript(self, conversation: int) -> Transcript | None:
        """All of it as plain data, or None when there is none."""
        return await self._db.read(lambda connection: _transcript(connection, conversation))

    async def take_in(self, given: Sequence[Transcript]) -> Imported:
        """Import them in one transaction: all, or nothing. Those that were imported before, or are
        of here and still here, are left as they are.

        Whoever wrote the file may have written every word of it: what comes in carries the origin
        ``file`` whatever else it says of itself, and is at least private.
        """
        return await self._db.do(lambda connection: _take_in(connection, given))

    async def forget(self, conversation: int) -> int:
        """Remove its messages, events, cards, which models were asked and what was learned in it
        from every file. Returns the messages.

        Reminders, notes and what was to be remembered stay: they are the person's own.
        """
        return await self._db.erase(lambda connection: _forget(connection, conversation))

    async def forget_before(self, time: float) -> int:
        """Remove conversations whose last message is older. Returns how many messages."""
        removed = await self._db.do(lambda connection: _forget_before(connection, time))
        if removed:
            await self._db.checkpoint()
        return removed

    async def _select(
        self, where: str, values: tuple[Any, ...], limit: int, source: str = "message"
    ) -> list[Message]:
        columns = ", ".join(f"message.{one}" for one in ("id", *_COLUMNS.split(", ")))
        rows = await self._db.read(
            lambda connection: connection.execute(
                f"select {columns} from {source} where {where} limit ?", (*values, limit)
            ).fetchall()
        )
        return [_message(row) for row in rows]


def end_streams(connection: apsw.Connection) -> None:
    """Answers that were streaming when we last ended are said to be interrupted."""
    if connection.execute("select 1 from message where state = 'streaming' limit 1").get:
        connection.execute("update message set state = ? where state = 'streaming'", (INTERRUPTED,))


_INSERT = f"insert into message({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _put(connection: apsw.Connection, message: Message) -> int:
    row: Any = connection.execute(
        f"""{_INSERT} on conflict (turn, role) do update set
            text = excluded.text, time = excluded.time,
            route = excluded.route, model = excluded.model, seconds = excluded.seconds,
            cost = excluded.cost, state = excluded.state, origin = excluded.origin,
            privacy = excluded.privacy
        returning id""",
        _row(message),
    ).get
    return int(row)


def _row(message: Message) -> tuple[Any, ...]:
    return (
        message.conversation,
        message.turn,
        message.role,
        message.text,
        message.time,
        storable(message.route),
        storable(message.model),
        message.seconds,
        message.cost,
        message.state,
        labels(message.origin),
        int(message.privacy),
    )


def _message(row: Any) -> Message:
    (id_, conversation, turn, role, text, time, route, model, seconds, cost, state, origin, privacy) = row  # fmt: skip # noqa: E501
    return Message(
        id=id_,
        conversation=conversation,
        turn=turn,
        role=role,
        text=text,
        time=time,
        route=route,
        model=model,
        seconds=seconds,
        cost=cost,
        state=state,
        origin=origins(origin),
        privacy=Privacy(privacy),
    )


def _recent(connection: apsw.Connection, query: str, words: str, limit: int) -> list[Conversation]:
    where, values = "", dict[str, Any](limit=limit)
    if words:
        wanted = query.lower().split()
        titled = [
            one
            for one, about in provenance.every(connection).items()
            if all(word in about.title.lower() for word in wanted)
        ]
        where = """where conversation in (select conversation from message
                where id in (select rowid from message_words where message_words match :words)
                union select value from json_each(:titled))"""
        values |= {"words": words, "titled": str(titled)}
    rows: Any = connection.execute(
        f"""select of, time, turns, coalesce((
                select substr(text, 1, 400) from message where conversation = of
                order by role <> 'user', id limit 1), ''), {provenance.column("of")}
            from (select conversation as of, max(time) as time, count(distinct turn) as turns
                from message {where} group by conversation order by 2 desc, 1 desc limit :limit)
            order by time desc, of desc""",
        values,
    )
    return [_conversation(*row) for row in rows]


def _conversation(id_: Any, time: Any, turns: Any, first: Any, about: Any) -> Conversation:
    came = provenance.decoded(about)
    return Conversation(
        conversation=id_,
        title=_title(came.title or first),
        time=time,
        turns=turns,
        parent=came.parent,
        service=came.service,
    )


def _title(first: str) -> str:
    title = " ".join(first.split())
    if len(title) > TITLE_CHARS:
        title = title[: TITLE_CHARS - 1].rstrip() + "…"
    return title


def _all(connection: apsw.Connection, conversation: int, upto: int | None = None) -> list[Message]:
    names = ", ".join(("id", *_COLUMNS.split(", ")))
    rows: Any = connection.execute(
        f"""select {names} from message where conversation = ? and turn <= coalesce(?, turn)
        order by id""",
        (conversation, upto),
    )
    return [_message(row) for row in rows]


def _branch(connection: apsw.Connection, conversation: int, upto: int) -> int:
    said = _all(connection, conversation, upto)
    turns = {turn: next_id() for turn in dict.fromkeys(one.turn for one in said)}
    branch = next(iter(turns.values()), 0) or next_id()
    before = provenance.read(connection, conversation)
    for one in said:
        state = INTERRUPTED if one.state == STREAMING else one.state
        turn = turns[one.turn]
        row = _row(replace(one, conversation=branch, turn=turn, state=state))
        connection.execute(_INSERT, row)  # never in the place of another one
    provenance.write(
        connection,
        branch,
        Provenance(
            parent=conversation,
            turn=max(turns, default=0),
            copies={new: before.copies.get(old, old) for old, new in turns.items()},
            title=before.title,
        ),
    )
    return branch


def _transcript(connection: apsw.Connection, conversation: int) -> Transcript | None:
    from loom_desktop.text import transcripts

    if not (said := _all(connection, conversation)):
        return None
    about = provenance.read(connection, conversation)
    first = next((one.text for one in said if one.role == "user"), said[0].text)
    return transcripts.Transcript(
        title=about.title or _title(first),
        service=about.service or "loom",  # type: ignore[arg-type]  # only such are imported
        id=about.id if about.service else str(conversation),
        messages=tuple(
            transcripts.Message(
                role="user" if one.role == "user" else "assistant",
                text=one.text,
                time=one.time,
                route=one.route,
                model=one.model,
                seconds=one.seconds,
                cost=one.cost,
                state=one.state,  # type: ignore[arg-type]  # the same words
                origin=tuple(sorted(one.origin)),
                privacy=one.privacy.word,  # type: ignore[arg-type]  # the same words
            )
            for one in said
        ),
    )


def _take_in(connection: apsw.Connection, given: Sequence[Transcript]) -> Imported:
    added, known = list[int](), 0
    for one in given:
        if one.id and _there(connection, one.service, one.id):
            known += 1
            continue
        conversation = turn = next_id()
        before = ""
        for message in one.messages:
            if before and (message.role == "user" or before == "assistant"):
                turn = next_id()
            before = message.role
            connection.execute(_INSERT, _row(_imported(conversation, turn, message)))
        about = Provenance(service=one.service, id=one.id, title=one.title)
        provenance.write(connection, conversation, about)
        added.append(conversation)
    return Imported(added, known)


def _there(connection: apsw.Connection, service: str, id_: str) -> bool:
    if provenance.imported(connection, service, id_):
        return True
    ours = service == "loom" and id_.isascii() and id_.isdigit() and len(id_) < 19
    sql = "select 1 from message where conversation = ? limit 1"
    return ours and bool(connection.execute(sql, (int(id_),)).get)


def _imported(conversation: int, turn: int, said: transcripts.Message) -> Message:
    return Message(
        conversation=conversation,
        turn=turn,
        role=said.role,
        text=storable(said.text),
        time=said.time,
        route=said.route,
        model=said.model,
        seconds=said.seconds,
        cost=said.cost,
        state=INTERRUPTED if said.state == STREAMING else said.state,
        origin=_FILE.union(said.origin),
        privacy=max(Privacy.PRIVATE, _PRIVACY[said.privacy]),
    )


_PRIVACY = {one.word: one for one in Privacy}


def _forget(connection: apsw.Connection, conversation: int) -> int:
    connection.execute(
        "delete from event where thread = ?1 or (id = ?1 and thread = 0)", (conversation,)
    )
    connection.execute("delete from dead where thread = ?", (conversation,))
    connection.execute("delete from card where thread = ?", (conversation,))
    of_thread(connection, conversation)
    routes.of_thread(connection, conversation)
    provenance.forget(connection, conversation)
    return _changes(connection, "delete from message where conversation = ?", (conversation,))


def _forget_before(connection: apsw.Connection, time: float) -> int:
    old: Any = connection.execute(
        "select conversation from message group by conversation having max(time) < ?", (time,)
    ).fetchall()
    removed = 0
    for (conversation,) in old:
        provenance.forget(connection, conversation)
        removed += _changes(
            connection, "delete from message where conversation = ?", (conversation,)
        )
    return removed


def _changes(connection: apsw.Connection, sql: str, values: tuple[Any, ...]) -> int:
    connection.execute(sql, values)
    return connection.changes()
