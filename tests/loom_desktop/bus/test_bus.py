import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loom_desktop.bus import Aggregate, Bus, Subscription
from loom_desktop.errors import TimedOut, Unavailable, UsageError
from loom_desktop.event import MOST_HOPS, Event, QoS
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

    stop = bus.subscribe("q", answer)
    assert (await bus.request(Event(topic="q"))).payload == {"n": 0}
    assert bus.late_answers == 0, "a second answer is not a late one"
    stop()
    asked = Event(topic="q")
    with pytest.raises(TimedOut):
        await bus.request(asked, timeout_s=0)
    bus.publish(Event(topic="q.answered", answers=asked.id))
    bus.publish(Event(topic="chat.answered", answers=Event(topic="chat.asked").id))
    assert bus.late_answers == 1, "and neither is one that nobody ever waited for here"


async def test_of_the_questions_that_are_over_the_newest_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("loom_desktop.bus._MOST_OVER", 2)
    async with Bus() as bus:
        for question in (1, 2, 3):
            bus.over(question)
        for question in (1, 2, 3):
            bus.publish(Event(topic="q.answered", answers=question))
        assert bus.late_answers == 2


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
    monkeypatch.setattr("loom_desktop.bus.routes.MOST", 10)
    bus, got = Bus(), list[str]()
    bus.subscribe("thread.>", lambda event: got.append(event.topic))
    for number in range(100):
        undo = bus.subscribe(f"thread.{number}.reply", lambda event: None)
        bus.publish(Event(topic=f"thread.{number}.reply"))
        undo()
    assert len(got) == 100
    assert len(bus._routes) <= 20


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


# -------------------------------------------------------------------- other threads
async def test_four_threads_at_once_lose_nothing_and_each_keeps_its_order() -> None:
    got = dict[int, list[int]]()
    many = 5_000
    async with Bus() as bus:
        bus.subscribe("a", lambda event: got.setdefault(event.thread, []).append(event.cause))

        def publish(thread: int) -> None:
            for n in range(0, many, 5):
                bus.publish_from_thread(Event(topic="a", thread=thread, cause=n))
                more = [Event(topic="a", thread=thread, cause=n + i) for i in range(1, 5)]
                bus.publish_many_from_thread(more)

        threads = [threading.Thread(target=publish, args=(n,)) for n in range(1, 5)]
        for one in threads:
            one.start()
        async with asyncio.timeout(30):
            while sum(map(len, got.values())) < 4 * many:
                await asyncio.sleep(0)
        for one in threads:
            one.join()
        assert bus.overrun == 0
    assert got == {n: list(range(many)) for n in range(1, 5)}


async def test_what_threads_publish_too_fast_is_counted_to_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("loom_desktop.bus._MOST_FROM_THREADS", 100)
    async with Bus() as bus:
        events = [Event(topic="a") for _ in range(70)]

        def publish() -> None:
            for _ in range(10):
                bus.publish_many_from_thread(events)
                bus.publish_from_thread(events[0])

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()  # the loop takes nothing meanwhile
        assert await bus.settled(5)
        assert (bus.published, bus.overrun) == (100, 4 * 10 * 71 - 100)
        bus.publish_many_from_thread(events)
        assert await bus.settled(5)
        assert bus.published == 170


async def test_an_event_that_comes_while_the_loop_finishes_with_the_last_is_not_forgotten() -> None:
    """A thread that is interrupted between its look at the queue and its writing, at any point."""
    async with Bus() as bus:
        coming, taken = threading.Event(), 0

        def take(event: Event) -> None:
            nonlocal taken
            taken += 1
            coming.set()

        bus.subscribe("a", take)

        def publish() -> None:
            for _ in range(2_000):
                coming.clear()
                bus.publish_from_thread(Event(topic="a"))
                assert coming.wait(10), "the loop was not called"

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            async with asyncio.timeout(40):
                await asyncio.gather(*(asyncio.to_thread(publish) for _ in range(3)))
                while taken < 6_000:
                    await asyncio.sleep(0)
        finally:
            sys.setswitchinterval(before)


async def test_what_other_threads_published_is_cancelled_before_it_came_in() -> None:
    async with Bus() as bus:
        got = list[int]()
        bus.subscribe("a", lambda event: got.append(event.begins))
        events = [Event(topic="a", thread=1 + n % 2) for n in range(6)]
        bus.publish_many_from_thread(events)
        assert bus.cancel(1) == 3
        assert await bus.settled(5)
    assert got == [2, 2, 2]


