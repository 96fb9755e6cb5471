"""One subscription and what its handler may do to it. Nothing waits for time to pass: how long a
handler took is asked of a clock of the test's own."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from time import perf_counter
from typing import Any

import pytest

from loom_desktop.bus import Bus, Subscription
from loom_desktop.bus.subscription import DEADLINE_S, PATIENCE_S
from loom_desktop.errors import TimedOut, Unavailable
from loom_desktop.event import Event, QoS
from loom_desktop.testing import FakeClock

pytestmark = pytest.mark.parametrize("inline", [False, True], ids=["task", "inline"])


def event(n: int, topic: str = "a", **more: Any) -> Event:
    return Event(topic=topic, payload={"n": n}, **more)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """What handlers are timed with."""
    clock = FakeClock(perf_counter())
    for module in ("subscription", "turns"):
        monkeypatch.setattr(f"loom_desktop.bus.{module}.now", clock)
    return clock


class Told(list[BaseException]):
    """In the place of ``Bus.failed``."""

    def __call__(self, box: Subscription, event: Event, error: BaseException) -> None:
        self.append(error)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    """Closed at the end, and then nothing is left of it."""
    bus, complaints = Bus(), list[dict[str, Any]]()
    bus.failed = Told()
    bus.loop.set_exception_handler(lambda loop, context: complaints.append(context))
    yield bus
    await bus.close()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("bus:")] == []
    assert (bus.at_work, bus.settling, complaints) == (set(), [], [])


def failures(bus: Bus) -> list[BaseException]:
    assert isinstance(bus.failed, Told)
    return bus.failed


class Own(BaseException):
    """Of nobody's hierarchy."""


@pytest.mark.parametrize(
    "raised",
    [ValueError, TimeoutError, asyncio.CancelledError, GeneratorExit, StopAsyncIteration, Own],
)
@pytest.mark.parametrize("waits", [False, True])
async def test_whatever_a_handler_raises_costs_one_event(
    bus: Bus, inline: bool, raised: type[BaseException], waits: bool
) -> None:
    got: list[int] = []

    async def handle(event: Event) -> None:
        if waits:
            await asyncio.sleep(0)
        if event.payload["n"] in (1, 4):
            raise raised("no")
        got.append(event.payload["n"])

    box = bus.subscribe("a", handle, inline=inline)
    for n in range(4):
        bus.publish(event(n))
    assert await bus.settled(5)
    for n in range(4, 6):
        bus.publish(event(n))
    assert await bus.settled(5)
    assert got == [0, 2, 3, 5]
    assert (box.handled, box.failed, len(failures(bus))) == (6, 2, 2)
    assert isinstance(failures(bus)[0], raised)


async def test_what_a_handler_waits_for_may_be_cancelled_by_others(bus: Bus, inline: bool) -> None:
    got: list[int] = []

    async def handle(event: Event) -> None:
        if not event.payload["n"]:
            lost: asyncio.Future[None] = bus.loop.create_future()
            bus.loop.call_soon(lost.cancel)
            await lost
        got.append(event.payload["n"])

    box = bus.subscribe("a", handle, inline=inline)
    bus.publish_many(map(event, range(3)))
    assert await bus.settled(5)
    assert (got, box.handled, box.failed) == ([1, 2], 3, 1)


async def test_a_handler_that_is_none_costs_its_events(bus: Bus, inline: bool) -> None:
    async def two(one: Event, other: Event) -> None: ...

    wrong: Any = two
    box = bus.subscribe("a", wrong, inline=inline)
    bus.publish_many(map(event, range(3)))
    assert await bus.settled(5)
    assert (box.handled, box.failed) == (3, 3)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("how", ["returns", "raises"])
