"""Stores that faults are tried on: events that can be told from wrong ones, and the judgement.

What an event says follows from its id, so a row that was changed on the disk is seen whatever else
is missing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from loom_desktop.errors import LoomError
from loom_desktop.event import Event
from loom_desktop.store import Store
from loom_desktop.store.ballast import Ballast

KEY = bytes(range(32))
TOPIC = "fault.tried"
MOST = 1_000_000
ROOM_BYTES = 48 << 20


def memory() -> str | None:
    """A folder in memory where there is one with room, for what does not depend on a disk: syncing
    one that is busy is most of what those suites would wait for."""
    shared = Path("/dev/shm")
    there = shared.is_dir() and os.access(shared, os.W_OK)
    return str(shared) if there and shutil.disk_usage(shared).free > ROOM_BYTES else None


def opening(path: Path, key: bytes | None, ballast: Ballast | None = None) -> Store:
    """The real store without its upkeep, and with no ballast unless one is given."""
    none = ballast or Ballast(path.parent / "ballast", size_bytes=1 << 16, ample_bytes=0)
    return Store(path, key, upkeep=False, use_keyring=False, ballast=none)


def event(number: int) -> Event:
    """The one event of that id: 60 to 4,000 bytes that follow from it. Its time is its id."""
    length = (60, 200, 900, 4_000)[number * 7 % 4]
    text = (f"{number * 2_654_435_761 % 2**32:08x} " * (length // 9 + 1))[:length]
    return Event(id=number, time=float(number), topic=TOPIC, payload={"n": number, "text": text})


def copied(image: Path, folder: Path) -> Path:
    """The store of ``image`` alone in an emptied folder: its file, mark and snapshots."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / image.name
    for tail in ("", ".mark", "-wal"):
        if (source := image.with_name(image.name + tail)).exists():
            shutil.copyfile(source, folder / source.name)
    if (snapshots := image.parent / "snapshots").exists():
        shutil.copytree(snapshots, folder / "snapshots")
    return path


async def found(store: Store, since: int = 0) -> tuple[set[int], list[int]]:
    """Ids of the events in it from ``since`` on, and of those that say what was never said."""
    events = await store.journal.events(since=float(since), limit=MOST)
    wrong = [one.id for one in events if one.payload != event(one.id).payload]
    return {one.id for one in events}, wrong


async def judged(
    path: Path, key: bytes | None, acked: Collection[int], failed: Collection[int] = ()
) -> list[str]:
    """What is not as promised when the store is opened again: every acknowledged event is there,
    none that was refused, all say what they said, the pages are sound and nothing needs telling."""
    bad: list[str] = []
    async with opening(path, key) as store:
        try:
            there, wrong = await found(store)
        except LoomError as error:
            bad.append(f"not readable: {error.message} ({error.__cause__!r})")
            there, wrong = set(acked), []
        bad += [f"told: {one.message}" for one in store.problems]
        sound = await store.check(thorough=True)
    if store.in_memory:
        bad.append("opened in memory")
    if lost := sorted(set(acked) - there):
        bad.append(f"lost {lost[:5]} ({len(lost)} of {len(acked)})")
    if ghosts := sorted(set(failed) & there):
        bad.append(f"ghosts {ghosts[:5]}")
    if wrong:
        bad.append(f"wrong rows {wrong[:5]}")
    if not sound:
        bad.append("damaged pages")
    return bad