async def test_a_thread_ends_with_the_one_that_it_began_under() -> None:
    async with Bus() as bus:
        stopped = list[int]()

        def stop(thread: int) -> int:
            stopped.append(thread)
            return 1

        bus.on_cancel.append(stop)
        for thread, of in ((2, 1), (3, 2), (4, 9), (5, 1)):
            bus.branch(thread, of)
        assert bus.under(1) == {1, 2, 3, 5}
        assert bus.under(7) == {7}
        assert bus.cancel(2) == 2
        assert sorted(stopped) == [2, 3], "not what it began under, nor what began beside it"


async def test_branches_cost_no_more_than_the_latest_thousand() -> None:
    async with Bus() as bus:
        for thread in range(5_000):
            bus.branch(thread, of=10_000)
        assert bus.under(10_000) == {10_000, *range(4_000, 5_000)}


# -------------------------------------------------------------------- ending
class Moments:
    """A loop's own calls and timers, counted: what is left of them after the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.timers: list[asyncio.TimerHandle] = []
        self._call_at = loop.call_at
        loop.call_at = self.call_at  # type: ignore[assignment, method-assign]

    def call_at(self, when: float, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        self.timers.append(timer := self._call_at(when, call, *args, **more))
        return timer

    def left(self, loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
        return [one for one in self.timers if not one.cancelled() and one.when() > loop.time()]


async def test_it_ends_at_any_moment_and_leaves_nothing() -> None:
    loop = asyncio.get_running_loop()
    moments, complaints = Moments(loop), list[dict[str, Any]]()
    loop.set_exception_handler(lambda loop, what: complaints.append(what))
    ourselves = asyncio.all_tasks()
    for moment in range(200):
        random = Random(moment)
        bus = Bus()
        bus.failed = lambda box, event, error: None

        async def handle(event: Event, bus: Bus = bus, random: Random = random) -> None:
            match random.randrange(8):
                case 0:
                    await asyncio.Event().wait()
                case 1:
                    await bus.request(Event(topic="nobody"))
                case 2:
                    await bus.emit(Event(topic="full", hop=event.hop + 1))
                case 3:
                    bus.publish(Event(topic="a.b", hop=event.hop + 1))
                case 4:
                    raise [ValueError, asyncio.CancelledError][random.randrange(2)]
                case 5:
                    bus.cancel(event.begins)
                case 6:
                    try:
                        await asyncio.sleep(0)
                    finally:
                        bus.subscribe("late", handle)
                        bus.publish(Event(topic="late"))
                case _:
                    await asyncio.sleep(0)

        for n in range(6):
            bus.subscribe(["a.*", "late"][n % 2], handle, inline=n > 3, at_once=1 + n % 3, size=5)
        bus.subscribe("full", handle, size=1, when_full="block")
        if moment % 3 == 0:
            bus.pace(QoS.BACKGROUND, random.choice([0.0, 0.01, 0.5]))
        asks, outside = Tasks(), list[asyncio.Task[Any]]()
        for _ in range(random.randrange(12)):
            bus.publish(Event(topic="a.b", qos=random.choice(list(QoS)), ttl_ms=0))
            ask = bus.request(Event(topic="nobody"), timeout_s=9)
            outside += [asks.run("ask", ask), asks.run("settled", bus.settled(9))]
            for _ in range(random.randrange(3)):
                await asyncio.sleep(0)
        threading.Thread(target=bus.publish_from_thread, args=(Event(topic="a.b"),)).start()
        async with asyncio.timeout(5):
            await bus.close()
            await asyncio.gather(*outside, return_exceptions=True)
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == ourselves, moment
        assert (bus._waiting, bus.settling, bus._deadlines._ticks) == ({}, [], {}), moment
        assert bus.mailboxes() == []
        assert bus.turns.waiting == (0, 0, 0)
        assert not [one for one in moments.left(loop) if "bus" in repr(one)], moment
    gc.collect()
    assert complaints == []


async def test_a_closed_bus_delivers_nothing_and_asks_nobody() -> None:
    got: list[Event] = []

    async def handle(event: Event) -> None:
        got.append(event)

    bus = Bus()
    undo = bus.subscribe("a", got.append)
    box = bus.subscribe("a", handle)
    await bus.close()
    await bus.close()
    bus.publish(Event(topic="a"))
    late = bus.subscribe("a", handle)
    bus.publish(Event(topic="a"))
    undo()
    assert (got, box.closed, late.closed) == ([], True, True)
    with pytest.raises(Unavailable, match="stopping"):
        await bus.request(Event(topic="a"))


async def test_a_cancelled_question_is_refused_and_nobody_complains() -> None:
    loop, complaints = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda loop, what: complaints.append(what))
    async with Bus() as bus, Tasks() as tasks:
        question = Event(topic="q", thread=7)
        asked = tasks.run("ask", bus.request(question))
        other = tasks.run("ask", bus.request(Event(topic="q", thread=8), timeout_s=9))
        gone = tasks.run("ask", bus.request(Event(topic="q", thread=7)))
        await asyncio.sleep(0)
        assert bus.cancel(7) == 2
        assert bus.cancel(7) == 0
        gone.cancel()  # in the same moment: it never hears of it
        with pytest.raises(Unavailable):
            await asked
        await asyncio.wait([gone])
        assert not other.done()
        del gone, asked
        gc.collect()
    assert complaints == []


# -------------------------------------------------------------------- waiting for room
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=30), st.data())
@settings(max_examples=40, deadline=None)
def test_who_waits_for_room_waits_no_longer_than_there_is_none(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    async def run() -> None:
        async with Bus() as bus, Tasks() as tasks:
            gates = {topic: asyncio.Semaphore(0) for topic in "abc"}
            got = {topic: list[int]() for topic in "abc"}

            def blocks(patterns: list[str], name: str) -> Subscription:
                async def handle(event: Event) -> None:
                    got[name].append(event.payload["n"])
                    await gates[name].acquire()

                return bus.subscribe(patterns, handle, size=2, when_full="block")

            boxes = [blocks(["a", "c"], "a"), blocks(["b", "c"], "b"), blocks(["c"], "c")]
            emits = list[tuple[str, asyncio.Task[None]]]()
            for n, (topic, finish) in enumerate(steps):
                emit = bus.emit(Event(topic=topic, payload={"n": n}), timeout_s=60)
                emits.append((topic, tasks.run("emit", emit)))
                for _ in range(finish):
                    gates[data.draw(st.sampled_from("abc"))].release()
                if finish == 2 and data.draw(st.booleans()):
                    data.draw(st.sampled_from(emits))[1].cancel()
                for _ in range(100):
                    await asyncio.sleep(0)
                for topic, task in emits:
                    held = [box for box in boxes if topic in box.patterns and box.blocks]
                    assert task.done() or held, "there is room, and somebody waits for it"
            for gate in gates.values():
                for _ in range(100):
                    gate.release()
            async with asyncio.timeout(10):
                await asyncio.gather(*(task for _, task in emits), return_exceptions=True)
            assert await bus.settled(10)
            assert [box.dropped for box in boxes] == [0, 0, 0]
            assert [box._room for box in boxes] == [[], [], []]

    asyncio.run(run())


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


async def test_how_full_a_lane_is_is_how_full_its_fullest_mailbox_is() -> None:
    async def never(event: Event) -> None: ...

    async with Bus() as bus:
        assert bus.fill() == {}
        bus.subscribe("a", never, name="small", size=10)
        bus.subscribe("a", never, name="large", size=100)
        bus.subscribe("b", never, name="other", size=10)
        for _ in range(5):
            bus.publish(Event(topic="a"))
        for _ in range(2):
            bus.publish(Event(topic="b", qos=QoS.BACKGROUND))
        assert bus.fill() == {QoS.BATCHED: 0.5, QoS.BACKGROUND: 0.2}
        assert bus.fill(but=["small"]) == {QoS.BATCHED: 0.05, QoS.BACKGROUND: 0.2}
        assert await bus.settled(5)
        assert bus.fill() == {}


async def test_a_handler_that_begins_after_a_pause_is_told_before_it_runs() -> None:
    async with Bus() as bus:
        told = list[str]()
        bus.begins = lambda: told.append("begins")

        async def note(event: Event) -> None:
            told.append(event.topic)

        bus.subscribe("lamp.*", note)
        bus.publish(Event(topic="lamp.lit"))
        assert await bus.settled(5)
        assert told == ["begins", "lamp.lit"]


async def test_a_key_that_raises_is_a_failure_of_its_subscription_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Bus() as bus:
        failed, got = list[str](), list[Event]()

        async def handle(event: Event) -> None:
            got.append(event)

        box = bus.subscribe(
            "lamp.lit", handle, name="lamp", when_full=Aggregate(lambda one: one.payload["n"])
        )
        bus.subscribe("lamp.lit", got.append)
        bus.failed = lambda box, event, error: failed.append(f"{box.name}: {error}")
        for _ in range(3):
            bus.publish(Event(topic="lamp.lit"))
    assert (box.failed, box.dropped, len(got)) == (3, 0, 3)
    assert failed == ["lamp: Its key or fold raised KeyError: 'n'."] * 3
    told = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert len(told) == 1
    assert told[0].exc_info, "with its traceback"
