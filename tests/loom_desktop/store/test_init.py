"""The whole store: killed, read by strangers, forgotten, filled up, kept up."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import loom_desktop.store
from loom_desktop.event import Event
from loom_desktop.store import Message, Problem, Schedule, Store, Upkeep
from loom_desktop.store.acts import Step
from loom_desktop.store.ballast import Ballast
from loom_desktop.store.cards import Card
from tests.loom_desktop.store.conftest import KEY, HandClock

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.getcwd()}


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def words(count: int) -> list[str]:
    """Random ones: an index that compresses prefixes would hide similar ones from a search."""
    rng = random.Random()
    return ["".join(rng.choices("bcdfghjklmnpqrstvwxz", k=14)) for _ in range(count)]


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not await holds():
        assert time.monotonic() < end, "it did not come to hold"
        await asyncio.sleep(0.01)


# ---------------------------------------------------------------------- crash

APPENDING = """
import asyncio, sys
from pathlib import Path
from loom_desktop.event import Event
from loom_desktop.store import Store

async def main():
    async with Store(Path(sys.argv[1]), bytes(range(32)), upkeep=False, use_keyring=False) as store:
        next_id = await store.journal.last_id() + 1

        async def append(first):
            for id_ in range(first, first + 1_000_000, 8):
                await store.journal.append(Event(id=id_, topic="a.b", payload={"text": "x" * 300}))
                sys.stdout.write(f"{id_}\\n")
                sys.stdout.flush()

        await asyncio.gather(*(append(next_id + n) for n in range(8)))

asyncio.run(main())
"""


async def test_fifteen_kills_lose_nothing_that_was_acknowledged(path: Path) -> None:
    rng = random.Random(5)
    acknowledged: set[int] = set()
    for _ in range(15):
        child = subprocess.Popen(
            [sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE, env=ENVIRONMENT
        )
        assert child.stdout is not None
        wanted = rng.randrange(1, 200)
        for _ in range(wanted):
            acknowledged.add(int(child.stdout.readline()))
        child.kill()
        rest = child.stdout.read().split(b"\n")[:-1]
        acknowledged.update(int(line) for line in rest)
        child.stdout.close()
        child.wait(10)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        assert store.problems == []
        kept = {event.id for event in await store.journal.events(limit=1_000_000)}
        assert len(acknowledged) > 500
        assert acknowledged - kept == set()
        assert await store.check(thorough=True)


# ---------------------------------------------------------------------- at rest


async def fill(store: Store, marks: list[str]) -> tuple[int, int]:
    """One mark in every place that takes text. Returns ids of what has to be forgotten by id."""
    mark = iter(marks)
    event = Event(id=1, topic="chat.asked", payload={"text": next(mark)}, sender=next(mark))
    await store.journal.append(event)
    await store.conversations.put(
        Message(conversation=1, turn=1, role="user", text=f"Where is {next(mark)}?", time=1.0)
    )
    await store.cards.put(
        Card(
            kind="suggestion",
            agent="a",
            title=next(mark),
            text=next(mark),
            detail=next(mark),
            thread=1,
            data={"x": next(mark)},
        )
    )
    note = await store.notes.add(next(mark))
    schedule = await store.schedules.add(Schedule(text=next(mark), said=next(mark)))
    await store.state.put("agent", next(mark), next(mark))
    return note.id, schedule.id


MARKS = 12


async def test_no_word_is_in_any_file(store: Store, path: Path) -> None:
    marks = words(MARKS + 6)
    await fill(store, marks)
    more = iter(marks[MARKS:])
    act = await store.acts.intend(
        next(more), next(more), next(more), steps=[Step(source=f"/{next(more)}")]
    )
    await store.acts.start(act)
    await store.ledger.begin(next(more), 443, purpose="p")
    await store.secrets.set("name", next(more))
    assert await store.snapshot()
    names = {one.name for one in path.parent.iterdir()}
    assert {"loom.db", "loom.db-wal", "loom.db-shm", "snapshots"} <= names
    content = everything(path.parent)
    assert [mark for mark in marks if mark.encode() in content] == []
    for file in (path.parent, *path.parent.rglob("*")):
        assert file.stat().st_mode & 0o077 == 0, file


async def test_what_is_forgotten_is_in_no_file_and_in_no_copy(path: Path, clock: HandClock) -> None:
    marks = words(MARKS)
    async with Store(path, None, clock=clock, upkeep=False, use_keyring=False) as store:
        for number in range(2, 400):  # something to be among
            store.journal.keep(Event(id=number, topic="a.b", payload={"text": f"{number} " * 50}))
            await store.notes.add(f"note {number} " * 10)
        note, schedule = await fill(store, marks)
        clock.now += 3_600
        assert await store.snapshot()
        (path.parent / "loom.db.corrupt.20260101T000000").write_bytes(marks[0].encode())
        for left in (
            "restoring.db",
            "looking.db",
            "snapshots/.loom.20260101T000000.db.1.loom.part",
        ):
            (path.parent / left).write_bytes(marks[0].encode())  # by one that was killed
        being_written = path.parent / f"snapshots/.mine.db.{os.getpid()}.loom.part"
        being_written.write_bytes(b"")
        content = everything(path.parent)
        assert [mark for mark in marks if mark.encode() not in content] == []
        clock.now += 3_600
        await store.conversations.forget(1)
        await store.notes.forget(note)
        await store.schedules.forget(schedule)
        await store.state.forget("agent")
        content = everything(path.parent)
        assert [mark for mark in marks if mark.encode() in content] == []
        assert being_written.exists()
        assert len(list((path.parent / "snapshots").iterdir())) == 2
        assert len(await store.notes.recent(limit=1_000)) == 398
    content = everything(path.parent)
    assert [mark for mark in marks if mark.encode() in content] == []


# ---------------------------------------------------------------------- a full disk

ON_A_SMALL_DISK = """
import asyncio, os, sys
from pathlib import Path
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.store import Store
from loom_desktop.store.ballast import Ballast

