"""Whatever lies at the path, the store opens, loses little, destroys nothing and says so."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from loom_desktop.event import Event
from loom_desktop.store import Problem, Store, schema
from loom_desktop.store.ballast import Ballast
from loom_desktop.store.database import connect, is_encrypted
from loom_desktop.store.recovery import Recovery
from tests.loom_desktop.store.conftest import KEY, HandClock

OTHER = bytes(32)


def opening(path: Path, clock: HandClock, key: bytes | None = KEY) -> Store:
    ballast = Ballast(path.parent / "ballast", size_bytes=1 << 16, ample_bytes=0)
    return Store(path, key, clock=clock, upkeep=False, use_keyring=False, ballast=ballast)


async def filled(path: Path, clock: HandClock, *, snapshot: bool = True) -> None:
    """Notes 'one' and, after the snapshot, 'two'."""
    async with opening(path, clock) as store:
        await store.notes.add("one")
        if snapshot:
            assert await store.snapshot()
        await store.notes.add("two")
        assert store.problems == []
    clock.now += 60


async def notes(store: Store) -> list[str]:
    return sorted(one.text for one in await store.notes.recent())


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir() if one.is_file())


async def test_a_new_store_has_its_mark_and_nothing_to_say(path: Path, clock: HandClock) -> None:
    async with opening(path, clock) as store:
        assert store.problems == []
        assert not store.in_memory
    assert names(path) == ["loom.db", "loom.db.mark"]
    assert is_encrypted(path)
    async with opening(path, clock) as store:
        assert store.problems == []


def zero(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.unlink()
    connection = connect(path, KEY)
    connection.execute("create table t(i); drop table t")
    connection.close()


@pytest.mark.parametrize("lose", [zero, gone, empty])
async def test_an_empty_file_is_a_loss_and_not_a_first_start(
    path: Path, clock: HandClock, lose: Callable[[Path], None]
) -> None:
    await filled(path, clock)
    lose(path)
    async with opening(path, clock) as store:
        assert await notes(store) == ["one"]
        (problem,) = store.problems
        assert "restored" in problem.message
    async with opening(path, clock) as store:
        assert await notes(store) == ["one"]
        assert store.problems == []


async def test_a_loss_without_a_copy_is_said_and_begins_anew(path: Path, clock: HandClock) -> None:
    await filled(path, clock, snapshot=False)
    zero(path)
    async with opening(path, clock) as store:
        assert await notes(store) == []
        (problem,) = store.problems
        assert "no copy" in problem.message


async def test_a_damaged_header_costs_what_came_after_the_snapshot(
    path: Path, clock: HandClock
) -> None:
    await filled(path, clock)
    content = path.read_bytes()
    path.write_bytes(bytes(200) + content[200:])
    async with opening(path, clock) as store:
        assert await notes(store) == ["one"]
        (problem,) = store.problems
        (aside,) = [one for one in path.parent.glob("*.corrupt.*") if one.suffix != ".mark"]
        assert aside.name in problem.hint
        assert aside.read_bytes()[200:] == content[200:]
        await store.notes.add("three")
    async with opening(path, clock) as store:
        assert await notes(store) == ["one", "three"]
        assert store.problems == []


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
async def test_a_last_page_that_is_not_whole_is_damage(
    path: Path, clock: HandClock, key: bytes | None
) -> None:
    """SQLite itself reads it as it is, and says that all is well."""
    async with opening(path, clock, key) as store:
        assert await store.snapshot()
    with open(path, "rb+") as file:
        file.truncate(path.stat().st_size - 100)
    async with opening(path, clock, key) as store:
        (problem,) = store.problems
        assert "damaged" in problem.message
        assert not store.in_memory


async def test_a_last_page_that_is_in_the_log_is_no_damage(path: Path, clock: HandClock) -> None:
    """The power went off while the log was being moved into the file."""
    async with opening(path, clock) as store:
        await store.notes.add("one")
        there = {name: path.with_name(name).read_bytes() for name in ("loom.db", "loom.db-wal")}
    assert there["loom.db-wal"]
    for name, content in there.items():
        path.with_name(name).write_bytes(content)
    with open(path, "ab") as file:
        file.write(bytes(100))
    async with opening(path, clock) as store:
        assert store.problems == []
        assert await notes(store) == ["one"]


async def test_a_wrong_key_destroys_nothing_and_the_right_one_opens_it_again(
    path: Path, clock: HandClock
) -> None:
    await filled(path, clock)
    async with opening(path, clock, OTHER) as store:
        assert await notes(store) == []
        (problem,) = store.problems
        assert "another key" in problem.message
        await store.notes.add("other")
    (locked,) = [one for one in path.parent.glob("loom.db.locked.*") if one.suffix != ".mark"]
    connection = connect(locked, KEY)
    assert connection.execute("select count(*) from note").get == 2
    connection.close()
    assert list(path.parent.glob("snapshots.locked.*/loom.*.db"))
    async with opening(path, clock, OTHER) as store:
        assert await notes(store) == ["other"]
        assert store.problems == []


async def test_a_store_from_before_encryption_is_encrypted_in_place(
    path: Path, clock: HandClock
) -> None:
    async with opening(path, clock, None) as store:
        await store.notes.add("PLAINMARKER")
        await store.snapshot()
    assert b"PLAINMARKER" in path.read_bytes()
    async with opening(path, clock) as store:
        assert await notes(store) == ["PLAINMARKER"]
        assert store.problems == []
    assert is_encrypted(path)
    for file in path.parent.rglob("*"):
        assert file.is_dir() or b"PLAINMARKER" not in file.read_bytes(), file
    async with opening(path, clock) as store:
        assert await notes(store) == ["PLAINMARKER"]
        assert store.problems == []


async def test_damage_that_is_not_there_the_second_time_replaces_nothing(
    path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite calls a file malformed also when its disk failed once."""
    await filled(path, clock)
    times: list[int] = []

    def version(connection: apsw.Connection) -> int:
        times.append(1)
        if len(times) == 1:
            raise apsw.CorruptError("database disk image is malformed")
        return len(schema.STEPS)

    monkeypatch.setattr(schema, "version", version)
    async with opening(path, clock) as store:
        assert store.problems == []
        assert await notes(store) == ["one", "two"]
    assert names(path) == ["loom.db", "loom.db.mark"]


