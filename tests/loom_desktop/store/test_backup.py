"""Snapshots: few, checked, under the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import LoomError, NotFound, Unavailable, UsageError
from loom_desktop.event import Event
from loom_desktop.store import Store, schema
from loom_desktop.store.backup import Snapshots, stamp, worth_keeping
from loom_desktop.store.database import connect
from tests.loom_desktop.store.conftest import KEY, HandClock

HOUR, DAY = 3_600.0, 86_400.0


def test_a_month_of_hours_leaves_the_last_hours_days_and_weeks() -> None:
    start = datetime(2026, 3, 1, 0, 30, tzinfo=UTC).timestamp()
    there: set[float] = set()
    for hour in range(24 * 31):
        there.add(start + hour * HOUR)
        there = worth_keeping(there)
    left = [datetime.fromtimestamp(time, UTC) for time in sorted(there, reverse=True)]
    assert [f"{one:%d %H}" for one in left] == [
        "31 23", "31 22", "31 21", "30 23", "29 23", "28 23", "22 23",
    ]  # fmt: skip  # (Sunday the 29th is a day and a week)


@given(st.sets(st.floats(0, 4e9), max_size=60))
def test_the_newest_is_always_kept_and_the_rest_is_few(times: set[float]) -> None:
    keep = worth_keeping(times)
    assert keep <= times
    assert len(keep) <= 8
    assert set(sorted(times)[-3:]) <= keep
    assert worth_keeping(keep) == keep


async def test_a_snapshot_holds_everything_under_the_same_key(store: Store) -> None:
    await store.notes.add("Buy bread")
    path = await store.snapshot()
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert [one.name for one in path.parent.iterdir()] == [path.name]  # no log beside it
    connection = connect(path, KEY, only_read=True)
    assert connection.execute("select text from note").get == "Buy bread"
    connection.close()
    with pytest.raises(apsw.NotADBError):
        connect(path, bytes(32)).close()
    assert b"SQLite format 3" not in path.read_bytes()[:100]


async def test_old_snapshots_are_let_go(store: Store, clock: HandClock, path: Path) -> None:
    snapshots = Snapshots(path.parent / "snapshots", KEY)
    for _ in range(12):
        clock.now += HOUR / 4
        await store.snapshot()
    kept = snapshots.times()
    assert next(iter(kept)) == clock.now
    assert 3 <= len(kept) <= 8


async def test_copies_are_listed_with_what_there_was_before_a_restore(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    assert await store.copies() == []
    made = await store.snapshot()
    clock.now += HOUR
    await store.restore(await store.backup(tmp_path / "mine.db"))
    found = await store.copies()
    assert [one.kind for one in found][-1] == "snapshot"
    assert {one.kind for one in found} == {"before-restore", "snapshot"}
    assert found[-1].path == made
    assert found[0].time - found[-1].time == HOUR
    assert all(one.size_bytes == one.path.stat().st_size for one in found)
    assert (tmp_path / "mine.db") not in [one.path for one in found], "that one is the person's"


async def test_a_damaged_snapshot_is_not_good_and_the_one_before_it_is_taken(
    store: Store, clock: HandClock, path: Path
) -> None:
    snapshots = Snapshots(path.parent / "snapshots", KEY)
    first = await store.snapshot()
    clock.now += HOUR
    second = await store.snapshot()
    assert first is not None
    assert second is not None
    newest = snapshots.newest_good()
    assert newest == (clock.now, second)
    content = bytearray(second.read_bytes())
    content[len(content) // 2] ^= 1
    second.write_bytes(content)
    assert snapshots.newest_good() == (clock.now - HOUR, first)
    first.write_bytes(b"")
    assert snapshots.newest_good() is None
    assert Snapshots(path.parent / "snapshots", bytes(32)).newest_good() is None


async def test_a_copy_that_is_stopped_leaves_nothing_behind(store: Store, path: Path) -> None:
    snapshots = Snapshots(path.parent / "copies", KEY)
    source = connect(path, KEY, only_read=True)
    with pytest.raises(apsw.InterruptError):
        snapshots.take(source, 0.0, stopping=lambda: True)
    source.close()
    assert list((path.parent / "copies").iterdir()) == []


def test_other_files_in_the_folder_are_not_taken_for_snapshots(tmp_path: Path) -> None:
    for name in ("loom.db", "loom.x.db", "loom.20260101T000000.db.part", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / f"loom.{stamp(1_000_000_000.0)}.db").touch()
    assert list(Snapshots(tmp_path, None).times()) == [1_000_000_000.0]
    assert Snapshots(tmp_path / "not there", None).times() == {}


async def test_snapshots_can_be_taken_while_much_is_written(store: Store, clock: HandClock) -> None:
    for number in range(3_000):
        store.conversations.extend(number, "x" * 100)
    clock.now += HOUR
    assert await store.snapshot() is not None
    assert store.problems == []


# ---------------------------------------------------------------------- what the person asks for


async def notes(store: Store) -> list[str]:
    return sorted(one.text for one in await store.notes.recent())


async def test_a_backup_is_whole_under_the_same_key_and_for_this_person_alone(
    store: Store, tmp_path: Path
) -> None:
    await store.notes.add("Buy bread")
    store.journal.keep(Event(id=1, topic="a.b"))
    to = tmp_path / "mine.db"
    assert await store.backup(to) == to
    assert to.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.glob("mine*")] == ["mine.db"]
    connection = connect(to, KEY, only_read=True)
    assert connection.execute("select text from note").get == "Buy bread"
    assert connection.execute("select id from event").get == 1
    connection.close()
    before = to.read_bytes()
    with pytest.raises(UsageError, match="already"):
        await store.backup(to)
    assert to.read_bytes() == before
    with pytest.raises(NotFound, match="There is no folder"):
        await store.backup(tmp_path / "not there" / "mine.db")
    with pytest.raises(NotFound, match="There is no folder"):
        await store.backup(to / "mine.db")
    with pytest.raises(UsageError, match="is a folder"):
        await store.backup(tmp_path)
    await store.notes.forget((await store.notes.recent())[0].id)
    assert to.exists(), "it is the person's own"


async def test_a_backup_brings_everything_back_while_the_store_is_open(
    store: Store, clock: HandClock, tmp_path: Path, path: Path
) -> None:
    told: list[int] = []
    store.journal.committed = lambda group: told.extend(seq for seq, _ in group)
    await store.notes.add("one")
    await store.journal.append_many(Event(id=n, topic="a.b") for n in range(1, 4))
    await store.deliveries.begin("a", from_start=True)
    store.deliveries.done("a", 2, 2)
    backup = await store.backup(tmp_path / "mine.db")
    content = backup.read_bytes()
    await store.notes.add("two")
    await store.journal.append_many(Event(id=n, topic="a.b") for n in range(4, 9))
    store.deliveries.done("a", 8, 8)
    clock.now += HOUR
    heard: list[str] = []
    store.restored = lambda: heard.append("restored")
    await store.restore(backup)
    assert heard == ["restored"]
    store.deliveries.done("a", 3, 9)
    assert not await store.deliveries.commit("a", 3, 9, [("x", "y", 1, None)])
    assert await notes(store) == ["one"]
    assert [event.id for event in await store.journal.events()] == [1, 2, 3]
    assert (await store.deliveries.begin("a")).seq == 2
    assert await store.journal.append(Event(id=9, topic="a.b")) == 9, "no number twice"
    assert told == [*range(1, 10)]
    await store.notes.add("three")
    assert await store.check(thorough=True)
    assert backup.read_bytes() == content
    (before,) = path.parent.glob("snapshots/before-restore-*.db")
    await store.restore(before)
    assert await notes(store) == ["one", "two"]
    assert len(await store.journal.events()) == 8
    assert await store.snapshot()


async def test_what_the_last_five_restores_set_aside_is_kept_also_within_a_second(
    store: Store, tmp_path: Path
) -> None:
    backup = await store.backup(tmp_path / "mine.db")
    kept: list[Path] = []
    for n in range(7):
        await store.notes.add(f"note {n}")
        kept.append(await store.restore(backup))
    assert len({*kept}) == 7
    assert [path.exists() for path in kept] == [False] * 2 + [True] * 5
    found = [one.path for one in await store.copies() if one.kind == "before-restore"]
    assert found == kept[:1:-1], "the newest first"
    oldest = kept[2].read_bytes()
    again = await store.restore(kept[2])
    assert await notes(store) == ["note 2"]
    assert kept[2].read_bytes() == oldest, "what is brought back stays what it is"
    assert again not in kept
    await store.restore(again)
    assert await notes(store) == []


async def test_a_restore_takes_no_snapshot_of_an_hour_away(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    made = []
    for _ in range(3):
        made.append(await store.snapshot())
        clock.now += HOUR
    made.append(await store.snapshot())
    backup = await store.backup(tmp_path / "mine.db")

    async def listed() -> list[Path]:
        return [one.path for one in await store.copies() if one.kind == "snapshot"]

    before = await listed()
    for n in range(4):
        clock.now += n % 2
        await store.restore(backup)
        restored, *rest = await listed()
        assert rest == before
    newest = Snapshots(restored.parent, KEY).newest_good()
    assert newest is not None
    assert newest[1] == restored
    for _ in range(12):
        clock.now += 7 * DAY
        await store.snapshot()
    assert restored not in await listed(), "nothing older is left that it stands before"


async def test_what_is_forgotten_is_in_no_copy_that_a_restore_made(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    await store.snapshot()
    note = await store.notes.add("a secret")
    backup = await store.backup(tmp_path / "mine.db")
    for _ in range(2):
        clock.now += 60
        await store.restore(backup)
    await store.notes.forget(note.id)
    (left,) = await store.copies()
    connection = connect(left.path, KEY, only_read=True)
    assert connection.execute("select count(*) from note").get == 0
    connection.close()
    assert list(left.path.parent.iterdir()) == [left.path]


async def test_a_restored_store_is_there_at_the_next_start(path: Path, tmp_path: Path) -> None:
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await store.notes.add("one")
        backup = await store.backup(tmp_path / "mine.db")
        await store.notes.add("two")
        await store.restore(backup)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        assert await notes(store) == ["one"]
        assert store.problems == []
    assert not [*path.parent.glob("*.replaced*"), *path.parent.glob("restoring*")]


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def plain(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("key", f"raw:{KEY.hex()}")
    connection.pragma("rekey", "")
    connection.close()


def foreign(path: Path) -> None:
    connection = connect(path, KEY)
    connection.pragma("journal_mode", "delete")
    connection.pragma("rekey", f"raw:{bytes(32).hex()}")
    connection.close()


def newer(path: Path) -> None:
    connection = connect(path, KEY)
    connection.execute(f"pragma user_version = {len(schema.STEPS) + 1}")
    connection.close()


def empty(path: Path) -> None:
    path.unlink()
    connect(path, KEY).close()
    connection = connect(path, KEY)
    connection.execute("create table t(i)")
    connection.close()


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("harm", "words", "kind"),
    [
        (nothing, "empty", UsageError),
        (half, "damaged", UsageError),
        (bit, "damaged", UsageError),
        (plain, "not encrypted", UsageError),
        (foreign, "another key", UsageError),
        (newer, "newer version", UsageError),
        (empty, "no data of Loom", UsageError),
        (gone, "There is no file", NotFound),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
async def test_what_cannot_be_the_store_is_refused_and_nothing_is_changed(
    store: Store, tmp_path: Path, harm: Callable[[Path], None], words: str, kind: type[LoomError]
) -> None:
    await store.notes.add("one")
    backup = await store.backup(tmp_path / "mine.db")
    harm(backup)
    await store.notes.add("two")
    for look in (store.look_at, store.restore):
        with pytest.raises(kind, match=words):
            await look(backup)
    assert await notes(store) == ["one", "two"]
    assert store.problems == []
    assert await store.check(thorough=True)


async def test_a_backup_of_the_schema_before_is_brought_to_today(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Path(__file__).parent / "fixtures" / "schema-1.db"
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await store.restore(old)
        assert [note.text for note in await store.notes.search("bread")] == ["Buy bread"]
        assert [event.id for event in await store.journal.events()] == [1_001]
        assert await store.journal.append(Event(id=2_000, topic="a.b")) == 2


async def test_what_is_read_and_written_meanwhile_comes_before_or_after(
    store: Store, tmp_path: Path
) -> None:
    await store.notes.add("one")
    backup = await store.backup(tmp_path / "mine.db")
    over = asyncio.Event()

    async def work(n: int) -> None:
        while not over.is_set():
            store.journal.keep(Event(topic="a.b", payload={"n": n}))
            await store.journal.flush()
            assert "one" in await notes(store)
            await store.check()

    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(work(n))
        for _ in range(4):
            await store.restore(backup)
        over.set()
    assert await notes(store) == ["one"]
    assert await store.check(thorough=True)


async def test_in_memory_there_is_nothing_to_copy(tmp_path: Path) -> None:
    async with Store(":memory:") as store:
        with pytest.raises(Unavailable):
            await store.backup(tmp_path / "mine.db")
        with pytest.raises(Unavailable):
            await store.restore(tmp_path / "mine.db")


async def test_a_backup_touches_no_file_beside_it(path: Path, tmp_path: Path) -> None:
    mine = [tmp_path / f"x.db{end}" for end in (".part", ".part-wal", "-wal", ".bak")]
    for one in mine:
        one.write_text("mine")
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await store.backup(tmp_path / "x.db")
    assert [one.read_text() for one in mine] == ["mine"] * len(mine)
    assert not [one for one in tmp_path.iterdir() if one.name.endswith(".loom.part")]
