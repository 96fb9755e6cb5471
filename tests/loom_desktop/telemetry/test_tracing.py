import asyncio

from loom_desktop.bus import Bus
from loom_desktop.event import Event
from loom_desktop.telemetry.tracing import Hop, Ring


def test_the_newest_are_kept_and_told_apart() -> None:
    ring = Ring(4)
    for n in range(1, 4):
        ring.record((float(n), n, n - 1, "a"))
    ring.record((10.0, 11.0, "one", [1, 2]))
    ring.record((12.0, 13.0, "two", [2]))
    assert len(ring) == 4
    assert ring.published() == [(2.0, 2, 1, "a"), (3.0, 3, 2, "a")]
    assert ring.hops() == [
        Hop(1, "one", 10.0, 11.0, 2), Hop(2, "one", 10.0, 11.0, 2), Hop(2, "two", 12.0, 13.0, 1),
    ]  # fmt: skip


async def test_a_bus_writes_into_the_ring_that_it_was_given() -> None:
    ring = Ring(100)
    async with Bus(ring=ring) as bus:
        assert bus.ring is ring, "though it is empty"


async def test_every_hop_of_an_event_is_found_quick_or_slow_inline_or_not() -> None:
    gate = asyncio.Event()

    async def quick(event: Event) -> None: ...

    async def slow(event: Event) -> None:
        if event.payload.get("waits"):
            await gate.wait()

    async with Bus() as bus:
        for name, handler, inline in (
            ("quick", quick, False), ("slow", slow, False), ("inline", quick, True),
            ("inline slow", slow, True),
        ):  # fmt: skip
            bus.subscribe("a", handler, name=name, inline=inline)
        events = [Event(topic="a", time=5.0, cause=7) for _ in range(40)]
        events.append(Event(topic="a", payload={"waits": True}))
        bus.publish_many(events)
        for _ in range(10):
            await asyncio.sleep(0)
        gate.set()
        assert await bus.settled(5)
        assert bus.ring.published()[0] == (5.0, events[0].id, 7, "a")
        for event in events:
            hops = [hop for hop in bus.ring.hops() if hop.event == event.id]
            assert sorted(hop.subscriber for hop in hops) == [
                "inline", "inline slow", "quick", "slow",
            ]  # fmt: skip
            assert all(hop.began <= hop.ended for hop in hops)
