"""Who has a turn when there is more to do than time. Counted in turns of the loop and in events,
never in seconds: on a busy machine it takes longer and is no different."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from time import perf_counter

import pytest

from loom_desktop.bus import Bus, Subscription
from loom_desktop.bus.turns import SLICE_S, Turns
from loom_desktop.event import Event, QoS

MANY = 10_000


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus() as bus:
        yield bus


def busy(seconds: float) -> None:
    """What computes and does not wait."""
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


def listens(bus: Bus, topic: str, costs_s: float, inline: bool) -> Subscription:
    async def handle(event: Event) -> None:
        busy(costs_s)

    return bus.subscribe(topic, handle, inline=inline, size=MANY)


@pytest.mark.parametrize("inline", [False, True], ids=["task", "inline"])
@pytest.mark.parametrize(
    ("flood", "other"),
    [
        (QoS.REALTIME, QoS.BATCHED),
        (QoS.REALTIME, QoS.BACKGROUND),
        (QoS.BATCHED, QoS.REALTIME),
        (QoS.BATCHED, QoS.BACKGROUND),
        (QoS.BACKGROUND, QoS.REALTIME),
        (QoS.BACKGROUND, QoS.BATCHED),
    ],
)
async def test_a_flood_in_one_lane_starves_no_other(
    bus: Bus, flood: QoS, other: QoS, inline: bool
) -> None:
    flooded = listens(bus, "flood", SLICE_S[flood] / 5, inline)
    spared = listens(bus, "other", 0.0, inline)
    bus.publish_many(Event(topic="flood", qos=flood) for _ in range(MANY))
    await until(lambda: len(flooded) < MANY)
    for n in range(1, 21):
        before = len(flooded)
        bus.publish(Event(topic="other", qos=other))
        await until(lambda: spared.handled == n)  # noqa: B023
        slices = (before - len(flooded)) / 5
        assert slices < 20, f"the {n}. waited while {slices:g} slices of the flood went by"
    assert len(flooded) > 0


@pytest.mark.parametrize("inline", [False, True], ids=["task", "inline"])
@pytest.mark.parametrize("lane", QoS)
async def test_a_flood_in_one_mailbox_starves_no_neighbour(
    bus: Bus, lane: QoS, inline: bool
) -> None:
    flooded = listens(bus, "flood", SLICE_S[lane] / 5, inline)
    neighbours = [listens(bus, f"other.{n}", 0.0, inline) for n in range(20)]
    bus.publish_many(Event(topic="flood", qos=lane) for _ in range(1_000))
    bus.publish_many(Event(topic=f"other.{n}", qos=lane) for n in range(20))
    await until(lambda: all(one.handled for one in neighbours))
    assert len(flooded) > 700, "each of them cost the flood's mailbox few slices"


async def test_realtime_by_tasks_and_inline_together_lets_inline_batched_have_turns(
    bus: Bus,
) -> None:
    """Who steps back for something realtime does so once, however many kinds of it there are."""
    inline = listens(bus, "fast", 0.0, True)
    task = listens(bus, "fast", 0.0, False)
    batched = listens(bus, "slow", 0.0, True)
    bus.publish(Event(topic="fast", qos=QoS.REALTIME))
    await until(lambda: task.handled and inline.handled)
    for n in range(1, 50):
        bus.publish(Event(topic="slow"))
        for _ in range(10):
            bus.publish(Event(topic="fast", qos=QoS.REALTIME))
            await asyncio.sleep(0)
        assert batched.handled >= n - 1


async def test_all_lanes_flooded_all_have_their_share(bus: Bus) -> None:
    boxes = {lane: listens(bus, lane.name, SLICE_S[lane] / 4, False) for lane in QoS}
    for lane in QoS:
        bus.publish_many(Event(topic=lane.name, qos=lane) for _ in range(MANY))
    await until(lambda: MANY - len(boxes[QoS.BACKGROUND]) >= 40)
    done = {lane: MANY - len(box) for lane, box in boxes.items()}
    assert done[QoS.REALTIME] >= 2 * done[QoS.BACKGROUND], done
    assert done[QoS.BATCHED] >= 2 * done[QoS.BACKGROUND], done
    assert done[QoS.BATCHED] >= done[QoS.REALTIME] / 4, done


@pytest.mark.parametrize("inline", [False, True], ids=["task", "inline"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_a_stopped_lane_stands_until_it_is_started(
    bus: Bus, inline: bool, known: bool
) -> None:
    boxes = {lane: listens(bus, lane.name, 0.0, inline) for lane in QoS}
    if known:
        for lane in QoS:
            bus.publish(Event(topic=lane.name, qos=lane))
        assert await bus.settled(5)
    before = {lane: box.handled for lane, box in boxes.items()}
    for stopped in (QoS.BATCHED, QoS.BACKGROUND):
        bus.pace(stopped, 0.0)
    for lane in QoS:
        bus.publish_many(Event(topic=lane.name, qos=lane, priority=n) for n in range(9))
    await until(lambda: boxes[QoS.REALTIME].handled == before[QoS.REALTIME] + 9)
    for _ in range(100):
        await asyncio.sleep(0)
    for stopped in (QoS.BATCHED, QoS.BACKGROUND):
        assert (boxes[stopped].handled, len(boxes[stopped])) == (before[stopped], 9)
    bus.pace(QoS.BATCHED, 1.0)
    await until(lambda: boxes[QoS.BATCHED].handled == before[QoS.BATCHED] + 9)
    assert len(boxes[QoS.BACKGROUND]) == 9
    bus.pace(QoS.BACKGROUND, 1.0)
    assert await bus.settled(5)


@pytest.mark.parametrize("inline", [False, True], ids=["task", "inline"])
async def test_what_is_urgent_passes_what_waits_in_a_stopped_lane_of_the_same_mailbox(
    bus: Bus, inline: bool
) -> None:
    got: list[QoS] = []

    async def handle(event: Event) -> None:
        got.append(event.qos)

    box = bus.subscribe("a", handle, inline=inline)
    bus.pace(QoS.BATCHED, 0.0)
    for n in range(1, 6):
        bus.publish_many(Event(topic="a", qos=lane) for lane in (QoS.BATCHED, QoS.REALTIME))
        await until(lambda: len(got) == n)  # noqa: B023
        await asyncio.sleep(0)
    assert (got, len(box)) == ([QoS.REALTIME] * 5, 5)
    bus.pace(QoS.BATCHED, 1.0)
    assert await bus.settled(5)
    assert got == [QoS.REALTIME] * 5 + [QoS.BATCHED] * 5


async def test_a_slowed_lane_alone_has_less(bus: Bus) -> None:
    slowed = listens(bus, "slowed", SLICE_S[QoS.BATCHED] / 2, False)
    free = listens(bus, "free", SLICE_S[QoS.BACKGROUND] / 2, False)
    bus.pace(QoS.BATCHED, 0.05)
    assert bus.turns.pace_of(QoS.BATCHED) == 0.05
    bus.publish_many(Event(topic="slowed") for _ in range(MANY))
    bus.publish_many(Event(topic="free", qos=QoS.BACKGROUND) for _ in range(MANY))
    await until(lambda: MANY - len(slowed) >= 10)
    assert MANY - len(free) > 3 * (MANY - len(slowed))
    bus.pace(QoS.BATCHED, 1.0)
    before = MANY - len(slowed)
    await until(lambda: MANY - len(slowed) > before + 100)


@pytest.mark.parametrize(
    ("lane", "share"), [(QoS.REALTIME, 0.5), (QoS.BATCHED, -0.1), (QoS.BACKGROUND, 1.1)]
)
async def test_what_is_no_pace_is_a_mistake(bus: Bus, lane: QoS, share: float) -> None:
    with pytest.raises(ValueError, match="cannot have the share"):
        bus.pace(lane, share)
    assert bus.turns.pace_of(lane) == 1.0


async def test_who_queues_first_has_the_first_turn() -> None:
    turns, order = Turns(asyncio.get_running_loop()), list[str]()

    def done(name: str, turn: object) -> None:
        order.append(name)

    for name in ("one", "two", "three"):
        turns.queue(QoS.BATCHED).add_done_callback(partial(done, name))
    turns.queue(QoS.BATCHED, first=True).add_done_callback(partial(done, "first"))
    turns.queue(QoS.BACKGROUND).add_done_callback(partial(done, "background"))
    assert turns.waiting == (0, 4, 1)
    await until(lambda: len(order) == 5)
    assert order == ["first", "one", "two", "three", "background"]
    assert turns.waiting == (0, 0, 0)


async def test_a_turn_that_nobody_wants_any_more_is_passed_over() -> None:
    turns = Turns(asyncio.get_running_loop())
    gone, there = turns.queue(QoS.BATCHED), turns.queue(QoS.BATCHED)
    gone.cancel()
    turns.wake(QoS.BATCHED, gone)
    async with asyncio.timeout(5):
        await there


async def test_an_ended_one_gives_no_turn_and_sets_no_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, timers = asyncio.get_running_loop(), Counter[str]()
    turns = Turns(loop)
    turns.pace(QoS.BATCHED, 0.01)
    for _ in range(3):
        turns.queue(QoS.BATCHED)
    await until(lambda: turns._asleep)
    turns.queue(QoS.BACKGROUND)
    turns.close()
    monkeypatch.setattr(loop, "call_later", lambda *_: timers.update(["set"]))
    for _ in range(10):
        await asyncio.sleep(0)
    assert turns.waiting == (0, 0, 0)
    assert not timers
    assert turns._asleep is not None
    assert turns._asleep.cancelled()
