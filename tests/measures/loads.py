"""What is asked of a bus, and of the least that could stand in its place: the same for both."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from time import perf_counter as now
from typing import Any, Protocol

from tests.measures.figures import percentile

Handler = Callable[[Any], Coroutine[Any, Any, None]]
TURN = 1_000
"""A publisher lets others run after so many."""
FAN = 10
BURST, BURST_EVERY_S, URGENT_EVERY_S = 500, 0.05, 0.001
AGENTS = 1_000
RUNS = 5


class System(Protocol):
    """What is measured. A handler gets the payload in ``message``, by ``said``."""

    def subscribe(self, pattern: str, handler: Handler) -> None:
        """Patterns end in ``>`` or are a topic."""

    def publish(self, topic: str, payload: dict[str, Any], *, urgent: bool = False) -> None:
        """From inside the loop."""

    def said(self, message: Any) -> dict[str, Any]:
        """The payload."""


class Counting:
    """Handlers that count, and somebody who waits for the last of them."""

    def __init__(self) -> None:
        self.left = 0
        self._over: asyncio.Future[None] | None = None

    def expect(self, deliveries: int) -> asyncio.Future[None]:
        """Resolved when so many have come from now on."""
        self.left = deliveries
        self._over = asyncio.get_running_loop().create_future()
        return self._over

    def handler(self) -> Handler:
        """One that counts."""

        async def count(message: Any) -> None:
            self.left -= 1
            if not self.left and self._over is not None:
                self._over.set_result(None)

        return count


async def flood_us(
    system: System, counting: Counting, topics: list[str], events: int, deliveries: int
) -> float:
    """Microseconds per delivery, the best of some runs: others only ever make it slower."""
    publish, best = system.publish, float("inf")
    for _ in range(RUNS):
        over, began = counting.expect(deliveries), now()
        for number in range(events):
            publish(topics[number % len(topics)], {"n": number, "k": "v"})
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)
        await asyncio.wait_for(over, 60.0)
        best = min(best, now() - began)
    return best / deliveries * 1e6


async def one_topic_us(system: System, events: int) -> float:
    """One exact topic, one subscriber."""
    counting = Counting()
    system.subscribe("one.topic", counting.handler())
    return await flood_us(system, counting, ["one.topic"], events, events)


async def fan_out_us(system: System, events: int) -> float:
    """Ten subscribers of everything under one segment."""
    counting = Counting()
    for _ in range(FAN):
        system.subscribe("fan.>", counting.handler())
    topics = [f"fan.t{number}" for number in range(10)]
    return await flood_us(system, counting, topics, events, events * FAN)


def mixed_patterns(count: int) -> tuple[list[str], list[str], int]:
    """So many patterns, half exact, a quarter ``*``, a quarter ``>``; 1,000 topics; and deliveries
    of an event on each of them."""
    groups = max(1, count // 4)
    patterns: list[str] = []
    for group in range(groups):
        head = f"grp.{group}"
        patterns += [f"{head}.0.y", f"{head}.0.z", f"{head}.*.y", f"{head}.>"]
    patterns += [f"extra.{number}" for number in range(count - len(patterns))]
    topics = [f"grp.{number % groups}.{number // groups}.y" for number in range(1_000)]
    return patterns, topics, sum(2 + (number < groups) for number in range(1_000))


async def mixed_us(system: System, subscriptions: int) -> float:
    """Per delivery, when patterns of every kind are there."""
    counting = Counting()
    patterns, topics, deliveries = mixed_patterns(subscriptions)
    for pattern in patterns:
        system.subscribe(pattern, counting.handler())
    gc.collect()
    gc.freeze()  # as the application does once it is up: a full collection is not the bus
    return await flood_us(system, counting, topics, len(topics), deliveries)


async def latencies_us(system: System, seconds: float) -> dict[str, float]:
    """From publish to handler, 1,000 urgent events a second, while 10,000 others come in bursts."""
    waits: list[float] = []
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    said, heard = 0, asyncio.Event()

    async def urgent(message: Any) -> None:
        waits.append(now() - system.said(message)["at"])
        if len(waits) == said:
            heard.set()

    async def load(message: Any) -> None:
        total = 0
        for one in range(60):  # 2 or 3 us of work
            total += one

    system.subscribe("load.key", urgent)
    system.subscribe("load.rest", load)

    async def burst() -> None:
        due = loop.time()
        while due < until:
            for number in range(BURST):
                system.publish("load.rest", {"n": number})
            due += BURST_EVERY_S
            await asyncio.sleep(due - loop.time())

    async def keys() -> None:
        nonlocal said
        due = loop.time()
        while due < until:
            said += 1
            heard.clear()
            system.publish("load.key", {"at": now()}, urgent=True)
            due += URGENT_EVERY_S
            await asyncio.sleep(due - loop.time())

    await asyncio.gather(burst(), keys())
    async with asyncio.timeout(5.0):
        await heard.wait()
    return {
        "p50_us": percentile(waits, 0.5) * 1e6,
        "p99_us": percentile(waits, 0.99) * 1e6,
        "max_us": max(waits) * 1e6,
    }


async def ask_us(ask: Callable[[int], Awaitable[int]], questions: int) -> float:
    """One question after the other, each answered."""
    best = float("inf")
    for _ in range(RUNS):
        began = now()
        for number in range(questions):
            assert await ask(number) == number + 1
        best = min(best, now() - began)
    return best / questions * 1e6


async def live_bytes(system: System, asleep: Callable[[], Awaitable[None]] | None = None) -> float:
    """Of memory for one more subscriber that has run once and waits for the next event.

    With ``asleep``, that returns when those that ran have gone to sleep, they run a few at a time:
    as those do that wake now and then, and seldom all together.
    """
    counting, together = Counting(), AGENTS // 10 if asleep else AGENTS

    async def more(name: str) -> None:
        for first in range(0, AGENTS, together):
            topics = [f"{name}.{first + number}.inbox" for number in range(together)]
            for topic in topics:
                system.subscribe(topic, counting.handler())
            over = counting.expect(together)
            for topic in topics:
                system.publish(topic, {})
            await asyncio.wait_for(over, 60.0)
            await asyncio.sleep(0)
            if asleep is not None:
                await asyncio.wait_for(asleep(), 60.0)
        gc.collect()

    await more("first")  # what grows in steps has grown
    before = _resident_bytes()
    await more("further")
    return (_resident_bytes() - before) / AGENTS


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