async def test_a_handler_that_cancels_its_own_thread_is_followed_by_the_next(
    bus: Bus, inline: bool, waits: bool, how: str
) -> None:
    got: list[int] = []

    async def handle(event: Event) -> None:
        if event.payload["n"] == 1:
            if inline and waits:
                await asyncio.sleep(0)
            assert bus.cancel(event.begins) == (0 if inline and not waits else 1)
            assert bus.cancel(event.begins) == 0, "once"
            if waits:
                await asyncio.sleep(0)
                raise AssertionError("it was cancelled")
            if how == "raises":
                raise ValueError("no")
        await asyncio.sleep(0)
        got.append(event.payload["n"])

    box = bus.subscribe("a", handle, inline=inline)
    bus.publish_many(map(event, range(4)))
    assert await bus.settled(5)
    bus.publish(event(4))
    assert await bus.settled(5)
    expected = [0, 2, 3, 4] if waits or how == "raises" or not inline else [0, 1, 2, 3, 4]
    assert (got, box.handled) == (expected, 5)
    assert box.failed == (how == "raises" and not waits)


async def test_a_cancel_that_the_handler_did_not_come_to_see_hits_nobody_else(
    bus: Bus, inline: bool
) -> None:
    got: list[int] = []

    async def handle(event: Event) -> None:
        if event.payload["n"] == 0:
            bus.cancel(event.begins)
            return  # without having waited: the cancel is still to come
        for _ in range(3):
            await asyncio.sleep(0)
        got.append(event.payload["n"])

    box = bus.subscribe("a", handle, inline=inline)
    bus.publish_many(map(event, range(3)))
    assert await bus.settled(5)
    assert (got, box.handled, box.failed) == ([1, 2], 3, 0)


async def test_a_handler_may_end_its_own_subscription(bus: Bus, inline: bool) -> None:
    got: list[int] = []

    async def handle(event: Event) -> None:
        got.append(event.payload["n"])
        box()

    box = bus.subscribe("a", handle, inline=inline)
    other = bus.subscribe("a", handle_nothing, inline=inline)
    bus.publish_many(map(event, range(3)))
    assert await bus.settled(5)
    bus.publish(event(3))
    assert await bus.settled(5)
    assert (got, box.handled, other.handled) == ([0], 1, 4)
    assert box.closed
    assert [one.name for one in bus.mailboxes()] == ["a"]


async def handle_nothing(event: Event) -> None: ...


async def test_a_handler_may_publish_to_itself(bus: Bus, inline: bool) -> None:
    async def handle(event: Event) -> None:
        if event.payload["n"] < 100:
            bus.publish(Event(topic="a", payload={"n": event.payload["n"] + 1}))

    box = bus.subscribe("a", handle, inline=inline, size=1)
    bus.publish(event(0))
    assert await bus.settled(5)
    assert (box.handled, box.dropped) == (101, 0)


