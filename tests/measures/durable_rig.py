"""One durable subscriber on a bus with a real store: how fast events reach it from the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter as now

from loom_desktop.bus import Bus
from loom_desktop.clock import wall
from loom_desktop.event import Event
from loom_desktop.runtime.durable import Durable
from loom_desktop.store import Store
from loom_desktop.tasks import Tasks

TOPIC = "bench.kept"
TOGETHER = {"burst1000": 1_000, "stream1000": 1_000, "window64": 64, "single": 1}
"""Events that are published together; the next ones when they were handled, but for a stream."""
AHEAD = 3_000
"""Of a stream of bursts at most so many are published and not handled: who sends more waits."""
BEHIND = 1_000
"""What a subscriber has not had when a long log is opened again."""


class DurableRig:
    """Publishes, and waits until each event was committed, handled and marked as had."""

    def __init__(self, bus: Bus, store: Store, tasks: Tasks) -> None:
        self.bus, self.store = bus, store
        self.handled = 0
        self._durable = Durable(bus, store, tasks)
        store.journal.committed = self._durable.committed
        bus.subscribe(">", store.journal.keep)
        box = bus.subscribe(TOPIC, self._handle, name="bench", from_journal=True)
        self._follower = self._durable.follow("bench", box)
        self._wanted = 0
        self._enough: asyncio.Future[None] | None = None

    async def ready(self) -> None:
        """It gets from now on what is committed."""
        await self._follower.caught_up()

    async def run(self, size: int, together: int, *, ahead: int = 0) -> float:
        """Seconds for ``size`` events, published ``together`` and handled before the next ones;
        with ``ahead`` the next ones come when no more than that many are not handled."""
        first, began = self.handled, now()
        publish, said = self.bus.publish, {"n": 1, "k": "v" * 80}
        for start in range(0, size, together):
            count = min(together, size - start)
            for _ in range(count):
                publish(Event(topic=TOPIC, payload=said, time=wall()))
            await asyncio.sleep(0)
            await self._until(first + min(size, start + count) - ahead)
        await self._until(first + size)
        return now() - began

    async def _until(self, handled: int) -> None:
        if self.handled < handled:
            self._wanted, self._enough = handled, self.bus.loop.create_future()
            await asyncio.wait_for(self._enough, 60.0)

    async def _handle(self, event: Event) -> None:
        self._follower.had(event)
        self.handled += 1
        if self.handled == self._wanted and self._enough is not None:
            self._enough.set_result(None)


@asynccontextmanager
async def durable_rig(path: Path, key: bytes | None) -> AsyncIterator[DurableRig]:
    """One with a new store, closed at the end."""
    async with Store(path, key, upkeep=False) as store, Bus() as bus, Tasks() as tasks:
        rig = DurableRig(bus, store, tasks)
        await rig.ready()
        yield rig


async def fill(path: Path, key: bytes | None, events: int) -> float:
    """A log of so many events of which a subscriber has not had the last ones. Seconds."""
    began = now()
    async with Store(path, key, upkeep=False) as store:
        await store.deliveries.begin("bench")
        for start in range(0, events, 1_000):
            count = min(1_000, events - start)
            await store.journal.append_many(
                [
                    Event(topic=TOPIC, payload={"n": start + at, "k": "v" * 80}, time=wall())
                    for at in range(count)
                ]
            )
        low = max(0, events - BEHIND)
        store.deliveries.done("bench", low, low)
    return now() - began


async def recover(path: Path, key: bytes | None) -> tuple[float, int]:
    """Seconds from nothing until a subscriber has what it had not had; and how many those are."""
    began = now()
    async with Store(path, key, upkeep=False) as store:
        place = await store.deliveries.begin("bench")
        page = await store.deliveries.after(place.seq, limit=BEHIND)
        return now() - began, len(page)


async def replay(path: Path, key: bytes | None) -> tuple[float, int]:
    """Seconds for reading all of it once more, and how many events that were."""
    async with Store(path, key, upkeep=False) as store:
        count, began = 0, now()
        async for _ in store.journal.replay():
            count += 1
        return now() - began, count