async def main():
    folder = Path(sys.argv[1])
    path = folder / "data" / "loom.db"
    ballast = Ballast(folder / "data" / "ballast", size_bytes=10 << 20, ample_bytes=0)
    told = []
    key, quiet = bytes(range(32)), {"upkeep": False, "use_keyring": False, "ballast": ballast}
    async with Store(path, key, told=told.append, **quiet) as store:
        assert ballast.fill()
        kept, refused = [], 0
        for n in range(1, 4000):
            try:
                await store.journal.append(Event(id=n, topic="a.b", payload={"x": "y" * 8000}))
                kept.append(n)
            except Unavailable as error:
                assert "full" in error.message or "did not take it" in error.message, error
                refused += 1
                if refused == 5:
                    break
        assert refused == 5, "the disk never filled up"
        assert not ballast.path.exists(), "the ballast was not let go"
        assert store.disk == "full" or store.disk == "broken", store.disk
        found = await store.journal.events(limit=10_000)
        assert [event.id for event in found] == kept, "acknowledged and not there"
        assert len(told) == 2, told
        (folder / "filler").unlink()
        await store.journal.append(Event(id=10_000, topic="a.b"))
        assert store.disk != "full"
        assert ballast.fill()
        assert len(told) == 2, told
    async with Store(path, key, **quiet) as store:
        assert len(await store.journal.events(limit=10_000)) == len(kept) + 1
        assert await store.check(thorough=True)
        assert not store.problems, store.problems
    # and a start on a disk without a byte left
    ballast.fill()
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    async with Store(path, key, **quiet) as store:
        assert len(await store.journal.events(limit=10_000)) == len(kept) + 1, store.problems
        await store.journal.append(Event(id=10_001, topic="a.b"))
        print("kept", len(kept), store.in_memory)

