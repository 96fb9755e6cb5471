"""The tables of loom.db, as numbered steps that only go forward.

One function is one step, and its place in ``STEPS`` is the number it leads to. Each runs in one
transaction together with ``user_version``, so a crash leaves the old schema or the new one; in a
new file all of them are one transaction. A step
that was released is never edited: write the next one.

Texts that can be searched have an FTS5 index over their table, kept by triggers. Its option
``secure-delete`` is needed beside the pragma of the same name: without it forgotten words stay in
the index.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, cast

import apsw

Step = Callable[[apsw.Connection], None]


class Newer(Exception):
    """The file was written by a version of Loom that is newer than this one."""


_WORDS = "tokenize='porter unicode61 remove_diacritics 2'"
_LETTERS = "tokenize='trigram remove_diacritics 1', detail=none"
"""Every three characters in a row; without their places it is a third of the size."""


def _searchable(
    connection: apsw.Connection,
    table: str,
    *columns: str,
    when: str = "1",
    kind: str = "words",
    how: str = _WORDS,
) -> None:
    """An FTS5 index over the columns of a table; rows for which ``when`` is false stay out of it.

    It is called ``TABLE_KIND``, and ``how`` are its options.

    In ``when`` the row is called ``this``. One trigger does both sides of a change: of two, SQLite
    runs whichever it likes first, and an index that drops words after taking them in is damaged.
    """
    names = ", ".join(columns)
    new, old = (", ".join(f"{side}.{one}" for one in columns) for side in ("new", "old"))
    index = f"{table}_{kind}"
    on = table if kind == "words" else index
    is_new, is_old = when.replace("this.", "new."), when.replace("this.", "old.")
    connection.execute(f"""
        create virtual table {index} using fts5({names}, content='{table}', content_rowid='id',
            {how});
        insert into {index}({index}, rank) values('secure-delete', 1);
        create trigger {on}_added after insert on {table} when {is_new} begin
            insert into {index}(rowid, {names}) values (new.id, {new});
        end;
        create trigger {on}_removed after delete on {table} when {is_old} begin
            insert into {index}({index}, rowid, {names}) values ('delete', old.id, {old});
        end;
        create trigger {on}_changed after update of {names}, state on {table} begin
            insert into {index}({index}, rowid, {names})
                select 'delete', old.id, {old} where {is_old};
            insert into {index}(rowid, {names}) select new.id, {new} where {is_new};
        end;
    """)


def first(connection: apsw.Connection) -> None:
    """Everything that version 0.1 keeps."""
    connection.execute("""
        create table event (
            id integer primary key, time real not null, topic text not null, sender text not null,
            thread integer not null, cause integer not null, origin text not null,
            privacy integer not null, event blob not null) strict;
        create index event_time on event(time);
        create index event_thread on event(thread);
        create index event_cause on event(cause) where cause <> 0;

        create table message (
            id integer primary key, conversation integer not null, turn integer not null,
            role text not null, text text not null, time real not null, route text not null,
            model text not null, seconds real not null, cost real not null, state text not null,
            origin text not null, privacy integer not null, unique (turn, role)) strict;
        create index message_conversation on message(conversation, id);
        create index message_streaming on message(id) where state = 'streaming';

        create table card (
            id integer primary key, kind text not null, agent text not null, title text not null,
            text text not null, detail text not null, actions blob not null, state text not null,
            created real not null, expires real not null, answer text not null,
            thread integer not null, cause integer not null, origin text not null,
            why text not null, digest text not null, data blob not null,
            shown real not null) strict;
        create index card_open on card(state, id) where state in ('open', 'waiting');
        create index card_shown on card(shown) where shown > 0;
        create index card_thread on card(thread);

        create table never (
            id integer primary key, agent text not null, what text not null, time real not null,
            unique (agent, what)) strict;

        create table schedule (
            id integer primary key, text text not null, said text not null, at text not null,
            zone text not null, fold integer not null, rrule text not null, cron text not null,
            every_s real not null, policy text not null, next real not null, state text not null,
            thread integer not null, origin text not null, privacy integer not null,
            created real not null, agent text not null, data blob not null) strict;
        create index schedule_due on schedule(next) where state = 'active';
        create table occurrence (
            id integer primary key, schedule integer not null references schedule on delete cascade,
            at real not null, time real not null, unique (schedule, at)) strict;

        create table note (
            id integer primary key, text text not null, time real not null, changed real not null,
            state text not null, thread integer not null, origin text not null,
            privacy integer not null) strict;

        create table act (
            id integer primary key, time real not null, agent text not null, kind text not null,
            words text not null, thread integer not null, state text not null,
            outcome text not null, ended real not null, run integer not null) strict;
        create index act_state on act(state, id);
        create table act_step (
            id integer primary key, act integer not null references act on delete cascade,
            number integer not null, source blob not null, target blob not null,
            size_bytes integer not null, mtime_ns integer not null, sha256 text not null,
            kept blob not null, state text not null, message text not null,
            unique (act, number)) strict;

        create table known_file (
            id integer primary key, folder blob not null, path blob not null,
            size_bytes integer not null, mtime_ns integer not null, unique (folder, path)) strict;

        create table egress (
            id integer primary key, time real not null, host text not null, port integer not null,
            purpose text not null, agent text not null, thread integer not null,
            privacy integer not null, bytes_out integer not null, bytes_in integer not null,
            outcome text not null, ended real not null) strict;
        create index egress_time on egress(time);

        create table state (
            id integer primary key, agent text not null, key text not null, value blob not null,
            version integer not null, unique (agent, key)) strict;

        create table secret (
            id integer primary key, name text not null unique, place text not null,
            value text not null) strict;
    """)
    # an answer that still streams changes many times a second: its words come in when it is whole
    _searchable(connection, "message", "text", when="this.state <> 'streaming'")
    _searchable(connection, "card", "title", "text", "detail")
    _searchable(connection, "note", "text")


BLOCK_BITS = 10
"""1,024 numbers of events are one block. Part of the format: a step would have to change it."""


def check_of(blob: bytes, seq: int) -> int:
    """CRC-32 of an event, begun with its number: a row that took another one's place fails too."""
    return zlib.crc32(blob, seq)


