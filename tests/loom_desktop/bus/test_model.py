"""The bus beside a naive one: a list for each subscription, looked through from end to end.

Every handler takes its event and waits until the test lets it go, so what is in hand, what waits
and what was lost can be compared after every step.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loom_desktop.bus import Aggregate, Bus, Subscription, WhenFull
from loom_desktop.bus.topics import matches
from loom_desktop.event import MOST_HOPS, Event, QoS
from loom_desktop.testing import FakeClock

TOPICS = ["a", "a.b", "a.c", "b.c"]
PATTERNS = ["a", "a.b", "a.*", "*.c", "a.>", ">"]
THREADS = [0, 1, 2]
_MOST_TURNS = 500


def added(one: Event, more: Event) -> Event:
    """What is told apart by its number keeps the sum, and all else of the newer one."""
    n = one.payload["n"] + more.payload["n"]
    return Event(
        topic=more.topic, payload={"n": n}, qos=more.qos, priority=more.priority,
        thread=more.thread, ttl_ms=more.ttl_ms, time=more.time, id=more.id,
    )  # fmt: skip


POLICIES: list[WhenFull] = [
    "drop-oldest", "drop-newest", "sample", "block", Aggregate(), Aggregate(fold=added),
]  # fmt: skip
EVENT = st.fixed_dictionaries(
    {
        "topic": st.sampled_from(TOPICS),
        "qos": st.sampled_from(QoS),
        "priority": st.sampled_from([0, 0, 0, 0, 5, -5]),
        "thread": st.sampled_from(THREADS),
        "ttl_ms": st.sampled_from([0, 0, 1000]),
        "hop": st.sampled_from([0, 0, 0, 0, MOST_HOPS, MOST_HOPS + 1]),
        "age": st.sampled_from([0, 0, 0, 0.5, 2]),
    }
)
PICK = st.integers(0, 10**6)


def rank(event: Event) -> tuple[int, int]:
    return event.qos, -event.priority


@pytest.fixture(autouse=True)
def silent(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What is dropped here is meant to be."""
    with caplog.at_level(logging.ERROR):
        yield


class Naive:
    """One subscription of the naive bus."""

    def __init__(
        self, patterns: list[str], size: int, policy: WhenFull, at_once: int, clock: FakeClock
    ) -> None:
        self.patterns, self.size, self.policy = patterns, size, policy
        self.at_once, self.clock = at_once, clock
        self.box: Subscription | None = None
        self.closed = False
        self.waits: list[Event] = []
        self.hands: list[Event] = []
        self.began: list[Event] = []
        """What the handlers of the real one were given."""
        self.should: list[Event] = []
        """What they should have been given."""
        self.gates: dict[int, asyncio.Event] = {}
        self.matched = self.dropped = self.merged = self.expired = self.removed = 0
        self.stride, self.skipped = 1, 0

    def wants(self, topic: str) -> bool:
        parts = topic.split(".")
        return any(matches(pattern.split("."), parts) for pattern in self.patterns)

    def put(self, event: Event) -> None:
        if self.closed:
            return
        self.matched += 1
        if isinstance(self.policy, Aggregate):
            for at, one in enumerate(self.waits):
                if one.topic == event.topic:
                    self.merged += 1
                    fold = self.policy.fold
                    self.waits[at] = merged = event if fold is None else fold(one, event)
                    if rank(merged) != rank(one):
                        del self.waits[at]
                        self.insert(merged)
                    return
        if self.policy == "sample" and not self.sampled():
            self.dropped += 1
            return
        if len(self.waits) >= self.size and not self.make_room(event):
            self.dropped += 1
            return
        self.insert(event)

    def insert(self, event: Event) -> None:
        self.waits = sorted([*self.waits, event], key=rank)  # stable: it comes after its equals

    def sampled(self) -> bool:
        if not self.waits:
            self.stride, self.skipped = 1, 0
        self.skipped += self.stride > 1
        return self.skipped % self.stride == 0

    def make_room(self, event: Event) -> bool:
        if self.policy == "sample":
            kept = self.waits[::2]
            self.dropped += len(self.waits) - len(kept)
            self.waits, self.stride, self.skipped = kept, self.stride * 2, 0
            if len(kept) < self.size:
                return True
        worst = max(map(rank, self.waits))
        alike = [at for at, one in enumerate(self.waits) if rank(one) == worst]
        if rank(event) > worst:
            return False
        if self.policy in ("drop-newest", "block"):
            if rank(event) == worst:
                return False
            del self.waits[alike[-1]]
        else:
            del self.waits[alike[0]]
        self.dropped += 1
        return True

    def fill_hands(self, stopped: set[QoS]) -> None:
        while len(self.hands) < self.at_once and self.waits and self.waits[0].qos not in stopped:
            event = self.waits.pop(0)
            if event.ttl_ms and self.clock() - event.time > event.ttl_ms / 1000:
                self.expired += 1
            else:
                self.hands.append(event)
                self.should.append(event)

    def take_out(self, unwanted: Callable[[Event], bool]) -> int:
        kept = [one for one in self.waits if not unwanted(one)]
        gone = len(self.waits) - len(kept)
        self.removed += gone
        self.waits = kept
        return gone


