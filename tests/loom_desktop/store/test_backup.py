"""Snapshots: few, checked, under the same key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.store import Store
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