async def test_a_handler_that_cancels_its_own_task_costs_no_more_than_that(
    bus: Bus, inline: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def handle(event: Event) -> None:
        await asyncio.sleep(0)
        if event.payload["n"] == 1:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

    box = bus.subscribe("a", handle, inline=inline)
    with caplog.at_level(logging.CRITICAL):
        bus.publish_many(map(event, range(4)))
        assert await bus.settled(5)
        bus.publish(event(4))
        assert await bus.settled(5)
    assert box.handled == 5
    assert (box.failed, [hand for hand in box.hands if hand.event]) == (1, [])


@pytest.mark.parametrize(
    ("lane", "limit_s"), [(QoS.REALTIME, 2.0), (QoS.BATCHED, 30.0), (QoS.BACKGROUND, 900.0)]
)
async def test_who_takes_too_long_is_cut_and_the_next_one_is_handled(
    bus: Bus, inline: bool, watch: FakeClock, lane: QoS, limit_s: float
) -> None:
    got, ended = list[int](), list[int]()

    async def handle(event: Event) -> None:
        try:
            if event.payload["n"] in (0, 2):
                await asyncio.Event().wait()
        finally:
            ended.append(event.payload["n"])
        await asyncio.sleep(0)
        got.append(event.payload["n"])

    box = bus.subscribe("a", handle, inline=inline)
    events = [event(n, qos=lane) for n in range(4)]
    bus.publish_many(events)
    for n in (0, 2):
        await until(
            lambda: [hand.event for hand in box.hands if hand.event] == [events[n]]  # noqa: B023
        )
        watch.forward(limit_s - 1)
        box.look(watch())
        assert box.overdue == n // 2
        watch.forward(2)
        box.look(watch())
        await until(lambda: n in ended)  # noqa: B023
    assert await bus.settled(5)
    assert (got, box.overdue, box.failed, box.handled) == ([1, 3], 2, 2, 4)
    assert all(isinstance(one, TimeoutError) for one in failures(bus))


async def test_who_ends_its_cleaning_with_an_error_has_failed_once(
    bus: Bus, inline: bool, watch: FakeClock
) -> None:
    async def handle(event: Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("the cleaning")

    box = bus.subscribe("a", handle, inline=inline)
    bus.publish(event(0))
    await until(lambda: box.hands and box.hands[0].event)
    await asyncio.sleep(0)
    watch.forward(100)
    box.look(watch())
    assert await bus.settled(5)
    assert (box.failed, box.overdue) == (1, 1)
    (told,) = failures(bus)
    assert isinstance(told, TimeoutError)
    assert isinstance(told.__cause__, ValueError)


async def test_who_ignores_its_cancel_is_left_behind_and_another_task_goes_on(
    bus: Bus, inline: bool, watch: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    got, free = list[int](), asyncio.Event()

    async def handle(event: Event) -> None:
        while event.payload["n"] == 0 and not free.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await free.wait()
        got.append(event.payload["n"])

    box = bus.subscribe("a", handle, inline=inline, name="stubborn")
    bus.publish_many(map(event, range(3)))
    await until(lambda: box.hands and box.hands[0].event)
    await asyncio.sleep(0)
    with caplog.at_level(logging.CRITICAL):
        watch.forward(100)
        box.look(watch())
        await asyncio.sleep(0)
        watch.forward(PATIENCE_S - 1)
        box.look(watch())
        assert (box.left_behind, box.failed) == (0, 0)
        watch.forward(2)
        box.look(watch())
        assert await bus.settled(5), "nobody waits for it any more"
    assert (got, box.left_behind, box.failed) == ([1, 2], 1, 1)
    assert isinstance(failures(bus)[0], TimeoutError)
    free.set()
    await until(lambda: got == [1, 2, 0])
    bus.publish(event(3))
    assert await bus.settled(5)
    assert (got, box.handled, box.failed) == ([1, 2, 0, 3], 4, 1)


async def test_each_of_several_that_were_quick_has_its_own_deadline(
    bus: Bus, inline: bool, watch: FakeClock
) -> None:
    """Quick handlers are timed together; the deadline of one that waits is its own all the same."""
    gate, began = asyncio.Semaphore(0), list[int]()

    async def handle(event: Event) -> None:
        began.append(event.payload["n"])
        if event.payload["n"] >= 100:
            await gate.acquire()

    box = bus.subscribe("a", handle, inline=inline)
    bus.publish_many(map(event, range(100)))
    assert await bus.settled(5)
    bus.publish_many(map(event, range(100, 104)))
    await until(lambda: began[-1] == 100)
    long = DEADLINE_S[QoS.BATCHED]
    watch.forward(0.9 * long)
    box.look(watch())
    gate.release()
    await until(lambda: began[-1] == 101)
    watch.forward(0.2 * long)
    box.look(watch())
    assert box.overdue == 0, "it has only just begun, however long the one before it took"
    watch.forward(1.1 * long)
    box.look(watch())
    assert box.overdue == 1
    for _ in range(3):
        gate.release()
    assert await bus.settled(5)
    assert (box.handled, box.failed) == (104, 1)


async def test_closing_cancels_what_is_in_hand_or_lets_it_finish(bus: Bus, inline: bool) -> None:
    for finish in (False, True):
        gate, ended = asyncio.Event(), list[str]()

        async def handle(event: Event) -> None:
            try:
                await gate.wait()  # noqa: B023
                ended.append("done")  # noqa: B023
            except asyncio.CancelledError:
                ended.append("cancelled")  # noqa: B023
                raise

        box = bus.subscribe("a", handle, inline=inline)
        bus.publish_many(map(event, range(3)))
        await until(lambda: box.hands and box.hands[0].event)  # noqa: B023
        await asyncio.sleep(0)
        box.close(finish=finish)
        assert len(box) == 0
        await asyncio.sleep(0)
        gate.set()
        await until(lambda: ended)  # noqa: B023
        await asyncio.sleep(0)
        assert ended == ["done" if finish else "cancelled"]
        bus.publish(event(9))
        assert len(box) == 0
    assert failures(bus) == []


async def test_a_settled_bus_does_not_wait_for_who_was_closed(bus: Bus, inline: bool) -> None:
    gate = asyncio.Event()

    async def handle(event: Event) -> None:
        await gate.wait()

    box = bus.subscribe("a", handle, inline=inline)
    bus.publish(event(0))
    await until(lambda: box.hands and box.hands[0].event)
    settled = bus.tasks.run("settled", bus.settled(5))
    await asyncio.sleep(0)
    box.close(finish=True)
    async with asyncio.timeout(1):
        assert await settled
    gate.set()


async def test_cancelling_right_when_a_handler_begins_to_wait_leaves_it_usable(
    bus: Bus, inline: bool
) -> None:
    """Its task may not have had its first step by then."""
    for turns in range(6):
        got: list[int] = []

        async def handle(event: Event) -> None:
            if event.payload["n"] == 0:
                await asyncio.Event().wait()
            got.append(event.payload["n"])  # noqa: B023

        box = bus.subscribe("a", handle, inline=inline)
        first = event(0)
        bus.publish(first)
        for _ in range(turns):
            await asyncio.sleep(0)
        assert bus.cancel(first.begins) == 1
        bus.publish(event(1))
        assert await bus.settled(5)
        assert got == [1], turns
        box.close()


async def test_several_at_once_and_no_more(bus: Bus, inline: bool) -> None:
    gate, now, most = asyncio.Semaphore(0), 0, 0

    async def handle(event: Event) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await gate.acquire()
        now -= 1

    box = bus.subscribe("a", handle, inline=inline, at_once=3)
    bus.publish_many(map(event, range(10)))
    await until(lambda: now == (1 if inline else 3))
    for _ in range(5):
        await asyncio.sleep(0)
    assert most == (1 if inline else 3), "inline is one after the other"
    for _ in range(10):
        gate.release()
    assert await bus.settled(5)
    assert (box.handled, most) == (10, 1 if inline else 3)


# ------------------------------------------------------------------------------------ room
def blocking(
    bus: Bus, inline: bool, size: int
) -> tuple[Subscription, asyncio.Semaphore, list[int]]:
    gate, got = asyncio.Semaphore(0), list[int]()

    async def handle(event: Event) -> None:
        got.append(event.payload["n"])
        await gate.acquire()

    box = bus.subscribe("a", handle, inline=inline, size=size, when_full="block")
    return box, gate, got


async def test_who_can_wait_has_room_as_soon_as_one_leaves(bus: Bus, inline: bool) -> None:
    box, gate, got = blocking(bus, inline, 2)
    emits = [bus.tasks.run("emit", bus.emit(event(n))) for n in range(6)]
    await until(lambda: got == [0] and sum(one.done() for one in emits) == 3)
    assert (len(box), box.dropped) == (2, 0)
    for n in range(1, 4):
        gate.release()
        await until(lambda: got[-1] == n and sum(one.done() for one in emits) == n + 3)  # noqa: B023
        assert len(box) == 2
    for _ in range(3):
        gate.release()
    assert await bus.settled(5)
    assert (got, box.dropped, box._room) == (list(range(6)), 0, [])


async def test_who_waits_for_room_too_long_is_told_and_nobody_got_it(
    bus: Bus, inline: bool
) -> None:
    box, gate, _ = blocking(bus, inline, 1)
    taps: list[Event] = []
    bus.publish(event(0))
    await until(lambda: box.hands and box.hands[0].event)
    await bus.emit(event(1))
    bus.subscribe("a", taps.append)
    with pytest.raises(TimedOut, match="no room"):
        await bus.emit(event(2), timeout_s=0.001)
    assert (taps, box._room, len(box)) == ([], [], 1)
    gate.release()
    gate.release()


async def test_room_that_is_not_used_is_passed_on(bus: Bus, inline: bool) -> None:
    box, gate, got = blocking(bus, inline, 1)
    await bus.emit(event(0))
    await until(lambda: got == [0])
    await bus.emit(event(1))
    first, second = (bus.tasks.run("emit", bus.emit(event(n))) for n in (2, 3))
    await until(lambda: len(box._room) == 2)
    gate.release()
    await until(lambda: got == [0, 1])
    box.let_in()
    first.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([first, second])
    assert not second.cancelled()
    for _ in range(4):
        gate.release()
    assert await bus.settled(5)
    assert got[:2] == [0, 1]
    assert 3 in got


async def test_room_that_a_cancel_makes_is_used(bus: Bus, inline: bool) -> None:
    _, gate, got = blocking(bus, inline, 1)
    await bus.emit(event(0))
    await until(lambda: got == [0])
    waits = event(1)
    await bus.emit(waits)
    third = bus.tasks.run("emit", bus.emit(event(2)))
    await asyncio.sleep(0)
    assert bus.cancel(waits.begins) == 1
    async with asyncio.timeout(5):
        await third
    gate.release()
    gate.release()
    assert await bus.settled(5)
    assert got == [0, 2]


async def test_who_waits_for_room_in_what_is_closed_goes_on(bus: Bus, inline: bool) -> None:
    box, _, got = blocking(bus, inline, 1)
    await bus.emit(event(0))
    await until(lambda: got == [0])
    await bus.emit(event(1))
    waits = bus.tasks.run("emit", bus.emit(event(2)))
    await asyncio.sleep(0)
    box.close()
    async with asyncio.timeout(5):
        await waits


async def test_a_request_inside_a_handler_ends_quietly_with_the_bus(bus: Bus, inline: bool) -> None:
    """Its answer is refused and its task cancelled in the same moment: nobody complains."""
    ended: list[type[BaseException]] = []

    async def handle(one: Event) -> None:
        try:
            await bus.request(event(1, "nobody"))
        except BaseException as error:
            ended.append(type(error))
            raise

    bus.subscribe("a", handle, inline=inline)
    bus.publish(event(0))
    await until(lambda: bus._waiting)
    await asyncio.sleep(0)
    await bus.close()
    assert ended[0] in (asyncio.CancelledError, Unavailable)
    with pytest.raises(Unavailable):
        await bus.request(event(2, "nobody"))


def tasks_of_the_bus(bus: Bus) -> int:
    return len(bus.tasks._running)


@pytest.mark.parametrize("at_once", [1, 3])
async def test_who_sleeps_holds_neither_task_nor_queue_and_wakes_all_the_same(
    bus: Bus, inline: bool, at_once: int
) -> None:
    got = list[int]()

    async def handle(event: Event) -> None:
        got.append(event.payload["n"])

    boxes = [bus.subscribe("a", handle, inline=inline, at_once=at_once) for _ in range(4)]
    for n in range(3):
        bus.publish(event(n))
        assert await bus.settled(5)
        assert tasks_of_the_bus(bus) == (0 if inline else 4 * at_once)
        bus._look_after()
        await until(lambda: not tasks_of_the_bus(bus))
        assert inline or [box.hands for box in boxes] == [[]] * 4
        assert not bus.at_work
    assert sorted(got) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert not failures(bus)


async def test_who_works_or_was_just_woken_is_not_let_go(bus: Bus, inline: bool) -> None:
    gate, got = asyncio.Event(), list[int]()

    async def handle(event: Event) -> None:
        got.append(event.payload["n"])
        await gate.wait()

    box = bus.subscribe("a", handle, inline=inline, at_once=2)
    bus.publish(event(0))
    await until(lambda: got and bus.at_work)
    bus._look_after()
    assert box in bus.at_work, "one of its two tasks is at work, the other sleeps"
    gate.set()
    assert await bus.settled(5)
    bus.publish(event(1))  # it is woken, and has not run yet
    box.remove(lambda event: True)
    bus._look_after()
    bus.publish(event(2))
    assert await bus.settled(5)
    assert got == [0, 2]


async def test_many_that_sleep_are_let_go_a_few_at_a_look(
    bus: Bus, inline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom_desktop.bus._MOST_TO_REST", 10)

    async def handle(event: Event) -> None: ...

    for n in range(25):
        bus.subscribe(f"a.{n}", handle, inline=inline)
        bus.publish(event(n, f"a.{n}"))
    assert await bus.settled(5)
    left = list[int]()
    for _ in range(4):
        left.append(len(bus.at_work))
        await until(lambda: tasks_of_the_bus(bus) == left[-1])
        bus._look_after()
    assert left == ([0] * 4 if inline else [25, 15, 5, 0])
