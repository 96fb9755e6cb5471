"""A storm of events, and a subscriber that hangs, dies or floods: memory stays bounded, what is
lost is counted to the last event, and the others go on."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import pytest

from loom_desktop.bus import Bus
from loom_desktop.event import Event, QoS
from loom_desktop.runtime import durable
from loom_desktop.store import journal
from tests.faults import storm

STORM = 1_000_000
Record = Callable[[str, object], None]


async def test_a_million_events_for_slow_consumers_cost_their_room_and_no_more(
    record_property: Record,
) -> None:
    report = await storm.run(STORM)
    assert report.wrong == []
    assert report.figures["dropped"] == 2 * (STORM - storm.ROOM - 1)
    record_property("figures", report.plain()["figures"])


async def test_mailboxes_without_a_bound_are_found() -> None:
    report = await storm.run(60_000, bounded=False)
    assert report.control
    assert any("objects more" in what for what in report.wrong)
    assert any(what.startswith("oldest: (59999, 0)") for what in report.wrong)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_what_was_acknowledged_reaches_slow_durable_subscribers(
    folder: Path, encrypted: bool
) -> None:
    report = await storm.durable(folder, 20_000, encrypted=encrypted)
    assert report.wrong == []
    assert report.figures["behind most"] > 2 * durable.WINDOW, "it was never behind"
    assert report.figures["waiting most"] <= durable.WINDOW


async def test_a_durable_mailbox_without_a_window_is_found(folder: Path) -> None:
    window = durable.WINDOW
    report = await storm.durable(folder, 10_000, windowed=False)
    assert any("in memory, 4096 may be" in what for what in report.wrong)
    assert window == durable.WINDOW


@pytest.mark.parametrize("length", storm.LENGTHS)
async def test_what_the_journal_does_not_take_is_counted_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(journal, "MOST_WAITING", 3_000)
    monkeypatch.setattr(journal, "MOST_WAITING_BYTES", 2 << 20)
    report = await storm.overrun(folder, 700, length=length)
    assert report.wrong == []
    figures = report.figures
    assert figures["kept"] + figures["not kept"] == 3_700
    assert figures["told"] == figures["not kept"] >= 700


async def test_what_is_dropped_and_not_counted_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST_WAITING", 3_000)
    report = await storm.overrun(folder, 1, counted=False)
    assert report.wrong == ["3000 wait, 0 are lost: of 3001"]


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
