"""Conversations: what was asked and answered, searchable, and forgotten without a trace."""

from __future__ import annotations

from typing import Any

import apsw
from msgspec import Struct
from msgspec.structs import replace

from loom_desktop.event import Privacy
from loom_desktop.store.columns import labels, matching, origins, storable
from loom_desktop.store.database import Database
from loom_desktop.store.memories import of_thread

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
    """The beginning of the first question."""
    time: float
    """Of the last message."""
    turns: int


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

    async def recent(self, query: str = "", *, limit: int = 50) -> list[Conversation]:
        """Conversations with these words in them, or all; the newest first."""
        words = matching(query)
        if query.strip() and not words:
            return []
        where = (
            """where conversation in (select conversation from message
            where id in (select rowid from message_words where message_words match ?))"""
            if words
            else ""
        )
        rows = await self._db.read(
            lambda connection: connection.execute(
                f"""select conversation, max(time), count(distinct turn), coalesce((
                    select substr(text, 1, 400) from message one
                    where one.conversation = message.conversation
                    order by role <> 'user', id limit 1), '')
                from message {where} group by conversation order by max(time) desc, 1 desc limit ?
                """,
                (words, limit) if words else (limit,),
            ).fetchall()
        )
        return [_conversation(*row) for row in rows]

    async def forget(self, conversation: int) -> int:
        """Remove its messages, events, cards and what was learned in it from every file. Returns
        the messages.

        Reminders, notes and what was to be remembered stay: they are the person's own.
        """
        return await self._db.erase(lambda connection: _forget(connection, conversation))

    async def forget_before(self, time: float) -> int:
        """Remove conversations whose last message is older. Returns how many messages."""
        removed = await self._db.do(
            lambda connection: _changes(
                connection,
                """delete from message where conversation in (
                    select conversation from message group by conversation having max(time) < ?)""",
                (time,),
            )
        )
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


def _put(connection: apsw.Connection, message: Message) -> int:
    row: Any = connection.execute(
        f"""insert into message({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (turn, role) do update set text = excluded.text, time = excluded.time,
            route = excluded.route, model = excluded.model, seconds = excluded.seconds,
            cost = excluded.cost, state = excluded.state, origin = excluded.origin,
            privacy = excluded.privacy
        returning id""",
        (
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
        ),
    ).get
    return int(row)


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


def _conversation(id_: Any, time: Any, turns: Any, first: Any) -> Conversation:
    title = " ".join(first.split())
    if len(title) > TITLE_CHARS:
        title = title[: TITLE_CHARS - 1].rstrip() + "…"
    return Conversation(conversation=id_, title=title, time=time, turns=turns)


def _forget(connection: apsw.Connection, conversation: int) -> int:
    connection.execute(
        "delete from event where thread = ?1 or (id = ?1 and thread = 0)", (conversation,)
    )
    connection.execute("delete from dead where thread = ?", (conversation,))
    connection.execute("delete from card where thread = ?", (conversation,))
    of_thread(connection, conversation)
    return _changes(connection, "delete from message where conversation = ?", (conversation,))


def _changes(connection: apsw.Connection, sql: str, values: tuple[Any, ...]) -> int:
    connection.execute(sql, values)
    return connection.changes()
