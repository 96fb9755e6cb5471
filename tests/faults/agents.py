"""SIGKILL at random moments of a whole Loom in which a durable agent remembers what it worked on.

``python -m tests.faults.agents FOLDER [--apart]`` is the one that is killed. One agent says events
with ``ctx.emit``, and ``A n`` for each of which that answered that it is on the disk. The other is
durable: for each event it remembers how often it had it, and how many there were with the sum of
their numbers. ``O ms`` says how long Loom took to open, ``R`` that both agents are at work.

Whatever was acknowledged is worked on in the end, what is remembered is applied once and agrees
with what is marked as had, and Loom opens again at once. One that four kills met in hand is buried,
innocent as it may be (see ``deliveries``): it is worked on when it is revived.

``--apart`` writes the same to the same place, but by itself and not with the mark: wrong on
purpose.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

from loom_desktop import Agent, Context, Event, Loom
from loom_desktop.clock import wall
from loom_desktop.paths import Paths
from loom_desktop.runtime import durable as durable_module
from loom_desktop.settings import Settings
from loom_desktop.store import Store
from tests.faults.killed import Say, killed_after, longest_s, main, opened_again, start
from tests.faults.report import Report
from tests.faults.stores import KEY, opening

CHILD = "tests.faults.agents"
AGENT, BEGIN, TOPIC = "kept", "killed.begin", "killed.worked"
GENERATION = 20
"""Kills per folder: then one begins anew, so that the first start is killed as well."""
GROUPS = (1, 2, 8, 25)
"""How many are said at once, in turn."""
AHEAD = 60
"""Events that may wait for the durable agent before more are said."""
ENDING_S = 60.0
FIGURES = ("acknowledged", "handled", "buried innocent", "before ready")


def run(n: int, folder: Path, *, seed: int = 1, wrong: str = "") -> Report:
    """``n`` kills. ``wrong``: ``--apart``; then at most ``n``, until one kill shows it."""
    began, rng = time.perf_counter(), random.Random(seed)
    name = f"agents{f', {wrong}' if wrong else ''}"
    report = Report(suite=name, control=bool(wrong))
    report.figures = {"kills": n, **dict.fromkeys(FIGURES, 0)}
    most_s = longest_s(CHILD, folder / f"{name}-start")
    for generation in range(0, n, GENERATION):
        trial = _Trial(folder / f"{name}-{generation}", report, wrong)
        for kill in range(generation, min(generation + GENERATION, n)):
            trial.kill_after(rng.uniform(0.02, most_s), f"kill {kill}")
            asyncio.run(trial.judge(f"after kill {kill}"))
            if wrong and report.wrong:
                break
        if wrong and report.wrong:
            break
        asyncio.run(trial.end())
    report.seconds = time.perf_counter() - began
    return report


class _Trial:
    """One folder and the Looms that die in it."""

    def __init__(self, folder: Path, report: Report, wrong: str) -> None:
        self._folder, self._report = folder, report
        self._acked = set[int]()
        self._options = [wrong] if wrong else []

    def kill_after(self, seconds: float, when: str) -> None:
        lines, complaint = killed_after(seconds, start(CHILD, self._folder, *self._options))
        if complaint:
            self._report.wrong.append(f"{when}: {complaint}")
        self._acked |= {int(line[2:]) for line in lines if line.startswith("A ")}
        for line in lines:
            if line.startswith("O "):
                opened_again(self._report, float(line[2:]), when)
        self._report.figures["before ready"] += "R" not in lines

    async def judge(self, when: str) -> None:
        """What the last one left. Only the store is opened: the next Loom shall find it broken
        off."""
        async with opening(_paths(self._folder).database, KEY) as store:
            bad = await self._agrees(store)
            bad += [f"told: {one.message}" for one in store.problems]
        self._report.wrong += [f"{when}: {what}" for what in bad]

    async def end(self) -> None:
        """A last Loom in which nothing is said: it works on what is left, then all of it is had."""
        bad, began = list[str](), time.perf_counter()
        async with _loom(self._folder) as loom:
            opened_again(self._report, (time.perf_counter() - began) * 1e3, "at the end")
            loom.supervisor.start(_durable(loom, set(), asyncio.Event(), apart=False))
            stuck = not await loom.supervisor.settled(ENDING_S)
            for letter in await loom.store.deliveries.dead(limit=100_000):
                bad += [] if await (await loom.supervisor.durable.again(letter.id)) else ["failed"]
            if stuck or not await loom.supervisor.settled(ENDING_S):
                bad.append("something is stuck")
            if loom.store.journal.lost:
                bad.append(f"{loom.store.journal.lost} events were not kept")
        async with opening(_paths(self._folder).database, KEY) as store:
            bad += await self._agrees(store)
            said, effects = await _said(store), await _effects(store)
            letters = await store.deliveries.dead(limit=100_000)
            sound = await store.check(thorough=True)
        if not_handled := {*said.values()} - effects.keys():
            bad.append(f"not worked on: {sorted(not_handled)[:5]}")
        if letters:
            bad.append(f"dead letters: {[one.event.payload for one in letters][:5]}")
        if not sound:
            bad.append("damaged pages, or events")
        self._report.wrong += [f"at the end: {what}" for what in bad]
        self._report.add("acknowledged", len(self._acked))
        self._report.add("handled", len(effects))

    async def _agrees(self, store: Store) -> list[str]:
        """Whether what is remembered is what the marks say, and none of it twice."""
        said, effects = await _said(store), await _effects(store)
        tally = await store.state.get(AGENT, "tally")
        letters = await store.deliveries.dead(limit=100_000)
        dead = {one.event.payload["n"] for one in letters}
        innocent = max(self._report.figures["buried innocent"], len(dead))
        self._report.figures["buried innocent"] = innocent
        bad = []
        if lost := self._acked - {*said.values()}:
            bad.append(f"lost {len(lost)}, the first {min(lost)}")
        if twice := [number for number, times in effects.items() if times != 1]:
            bad.append(f"applied twice: {twice[:5]}")
        if (tally.value[0] if tally else [0, 0]) != [len(effects), sum(effects)]:
            bad.append(f"the tally says {tally}, there are {len(effects)}")
        if await _began(store):
            place = await store.deliveries.begin(AGENT)
            had = {n for seq, n in said.items() if seq <= place.seq or seq in place.done}
            if differ := had ^ (effects.keys() | dead):
                bad.append(f"marked and not remembered, or the other way: {sorted(differ)[:5]}")
        elif effects:
            bad.append("remembered, and it never began")
        return bad


async def _began(store: Store) -> bool:
    """Whether it has a place. To ask for it would give it one."""
    rows: list[Any] = await store._db.read(
        lambda connection: connection.execute(
            "select 1 from subscriber where name = ?", (AGENT,)
        ).fetchall()
    )
    return bool(rows)


async def _said(store: Store) -> dict[int, int]:
    """Number in the journal -> number of the event."""
    return {seq: event.payload["n"] async for seq, event in store.journal.replay(TOPIC)}


async def _effects(store: Store) -> dict[int, int]:
    """Number of each event that was worked on, and how often."""
    found = {}
    for number in set((await _said(store)).values()):
        if (times := await store.state.get(AGENT, f"had {number}")) is not None:
            found[number] = int(times.value[0])
    return found


def _paths(folder: Path) -> Paths:
    return Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)


def _loom(folder: Path) -> Loom:
    durable_module.AGAIN_S = (0.02, 0.05, 0.1)
    return Loom(Settings(), paths=_paths(folder), key=KEY, listening=False)


# ---------------------------------------------------------------- the child


def _durable(loom: Loom, worked: set[int], moved: asyncio.Event, *, apart: bool) -> Agent:
    """``worked`` gets the numbers it had in this run, and ``moved`` is set for each."""
    agent = Agent(AGENT, durable=True)

    @agent.on(TOPIC)
    async def work(ctx: Context, event: Event) -> None:
        number = event.payload["n"]
        count, total = await ctx.recall("tally", [0, 0])
        times = await ctx.recall(f"had {number}", 0)
        writes = {"tally": [count + 1, total + number], f"had {number}": times + 1}
        for key, value in writes.items():
            if apart:
                await loom.store.state.put(AGENT, key, [value, [], 0])
            else:
                await ctx.remember(key, value)
        worked.add(number)
        moved.set()

    return agent


def _source(first: int, worked: set[int], moved: asyncio.Event, say: Say) -> Agent:
    agent = Agent("source")

    @agent.on(BEGIN)
    async def go_on(ctx: Context, event: Event) -> None:
        async def tell(number: int) -> None:
            if await ctx.emit(TOPIC, n=number):
                say(f"A {number}")

        last, group = first - 1, 0
        while True:
            numbers = range(last + 1, last + 1 + GROUPS[group % len(GROUPS)])
            last, group = numbers[-1], group + 1
            await asyncio.gather(*map(tell, numbers))
            while last - first - len(worked) > AHEAD:
                moved.clear()
                await moved.wait()

    return agent


async def live(folder: Path, key: bytes | None, say: Say, wrong: set[str]) -> None:
    """Until it is killed."""
    worked, moved, began = set[int](), asyncio.Event(), time.perf_counter()
    async with _loom(folder) as loom:
        say(f"O {(time.perf_counter() - began) * 1e3:.1f}")
        last = max((await _said(loom.store)).values(), default=0)
        loom.supervisor.start(_durable(loom, worked, moved, apart="--apart" in wrong))
        loom.supervisor.start(_source(last + 1, worked, moved, say))
        loom.bus.publish(Event(topic=BEGIN, time=wall()))
        say("R")
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    main(live)
