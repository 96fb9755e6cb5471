"""``python -m tests.faults.subscriber PATH [--key] [--effect-apart]``: it is killed.

It publishes events on a bus whose journal keeps them and says ``A n`` for each that is on the disk.
Two durable subscribers get them back. ``counter`` writes effects together with its mark: how many
events there were and the sum of their numbers, by compare-and-set, and for each event how often it
was worked on. ``marker`` says ``H n`` and marks. Every fortieth event is poison to ``counter``: it
fails each time. ``R`` is said when both run.

``--effect-apart`` writes the effects before the mark, in a transaction of their own: wrong on
purpose.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from loom_desktop.bus import Bus
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.runtime import durable as durable_module
from loom_desktop.runtime.durable import Durable
from loom_desktop.store import Store
from loom_desktop.tasks import Tasks
from tests.faults.killed import Say, main
from tests.faults.stores import TOPIC, event, opening

COUNTER, MARKER, EFFECTS = "counter", "marker", "effects"
POISON = 40
AHEAD = 60
"""Events that may wait for the counter before more are published."""


class Subscribers:
    """Both of them on one store, and how far they are in this run."""

    def __init__(self, bus: Bus, store: Store, tasks: Tasks, say: Say, apart: bool) -> None:
        self.store, self.handled = store, set[int]()
        """What the counter has had in this run, or given up."""
        self.marked = set[int]()
        self._bus, self._tasks, self._say, self._apart = bus, tasks, say, apart
        self._moved = asyncio.Event()

    async def begin(self, *, crashed: bool) -> None:
        """``crashed``: what Loom makes of a run before that broke off."""
        self.durable = Durable(self._bus, self.store, self._tasks, crashed=crashed)
        self.durable.buried = self._buried
        await self.durable.prepare()
        counter = self._bus.subscribe(TOPIC, self._count, name=COUNTER, from_journal=True)
        marker = self._bus.subscribe(TOPIC, self._mark, name=MARKER, from_journal=True)
        self._counter = self.durable.follow(COUNTER, counter)
        self._marker = self.durable.follow(MARKER, marker)

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when that is so; looked at whenever one of them is done with an event."""
        while not true():
            self._moved.clear()
            await self._moved.wait()

    async def _count(self, event: Event) -> None:
        number = event.payload["n"]
        try:
            if number % POISON == 0:
                raise RuntimeError("poison")
            tally = await self.store.state.get(COUNTER, "tally")
            times = await self.store.state.get(EFFECTS, f"{number}")
            count, total = tally.value if tally else (0, 0)
            writes = [
                (COUNTER, "tally", (count + 1, total + number), tally.version if tally else 0),
                (EFFECTS, f"{number}", 1 + (times.value if times else 0), None),
            ]
            if self._apart:
                for write in writes:
                    await self.store.state.put(*write)
                writes = []
            if not await self._counter.commit(event, writes):
                raise Unavailable("Somebody else was faster.")
        except (RuntimeError, Unavailable) as error:
            await self._counter.failed(event, error, "_count")
        else:
            self._over(self.handled, number)

    async def _mark(self, event: Event) -> None:
        self._say(f"H {event.payload['n']}")
        self._marker.had(event)
        self._over(self.marked, event.payload["n"])

    def _buried(self, name: str, event: Event, letter: int) -> None:
        self._over(self.handled if name == COUNTER else self.marked, event.payload["n"])

    def _over(self, those: set[int], number: int) -> None:
        those.add(number)
        self._moved.set()


@asynccontextmanager
async def subscribed(
    path: Path, key: bytes | None, say: Say, *, apart: bool = False
) -> AsyncIterator[tuple[Subscribers, Bus]]:
    """A store, its bus and both subscribers, going on where the run before was killed."""
    durable_module.AGAIN_S = (0.02, 0.05, 0.1)
    async with Bus() as bus, opening(path, key) as store, Tasks() as tasks:
        bus.subscribe(">", store.journal.keep)
        both = Subscribers(bus, store, tasks, say, apart)
        await both.begin(crashed=await store.journal.last_seq() > 0)
        yield both, bus


async def live(path: Path, key: bytes | None, say: Say, wrong: set[str]) -> None:
    """Until it is killed."""
    async with subscribed(path, key, say, apart="--effect-apart" in wrong) as (both, bus):
        last = first = await both.store.journal.last_id()
        say("R")
        while True:
            group = range(last + 1, last + 1 + (1, 2, 8, 25)[last % 4])
            for number in group:
                bus.publish(event(number))
            await both.store.journal.flush()
            for number in group:
                say(f"A {number}")
            last = group[-1]
            enough = last - first - AHEAD
            await both.until(lambda enough=enough: len(both.handled) > enough)  # type: ignore[misc]


async def finish(path: Path, key: bytes | None, say: Say) -> None:
    """A last run that publishes nothing and ends when both have had everything.

    What was buried though it is no poison is revived: it was in hand when four runs were killed.
    """
    async with subscribed(path, key, say) as (both, _), asyncio.timeout(30):
        last = await both.store.journal.last_seq()
        places = [await both.store.deliveries.begin(name) for name in (COUNTER, MARKER)]
        for place, those in zip(places, (both.handled, both.marked), strict=True):
            those.update(range(1, place.seq + 1), place.done)
        everything = set(range(1, last + 1))
        await both.until(lambda: both.handled >= everything and both.marked >= everything)
        for letter in await both.store.deliveries.dead(limit=100_000):
            number = letter.event.payload["n"]
            if number % POISON or letter.subscriber == MARKER:
                those = both.handled if letter.subscriber == COUNTER else both.marked
                those.discard(number)
                await both.durable.again(letter.id)
        await both.until(lambda: both.handled >= everything and both.marked >= everything)
        await both.store.journal.flush()


if __name__ == "__main__":
    main(live)
