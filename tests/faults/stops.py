"""A whole Loom is stopped at random moments, while it starts too: nothing of it may go on.

Half of the stops are those of a person, half a cancel of whoever runs it, which may fall into the
start. What is at work then: handlers that wait, ask, gather and leave work behind, and a durable
agent with a backlog. Looked for are tasks, threads, and futures that nobody resolved, among all
objects there are; and at the end, whether the durable agent had all that was committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import threading
import time
from pathlib import Path
from typing import Any

from loom_desktop import Agent, Context, Event, Loom, QoS
from loom_desktop.clock import wall
from loom_desktop.errors import LoomError
from loom_desktop.paths import Paths
from loom_desktop.settings import Settings
from tests.faults.report import Report

LONGEST_S = 0.12
"""Until a stop: about twice as long as a start takes."""
WORK_S, LONG_S, ENDLESS_S = 0.002, 0.05, 60.0
"""How long the agents work on an event, and what they leave running: so that a stop, at a random
moment, finds all of it in the middle of something."""
BURST = 20
ENDING_S = 5.0


class _Work:
    """Agents of every kind, and what the durable one had."""

    def __init__(self) -> None:
        self.had: set[int] = set()
        self.number = 0

    def agents(self) -> list[Agent]:
        """New ones: each Loom has its own."""
        kept, waits, asks = Agent("kept", durable=True), Agent("waits"), Agent("asks", at_once=8)
        stuffed = Agent("stuffed", room=2, when_full="block")

        @kept.on("stop.kept")
        async def keep(ctx: Context, event: Event) -> None:
            await ctx.remember("last", event.payload["n"])
            self.had.add(event.payload["n"])

        @waits.on("stop.waits")
        async def wait(ctx: Context, event: Event) -> None:
            ctx.spawn("goes on", asyncio.sleep(LONG_S if event.payload["n"] % 300 else ENDLESS_S))
            await asyncio.sleep(WORK_S)
            with contextlib.suppress(LoomError):
                await ctx.emit("stop.stuffed")

        @asks.on("stop.asks")
        async def ask(ctx: Context, event: Event) -> None:
            with contextlib.suppress(LoomError):
                if event.payload["n"] % 2:
                    await ctx.gather("stop.nobody", expected={"x"}, timeout_s=0.03)
                else:
                    await ctx.request("stop.nobody", timeout_s=0.03)

        @stuffed.on("stop.stuffed")
        async def stuff(ctx: Context, event: Event) -> None:
            await asyncio.sleep(10 * WORK_S)

        return [kept, waits, asks, stuffed]

    def publish(self, loom: Loom) -> None:
        """A burst of everything."""
        for _ in range(BURST):
            self.number += 1
            for topic in ("stop.kept", "stop.waits", "stop.asks"):
                qos = QoS.BACKGROUND if topic == "stop.waits" else QoS.BATCHED
                said = {"n": self.number}
                loom.bus.publish(Event(topic=topic, payload=said, time=wall(), qos=qos))


async def run(folder: Path, stops: int, *, seed: int = 0, leak: bool = False) -> Report:
    """``leak``: leave a task and a future behind on purpose: the negative control."""
    began = time.perf_counter()
    report = Report(suite=f"stops{', leaking' * leak}", control=leak)
    work, rng = _Work(), random.Random(seed)
    loop, complaints = asyncio.get_running_loop(), list[str]()
    loop.set_exception_handler(lambda _, said: complaints.append(str(said.get("message"))))
    kept: list[Any] = []
    try:
        for number in range(stops):
            before, pending = _running(), _pending()
            await _one(folder, work, rng, report)
            if leak:
                kept.append(loop.create_future())
            report.wrong += [
                f"stop {number} of seed {seed}: {what}"
                for what in (*_left(before, pending), *complaints)
            ]
            complaints.clear()
        await _caught_up(folder, work, report)
    finally:
        loop.set_exception_handler(None)
    report.seconds = time.perf_counter() - began
    return report


async def _one(folder: Path, work: _Work, rng: random.Random, report: Report) -> None:
    stop, ready, said = asyncio.Event(), asyncio.Event(), rng.random()

    async def live() -> None:
        async with _loom(folder) as loom:
            for agent in work.agents():
                loom.supervisor.start(agent)
            work.publish(loom)
            ready.set()
            await stop.wait()

    life = asyncio.get_running_loop().create_task(live())
    if said < 0.5:  # a person's: when it has started
        await ready.wait()
        report.add("stopped")
        await asyncio.sleep(rng.uniform(0, LONGEST_S / 2))
        stop.set()
    else:
        await asyncio.sleep(rng.uniform(0, LONGEST_S))
        report.add("cancelled" if ready.is_set() else "cancelled while starting")
        life.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await life


async def _caught_up(folder: Path, work: _Work, report: Report) -> None:
    """Nothing stops it now: what was committed in all those runs was had."""
    async with _loom(folder) as loom:
        loom.supervisor.start(work.agents()[0])
        await loom.supervisor.settled(30.0)
        written = {event.payload["n"] async for _, event in loom.store.journal.replay("stop.kept")}
        report.figures |= {"durable events": len(written), "had": len(work.had)}
        report.wrong += [f"committed and never had: {n}" for n in sorted(written - work.had)]


def _loom(folder: Path) -> Loom:
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    return Loom(Settings(), paths=place, key=bytes(range(32)))


def _running() -> set[object]:
    threads = [one for one in threading.enumerate() if not one.name.startswith("asyncio_")]
    return {*threads, *(one for one in asyncio.all_tasks() if not one.done())}


def _pending() -> set[int]:
    gc.collect()
    return {id(one) for one in gc.get_objects() if _is_pending(one)}


def _is_pending(one: object) -> bool:
    return isinstance(one, asyncio.Future) and not one.done()


def _left(before: set[object], pending: set[int]) -> list[str]:
    running = _running() - before
    for thread in (one for one in running if isinstance(one, threading.Thread)):
        thread.join(ENDING_S)  # a start that was cancelled is not waited for; it ends by itself
    left = [f"goes on: {one!r}" for one in running & _running()]
    gc.collect()
    futures = [one for one in gc.get_objects() if _is_pending(one) and id(one) not in pending]
    return [*left, *(f"pending: {one!r}" for one in futures)]
