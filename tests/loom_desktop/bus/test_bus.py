import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from loom_desktop.bus import Bus
from loom_desktop.errors import TimedOut, UsageError
from loom_desktop.event import MOST_HOPS, Event
from loom_desktop.tasks import Tasks
from loom_desktop.testing import FakeClock


async def test_everyone_whose_pattern_matches_gets_it_in_order() -> None:
    bus, got = Bus(), list[str]()
    bus.subscribe("file.*", lambda event: got.append(f"one {event.payload['n']}"))
    bus.subscribe(">", lambda event: got.append(f"all {event.payload['n']}"))
    bus.subscribe("clip.*", lambda event: got.append("wrong"))
    bus.publish_many(Event(topic="file.created", payload={"n": n}) for n in range(2))
    assert got == ["one 0", "all 0", "one 1", "all 1"]
    assert bus.published == 2


async def test_a_late_subscription_is_seen_by_a_topic_that_was_routed_before() -> None:
    bus, got = Bus(), list[Event]()
    bus.publish(Event(topic="file.created"))
    undo = bus.subscribe("file.created", got.append)
    bus.publish(Event(topic="file.created"))
    undo()
    undo()
    bus.publish(Event(topic="file.created"))
    assert len(got) == 1


async def test_a_subscriber_that_fails_costs_the_others_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus, got = Bus(), list[Event]()

    def fail(event: Event) -> None:
        raise RuntimeError("no")

    bus.subscribe("a", fail)
    bus.subscribe("a", got.append)
    with caplog.at_level(logging.ERROR):
        bus.publish(Event(topic="a"))
    assert len(got) == 1
    assert "a subscriber of a failed" in caplog.text


async def test_an_event_past_its_time_or_at_the_end_of_a_circle_is_dropped_and_counted() -> None:
    clock = FakeClock()
    bus, got = Bus(clock), list[Event]()
    bus.subscribe(">", got.append)
    bus.publish(Event(topic="a", time=clock() - 1, ttl_ms=500))
    bus.publish(Event(topic="a", hop=MOST_HOPS + 1))
    bus.publish(Event(topic="a", time=clock() - 1, ttl_ms=1500, hop=MOST_HOPS))
    assert (bus.expired, bus.circled, len(got)) == (1, 1, 1)


async def test_other_threads_come_in_through_one_door() -> None:
    bus = Bus()
    got: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    bus.subscribe("a", lambda event: got.set_result(threading.get_ident()))
    threading.Thread(target=bus.publish_from_thread, args=(Event(topic="a"),)).start()
    async with asyncio.timeout(5):
        assert await got == threading.get_ident()


async def test_a_request_is_answered_once_and_late_answers_hurt_nobody() -> None:
    bus = Bus()

    def answer(question: Event) -> None:
        for n in range(2):
            bus.publish(Event(topic="q.answered", answers=question.id, payload={"n": n}))

    bus.subscribe("q", answer)
    assert (await bus.request(Event(topic="q"))).payload == {"n": 0}


async def test_nobody_answering_is_told_and_leaves_nothing_waiting() -> None:
    bus = Bus()
    with pytest.raises(TimedOut, match="Nobody answered"):
        await bus.request(Event(topic="q"), timeout_s=0.01)
    async with Tasks() as tasks:
        tasks.run("q", bus.request(Event(topic="q")))
        await asyncio.sleep(0)
    assert not bus._waiting


@pytest.mark.parametrize("pattern", ["", "a..b", ".a", "a.>.b", ">.a"])
async def test_a_pattern_that_can_never_match_is_a_mistake(pattern: str) -> None:
    with pytest.raises(UsageError):
        Bus().subscribe(pattern, lambda event: None)


@pytest.mark.parametrize(
    ("pattern", "topics"),
    [
        ("file.created", ["file.created"]),
        ("file.*", ["file.created", "file.removed"]),
        ("file.>", ["file.created", "file.removed"]),
        ("*.created", ["file.created", "note.created"]),
        (">", ["file.created", "file.removed", "note.created"]),
    ],
)
async def test_who_comes_and_goes_changes_the_ways_of_no_other_topic(
    pattern: str, topics: list[str]
) -> None:
    bus, got = Bus(), list[str]()
    for topic in ("file.created", "file.removed", "note.created"):
        bus.publish(Event(topic=topic))  # its way is remembered, and leads to nobody
    undo = bus.subscribe(pattern, lambda event: got.append(event.topic))
    for topic in ("file.created", "file.removed", "note.created"):
        bus.publish(Event(topic=topic))
    assert got == topics
    undo()
    for topic in ("file.created", "file.removed", "note.created"):
        bus.publish(Event(topic=topic))
    assert got == topics


async def test_ways_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loom_desktop.bus._MOST_ROUTES", 10)
    bus, got = Bus(), list[str]()
    bus.subscribe("thread.>", lambda event: got.append(event.topic))
    for number in range(100):
        undo = bus.subscribe(f"thread.{number}.reply", lambda event: None)
        bus.publish(Event(topic=f"thread.{number}.reply"))
        undo()
    assert len(got) == 100
    assert len(bus._routes) <= 10
    assert sum(map(len, bus._heads.values())) <= 10


async def test_the_same_function_twice_is_two_subscriptions() -> None:
    bus, got = Bus(), list[Event]()
    first = bus.subscribe("a", got.append)
    bus.subscribe("a", got.append)
    bus.publish(Event(topic="a"))
    assert len(got) == 2
    first()
    first()
    bus.publish(Event(topic="a"))
    assert len(got) == 3


async def test_who_subscribes_or_leaves_during_a_delivery_changes_the_next_one() -> None:
    bus, got = Bus(), list[str]()
    undo = list[Callable[[], None]]()

    def first(event: Event) -> None:
        got.append("first")
        undo[0]()
        bus.subscribe("a", lambda event: got.append("third"))

    bus.subscribe("a", first)
    undo.append(bus.subscribe("a", lambda event: got.append("second")))
    bus.publish(Event(topic="a"))
    assert got == ["first", "second"], "an event goes to those who were there when it came"
    got.clear()
    bus.publish(Event(topic="a"))
    assert got[:2] == ["first", "third"]


async def test_quiet_is_seen_when_the_only_handlers_run_inside_the_turn() -> None:
    async with Bus() as bus:
        seen: list[int] = []

        async def handle(event: Event) -> None:
            seen.append(event.id)

        bus.subscribe("a.>", handle, inline=True)
        for _ in range(200):
            bus.publish(Event(topic="a.b"))
        assert await bus.settled(10), "and not when the time was over"
        assert len(seen) == 200
