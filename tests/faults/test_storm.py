"""A storm of events, and a subscriber that hangs, dies or floods: memory stays bounded, what is
lost is counted to the last event, and the others go on."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from statistics import quantiles
from time import perf_counter
from typing import Any

import pytest

from loom_desktop.bus import Aggregate, Bus
from loom_desktop.event import Event, QoS

STORM, ROOM, TOPICS = 1_000_000, 1_000, 10
Record = Callable[[str, object], None]


async def test_a_million_events_for_slow_consumers_cost_their_room_and_no_more(
    record_property: Record,
) -> None:
    gate, handled = asyncio.Event(), list[str]()

    def slow(name: str) -> Callable[[Event], Coroutine[Any, Any, None]]:
        async def handle(event: Event) -> None:
            handled.append(name)
            await gate.wait()

        return handle

    async def follows(event: Event) -> None: ...

    async with Bus() as bus:
        oldest = bus.subscribe("storm.*", slow("oldest"), size=ROOM)
        newest = bus.subscribe("storm.*", slow("newest"), size=ROOM, when_full="drop-newest")
        latest = bus.subscribe("storm.*", slow("latest"), size=ROOM, when_full=Aggregate())
        quick = bus.subscribe("storm.*", follows)
        topics = [f"storm.{n}" for n in range(TOPICS)]
        began, most, full = perf_counter(), 0, 0
        for n in range(STORM):
            bus.publish(Event(topic=topics[n % TOPICS], payload={"n": n}))
            if n % 10_000 == 9_999:
                while len(quick):
                    await asyncio.sleep(0)
                blocks = sys.getallocatedblocks()
                full = full or blocks
                most = max(most, blocks - full)
        record_property("seconds", perf_counter() - began)
        record_property("blocks of memory beyond those of the first 10,000", most)
        assert sorted(handled) == ["latest", "newest", "oldest"], "each has one in hand"
        assert (quick.handled, quick.dropped) == (STORM, 0)
        assert (len(oldest), oldest.dropped) == (ROOM, STORM - ROOM - 1)
        assert (len(newest), newest.dropped) == (ROOM, STORM - ROOM - 1)
        assert (len(latest), latest.merged, latest.dropped) == (TOPICS, STORM - TOPICS - 1, 0)
        assert bus.dropped == 2 * (STORM - ROOM - 1)
        assert [one.payload["n"] for one in oldest.queue] == [*range(STORM - ROOM, STORM)]
        # A ring of 8,192 records fills up meanwhile; a leak of one block per event is 990,000.
        assert most < 100_000, f"{most} blocks more than when the mailboxes were full"
        gate.set()
        assert await bus.settled(30)
        for box in (oldest, newest, latest):
            assert box.handled + box.dropped + box.merged == STORM


def hangs(free: asyncio.Event) -> Callable[[Event], Coroutine[Any, Any, None]]:
    async def handle(event: Event) -> None:
        await free.wait()

    return handle


def crashes(free: asyncio.Event) -> Callable[[Event], Coroutine[Any, Any, None]]:
    async def handle(event: Event) -> None:
        raise [ValueError, asyncio.CancelledError, GeneratorExit][event.payload["n"] % 3]("no")

    return handle


def floods(free: asyncio.Event) -> Callable[[Event], Coroutine[Any, Any, None]]:
    async def handle(event: Event) -> None:
        end = perf_counter() + 0.0002  # it computes, and there is always more
        while perf_counter() < end:
            pass

    return handle


def behaves(free: asyncio.Event) -> Callable[[Event], Coroutine[Any, Any, None]]:
    async def handle(event: Event) -> None: ...

    return handle


@pytest.mark.parametrize("inline", [False, True], ids=["task", "inline"])
@pytest.mark.parametrize("bad", [behaves, hangs, crashes, floods])
@pytest.mark.parametrize("slot", range(3))
async def test_whoever_misbehaves_the_others_get_everything(
    slot: int,
    bad: Callable[[asyncio.Event], Callable[[Event], Coroutine[Any, Any, None]]],
    inline: bool,
    record_property: Record,
    caplog: pytest.LogCaptureFixture,
) -> None:
    free, waits = asyncio.Event(), list[float]()
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, what: complaints.append(what))

    async def times(event: Event) -> None:
        if event.topic == "a.b":
            waits.append(perf_counter() - event.payload["at"])

    with caplog.at_level(logging.CRITICAL):
        async with Bus() as bus:
            boxes = [
                bus.subscribe("a.*", bad(free), inline=inline)
                if n == slot
                else bus.subscribe(["a.b", "a.*"], times)
                for n in range(3)
            ]
            others = [box for n, box in enumerate(boxes) if n != slot]
            if bad is floods:
                bus.publish_many(
                    Event(topic="a.flood", qos=lane, payload={"n": n, "at": perf_counter()})
                    for n in range(1_000)
                    for lane in QoS
                )
                async with asyncio.timeout(30):
                    while any(map(len, others)):  # what they have of the flood is soon done
                        await asyncio.sleep(0)
            for n in range(100):
                before = [box.handled for box in others]
                bus.publish(Event(topic="a.b", payload={"n": n, "at": perf_counter()}))
                async with asyncio.timeout(30):
                    while [box.handled for box in others] == before:
                        await asyncio.sleep(0)
            async with asyncio.timeout(30):
                while any(map(len, others)):
                    await asyncio.sleep(0)
            expected = 100 + 3_000 * (bad is floods)
            assert [(box.handled, box.dropped, box.failed) for box in others] == [
                (expected, 0, 0)
            ] * 2
            if bad is crashes:
                assert await bus.settled(30)
                assert (boxes[slot].handled, boxes[slot].failed) == (100, 100)
    assert complaints == []
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("bus:")] == []
    record_property("p99 of the others, s", quantiles(waits, n=100)[-1])
