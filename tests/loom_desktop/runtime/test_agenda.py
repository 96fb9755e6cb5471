"""What agents plan: set once, fired once, across restarts, clock changes, sleep and jumps."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loom_desktop import Agent, Context, Event, Loom
from loom_desktop.errors import NotUnderstood, UsageError
from loom_desktop.event import Privacy, QoS
from loom_desktop.runtime.agenda import MOST_PLANS, Plan
from loom_desktop.runtime.schedule import LATE_S
from loom_desktop.settings import Attention, Settings
from loom_desktop.store.schedules import Schedule
from loom_desktop.testing import A_FRIDAY, FakeClock, loom_for_tests

QUIET = Settings(attention=Attention(quiet_hours=""))
ASKED = Event(
    topic="lamp.asked", time=A_FRIDAY, origin=frozenset({"file"}), privacy=Privacy.LOCAL_ONLY
)
HOUR, DAY = 3600.0, 86_400.0


class Lamp:
    """A Loom with an agent that plans, and what it was woken by."""

    def __init__(self, loom: Loom, clock: FakeClock) -> None:
        self.loom, self.clock = loom, clock
        self.fired: list[Event] = []
        loom.bus.subscribe("schedule.fired.lamp.>", self.fired.append)

    def context(self, cause: Event = ASKED, agent: str = "lamp") -> Context:
        return Context(agent, cause, self.loom.supervisor.parts, self.loom.tasks, {})

    async def set(self, name: str = "glow", **rule: Any) -> Plan:
        return await self.context().schedule(name, **rule)

    async def later(self, seconds: float, *, step_s: float = 0.0) -> list[dict[str, Any]]:
        """Time passes, in one go or step by step; what fired meanwhile."""
        before = len(self.fired)
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.forward(min(step_s or seconds, until - self.clock.now))
            for _ in range(200):
                await self.loom.timers.tick()
                if not await self.loom.store.schedules.due(self.clock.now):
                    break
        return [event.payload for event in self.fired[before:]]


@asynccontextmanager
async def lamp_in(folder: Path, clock: FakeClock, **more: Any) -> AsyncIterator[Lamp]:
    async with loom_for_tests(folder, clock=clock, settings=QUIET, **more) as loom:
        yield Lamp(loom, clock)


@pytest.fixture
async def lamp(tmp_path: Path) -> AsyncIterator[Lamp]:
    async with lamp_in(tmp_path, FakeClock()) as lamp:
        yield lamp


def berlin(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


# -------------------------------------------------------------------- what is set
@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ({"at": "2026-11-20T09:30"}, "2026-11-20T09:30"),
        ({"at": datetime(2026, 11, 20, 9, 30)}, "2026-11-20T09:30"),
        ({"at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC)}, "2026-11-20T10:30"),
        ({"at": "2026-11-20T09:30", "zone": "America/New_York"}, "2026-11-20T15:30"),
        ({"every_s": 1800}, "2026-11-20T09:30"),
        ({"every_s": DAY, "at": "2026-11-19T08:00"}, "2026-11-21T08:00"),
        ({"cron": "30 8 * * 1-5"}, "2026-11-23T08:30"),
        ({"rrule": "FREQ=DAILY;BYHOUR=7;BYMINUTE=0;BYSECOND=0"}, "2026-11-21T07:00"),
        ({"rrule": "FREQ=DAILY"}, "2026-11-21T09:00"),
    ],
)
async def test_each_way_to_say_when(lamp: Lamp, rule: dict[str, Any], first: str) -> None:
    plan = await lamp.set(**rule)
    assert plan.next == berlin(first), datetime.fromtimestamp(plan.next, ZoneInfo("Europe/Berlin"))
    fired = await lamp.later(plan.next - lamp.clock.now)
    assert [(one["name"], one["at"]) for one in fired] == [("glow", plan.next)]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"at": "tomorrow"},
        {"at": ""},
        {"at": "2026-11-20T08:00"},
        {"at": "2026-11-20T10:00", "zone": "Mars/Olympus"},
        {"every_s": -5},
        {"every_s": 0.5},
        {"every_s": math.nan},
        {"every_s": math.inf},
        {"cron": "every day"},
        {"cron": "0 0 30 2 *"},
        {"rrule": "FREQ=SOMETIMES"},
        {"rrule": "nonsense"},
        {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
        {"rrule": "FREQ=DAILY;UNTIL=20200101T000000"},
        {"every_s": 60, "cron": "* * * * *"},
        {"every_s": 60, "policy": "twice"},
    ],
    ids=str,
)
async def test_a_rule_that_cannot_be_followed_is_told_at_once(
    lamp: Lamp, rule: dict[str, Any]
) -> None:
    with pytest.raises(NotUnderstood):
        await lamp.set(**rule)
    assert await lamp.context().schedules() == []


@pytest.mark.parametrize("name", ["", "Glow", "a.b", "*", ">", "x" * 65, "ä"])
async def test_a_name_is_one_segment_of_a_topic(lamp: Lamp, name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        await lamp.set(name, every_s=60)


async def test_nobody_may_fill_the_store(lamp: Lamp) -> None:
    for number in range(MOST_PLANS):
        await lamp.set(f"n{number}", every_s=60)
    with pytest.raises(UsageError, match="no more room"):
        await lamp.set("one-more", every_s=60)
    assert await lamp.set("n7", every_s=90), "those that are there may change"


async def test_every_counts_from_now_also_within_a_second(lamp: Lamp) -> None:
    lamp.clock.forward(0.7)
    plan = await lamp.set(every_s=60)
    assert plan.next - lamp.clock.now == pytest.approx(59.3)
    soon = datetime.fromtimestamp(lamp.clock.now + 1.5, UTC)
    assert (await lamp.set("soon", at=soon)).next >= soon.timestamp(), "never early"


# -------------------------------------------------------------------- one of each name
async def test_the_same_again_changes_nothing_and_another_takes_its_place(lamp: Lamp) -> None:
    first = await lamp.set(every_s=HOUR, data={"colour": "red"})
    lamp.clock.forward(1000)
    assert await lamp.set(every_s=HOUR, data={"colour": "red"}) == first
    blue = await lamp.set(every_s=HOUR, data={"colour": "blue"})
    assert (blue.next, blue.data) == (first.next, {"colour": "blue"})
    assert (await lamp.set(every_s=60)).next == lamp.clock.now + 60
    assert len(await lamp.context().schedules()) == 1
    assert not await lamp.context(agent="other").schedules()


async def test_two_at_once_are_one(lamp: Lamp) -> None:
    await asyncio.gather(*(lamp.set(every_s=60) for _ in range(5)))
    assert len(await lamp.context().schedules()) == 1


async def test_what_fired_does_not_fire_again_because_it_is_said_again(lamp: Lamp) -> None:
    await lamp.set(at="2026-11-20T10:00")
    assert len(await lamp.later(2 * HOUR)) == 1
    assert (await lamp.set(at="2026-11-20T10:00")).state == "done"
    assert not await lamp.later(DAY)
    with pytest.raises(NotUnderstood, match="never come"):
        await lamp.set(at="2026-11-20T11:00")


async def test_what_is_taken_away_does_not_come_and_can_be_set_again(lamp: Lamp) -> None:
    await lamp.set(every_s=60)
    assert await lamp.context().unschedule("glow")
    assert not await lamp.context().unschedule("glow")
    assert not await lamp.context().unschedule("never-there")
    assert not await lamp.later(300)
    assert (await lamp.set(every_s=60)).next == lamp.clock.now + 60
    assert len(await lamp.later(60)) == 1


async def test_one_that_was_written_without_its_number_is_found(lamp: Lamp) -> None:
    """The process ended between the two."""
    first = await lamp.set(every_s=60)
    await lamp.loom.store.state.remove("", "schedule/lamp/glow")
    assert await lamp.set(every_s=60) == first
    await lamp.loom.store.state.set_fact("schedule/lamp/glow", 99)
    assert await lamp.set(every_s=60) == first


async def test_a_number_that_is_another_schedules_now_is_not_taken_for_the_plan(lamp: Lamp) -> None:
    """Numbers of rows that are gone are given again."""
    reminder = await lamp.loom.store.schedules.add(Schedule(text="Call Ada", next=A_FRIDAY + DAY))
    await lamp.loom.store.state.set_fact("schedule/lamp/glow", reminder.id)
    await lamp.set(every_s=60)
    assert await lamp.loom.store.schedules.get(reminder.id) == reminder


# -------------------------------------------------------------------- what it brings
async def test_it_carries_the_labels_of_what_set_it_and_its_data(lamp: Lamp) -> None:
    await lamp.set(every_s=60, data={"colour": "red", "steps": [1, 2]})
    (payload,) = await lamp.later(60)
    (event,) = lamp.fired
    assert event.topic == "schedule.fired.lamp.glow"
    assert event.origin == {"file", "schedule"}
    assert (event.privacy, event.qos) == (Privacy.LOCAL_ONLY, QoS.BATCHED)
    assert (event.cause, event.hop, event.begins) == (ASKED.id, 0, event.id)
    assert payload == {
        "name": "glow", "at": A_FRIDAY + 60, "late_s": 0.0, "missed": 0,
        "data": {"colour": "red", "steps": [1, 2]},
    }  # fmt: skip
    ctx = lamp.context(Event(topic="x", origin=frozenset({"user-typed"}), privacy=Privacy.PUBLIC))
    await ctx.schedules()
    assert ctx.event.origin == {"user-typed", "file", "memory"}
    assert ctx.event.privacy is Privacy.LOCAL_ONLY


async def test_said_again_from_a_stricter_place_it_is_as_strict(lamp: Lamp) -> None:
    typed = Event(topic="x", origin=frozenset({"user-typed"}), privacy=Privacy.PUBLIC)
    await lamp.context(typed).schedule("glow", every_s=60)
    await lamp.set(every_s=60)
    await lamp.context(typed).schedule("glow", every_s=60)
    await lamp.later(60)
    assert lamp.fired[0].origin == {"user-typed", "file", "schedule"}
    assert lamp.fired[0].privacy is Privacy.LOCAL_ONLY


async def test_what_is_over_brings_its_labels_back(lamp: Lamp) -> None:
    await lamp.set(at="2026-11-20T10:00", data={"from": "a file"})
    await lamp.later(2 * HOUR)
    ctx = lamp.context(Event(topic="x", origin=frozenset({"user-typed"}), privacy=Privacy.PUBLIC))
    plan = await ctx.schedule("glow", at="2026-11-20T10:00")
    assert (plan.state, plan.data) == ("done", {"from": "a file"})
    assert ctx.event.origin == {"user-typed", "file"}


async def test_an_agent_plans_and_is_woken(tmp_path: Path) -> None:
    agent, woken = Agent("lamp"), asyncio.Event()

    @agent.on("lamp.asked")
    async def plan(ctx: Context, event: Event) -> None:
        await ctx.schedule("glow", every_s=60, data={"n": 1})

    @agent.on("schedule.fired.lamp.glow")
    async def glow(ctx: Context, event: Event) -> None:
        if event.payload["data"] == {"n": 1}:
            woken.set()

    clock = FakeClock()
    async with loom_for_tests(tmp_path, agent, clock=clock, listening=True) as loom:
        loom.bus.publish(ASKED)
        while not await loom.store.schedules.active(agent="lamp"):
            await asyncio.sleep(0)
        clock.forward(61)
        loom.timers.changed()
        async with asyncio.timeout(10):
            await woken.wait()


# -------------------------------------------------------------------- what was missed
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("once", [(5 * HOUR, 4)]),
        ("skip", []),
        ("all", [(hour * HOUR, 0) for hour in range(1, 6)]),
        ("ask", []),
    ],
)
async def test_after_a_sleep_each_policy(
    lamp: Lamp, policy: str, expected: list[tuple[float, int]]
) -> None:
    await lamp.set(every_s=HOUR, policy=policy)
    fired = await lamp.later(5 * HOUR + 10 * LATE_S)
    assert [(one["at"] - A_FRIDAY, one["missed"]) for one in fired] == expected
    (next_one,) = await lamp.later(HOUR - 10 * LATE_S)
    assert (next_one["at"], next_one["missed"]) == (A_FRIDAY + 6 * HOUR, 0), "and on it goes"


async def card_of(lamp: Lamp) -> dict[str, Any]:
    while not (cards := await lamp.loom.call("cards")):
        await asyncio.sleep(0)
    (card,) = cards
    return dict(card)


@pytest.mark.parametrize(
    ("action", "runs"), [("run_missed", 1), ("skip_missed", 0), ("dismiss", 0)]
)
async def test_ask_asks_and_does_what_the_person_says(lamp: Lamp, action: str, runs: int) -> None:
    await lamp.set(every_s=HOUR, policy="ask", data={"colour": "red"})
    assert not await lamp.later(3 * HOUR + 10 * LATE_S)
    card = await card_of(lamp)
    assert card["title"] == "lamp missed “glow”"
    assert "and 2 times before" in card["text"]
    await lamp.loom.call("answer", card=card["id"], action=action)
    async with asyncio.timeout(10):
        while len(lamp.fired) < runs:
            await asyncio.sleep(0)
    assert not [one for one in asyncio.all_tasks() if one.get_name() == "do what was missed"]
    assert len(lamp.fired) == runs
    if runs:
        told = lamp.fired[0]
        assert (told.payload["at"], told.payload["missed"]) == (A_FRIDAY + 3 * HOUR, 2)
        assert told.payload["data"] == {"colour": "red"}
        assert "file" in told.origin


async def test_what_was_asked_before_a_restart_is_answered_after_it(tmp_path: Path) -> None:
    clock = FakeClock()
    async with lamp_in(tmp_path, clock) as lamp:
        await lamp.set(every_s=HOUR, policy="ask")
        await lamp.later(2 * HOUR + 10 * LATE_S)
        card = await card_of(lamp)
    async with lamp_in(tmp_path, clock) as lamp:
        await lamp.loom.call("answer", card=card["id"], action="run_missed")
        async with asyncio.timeout(10):
            while not lamp.fired:
                await asyncio.sleep(0)
        assert lamp.fired[0].payload["at"] == A_FRIDAY + 2 * HOUR


async def test_a_card_of_another_agent_runs_nothing(lamp: Lamp) -> None:
    await lamp.set(every_s=HOUR)
    (plan,) = await lamp.loom.store.schedules.active(agent="lamp")
    data = {"schedule": plan.id, "at": 1.0, "late_s": 0.0, "missed": 0}
    for agent, told in (("thief", data), ("lamp", {}), ("lamp", {**data, "schedule": 99})):
        answer = Event(topic=f"card.answered.{agent}.run_missed", payload={"data": told})
        await lamp.loom.agenda._run_missed(answer)
    assert not lamp.fired


# -------------------------------------------------------------------- clocks
async def test_a_wall_time_stays_one_over_a_clock_change(tmp_path: Path) -> None:
    clock = FakeClock(berlin("2026-10-24T12:00"))
    async with lamp_in(tmp_path, clock) as lamp:
        await lamp.set(cron="0 9 * * *")
        await lamp.set("paced", every_s=12 * HOUR)
        await lamp.set("gone", cron="30 2 * * *")
        fired = await lamp.later(2 * DAY + HOUR, step_s=600)
    at = {
        name: [one["at"] for one in fired if one["name"] == name]
        for name in ("glow", "paced", "gone")
    }
    assert at["glow"] == [berlin("2026-10-25T09:00"), berlin("2026-10-26T09:00")]
    assert at["paced"] == [clock.now - 2 * DAY - HOUR + 12 * HOUR * n for n in range(1, 5)]
    assert at["gone"] == [berlin("2026-10-25T02:30"), berlin("2026-10-26T02:30")], "each once"


async def test_a_traveller_takes_wall_times_along_and_leaves_fixed_ones(tmp_path: Path) -> None:
    clock = FakeClock()
    async with lamp_in(tmp_path, clock) as lamp:
        await lamp.set("mine", at="2026-11-21T08:00")
        await lamp.set("theirs", at="2026-11-21T08:00", zone="Europe/Berlin")
        await lamp.set("exact", at="2026-11-21T08:00+01:00")
    async with lamp_in(tmp_path, clock, zone="America/New_York") as lamp:
        await lamp.loom.timers.tick()
        there = {one.name: one.next for one in await lamp.context().schedules()}
        again = await lamp.set("mine", at="2026-11-21T08:00")
    eight = berlin("2026-11-21T08:00")
    assert there == {"mine": eight + 6 * HOUR, "theirs": eight, "exact": eight}
    assert again.next == there["mine"]


async def test_a_clock_that_is_set_back_brings_nothing_twice(lamp: Lamp) -> None:
    await lamp.set(every_s=HOUR, policy="all")
    fired = await lamp.later(3 * HOUR)
    lamp.clock.forward(-2 * HOUR)
    await lamp.set(every_s=HOUR, policy="all")
    fired += await lamp.later(4 * HOUR, step_s=600)
    assert [one["at"] - A_FRIDAY for one in fired] == [n * HOUR for n in range(1, 6)]


STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([30.0, 600.0, 5000.0, 40_000.0])),
    st.tuples(st.just("jump"), st.sampled_from([-3000.0, -100.0, 3000.0])),
    st.tuples(st.just("restart"), st.just(0.0)),
    st.tuples(st.just("again"), st.just(0.0)),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STEPS, max_size=8))
async def test_whatever_happens_each_occurrence_comes_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float]]
) -> None:
    """Sleep, jumps and restarts at any time; the agent says its plan anew at each."""
    folder, clock = tmp_path_factory.mktemp("agenda"), FakeClock()
    seen: list[float] = []
    furthest = clock.now

    async def play(steps: list[tuple[str, float]]) -> list[tuple[str, float]]:
        nonlocal furthest
        async with lamp_in(folder, clock) as lamp:
            await lamp.set(every_s=HOUR, at="2026-11-20T09:00", policy="all")
            for number, (what, seconds) in enumerate(steps):
                if what == "restart":
                    return steps[number + 1 :]
                if what == "again":
                    await lamp.set(every_s=HOUR, at="2026-11-20T09:00", policy="all")
                elif what == "jump":
                    clock.forward(seconds)
                    seen.extend(one["at"] for one in await lamp.later(1.0))
                else:
                    seen.extend(one["at"] for one in await lamp.later(seconds))
                furthest = max(furthest, clock.now)
        return []

    while steps:
        steps = await play(steps)
    await play([("wait", 60.0)])
    hours = math.floor((max(furthest, clock.now) - A_FRIDAY) / HOUR)
    assert seen == [A_FRIDAY + n * HOUR for n in range(1, hours + 1)]
