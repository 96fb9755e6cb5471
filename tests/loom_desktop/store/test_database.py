"""The writing thread: groups, savepoints, reading, closing."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import pytest

from loom_desktop.clock import wall
from loom_desktop.errors import Unavailable
from loom_desktop.store.database import MEMORY, Database, connect, is_encrypted

KEY = bytes(range(32))


def _open(path: Path | str, key: bytes | None) -> apsw.Connection:
    connection = connect(path, key)
    connection.execute("create table if not exists t(i integer primary key, b)")
    return connection


@contextlib.asynccontextmanager
async def opened(
    path: Path | str, key: bytes | None = KEY, **more: object
) -> AsyncIterator[Database]:
    database = Database(
        path,
        key,
        clock=wall,
        opener=lambda damaged: _open(path, key),
        **more,  # type: ignore[arg-type]  # passed on as they are
    )
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def insert(i: int, b: str = "x") -> Callable[[apsw.Connection], object]:
    return lambda connection: connection.execute("insert into t values (?, ?)", (i, b))


def count(connection: apsw.Connection) -> object:
    return connection.execute("select count(*) from t").get


async def test_what_is_awaited_is_seen_by_another_connection(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as database:
        await database.do(insert(1))
        other = connect(path, KEY, only_read=True)
        assert count(other) == 1
        other.close()
        assert await database.read(count) == 1


async def test_a_failing_job_fails_alone_in_its_group(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        gate = threading.Event()
        held = database.submit(lambda connection: gate.wait(5))  # the others gather meanwhile

        def half(connection: apsw.Connection) -> None:
            connection.execute("insert into t values (50, 'half')")
            raise ValueError("no")

        jobs = [
            database.do(insert(1)),
            database.do(half),
            database.do(insert(1)),
            database.do(insert(2)),
        ]
        waiting = asyncio.gather(*jobs, return_exceptions=True)
        await asyncio.sleep(0)
        gate.set()
        first, second, third, fourth = await waiting
        assert held.result(5) is True
        assert not isinstance(first, BaseException)
        assert isinstance(second, ValueError)
        assert isinstance(third, apsw.ConstraintError)
        assert not isinstance(fourth, BaseException)
        assert await database.read(
            lambda connection: connection.execute("select i from t order by i").fetchall()
        ) == [(1,), (2,)]


async def test_what_gathers_behind_a_slow_job_is_one_commit(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        commits = 0

        def hook() -> bool:
            nonlocal commits
            commits += 1
            return False

        await database.do(lambda connection: connection.set_commit_hook(hook))
        gate = threading.Event()
        held = database.submit(lambda connection: gate.wait(5))
        waiting = asyncio.gather(*(database.do(insert(n)) for n in range(300)))
        await asyncio.sleep(0)
        commits = 0
        gate.set()
        await waiting
        assert held.result(5)
        # the slow job is past its 4 ms, so it stands alone; the rest is few groups, not 300
        assert 1 <= commits <= 60


async def test_an_answer_comes_on_the_loop_that_asked(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        found: list[object] = []

        async def elsewhere() -> None:
            await database.do(insert(7))
            found.append(await database.read(count))

        thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
        thread.start()
        await asyncio.to_thread(thread.join, 10)
        assert found == [1]


async def test_a_post_that_fails_is_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path / "a.db") as database:
        await database.do(insert(1))
        for _ in range(3):
            database.post(insert(1))
        await database.do(lambda connection: None)
        assert database.lost == 3
        assert len([one for one in caplog.records if "Not saved" in one.message]) == 1


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as database:
        for n in range(500):
            database.post(insert(n))
    connection = connect(path, KEY)
    assert count(connection) == 500
    connection.close()
    assert not Path(f"{path}-wal").exists()


async def test_after_closing_everything_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        await database.do(insert(1))
    with pytest.raises(Unavailable):
        await database.do(insert(2))
    with pytest.raises(Unavailable):
        await database.read(count)
    with pytest.raises(Unavailable):
        database.submit(insert(2))
    database.post(insert(3))
    assert database.lost == 1
    await database.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("loom-store")]


async def test_a_job_that_hangs_does_not_hold_up_closing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        endless = database.submit(
            lambda connection: connection.execute(
                "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i)"
                " from n"
            ).fetchall()
        )
        waiting = database.submit(insert(2))
        await database.close(0.2)
        for one in (endless, waiting):
            with pytest.raises((Unavailable, apsw.InterruptError)):
                one.result(5)


async def test_cancelling_stops_the_waiting_and_not_the_write(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        gate = threading.Event()
        held = database.submit(lambda connection: gate.wait(5))
        task = asyncio.get_running_loop().create_task(database.do(insert(5)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        assert held.result(5)
        assert await database.do(count) == 1


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        with pytest.raises(Unavailable):
            await database.read(insert(1))
        assert await database.read(count) == 0


async def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:

        def look(connection: apsw.Connection) -> tuple[object, object]:
            before = count(connection)
            database.submit(insert(1)).result(5)
            return before, count(connection)

        assert await database.read(look) == (0, 0)
        assert await database.read(count) == 1


async def test_in_memory_reading_and_writing_are_the_same(tmp_path: Path) -> None:
    async with opened(MEMORY, None) as database:
        await database.do(insert(1))
        assert await database.read(count) == 1
        assert database.in_memory
        assert await database.checkpoint()


async def test_three_thousand_jobs_at_once_all_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        results = await asyncio.gather(*(database.do(insert(n)) for n in range(3_000)))
        assert len(results) == 3_000
        assert await database.read(count) == 3_000


async def test_opening_that_is_cancelled_lets_go_of_the_file(tmp_path: Path) -> None:
    path, opening, go_on = tmp_path / "a.db", threading.Event(), threading.Event()

    def slow(damaged: bool) -> apsw.Connection:
        opening.set()
        assert go_on.wait(5)
        return _open(path, KEY)

    database = Database(path, KEY, clock=wall, opener=slow)
    waiting = asyncio.get_running_loop().create_task(database.open())
    assert await asyncio.to_thread(opening.wait, 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    (thread,) = [one for one in threading.enumerate() if one.name == "loom-store"]
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
    assert str(path) not in [one.filename for one in apsw.connections()]


async def test_an_opener_that_fails_says_so_to_whoever_opens(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", KEY, clock=wall, opener=lambda damaged: 1 / 0)  # type: ignore[arg-type,return-value]
    with pytest.raises(ZeroDivisionError):
        await database.open()
    with pytest.raises(Unavailable):
        await database.do(count)


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 31, b"x" * 33])
def test_a_key_of_another_length_is_never_taken_for_a_passphrase(
    tmp_path: Path, key: bytes
) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        connect(tmp_path / "a.db", key)
    assert not (tmp_path / "a.db").exists()


def test_every_pragma_is_set(tmp_path: Path) -> None:
    connection = _open(tmp_path / "a.db", KEY)
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "temp_store": 2,
        "busy_timeout": 5_000,
        "wal_autocheckpoint": 1_000,
    }
    assert {name: connection.pragma(name) for name in expected} == expected
    connection.close()
    assert is_encrypted(tmp_path / "a.db")


def test_the_files_are_for_this_person_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch(0o644)
    connection = _open(path, KEY)
    connection.execute("insert into t values (1, 2)")
    for suffix in ("", "-wal", "-shm"):
        assert stat.S_IMODE(Path(f"{path}{suffix}").stat().st_mode) == 0o600, suffix
    connection.close()


async def test_a_full_disk_costs_the_ballast_and_not_the_write(tmp_path: Path) -> None:
    relieved: list[bool] = []
    told: list[str] = []

    def relieve() -> bool:
        relieved.append(True)
        return True

    async with opened(
        tmp_path / "a.db", relieve=relieve, told=lambda message, hint: told.append(message)
    ) as database:
        tries = 0

        def full_once(connection: apsw.Connection) -> int:
            nonlocal tries
            tries += 1
            connection.execute("insert into t values (9, 'x')")
            if tries == 1:
                raise apsw.FullError("full")
            return tries

        others = [database.do(insert(1)), database.do(full_once), database.do(insert(2))]
        assert (await asyncio.gather(*others))[1] == 2
        assert relieved == [True]
        assert len(told) == 1
        assert database.disk == "ok"
        assert await database.read(count) == 3


async def test_a_disk_that_stays_full_is_told_once_and_every_write_is_refused(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    async with opened(
        tmp_path / "a.db", told=lambda message, hint: told.append(message)
    ) as database:

        def full(connection: apsw.Connection) -> None:
            raise apsw.FullError("full")

        for _ in range(3):
            with pytest.raises(Unavailable, match="full"):
                await database.do(full)
        states = [database.disk]
        assert len(told) == 1
        await database.do(insert(1))
        assert [*states, database.disk] == ["full", "ok"]


async def test_a_job_on_its_way_out_of_a_disk_error_fails_as_the_disk_did(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:

        def fail(connection: apsw.Connection) -> None:
            connection.execute("savepoint mine")
            try:
                connection.execute("rollback")  # as SQLite does when the disk fails
                raise apsw.IOError("disk I/O error")
            finally:
                connection.execute("release mine")

        with pytest.raises(Unavailable):
            await database.do(fail)
        await database.do(insert(1))
        assert await database.read(count) == 1


async def test_a_disk_that_cannot_be_read_is_no_reason_to_replace_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens: list[bool] = []

    def opener(damaged: bool) -> apsw.Connection:
        opens.append(damaged)
        return _open(tmp_path / "a.db", KEY)

    def fail(path: Path, key: bytes | None, *, only_read: bool) -> apsw.Connection:
        raise apsw.IOError("disk I/O error")

    database = Database(tmp_path / "a.db", KEY, clock=wall, opener=opener)
    await database.open()
    monkeypatch.setattr("loom_desktop.store.database.connect", fail)
    assert not await database.mend()
    monkeypatch.undo()
    await database.do(insert(1))
    assert opens == [False]
    await database.close()


async def test_reading_goes_on_in_memory_when_damage_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.db"

    def opener(damaged: bool) -> apsw.Connection:
        return _open(MEMORY if damaged else path, None)

    database = Database(path, None, clock=wall, opener=opener)
    await database.open()
    await database.do(insert(1))
    await database.checkpoint()
    with open(path, "rb+") as file:
        file.write(bytes(50))
    assert await database.read(count) == 0
    assert database.in_memory
    await database.do(insert(1))
    assert await database.read(count) == 1
    await database.close()


async def test_a_mistake_that_ends_the_thread_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "a.db") as database:
        assert await database.read(count) == 0
        monkeypatch.setattr(database, "_commit", lambda: 1 / 0)
        async with asyncio.timeout(5):
            with pytest.raises(ZeroDivisionError):
                await database.do(insert(1))
            with pytest.raises(Unavailable):
                await database.do(insert(2))
            with pytest.raises(Unavailable):
                await database.read(count)


async def test_a_recovery_that_fails_is_an_error_and_not_the_end(tmp_path: Path) -> None:
    opens = 0

    def opener(damaged: bool) -> apsw.Connection:
        nonlocal opens
        opens += 1
        if damaged:
            raise RuntimeError("recovery has a mistake")
        return _open(tmp_path / "a.db", KEY)

    database = Database(tmp_path / "a.db", KEY, clock=wall, opener=opener)
    await database.open()
    await database.do(insert(1))
    await database.checkpoint()
    with open(tmp_path / "a.db", "rb+") as file:
        file.write(bytes(50))
    with pytest.raises(RuntimeError):
        await database.mend()
    for _ in range(3):
        with pytest.raises(apsw.ConnectionClosedError):
            await database.do(insert(2))
    assert opens == 2
    await database.close()