class Buses(RuleBasedStateMachine):
    """Both at once."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.subscriptions: list[Naive] = []
        self.stopped: set[QoS] = set()
        self.n = self.published = self.circled = self.expired = 0
        self.during: list[Callable[[], None]] = []
        self.runner.run(self.begin())

    async def begin(self) -> None:
        self.bus = Bus(self.clock)
        self.bus.subscribe(">", self.tap)

    def tap(self, event: Event) -> None:
        """Inside the dispatch: whose event this is was settled when it came."""
        for one in self.during:
            one()
        self.during.clear()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(self.then_pump(work))

    async def then_pump(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        for one in self.subscriptions:
            one.fill_hands(self.stopped)
        for _ in range(_MOST_TURNS):
            if all(map(self.quiet, self.subscriptions)):
                break
            await asyncio.sleep(0)
        for _ in range(8):  # and nothing that should not begin does
            await asyncio.sleep(0)

    def quiet(self, one: Naive) -> bool:
        return len(one.began) >= len(one.should)

    # ---------------------------------------------------------------- what happens
    @initialize(
        policies=st.lists(st.sampled_from(POLICIES), min_size=1, max_size=3), inline=st.booleans()
    )
    def some(self, policies: list[WhenFull], inline: bool) -> None:
        for policy in policies:
            self.subscribe([">"], 2, policy, 1, inline, False)

    @precondition(lambda self: len(self.subscriptions) < 12)
    @rule(
        patterns=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True),
        size=st.integers(1, 5),
        policy=st.sampled_from(POLICIES),
        at_once=st.integers(1, 3),
        inline=st.booleans(),
        during=st.booleans(),
    )
    def subscribe(
        self,
        patterns: list[str],
        size: int,
        policy: WhenFull,
        at_once: int,
        inline: bool,
        during: bool,
    ) -> None:
        one = Naive(list(patterns), size, policy, 1 if inline else at_once, self.clock)

        async def handle(event: Event) -> None:
            one.began.append(event)
            gate = one.gates[event.id] = asyncio.Event()
            await gate.wait()

        def add() -> None:
            self.subscriptions.append(one)
            one.box = self.bus.subscribe(
                patterns, handle, size=size, when_full=policy, at_once=at_once, inline=inline
            )

        self.do(add, during)

    def do(self, what: Callable[[], None], during: bool) -> None:
        async def now() -> None:
            what()

        if during:
            self.during.append(what)
        else:
            self.run(now())

    def open(self, at: int) -> Naive | None:
        there = [one for one in self.subscriptions if not one.closed]
        return there[at % len(there)] if there else None

    @rule(at=PICK, during=st.booleans())
    def close(self, at: int, during: bool) -> None:
        if (one := self.open(at)) is None:
            return

        def close() -> None:
            assert one is not None
            assert one.box is not None
            one.box.close()
            one.closed = True
            one.take_out(lambda event: True)
            one.hands.clear()

        self.do(close, during)

    @rule(at=PICK, pattern=st.sampled_from(PATTERNS), during=st.booleans())
    def also(self, at: int, pattern: str, during: bool) -> None:
        if (one := self.open(at)) is None:
            return

        def also() -> None:
            assert one is not None
            assert one.box is not None
            new = pattern not in one.patterns and not one.closed
            assert self.bus.also(one.box, pattern) is new
            one.patterns += [pattern] * new

        self.do(also, during)

    @rule(at=PICK, pattern=st.sampled_from(PATTERNS), during=st.booleans())
    def no_more(self, at: int, pattern: str, during: bool) -> None:
        if (one := self.open(at)) is None:
            return

        def no_more() -> None:
            assert one is not None
            assert one.box is not None
            assert self.bus.no_more(one.box, pattern) is (pattern in one.patterns)
            if pattern in one.patterns:
                one.patterns.remove(pattern)
                one.take_out(lambda event: not one.wants(event.topic))

        self.do(no_more, during)

    @rule(events=st.lists(EVENT, min_size=1, max_size=8), many=st.booleans())
    def publish(self, events: list[dict[str, Any]], many: bool) -> None:
        made = []
        for one in events:
            self.n += 1
            fields = {key: value for key, value in one.items() if key != "age"}
            made.append(Event(payload={"n": self.n}, time=self.clock() - one["age"], **fields))

        async def publish() -> None:
            if many and not self.during:
                self.bus.publish_many(made)
                for event in made:
                    self.naively(event, self.wanting(event))
                return
            for event in made:  # what is done during a dispatch comes after whom it goes to
                wanted = self.wanting(event)
                self.bus.publish(event)
                self.naively(event, wanted)

        self.run(publish())

    def wanting(self, event: Event) -> list[Naive]:
        return [one for one in self.subscriptions if one.wants(event.topic)]

    def naively(self, event: Event, wanted: list[Naive]) -> None:
        if event.hop > MOST_HOPS:
            self.circled += 1
        elif event.ttl_ms and self.clock() - event.time > event.ttl_ms / 1000:
            self.expired += 1
        else:
            self.published += 1
            for one in wanted:
                one.put(event)

    @rule(at=PICK, which=PICK)
    def finish(self, at: int, which: int) -> None:
        """A handler comes to its end."""
        busy = [one for one in self.subscriptions if one.hands]
        if not busy:
            return
        one = busy[at % len(busy)]
        event = one.hands.pop(which % len(one.hands))

        async def finish() -> None:
            one.gates.pop(event.id).set()

        self.run(finish())

    @rule(thread=st.sampled_from(THREADS[1:]))
    def cancel(self, thread: int) -> None:
        async def cancel() -> None:
            expected = 0
            for one in self.subscriptions:
                expected += one.take_out(lambda event: event.begins == thread)
                ours = [event for event in one.hands if event.begins == thread]
                one.hands = [event for event in one.hands if event.begins != thread]
                expected += len(ours)
            assert self.bus.cancel(thread) == expected

        self.run(cancel())

    @rule(during=st.booleans())
    def look(self, during: bool) -> None:
        """The bus looks after those at work: who sleeps lets its tasks go."""

        def look() -> None:
            if self.bus._look is not None:
                self.bus._look.cancel()
            self.bus._look_after()

        self.do(look, during)

    @rule(seconds=st.sampled_from([0.6, 2.0]))
    def wait(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @rule(lanes=st.integers(0, 2))
    def stop_lanes(self, lanes: int) -> None:
        """The least urgent first."""
        self.stopped = {*[QoS.BACKGROUND, QoS.BATCHED][:lanes]}

        async def pace() -> None:
            for lane in (QoS.BATCHED, QoS.BACKGROUND):
                self.bus.pace(lane, 0.0 if lane in self.stopped else 1.0)

        self.run(pace())

    # ---------------------------------------------------------------- and what holds then
    @invariant()
    def they_agree(self) -> None:
        assert (self.bus.published, self.bus.circled, self.bus.expired) == (
            self.published, self.circled, self.expired,
        )  # fmt: skip
        for one in self.subscriptions:
            box = one.box
            assert box is not None
            assert [event.id for event in one.began] == [event.id for event in one.should]
            assert one.began == one.should
            assert list(box.queue) == one.waits
            assert (box.dropped, box.merged, box.expired) == (one.dropped, one.merged, one.expired)
            assert one.matched == (
                len(one.should) + len(one.waits) + one.dropped + one.merged + one.expired
                + one.removed
            )  # fmt: skip
            if not one.hands:
                assert box.handled == len(one.should)
            assert box.failed == box.overdue == box.left_behind == 0
            if not one.closed:
                assert box.idle is not bool(one.hands or one.waits)

    def teardown(self) -> None:
        async def end() -> None:
            await self.bus.close()
            assert len(asyncio.all_tasks()) == 1

        self.runner.run(end())
        self.runner.close()


TestBuses = Buses.TestCase
TestBuses.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