def second(connection: apsw.Connection) -> None:
    """Events in the order of their commits, each with a check value; what subscribers have had.

    Labels and sender are in the blob alone: no question was ever asked about those columns. A block
    says of 1,024 numbers how many rows there should be, and between which times they lie (a block
    range index: an index on time itself would cost a third of the insertion).
    """
    connection.create_scalar_function("check_of", cast("Any", check_of), 2, deterministic=True)
    connection.execute(f"""
        create table kept (
            seq integer primary key, id integer not null, time real not null, topic text not null,
            thread integer not null, cause integer not null, crc integer not null,
            event blob not null) strict;
        insert into kept
            select seq, id, time, topic, thread, cause, check_of(event, seq), event from (
                select row_number() over (order by id) as seq, id, time, topic,
                    case thread when id then 0 else thread end as thread, cause, event
                from event) order by seq;
        drop table event;
        alter table kept rename to event;
        create unique index event_id on event(id);
        create index event_thread on event(thread) where thread <> 0;
        create index event_cause on event(cause) where cause <> 0;

        create table event_block (
            id integer primary key, low real not null, high real not null, count integer not null,
            last integer not null) strict;
        create trigger event_removed after delete on event begin
            update event_block set count = count - 1 where id = old.seq >> {BLOCK_BITS};
        end;

        create table subscriber (
            id integer primary key, name text not null unique, seq integer not null) strict;
        create table delivery (
            id integer primary key,
            subscriber integer not null references subscriber on delete cascade,
            seq integer not null, tries integer not null, done integer not null,
            unique (subscriber, seq)) strict;
        create table dead (
            id integer primary key, subscriber text not null, seq integer not null,
            event_id integer not null, topic text not null, thread integer not null,
            handler text not null, traceback text not null, tries integer not null,
            time real not null, taken integer not null, origin text not null,
            privacy integer not null, crc integer not null, event blob not null,
            unique (subscriber, seq)) strict;
        create index dead_thread on dead(thread);
    """)
    connection.create_scalar_function("check_of", None)
    recount(connection)


def recount(connection: apsw.Connection) -> None:
    """Work out the blocks from the rows that are there; the last number that was given stays."""
    last = reached(connection)
    connection.execute(
        f"""delete from event_block;
        insert into event_block
            select seq >> {BLOCK_BITS}, min(time), max(time), count(*), max(seq)
            from event group by seq >> {BLOCK_BITS}"""
    )
    never_again(connection, last)


def reached(connection: apsw.Connection) -> int:
    """The highest number that was given, or that a cursor has passed: it may be one of another
    file, when a copy took the place of that."""
    known = (("last", "event_block"), ("seq", "subscriber"), ("seq", "delivery"), ("seq", "dead"))
    return max(
        int(str(connection.execute(f"select max({column}) from {table}").get or 0))
        for column, table in known
    )


