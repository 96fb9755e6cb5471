"""Bits flip in the file of the store, pages turn to noise, its end is cut off, its header is gone.

Whatever happens to it, the application starts. No event is given back that was never kept; what is
missing was told; what the newest snapshot has is there. A file that is encrypted notices every
change of a page. In a plain one SQLite sees its own structure alone (``integrity_check`` says ok to
three of four flipped bits), so there it rests on the check of each event. Other rows of a plain
store have none: how many come back wrong is counted, and not judged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from loom_desktop.errors import LoomError
from loom_desktop.store import Card, Schedule, Store
from tests.faults.report import Report
from tests.faults.stores import KEY, copied, event, found, opening

EVENTS = 150
IN_SNAPSHOT = 100
PAGE = 4096
OTHERS = 40
"""Rows of each kind that is no event."""
FIGURES = (
    *("tried", "started", "told", "without effect", "events lost", "other rows wrong"),
    *("others not readable",),
)
EVERY = frozenset(range(1, EVENTS + 1))
Rows = set[str]
"""As they print."""
Harm = Callable[[bytearray, random.Random], object]


def _flip(image: bytearray, rng: random.Random) -> None:
    image[rng.randrange(len(image))] ^= 1 << rng.randrange(8)


def _page(image: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(image) // PAGE) * PAGE
    image[start : start + PAGE] = rng.randbytes(PAGE)


def _cut(image: bytearray, rng: random.Random) -> None:
    del image[rng.randrange(1, len(image)) :]


def _header(image: bytearray, rng: random.Random) -> None:
    image[:100] = rng.randbytes(100)


HARMS: dict[str, Harm] = {
    "flips": _flip,
    "pages": _page,
    "cuts": _cut,
    "headers": _header,
    "empty files": lambda image, rng: image.clear(),
}


def run(folder: Path, amounts: dict[str, int], *, encrypted: bool, seed: int = 3) -> Report:
    """``amounts``: how often which harm."""
    began, rng = time.perf_counter(), random.Random(seed)
    kinds = ", ".join(amounts)
    report = Report(suite=f"{kinds}, {'encrypted' if encrypted else 'plain'}")
    report.figures = dict.fromkeys(FIGURES, 0)
    key = KEY if encrypted else None
    image, others = asyncio.run(_image(folder, key))
    for kind, amount in amounts.items():
        for number in range(amount):
            path = copied(image, folder / "run")
            harmed = bytearray(image.read_bytes())
            HARMS[kind](harmed, rng)
            path.write_bytes(harmed)
            report.add("tried")
            try:
                bad = asyncio.run(_judge(path, key, others, report))
            except Exception as error:  # whatever it is: the application did not start, or died
                bad = [f"it broke: {error!r}"[:200]]
            report.wrong += [f"{kind} {number}: {what}" for what in bad]
    report.seconds = time.perf_counter() - began
    return report


def unguarded(folder: Path, amount: int, *, seed: int = 3) -> Report:
    """The negative control: plain SQLite with the same events, and its ``integrity_check``."""
    began, rng = time.perf_counter(), random.Random(seed)
    report = Report(suite="flips, bare SQLite", figures={"tried": 0}, control=True)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bare.db"
    said = {number: event(number).payload["text"] for number in range(1, EVENTS + 1)}
    connection = apsw.Connection(str(path))
    with connection:
        connection.execute("create table event(id integer primary key, text text)")
        connection.executemany("insert into event values (?, ?)", said.items())
    connection.close()
    image = path.read_bytes()
    for number in range(amount):
        harmed = bytearray(image)
        _flip(harmed, rng)
        path.write_bytes(harmed)
        report.add("tried")
        connection = apsw.Connection(str(path))
        try:
            rows: list[Any] = connection.execute("select id, text from event").fetchall()
            if dict(rows) != said and connection.pragma("integrity_check") == "ok":
                report.wrong.append(f"flips {number}: wrong rows, and all is well")
        except (apsw.Error, UnicodeDecodeError):
            pass  # noticed
        finally:
            connection.close()
    report.seconds = time.perf_counter() - began
    return report


async def _image(folder: Path, key: bytes | None) -> tuple[Path, Rows]:
    path = folder / "image" / "loom.db"
    async with opening(path, key) as store:
        for number in range(1, OTHERS + 1):
            text = event(number).payload["text"][:300]
            await store.notes.add(f"{number} {text}")
            card = Card(kind="notice", agent="flips", title=f"{number}", text=text, data={"n": 1})
            await store.cards.put(card)
            await store.schedules.add(Schedule(text=text, next=float(number), rrule="FREQ=DAILY"))
            await store.state.put("flips", f"{number}", {"n": number, "text": text})
        for number in range(1, EVENTS + 1):
            store.journal.keep(event(number))
            if number == IN_SNAPSHOT:
                assert await store.snapshot()
        await store.journal.flush()
        assert store.problems == []
        others, unreadable = await _others(store)
        assert len(others) == 4 * OTHERS
        assert not unreadable
    return path, others


async def _judge(path: Path, key: bytes | None, others: Rows, report: Report) -> list[str]:
    async with opening(path, key) as store:
        if store.in_memory:
            return [f"in memory: {store.problems}"]
        report.add("started")
        at_once, wrong = await _read(store)
        bad = [f"at once: wrong rows {wrong[:5]}"] if wrong else []
        if at_once != EVERY and not store.problems and await store.check():
            bad.append(f"{len(EVERY - at_once)} missing, and nobody was told")
        await store.check(thorough=True)  # as the upkeep does, at once when a row is damaged
        there, wrong = await _read(store)
        if wrong:
            bad.append(f"wrong rows {wrong[:5]}")
        found_others, unreadable = await _others(store)
        told = [one.message for one in store.problems]
    missing, mistaken = EVERY - there, len(found_others - others)
    if there - EVERY:
        bad.append("rows that never were")
    if missing and not told:
        bad.append(f"{len(missing)} missing, and nobody was told")
    if early := sorted(one for one in missing if one <= IN_SNAPSHOT):
        bad.append(f"{len(early)} are missing that the snapshot has")
    if key is not None and (mistaken or unreadable):
        bad.append(f"{mistaken} other rows are wrong, {unreadable} kinds not readable")
    report.add("told" if told else "without effect")
    report.add("events lost", len(missing))
    report.add("other rows wrong", mistaken)
    report.add("others not readable", unreadable)
    return bad


async def _read(store: Store) -> tuple[set[int], list[int]]:
    """The events that are there, and those of them that are wrong; all of them when reading is
    refused, which is no wrong answer."""
    try:
        return await found(store)
    except LoomError:
        return set(EVERY), []


async def _others(store: Store) -> tuple[Rows, int]:
    """Every other row that can be read, and how many kinds of them can not."""

    async def states() -> list[object]:
        keys = await store.state.keys("flips")
        return [(key, await store.state.get("flips", key)) for key in keys]

    rows, unreadable = set[str](), 0
    for reading in (
        store.notes.recent(limit=1_000),
        store.cards.recent(limit=1_000),
        store.schedules.recent(limit=1_000),
        states(),
    ):
        try:
            rows.update(repr(one) for one in await reading)
        except Exception:  # whatever a damaged row makes of it
            unreadable += 1
    return rows, unreadable
