"""Steps go forward, each whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from loom_desktop.event import Event
from loom_desktop.store import Store, schema
from loom_desktop.store.database import connect
from loom_desktop.store.recovery import begin
from tests.loom_desktop.store.conftest import KEY

FIXTURES = Path(__file__).parent / "fixtures"


def test_an_empty_file_gets_every_step_and_is_then_left_alone() -> None:
    connection = apsw.Connection(":memory:")
    assert schema.version(connection) == 0
    assert schema.migrate(connection, before=lambda version: pytest.fail("it is empty"))
    assert schema.version(connection) == len(schema.STEPS)
    assert not schema.migrate(connection)
    tables = {
        str(name)
        for (name,) in connection.execute(
            """select name from sqlite_schema where type = 'table'
                and name not like '%words%' and name not like '%letters%'
                and name not like 'sqlite_%'"""
        )
    }
    assert tables == {*schema.TABLES, "event_block"}
    connection.close()


def test_every_table_is_strict_and_begins_with_its_key() -> None:
    connection = apsw.Connection(":memory:")
    schema.migrate(connection)
    for table in (*schema.TABLES, "event_block"):
        key: Any = connection.execute(f"pragma table_info({table})").fetchall()[0]
        assert key[1] == ("seq" if table == "event" else "id")
        assert key[5] == 1, "the number of the row"
        sql = connection.execute("select sql from sqlite_schema where name = ?", (table,)).get
        assert str(sql).endswith("strict")
    connection.close()


def test_a_file_from_the_future_is_not_touched() -> None:
    connection = apsw.Connection(":memory:")
    schema.migrate(connection)
    connection.execute(f"pragma user_version = {len(schema.STEPS) + 1}")
    with pytest.raises(schema.Newer):
        schema.migrate(connection)
    connection.close()


def test_a_step_that_fails_leaves_the_schema_before_it(tmp_path: Path) -> None:
    def good(connection: apsw.Connection) -> None:
        connection.execute("create table t(i)")

    def bad(connection: apsw.Connection) -> None:
        connection.execute("create table u(i)")
        raise RuntimeError("no")

    def better(connection: apsw.Connection) -> None:
        connection.execute("create table u(i)")

    connection = connect(tmp_path / "a.db", KEY)
    with pytest.raises(RuntimeError):
        schema.migrate(connection, steps=(good, bad))
    assert schema.version(connection) == 0, "a new file is all of it or nothing"
    assert schema.migrate(connection, steps=(good,))
    with pytest.raises(RuntimeError):
        schema.migrate(connection, steps=(good, bad))
    assert schema.version(connection) == 1
    assert connection.execute("select name from sqlite_schema").fetchall() == [("t",)]

    def nothing_can(connection: apsw.Connection) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        schema.migrate(connection, last=nothing_can, steps=(good, better))
    assert schema.version(connection) == 1, "what belongs to the last step fails with it"
    versions: list[int] = []
    lasts = list[int]()
    assert schema.migrate(
        connection,
        before=versions.append,
        last=lambda one: lasts.append(schema.version(one)),
        steps=(good, better),
    )
    assert lasts == [1], "inside the transaction of the step"
    assert versions == [1]
    assert schema.version(connection) == 2
    connection.close()


CHILD = """
import sys
from pathlib import Path
from loom_desktop.store import schema
from loom_desktop.store.database import connect

def second(connection):
    connection.execute("alter table note add column extra text")
    for n in range(400):
        connection.execute("update note set extra = text || ? where id = ?", (n, n))
        print(n, flush=True)
    connection.execute("create table second(i)")

connection = connect(Path(sys.argv[1]), bytes(range(32)))
print("ready", flush=True)
schema.migrate(connection, steps=(*schema.STEPS, second))
print("done", flush=True)
"""


def test_a_kill_inside_a_migration_ends_at_the_old_schema_or_the_new_one(tmp_path: Path) -> None:
    origin = tmp_path / "origin.db"
    connection = connect(origin, KEY)
    schema.migrate(connection)
    for n in range(400):
        connection.execute("insert into note values (?, 'text', 0, 0, 'active', 0, '[]', 3)", (n,))
    connection.close()
    seen: set[int] = set()
    for when in ("ready", "0", "200", "399", "done"):
        path = tmp_path / f"{when}.db"
        shutil.copyfile(origin, path)
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == when:
                break
        child.send_signal(signal.SIGKILL)
        child.stdout.close()
        child.wait(10)
        connection = connect(path, KEY)
        version = schema.version(connection)
        tables = [str(name) for (name,) in connection.execute("select name from sqlite_schema")]
        columns = [str(row[1]) for row in connection.execute("pragma table_info(note)")]
        assert ("second" in tables) == ("extra" in columns) == (version == len(schema.STEPS) + 1)
        assert connection.pragma("integrity_check") == "ok"
        assert connection.execute("select count(*) from note").get == 400
        connection.close()
        seen.add(version)
    assert seen == {len(schema.STEPS), len(schema.STEPS) + 1}


def filled_first(path: Path, count: int, key: bytes | None = KEY) -> None:
    """A store as version 0.1 left it: step 1 alone, with the mark of its birth."""
    connection = connect(path, key)
    schema.migrate(connection, steps=schema.STEPS[:1], last=lambda one: begin(one, 1.0))
    rows = [
        (
            10 * n, float(n), "a.b", "s", 10 * (n % 3) or 10 * n, 10 * (n - 1), "[]", 3,
            msgspec.msgpack.encode(
                {"topic": "a.b", "id": 10 * n, "time": float(n), "sender": "s", "qos": 1,
                 "thread": 10 * (n % 3), "cause": 10 * (n - 1), "payload": {"n": n}},
            ),
        )
        for n in range(count, 0, -1)
    ]  # fmt: skip
    with connection:
        connection.executemany("insert into event values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


async def test_events_get_their_numbers_in_the_order_of_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "loom.db"
    filled_first(path, 2_500)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        assert store.problems == []
        found = [one async for one in store.journal.replay()]
        assert [(seq, event.id) for seq, event in found] == [(n, 10 * n) for n in range(1, 2_501)]
        assert [event.payload["n"] for _, event in found] == [*range(1, 2_501)]
        assert await store.check(thorough=True)
        assert {event.begins for event in await store.journal.thread(20)} == {20}
        assert len(await store.journal.thread(20)) == 833
        assert [event.id for event in await store.journal.chain(10)][:3] == [10, 20, 30]
        assert len(await store.journal.events(since=100.0, until=201.0, limit=500)) == 101
        assert await store.journal.append(Event(id=1, topic="a.b")) == 2_501
        assert (await store.deliveries.begin("new")).seq == 2_501
    before = tmp_path / "snapshots" / "before-schema-2.db"
    connection = connect(before, KEY, only_read=True)
    assert schema.version(connection) == 1
    assert connection.execute("select count(*) from event").get == 2_500
    connection.close()


SECOND = """
import sys
from pathlib import Path
from loom_desktop.store import schema
from loom_desktop.store.database import connect