async def test_what_nothing_can_replace_stays_where_it_is(
    path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path, clock, snapshot=False)
    there, real = names(path), Recovery._there

    def fail(recovery: Recovery, *_: object) -> apsw.Connection:
        if names(path) == there:
            raise apsw.CorruptError("database disk image is malformed")
        raise apsw.IOError("disk I/O error")

    monkeypatch.setattr(Recovery, "_there", fail)
    monkeypatch.setattr(Recovery, "_new", fail)
    async with opening(path, clock) as store:
        assert store.in_memory
        assert "cannot be written" in store.problems[0].message
    monkeypatch.setattr(Recovery, "_there", real)
    async with opening(path, clock) as store:
        assert store.problems == []
        assert await notes(store) == ["one", "two"]


async def test_a_first_start_that_fails_leaves_no_connection_behind(
    path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks would be in the way of the next try, for as long as the error is looked at."""
    kept: list[Exception] = []

    def fail(connection: apsw.Connection, **_: Any) -> bool:
        if connection.filename:
            kept.append(apsw.FullError("no room"))
            raise kept[-1]
        return bool(migrate(connection))

    migrate = schema.migrate
    monkeypatch.setattr(schema, "migrate", fail)
    async with opening(path, clock) as store:
        assert store.in_memory
        assert kept
        assert str(path) not in [one.filename for one in apsw.connections()]


async def test_a_newer_schema_is_left_alone_and_said(path: Path, clock: HandClock) -> None:
    await filled(path, clock)
    connection = connect(path, KEY)
    connection.execute(f"pragma user_version = {len(schema.STEPS) + 1}")
    connection.close()
    before = path.read_bytes()
    async with opening(path, clock) as store:
        assert store.in_memory
        assert store.disk == "memory"
        assert "newer version" in store.problems[0].message
        await store.notes.add("lost")
        assert await store.snapshot() is None
    assert path.read_bytes() == before


async def test_bits_that_flip_never_give_wrong_data_and_never_stop_a_start(
    path: Path, clock: HandClock, tmp_path: Path
) -> None:
    async with opening(path, clock) as store:
        for n in range(1, 301):
            store.journal.keep(Event(id=n, topic="a.b", payload={"n": n, "text": f"{n} " * 30}))
        assert await store.snapshot()
    image, snapshots = path.read_bytes(), path.parent / "snapshots"
    rng = random.Random(3)
    damage: list[Callable[[bytearray], object]] = []
    damage += [lambda b: flip(b, rng)] * 10
    damage += [lambda b: page(b, rng)] * 4
    damage += [lambda b: b.__delitem__(slice(rng.randrange(1, len(b)), None))] * 4
    damage += [lambda b: b.__setitem__(slice(0, 100), rng.randbytes(100))] * 2
    told = 0
    for number, harm in enumerate(damage):
        folder = tmp_path / f"run{number}"
        folder.mkdir()
        bad = bytearray(image)
        harm(bad)
        (folder / "loom.db").write_bytes(bad)
        shutil.copyfile(path.with_name("loom.db.mark"), folder / "loom.db.mark")
        shutil.copytree(snapshots, folder / "snapshots")
        async with opening(folder / "loom.db", clock) as store:
            await store.check()
            found = await store.journal.events(limit=1_000)
            assert [event.payload["text"] for event in found] == [
                f"{n} " * 30 for n in range(1, 301)
            ]
            await store.journal.append(Event(id=1_000, topic="a.b"))
            told += bool(store.problems)
    assert told >= len(damage) - 3  # a flip may hit a page that nothing uses


def flip(image: bytearray, rng: random.Random) -> None:
    image[rng.randrange(len(image))] ^= 1 << rng.randrange(8)


def page(image: bytearray, rng: random.Random) -> None:
    start = rng.randrange(1, len(image) // 4_096) * 4_096
    image[start : start + 4_096] = rng.randbytes(4_096)


async def test_damage_found_while_running_is_mended_while_running(
    path: Path, clock: HandClock
) -> None:
    async with opening(path, clock) as store:
        for n in range(1, 501):
            store.journal.keep(Event(id=n, topic="a.b", payload={"text": f"{n} " * 30}))
        await store.notes.add("one")
        assert await store.snapshot()
        for n in range(501, 551):
            store.journal.keep(Event(id=n, topic="a.b", payload={"text": f"{n} " * 30}))
        await store.journal.last_id()
        await store._db.checkpoint()
        clock.now += 60
        content = bytearray(path.read_bytes())
        where = len(content) // 2 // 4_096 * 4_096
        with open(path, "rb+") as file:  # one page rots under the running program
            file.seek(where)
            file.write(os.urandom(4_096))
        assert not await store.check()
        assert len(store.problems) == 1
        assert await notes(store) == ["one"]
        found = await store.journal.events(limit=1_000)
        assert [event.id for event in found][:500] == list(range(1, 501))
        await store.notes.add("two")
        assert await store.check()
    async with opening(path, clock) as store:
        assert await notes(store) == ["one", "two"]


async def spoilt(path: Path, clock: HandClock, *, copy: bool) -> None:
    """A store without encryption in which bits flipped in the text of two events."""
    async with Store(path, None, clock=clock, upkeep=False, use_keyring=False) as store:
        await store.journal.append_many(
            Event(id=n, topic="a.b", payload={"text": f"<{n}>" * 30}) for n in range(1, 301)
        )
        if copy:
            assert await store.snapshot()
            clock.now += 60
        await store.journal.append(Event(id=301, topic="a.b"))
    content = bytearray(path.read_bytes())
    for n in (7, 200):
        content[content.index(b"<%d><%d>" % (n, n)) + 1] ^= 1
    path.write_bytes(content)


async def test_events_that_are_not_what_was_written_come_back_from_the_copy(
    path: Path, clock: HandClock
) -> None:
    await spoilt(path, clock, copy=True)
    told: list[Problem] = []
    mended = asyncio.Event()

    def hear(problem: Problem) -> None:
        told.append(problem)
        if len(told) == 2:
            mended.set()

    async with Store(path, None, clock=clock, use_keyring=False, told=hear) as store:
        found = await store.journal.events(limit=1_000)
        assert [event.id for event in found] == [n for n in range(1, 302) if n not in (7, 200)]
        await mended.wait()
        found = await store.journal.events(limit=1_000)
        assert [event.id for event in found] == [*range(1, 302)]
        assert {event.payload["text"] for event in found[:300]} == {
            f"<{n}>" * 30 for n in range(1, 301)
        }
        assert "left out" in told[0].message
        assert "restored from the copy" in told[1].message
        assert await store.check(thorough=True)


async def test_a_topic_that_is_no_text_any_more_comes_back_from_the_copy(
    path: Path, clock: HandClock
) -> None:
    async with Store(path, None, clock=clock, upkeep=False, use_keyring=False) as store:
        await store.journal.append(Event(id=1, topic="seldom.seen"))
        assert await store.snapshot()
        clock.now += 60
    content = bytearray(path.read_bytes())
    content[content.index(b"seldom.seen")] ^= 0x80
    path.write_bytes(content)
    async with Store(path, None, clock=clock, upkeep=False, use_keyring=False) as store:
        assert not await store.check(thorough=True)
        assert [event.topic for event in await store.journal.events()] == ["seldom.seen"]
        assert await store.check(thorough=True)


@pytest.mark.parametrize("late", [False, True], ids=["a good copy", "a copy with it in it"])
async def test_a_note_that_is_no_text_any_more_stands_in_the_way_of_no_other(
    path: Path, clock: HandClock, late: bool
) -> None:
    """SQLite does not look whether a text is one, and whoever reads it reads nothing at all."""
    async with Store(path, None, clock=clock, upkeep=False, use_keyring=False) as store:
        await store.notes.add("bread")
        await store.notes.add("seldom seen")
        if not late:
            assert await store.snapshot()
            clock.now += 60
    content = path.read_bytes()
    path.write_bytes(content.replace(b"seldom seen", b"seld\xefm seen"))
    async with Store(path, None, clock=clock, upkeep=False, use_keyring=False) as store:
        if late:
            assert await store.snapshot()
            clock.now += 60
        for _ in range(2):
            assert await notes(store) == ["bread"] + ["seldom seen"] * (not late)
        assert len(store.problems) == 1, "once it is recovered nothing is found again"
        assert "restored from the copy" in store.problems[0].message


async def test_without_a_copy_they_are_gone_and_that_is_said(path: Path, clock: HandClock) -> None:
    await spoilt(path, clock, copy=False)
    async with Store(path, None, clock=clock, upkeep=False, use_keyring=False) as store:
        assert await store.check(), "pages are sound: SQLite sees nothing"
        assert not await store.check(thorough=True)
        assert "could not be read" in store.problems[-1].message
        assert len(await store.journal.events(limit=1_000)) == 299
        assert await store.check(thorough=True)
        assert await store.journal.append(Event(id=400, topic="a.b")) == 302


CHILD = """
import asyncio, concurrent.futures.thread, hashlib, os, shutil, sys  # nobody may import later on
from pathlib import Path
from loom_desktop.store import Store

async def main():
    path = Path(sys.argv[1])
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    async with Store(path, bytes(range(32)), upkeep=False, use_keyring=False) as store:
        note = await store.notes.add("three")
        print(store.in_memory, sorted(one.text for one in await store.notes.recent()))
        print(*(problem.message for problem in store.problems))

asyncio.run(main())
"""


@pytest.fixture
def open_path(path: Path) -> Path:
    """Every folder on the way may be read by everybody, as the child is nobody."""
    path.parent.mkdir()
    for folder in path.parents:
        if Path(tempfile.gettempdir()) in folder.parents:
            folder.chmod(0o755)
    return path


@pytest.mark.skipif(os.name != "posix", reason="needs permissions")
async def test_in_a_folder_that_cannot_be_written_this_run_is_in_memory_with_what_was_there(
    open_path: Path, clock: HandClock
) -> None:
    await filled(open_path, clock)
    open_path.parent.chmod(0o555)
    for file in open_path.parent.iterdir():
        file.chmod(0o555 if file.is_dir() else 0o444)
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(open_path)],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": "1"},
        )
    finally:
        open_path.parent.chmod(0o755)
    assert done.stdout.splitlines()[:1] == ["True ['one', 'three', 'two']"], done.stderr
    assert "Nothing of this run is saved" in done.stdout


async def test_a_folder_that_cannot_be_made_is_said(clock: HandClock, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with opening(tmp_path / "file" / "data" / "loom.db", clock) as store:
        assert store.in_memory
        assert len(store.problems) == 1
        await store.notes.add("one")
        assert await notes(store) == ["one"]


async def test_a_build_without_encryption_never_writes_plain_text(
    path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain(apsw.Connection):
        def pragma(self, name: str, *value: Any, **more: Any) -> Any:
            return None if name == "key" else super().pragma(name, *value, **more)

    monkeypatch.setattr("loom_desktop.store.database.apsw.Connection", Plain)
    async with opening(path, clock) as store:
        assert store.in_memory
        assert "without encryption" in store.problems[0].message
        await store.notes.add("PLAINMARKER")
    for file in path.parent.rglob("*"):
        assert file.is_dir() or b"SQLite format 3" not in file.read_bytes()


async def test_a_mark_that_is_gone_is_written_again(path: Path, clock: HandClock) -> None:
    await filled(path, clock)
    path.with_name("loom.db.mark").write_bytes(b"{nonsense")
    async with opening(path, clock) as store:
        assert await notes(store) == ["one", "two"]
        assert store.problems == []
    assert b"check" in path.with_name("loom.db.mark").read_bytes()


async def test_a_snapshot_holds_what_was_kept_just_before_it(
    path: Path, clock: HandClock, tmp_path: Path
) -> None:
    async with opening(path, clock) as store:
        busy = threading.Event()
        store._db.post(lambda connection: busy.wait(5))  # the disk is at something else
        store.journal.keep(Event(id=7, topic="a.b"))
        asyncio.get_running_loop().call_later(0.05, busy.set)
        copy = await store.snapshot()
    assert copy
    (tmp_path / "other").mkdir()
    shutil.copyfile(copy, tmp_path / "other" / "loom.db")
    async with opening(tmp_path / "other" / "loom.db", clock) as store:
        assert [event.id for event in await store.journal.events()] == [7]


async def test_damage_twice_in_a_second_keeps_both_files(path: Path, clock: HandClock) -> None:
    await filled(path, clock)
    for content in (b"first" * 1_000, b"second" * 1_000):
        path.write_bytes(content)
        async with opening(path, clock) as store:
            assert await notes(store) == ["one"]
    kept = [one for one in path.parent.glob("*.corrupt.*") if one.suffix != ".mark"]
    assert len(kept) == 2


async def test_before_a_migration_a_copy_is_taken_that_the_old_version_can_open(
    path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path, clock, snapshot=False)

    def second(connection: apsw.Connection) -> None:
        connection.execute("alter table note add column colour text not null default ''")

    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, second))
    async with opening(path, clock) as store:
        assert await notes(store) == ["one", "two"]
        assert store.problems == []
    monkeypatch.undo()
    async with opening(path, clock) as store:
        assert store.in_memory  # it is newer than this version
    before = path.parent / "snapshots" / f"before-schema-{len(schema.STEPS) + 1}.db"
    os.replace(before, path)
    async with opening(path, clock) as store:
        assert await notes(store) == ["one", "two"]
        assert store.problems == []
