"""SIGKILL at random moments of a process with durable subscribers: bus, journal, cursor, effects.

Every event that was acknowledged is handled in the end, by each subscriber. What is written with
the mark of an event is written once for it; a cursor says neither more nor less than that. An event
that always fails is a dead letter and holds up no other. The store opens again at once.

A run that breaks off may have been ended by the event that was in hand, so that counts as a try:
one that four kills met is buried, innocent as it may be. Those are counted, and must be worked on
when they are revived.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import msgspec

from loom_desktop.store import Store
from tests.faults import subscriber
from tests.faults.killed import killed_after, longest_s, opened_again, start
from tests.faults.kills import GENERATION
from tests.faults.report import Report
from tests.faults.stores import KEY, opening
from tests.faults.subscriber import COUNTER, EFFECTS, MARKER, POISON

CHILD = "tests.faults.subscriber"
FIGURES = ("acknowledged", "handled", "dead letters", "buried innocent", "before ready")


def run(n: int, folder: Path, *, encrypted: bool, seed: int = 1, wrong: str = "") -> Report:
    """``n`` kills. ``wrong``: an option of the subscriber that takes a guard away; then at most
    ``n``, until one kill shows it."""
    began, rng = time.perf_counter(), random.Random(seed)
    name = f"deliveries, {'encrypted' if encrypted else 'plain'}{f', {wrong}' if wrong else ''}"
    report = Report(suite=name, control=bool(wrong))
    report.figures = {"kills": n, **dict.fromkeys(FIGURES, 0)}
    most_s = longest_s(CHILD, folder / f"{name}-start" / "loom.db")
    for generation in range(0, n, GENERATION):
        path = folder / f"{name}-{generation}" / "loom.db"
        trial = _Trial(path, KEY if encrypted else None, report, wrong)
        for kill in range(generation, min(generation + GENERATION, n)):
            trial.kill_after(rng.uniform(0.02, most_s))
            asyncio.run(trial.judge(f"after kill {kill}"))
            if wrong and report.wrong:
                break
        asyncio.run(trial.end())
        if wrong and report.wrong:
            break
    report.seconds = time.perf_counter() - began
    return report


class _Trial:
    """One store and the processes that die on it."""

    def __init__(self, path: Path, key: bytes | None, report: Report, wrong: str) -> None:
        self._path, self._key, self._report = path, key, report
        self._acked, self._marked = set[int](), set[int]()
        self._options = [*(["--key"] if key else []), *([wrong] if wrong else [])]

    def kill_after(self, seconds: float) -> None:
        lines, complaint = killed_after(seconds, start(CHILD, self._path, *self._options))
        if complaint:
            self._report.wrong.append(complaint)
        self._acked |= {int(line[2:]) for line in lines if line.startswith("A ")}
        self._marked |= {int(line[2:]) for line in lines if line.startswith("H ")}
        self._report.figures["before ready"] += "R" not in lines

    async def judge(self, when: str) -> None:
        """What the last one left."""
        began = time.perf_counter()
        async with opening(self._path, self._key) as store:
            last = await store.journal.last_seq()
            took_ms = (time.perf_counter() - began) * 1e3
            bad = await self._effects(store, last)
            bad += [f"told: {one.message}" for one in store.problems]
        opened_again(self._report, took_ms, when)
        if lost := {one for one in self._acked if one > last}:
            bad.append(f"lost {len(lost)}, the first {min(lost)}")
        self._report.wrong += [f"{when}: {what}" for what in bad]

    async def end(self) -> None:
        """A last run that is not killed; then all of it is there."""
        said: list[str] = []
        try:
            await subscriber.finish(self._path, self._key, said.append)
        except TimeoutError:
            self._report.wrong.append("at the end: something is stuck")
        marked = self._marked | {int(line[2:]) for line in said}
        async with opening(self._path, self._key) as store:
            last = await store.journal.last_seq()
            bad = await self._effects(store, last)
            effects = await _effects(store)
            letters = await store.deliveries.dead(limit=100_000)
            sound = await store.check(thorough=True)
        expected = {n for n in range(1, last + 1) if n % POISON}
        if self._acked - set(range(1, last + 1)):
            bad.append("acknowledged events are not there")
        if effects.keys() != expected:
            bad.append(f"not handled: {sorted(expected ^ effects.keys())[:5]}")
        if missed := set(range(1, last + 1)) - marked:
            bad.append(f"the marker never saw {sorted(missed)[:5]}")
        dead = [(one.subscriber, one.event.payload["n"]) for one in letters]
        if sorted(dead) != [(COUNTER, n) for n in range(POISON, last + 1, POISON)]:
            bad.append(f"dead letters: {sorted(dead)[:9]}")
        if not sound:
            bad.append("damaged pages, or events")
        self._report.wrong += [f"at the end: {what}" for what in bad]
        self._report.add("acknowledged", len(self._acked))
        self._report.add("handled", len(effects))
        self._report.add("dead letters", len(letters))

    async def _effects(self, store: Store, last: int) -> list[str]:
        """Whether what was written is what the marks say, and none of it twice."""
        effects, tally = await _effects(store), await store.state.get(COUNTER, "tally")
        place = await store.deliveries.begin(COUNTER)
        letters = await store.deliveries.dead(limit=100_000)
        dead = {one.seq for one in letters if one.subscriber == COUNTER}
        innocent = [one for one in letters if one.subscriber == MARKER or one.seq % POISON]
        figures = self._report.figures
        figures["buried innocent"] = max(figures["buried innocent"], len(innocent))
        had = {*range(1, place.seq + 1), *place.done}
        bad = []
        if twice := [number for number, times in effects.items() if times != 1]:
            bad.append(f"applied twice: {twice[:5]}")
        if (tally.value if tally else [0, 0]) != [len(effects), sum(effects)]:
            bad.append(f"the tally says {tally}, there are {len(effects)}")
        if effects.keys() | dead != had:
            bad.append(f"marked and not written, or the other way: {[*had ^ effects.keys()][:5]}")
        if had and max(had) > last:
            bad.append(f"had {max(had)} of {last}")
        return bad


async def _effects(store: Store) -> dict[int, int]:
    """Number of each event that was worked on, and how often."""
    rows: list[Any] = await store._db.read(
        lambda connection: connection.execute(
            "select key, value from state where agent = ?", (EFFECTS,)
        ).fetchall()
    )
    return {int(key): msgspec.msgpack.decode(value) for key, value in rows}
