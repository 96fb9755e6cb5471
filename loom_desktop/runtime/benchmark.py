"""Benchmark: how long an event takes to its handler, and to the disk, in an engine that runs.

It is a short look at one machine at one moment, with everything that runs beside it; the figures
that are compared come from ``make bench``. Nothing of it stays: the events of the bus are realtime
and on a topic of their own, and those of the journal are taken out of it again.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from loom_desktop.bus import Bus
from loom_desktop.bus.topics import matches, segments
from loom_desktop.clock import Clock
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event, QoS, by_itself, next_id

if TYPE_CHECKING:
    from loom_desktop.store import Store

PINGS = 2_000
"""Events that are published one at a time."""
BURST, BURSTS = 500, 40
COMMITS, COMMITS_S = 200, 2.0
"""Events that are committed one at a time, or as many as fit into that time."""
GROUP, GROUPS = 1_000, 5
"""Events of one transaction, and transactions."""
_TOPIC = "bench.measured"


class Spread(msgspec.Struct, frozen=True):
    """Of single times, in milliseconds."""

    p50_ms: float
    p99_ms: float
    count: int


class OnBus(msgspec.Struct, frozen=True):
    """Publish to handler, with one subscriber."""

    latency: Spread
    """One event at a time."""
    events_per_s: float
    """In bursts of ``BURST``."""


class OnDisk(msgspec.Struct, frozen=True):
    """Events to the disk: appended, synced and acknowledged."""

    latency: Spread
    """One event at a time."""
    commits_per_s: float
    events_per_s: float
    """In transactions of ``GROUP``."""


class Measured(msgspec.Struct, frozen=True):
    """What was found."""

    bus: OnBus
    journal: OnDisk | None
    """None: nothing of this run is saved."""
    encrypted: bool
    beside: int
    """Events of others that were published meanwhile."""


async def measure(bus: Bus, store: Store, clock: Clock) -> Measured:
    """Take a few seconds. Raises Unavailable when somebody else would hear of it, and when the disk
    does not take it."""
    parts = _TOPIC.split(".")
    hearing = [
        one.name
        for one in bus.mailboxes()
        if any(matches(segments(pattern), parts) for pattern in one.patterns)
    ]
    if hearing:
        raise Unavailable(
            f"{', '.join(hearing)} would hear what is published to measure.",
            hint="Stop it for a moment: loom stop AGENT. Or another measurement is going on.",
        )
    before = bus.published
    on_bus, ours = await _on_bus(bus, clock)
    journal = None
    if not store.in_memory:
        journal = await _on_disk(store, clock)
    return Measured(on_bus, journal, store.encrypted, bus.published - before - ours)


async def _on_bus(bus: Bus, clock: Clock) -> tuple[OnBus, int]:
    arrived: asyncio.Future[float] = bus.loop.create_future()
    left = 1

    async def take(event: Event) -> None:
        nonlocal left
        left -= 1
        if not left:
            arrived.set_result(perf_counter())

    box = bus.subscribe(_TOPIC, take, name="benchmark")
    published = bus.published
    try:
        times: list[float] = []
        for _ in range(PINGS):
            arrived, left = bus.loop.create_future(), 1
            began = perf_counter()
            bus.publish(_event(clock, qos=QoS.REALTIME))
            times.append(await arrived - began)
        took = 0.0
        for _ in range(BURSTS):
            arrived, left = bus.loop.create_future(), BURST
            events = [_event(clock, qos=QoS.REALTIME) for _ in range(BURST)]
            began = perf_counter()
            bus.publish_many(events)
            took += await arrived - began
    finally:
        box.close()
    ours = PINGS + BURST * BURSTS
    assert bus.published >= published + ours
    return OnBus(_spread(times), BURST * BURSTS / took), ours


async def _on_disk(store: Store, clock: Clock) -> OnDisk:
    thread = next_id()
    journal = store.journal
    try:
        times: list[float] = []
        until = perf_counter() + COMMITS_S
        while len(times) < COMMITS and (began := perf_counter()) < until:
            await journal.append(_event(clock, thread=thread))
            times.append(perf_counter() - began)
        took = 0.0
        for _ in range(GROUPS):
            events = [_event(clock, thread=thread) for _ in range(GROUP)]
            began = perf_counter()
            await journal.append_many(events)
            took += perf_counter() - began
    finally:
        await asyncio.shield(journal.forget_thread(thread))
    return OnDisk(_spread(times), len(times) / sum(times), GROUP * GROUPS / took)


def _event(clock: Clock, *, qos: QoS = QoS.BACKGROUND, thread: int = 0) -> Event:
    payload = {"text": "a line of about as many characters as most events have"}
    return by_itself(_TOPIC, payload, sender="benchmark", time=clock(), qos=qos, thread=thread)


def _spread(times: list[float]) -> Spread:
    ordered = sorted(times)
    p50, p99 = (ordered[int(len(ordered) * part)] * 1_000 for part in (0.5, 0.99))
    return Spread(round(p50, 4), round(p99, 4), len(ordered))