def never_again(connection: apsw.Connection, seq: int) -> None:
    """No event gets this number or a lower one from now on."""
    connection.execute(
        f"""insert into event_block values (?1 >> {BLOCK_BITS}, 9e99, -9e99, 0, ?1)
        on conflict (id) do update set last = max(last, excluded.last)""",
        (seq,),
    )


def routes(connection: apsw.Connection) -> None:
    """Which model was asked each time, why, and what came of it."""
    connection.execute("""
        create table routed (
            id integer primary key, time real not null, decision integer not null,
            thread integer not null, turn integer not null, agent text not null,
            background integer not null, name text not null, model text not null,
            local integer not null, rule text not null, reason text not null,
            confidence real not null, phase text not null, arm text not null,
            label text not null, privacy text not null, latency_budget_ms integer not null,
            cost_cap real not null, quality_threshold real not null, estimated_s real not null,
            estimated_cost real not null, first_s real not null, seconds real not null,
            cost real not null, prompt integer not null, completion integer not null,
            outcome text not null, thumb integer not null) strict;
        create index routed_time on routed(time);
        create index routed_thread on routed(thread);
        create index routed_turn on routed(turn) where turn <> 0;
    """)


def memories(connection: apsw.Connection) -> None:
    """Memories, what they were made from, and their vectors.

    A vector is whole in its row: whatever finds the nearest can be made anew from there. The number
    of a memory is never given again: a card, or a vector that is still being made, may hold it.
    """
    connection.execute("""
        create table memory (
            id integer primary key autoincrement, kind text not null, tier text not null,
            text text not null, subject text not null, relation text not null, object text not null,
            time real not null, changed real not null, expires real not null,
            confidence real not null, thread integer not null, agent text not null,
            origin text not null, privacy integer not null, state text not null,
            superseded_by integer not null, event integer not null, card integer not null) strict;
        create index memory_time on memory(time);
        create index memory_thread on memory(thread);
        create index memory_expires on memory(expires) where expires > 0;
        create index memory_fact on memory(subject collate nocase, relation collate nocase)
            where kind = 'semantic';
        create index memory_superseded on memory(superseded_by) where superseded_by > 0;

        create table memory_source (
            id integer primary key, memory integer not null references memory on delete cascade,
            source integer not null, unique (memory, source)) strict;
        create index memory_source_source on memory_source(source);

        create table memory_vector (
            id integer primary key, memory integer not null references memory on delete cascade,
            model text not null, vector blob not null, bits blob not null,
            unique (memory, model)) strict;
        create index memory_vector_bits on memory_vector(model, memory, bits)
            where length(bits) > 0;
    """)
    _searchable(connection, "memory", "text", when="this.state = 'active'")
    _searchable(
        connection, "memory", "text", when="this.state = 'active'", kind="letters", how=_LETTERS
    )


STEPS: Sequence[Step] = (first, second, routes, memories)

TABLES = (
    "event", "message", "card", "never", "schedule", "occurrence", "note", "act", "act_step",
    "known_file", "egress", "state", "secret", "subscriber", "delivery", "dead", "routed",
    "memory", "memory_source", "memory_vector",
)  # fmt: skip
"""The tables that hold something of their own; what refers to another table comes after it.
``event_block`` holds nothing that ``recount`` could not work out."""


def version(connection: apsw.Connection) -> int:
    """The step this file has reached; 0 is an empty one. Raises apsw.Error for what is no store."""
    return int(connection.pragma("user_version"))


def migrate(
    connection: apsw.Connection,
    *,
    before: Callable[[int], None] = lambda version: None,
    last: Step = lambda connection: None,
    steps: Sequence[Step] | None = None,
) -> bool:
    """Whether there was anything to do. ``before`` is told the old version, to take a snapshot.

    It is not called for an empty file. ``last`` is done with the last step, or not at all. Raises
    Newer and touches nothing when the file is ahead.
    """
    steps = STEPS if steps is None else steps
    here = version(connection)
    if here > len(steps):
        raise Newer(f"schema {here}, known up to {len(steps)}")
    if here == len(steps):
        return False
    if here:
        before(here)
    ahead = list(enumerate(steps, 1))[here:]
    for part in [[one] for one in ahead] if here else [ahead]:  # a new file waits for one commit
        connection.execute("begin immediate")
        try:
            for number, step in part:
                step(connection)
                if number == len(steps):
                    last(connection)
                connection.execute(f"pragma user_version = {number}")
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
    return True