check, seen = schema.check_of, 0
def told(blob, seq):
    global seen
    seen += 1
    print(seen, flush=True)
    return check(blob, seq)

schema.check_of = told
connection = connect(Path(sys.argv[1]), bytes(range(32)))
print("ready", flush=True)
schema.migrate(connection, steps=schema.STEPS[:2])
print("done", flush=True)
"""


def test_a_kill_inside_the_second_step_loses_no_event(tmp_path: Path) -> None:
    origin = tmp_path / "origin.db"
    filled_first(origin, 300)
    seen: set[int] = set()
    for when in ("ready", "1", "150", "300", "done"):
        path = tmp_path / f"{when}.db"
        shutil.copyfile(origin, path)
        child = subprocess.Popen(
            [sys.executable, "-c", SECOND, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == when:
                break
        child.send_signal(signal.SIGKILL)
        child.stdout.close()
        child.wait(10)
        connection = connect(path, KEY)
        version = schema.version(connection)
        names = [str(row[1]) for row in connection.execute("pragma table_info(event)")]
        assert names[0] == ("seq" if version == 2 else "id")
        assert connection.execute("select count(*), sum(id) from event").fetchall() == [
            (300, sum(10 * n for n in range(1, 301)))
        ]
        schema.migrate(connection, steps=schema.STEPS[:2])
        assert connection.execute("select sum(count) from event_block").get == 300
        assert connection.pragma("integrity_check") == "ok"
        connection.close()
        seen.add(version)
    assert seen == {1, 2}


@pytest.mark.parametrize(
    "fixture", sorted(FIXTURES.glob("schema-*.db")), ids=lambda path: str(path.stem)
)
async def test_a_store_of_every_released_schema_opens_with_all_that_was_in_it(
    tmp_path: Path, fixture: Path
) -> None:
    path = tmp_path / "loom.db"
    shutil.copyfile(fixture, path)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        assert store.problems == []
        assert [event.payload for event in await store.journal.thread(1_001)] == [{"text": "Hi"}]
        kept = ["The key is under the mat"] if fixture.stem >= "schema-4" else []
        assert [one.text for one in await store.memories.listed()] == kept
        assert [one.title for one in await store.conversations.recent("shoes")] == ["My shoes?"]
        assert [card.title for card in await store.cards.open()] == ["Sort it?"]
        assert [one.text for one in await store.schedules.active()] == ["Call Ada"]
        assert [note.text for note in await store.notes.search("bread")] == ["Buy bread"]
        assert [len(act.steps) for act in await store.acts.unknown()] == [1]
        assert list(await store.files.load("/d")) == ["/d/a"]
        assert (await store.ledger.since(0.0)).connections == 1
        assert await store.state.fact("first_run") == "done"
        assert await store.secrets.get("openai") == "sk-fixture"


@pytest.mark.parametrize(
    "fixture", sorted(FIXTURES.glob("schema-*.db")), ids=lambda path: str(path.stem)
)
def test_a_file_of_every_schema_becomes_what_a_new_one_is(tmp_path: Path, fixture: Path) -> None:
    path = tmp_path / "loom.db"
    shutil.copyfile(fixture, path)
    old, new = connect(path, KEY), apsw.Connection(":memory:")
    schema.migrate(old)
    schema.migrate(new)
    every = "select name, sql from sqlite_schema where type in ('table', 'index', 'trigger')"
    assert set(old.execute(every)) >= set(new.execute(every))
    old.close()
    new.close()


def test_there_is_a_fixture_of_every_schema() -> None:
    assert {path.stem for path in FIXTURES.glob("schema-*.db")} == {
        f"schema-{number}" for number in range(1, len(schema.STEPS) + 1)
    }