asyncio.run(main())
"""


def small_disk_works() -> bool:
    done = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs a tmpfs")
def test_a_full_disk_loses_nothing_and_works_again_when_there_is_room(tmp_path: Path) -> None:
    if not small_disk_works():
        pytest.skip("this machine allows no user namespaces, which a small disk needs")
    script = tmp_path / "script.py"
    script.write_text(ON_A_SMALL_DISK)
    small = tmp_path / "small"
    small.mkdir()
    inside = (
        f"mount -t tmpfs -o size=44m tmpfs {small} && head -c 16M /dev/zero > {small}/filler"
        f" && exec {sys.executable} {script} {small}"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", inside],
        capture_output=True,
        text=True,
        timeout=50,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kept"), done.stdout
    assert done.stdout.endswith("False\n"), done.stdout


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.store import Store

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path, kept = Path(sys.argv[1]), []
    async with Store(path, bytes(range(32)), upkeep=False, use_keyring=False) as store:
        await store.journal.append(Event(id=100_000, topic="a.b"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
        for n in range(1, 2_000):
            try:
                await store.journal.append(Event(id=n, topic="a.b", payload={"x": "y" * 3_000}))
                kept.append(n)
            except Unavailable:
                break
        else:
            raise SystemExit("the limit was never reached")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await store.journal.append(Event(id=100_001, topic="a.b"))
        assert store.disk == "ok", store.disk
    async with Store(path, bytes(range(32)), upkeep=False, use_keyring=False) as store:
        assert len(await store.journal.events(limit=10_000)) == len(kept) + 2
        assert await store.check(thorough=True) and not store.problems
        print("kept", len(kept))

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_file_that_may_not_grow_loses_nothing(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        capture_output=True,
        text=True,
        timeout=50,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 10


# ---------------------------------------------------------------------- start and upkeep


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loom_desktop.store, "SETTLED_S", 0.0)
    monkeypatch.setattr(loom_desktop.store, "LOOK_S", 0.01)


async def test_upkeep_puts_room_by_and_takes_a_snapshot_each_hour_that_something_changed(
    path: Path, clock: HandClock, ballast: Ballast, hasty: None
) -> None:
    snapshots = path.parent / "snapshots"

    def count() -> int:
        return len(list(snapshots.glob("loom.*.db")))

    async def taken(number: int) -> bool:
        return count() == number

    async with Store(path, KEY, clock=clock, use_keyring=False, ballast=ballast) as store:
        await store.notes.add("one")
        await until(lambda: taken(1))
        assert ballast.path.exists()
        clock.now += 3_600
        await store.notes.add("two")
        await until(lambda: taken(2))
        ballast.drop()
        clock.now += 3_600  # and nothing was written

        async def filled() -> bool:
            return ballast.path.exists()

        await until(filled)
        await asyncio.sleep(0.05)
        assert count() == 2
        assert await store.state.fact("checked") is not None
        assert store.problems == []


async def test_it_is_known_when_the_last_copy_was_taken_and_whether_one_failed(
    path: Path, clock: HandClock, ballast: Ballast
) -> None:
    over: list[str] = []
    async with Store(path, KEY, clock=clock, upkeep=False, over=over.append) as store:
        assert store.upkeep()._replace(looked_ago_s=0) == Upkeep(
            False, False, 0, "", 0, 0.0, 0.0, ""
        )
        assert await store.snapshot()
        clock.now += 60
        snapshots = path.parent / "snapshots"
        snapshots.rename(path.parent / "away")
        snapshots.write_text("in the way")
        assert await store.snapshot() is None
        (problem,) = store.problems
        stands = store.upkeep()
        assert (stands.failed, stands.failure) == (clock.now, problem.message)
        snapshots.unlink()
        (path.parent / "away").rename(snapshots)
        stands = store.upkeep()
        assert (stands.snapshots, stands.newest) == (1, clock.now - 60), "the good one stays"
        assert await store.snapshot()
        stands = store.upkeep()
        assert (stands.newest, stands.failed, stands.failure) == (clock.now, 0.0, "")
    assert (store.problems, over) == ([], [problem.message]), "it is over"


async def test_it_is_known_whether_somebody_looks_after_it(
    path: Path, clock: HandClock, ballast: Ballast, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = ballast.fill
    troubles: list[Exception] = []

    def fill_or_fail() -> None:
        if troubles:
            raise troubles[-1]
        fill()

    monkeypatch.setattr(ballast, "fill", fill_or_fail)

    async def told(trouble: str) -> bool:
        return store.upkeep().trouble == trouble

    async with Store(path, KEY, clock=clock, ballast=ballast) as store:
        assert (store.upkeep().wanted, store.upkeep().running) == (True, True)
        troubles.append(OSError("no room"))
        await until(lambda: told("no room"))
        troubles.clear()
        await until(lambda: told(""))
        troubles.append(RuntimeError("a bug"))

        async def ended() -> bool:
            return not store.upkeep().running

        await until(ended)
        assert store.upkeep().wanted


async def test_upkeep_finds_damage_after_the_start_and_says_what_was_done(
    path: Path, clock: HandClock, ballast: Ballast, hasty: None
) -> None:
    async with Store(path, KEY, clock=clock, upkeep=False, ballast=ballast) as store:
        for n in range(1, 301):
            store.journal.keep(Event(id=n, topic="a.b", payload={"text": f"{n} " * 30}))
        assert await store.snapshot()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    told: list[Problem] = []

    async def said() -> bool:
        return bool(told)

    async with Store(
        path, KEY, clock=clock, use_keyring=False, ballast=ballast, told=told.append
    ) as store:
        await until(said)
        assert len(await store.journal.events(limit=1_000)) == 300
        assert store.problems == told


async def test_a_disk_that_is_nearly_full_is_said_once(
    path: Path, clock: HandClock, hasty: None
) -> None:
    class Small(Ballast):
        looks = 0

        def free_bytes(self) -> int:
            self.looks += 1
            return 300 << 20

    ballast = Small(path.parent / "ballast")

    async def looked() -> bool:
        return ballast.looks > 20

    async with Store(path, KEY, clock=clock, use_keyring=False, ballast=ballast) as store:
        await until(looked)
        assert store.disk == "low"
        assert [problem.message for problem in store.problems] == ["The disk is nearly full."]


async def test_a_disk_with_room_again_takes_the_problem_back(
    path: Path, clock: HandClock, hasty: None
) -> None:
    class Small(Ballast):
        free = 300 << 20

        def free_bytes(self) -> int:
            return self.free

    ballast = Small(path.parent / "ballast")
    over: list[str] = []

    async def said() -> bool:
        return bool(store.problems)

    async def taken_back() -> bool:
        return over == ["The disk is nearly full."]

    async with Store(
        path, KEY, clock=clock, use_keyring=False, ballast=ballast, over=over.append
    ) as store:
        await until(said)
        assert over == []
        ballast.free = 1 << 40
        await until(taken_back)
        assert store.problems == []
        ballast.free = 300 << 20
        await until(said)


async def test_a_log_that_cannot_be_emptied_is_said_once(
    path: Path, clock: HandClock, ballast: Ballast, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loom_desktop.store, "MOST_LOG_BYTES", 0)
    tries = 0

    async def fails() -> bool:
        nonlocal tries
        tries += 1
        return False

    async def tried() -> bool:
        return tries > 5

    async with Store(path, KEY, clock=clock, use_keyring=False, ballast=ballast) as store:
        monkeypatch.setattr(store._db, "checkpoint", fails)
        await store.notes.add("one")
        await until(tried)
        assert [problem.message for problem in store.problems] == [
            "What Loom saves is not moved to its place on the disk; nothing is lost so far."
        ]


async def test_in_memory_everything_works_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Store(":memory:") as store:
        assert store.in_memory
        assert store.problems == []
        note, schedule = await fill(store, words(MARKS))
        assert await store.snapshot() is None
        assert await store.check()
        assert await store.notes.forget(note)
        assert await store.schedules.forget(schedule)
        assert await store.conversations.forget(1) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", [b"", b"x" * 31, b"x" * 64])
def test_a_key_of_another_length_is_refused_before_anything_is_opened(
    path: Path, key: bytes
) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Store(path, key)


async def test_a_block_that_fails_closes_the_store_and_keeps_what_was_written(
    path: Path, clock: HandClock
) -> None:
    async def fails() -> None:
        async with Store(path, KEY, clock=clock, use_keyring=False) as store:
            await store.notes.add("one")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await fails()
    async with Store(path, KEY, clock=clock, use_keyring=False) as store:
        assert [one.text for one in await store.notes.recent()] == ["one"]
        assert store.problems == []


def test_importing_the_store_brings_in_nothing_heavy() -> None:
    code = (
        "import asyncio, sys; before = set(sys.modules); import loom_desktop.store;"
        "print(*sorted({one.partition('.')[0] for one in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    heavy = {
        "keyring",
        "hashlib",
        "hmac",
        "secrets",
        "random",
        "json",
        "sqlite3",
        "shutil",
        "PySide6",
    }
    assert heavy & set(done.stdout.split()) == set()


def test_the_public_names_are_these() -> None:
    names: list[Any] = [getattr(loom_desktop.store, name) for name in loom_desktop.store.__all__]
    assert len(names) == 21


async def test_what_is_told_each_minute_is_one_problem(store: Store) -> None:
    for _ in range(3):
        store._tell("No copy of Loom's data could be made.", "Free some space.")
    assert len(store.problems) == 1
    store.problems.clear()
