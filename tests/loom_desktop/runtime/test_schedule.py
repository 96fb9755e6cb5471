"""Schedules: across clock changes, zones, sleep and clocks that jump, each occurrence once."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from loom_desktop.errors import NotUnderstood, Unavailable
from loom_desktop.event import Event
from loom_desktop.runtime.schedule import LATE_S, TICK_S, Timers, due, moved, next_after
from loom_desktop.store import Store as RealStore
from loom_desktop.store.schedules import Schedule

HISTORIES = int(os.environ.get("LOOM_TEST_HISTORIES", "300"))
"""How many random histories; 10000 before a release."""


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def schedule(**fields: Any) -> Schedule:
    """One in Madrid, with ``next`` worked out unless it is given."""
    usual: dict[str, Any] = {"id": 1, "text": "stretch", "zone": "Europe/Madrid"}
    one = Schedule(**usual | fields)
    if "next" in fields:
        return one
    return replace(one, next=next_after(one, epoch("2020-01-01T00:00Z")) or 0.0)


def coming(one: Schedule, after: str, count: int = 3) -> list[str]:
    zone, at, found = ZoneInfo(one.zone or "UTC"), epoch(after), []
    for _ in range(count):
        following = next_after(one, at)
        if following is None:
            break
        at = following
        found.append(datetime.fromtimestamp(at, zone).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("fields", "after", "expected"),
    [
        ({"at": "2026-11-20T08:30:00"}, "2026-11-01T00:00Z", ["2026-11-20T08:30+01:00"]),
        ({"at": "2026-11-20T08:30:00"}, "2026-11-20T07:30Z", []),
        (  # wall-clock arithmetic: 25 h and 23 h lie between
            {"at": "2026-10-24T09:00:00", "rrule": "FREQ=DAILY"},
            "2026-10-24T00:00Z",
            ["2026-10-24T09:00+02:00", "2026-10-25T09:00+01:00", "2026-10-26T09:00+01:00"],
        ),
        (  # what the clocks skip is the first moment after
            {"at": "2027-03-27T02:30:00", "rrule": "FREQ=DAILY"},
            "2027-03-27T00:00Z",
            ["2027-03-27T02:30+01:00", "2027-03-28T03:00+02:00", "2027-03-29T02:30+02:00"],
        ),
        (  # what comes twice is the first of the two, once
            {"at": "2026-10-24T02:30:00", "rrule": "FREQ=DAILY"},
            "2026-10-24T00:00Z",
            ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        (
            {"at": "2026-10-25T02:30:00", "fold": 1},
            "2026-10-01T00:00Z",
            ["2026-10-25T02:30+01:00"],
        ),
        (  # the second of the two lies ahead of the first, though its wall time is less
            {"at": "2026-10-25T02:30:00", "fold": 1, "rrule": "FREQ=DAILY"},
            "2026-10-25T02:40+02:00",
            ["2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"],
        ),
        (  # several walls in one gap are one moment
            {
                "at": "2027-03-28T01:00:00",
                "rrule": "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30",
            },
            "2027-03-28T00:15Z",
            ["2027-03-28T01:30+01:00", "2027-03-28T03:00+02:00", "2027-03-28T03:30+02:00"],
        ),
        (
            {"at": "2026-11-20T08:30:00", "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
            "2026-11-20T08:00Z",
            ["2026-11-23T08:30+01:00", "2026-11-24T08:30+01:00", "2026-11-25T08:30+01:00"],
        ),
        (
            {"at": "2026-11-24T09:00:00", "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"},
            "2030-01-01T00:00Z",
            ["2030-01-01T09:00+01:00", "2030-01-15T09:00+01:00", "2030-01-29T09:00+01:00"],
        ),
        (
            {"at": "2026-11-20T09:00:00", "rrule": "FREQ=DAILY;COUNT=2"},
            "2026-11-01T00:00Z",
            ["2026-11-20T09:00+01:00", "2026-11-21T09:00+01:00"],
        ),
        (
            {"at": "2026-11-20T09:00:00", "rrule": "FREQ=DAILY;UNTIL=20261121T235959"},
            "2026-11-20T08:00Z",
            ["2026-11-21T09:00+01:00"],
        ),
        (
            {"at": "2026-11-30T09:00:00", "rrule": "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"},
            "2026-12-01T00:00Z",
            ["2026-12-31T09:00+01:00", "2027-01-29T09:00+01:00", "2027-02-26T09:00+01:00"],
        ),
        (  # time that passes: a clock change neither doubles nor drops one
            {"at": "2026-10-25T01:30:00", "rrule": "FREQ=MINUTELY;INTERVAL=30"},
            "2026-10-25T00:00Z",
            ["2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"],
        ),
        (
            {"at": "2026-11-20T09:00:00", "rrule": "FREQ=HOURLY;INTERVAL=8;COUNT=3"},
            "2026-11-20T09:00Z",
            ["2026-11-20T17:00+01:00", "2026-11-21T01:00+01:00"],
        ),
        (
            {"at": "2026-11-20T09:00:00", "rrule": "FREQ=HOURLY;UNTIL=20261120T110000"},
            "2026-11-20T08:00Z",
            ["2026-11-20T10:00+01:00", "2026-11-20T11:00+01:00"],
        ),
        (
            {"cron": "30 8 * * MON-FRI"},
            "2026-11-20T08:00Z",
            ["2026-11-23T08:30+01:00", "2026-11-24T08:30+01:00", "2026-11-25T08:30+01:00"],
        ),
        ({"cron": "30 2 28 3 *"}, "2027-03-01T00:00Z", ["2027-03-28T03:00+02:00"]),
        (
            {"at": "2026-11-20T09:00:00", "every_s": 5400.0},
            "2026-11-20T08:00Z",
            ["2026-11-20T10:30+01:00", "2026-11-20T12:00+01:00", "2026-11-20T13:30+01:00"],
        ),
        (
            {"at": "2026-01-01T09:00", "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
            "2026-01-01",
            [],
        ),
        (
            {"at": "2010-01-01T00:00:00", "rrule": "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10"},
            "2026-11-20T09:50Z",
            ["2026-11-21T09:00+01:00", "2026-11-21T09:20+01:00", "2026-11-21T09:40+01:00"],
        ),
    ],
)
def test_when_it_comes_next(fields: dict[str, Any], after: str, expected: list[str]) -> None:
    assert coming(schedule(next=0.0, **fields), after)[: len(expected) or 1] == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"at": "tomorrow"},
        {"at": "2026-11-20T09:00", "rrule": "FREQ=NEVER"},
        {"at": "2026-11-20T09:00", "rrule": "FREQ=DAILY;BYHOUR=nine"},
        {"at": "2026-11-20T09:00", "rrule": "FREQ=HOURLY;INTERVAL=0"},
        {"at": "2026-11-20T09:00", "rrule": "FREQ=HOURLY;UNTIL=soon"},
        {"at": "2026-11-20T09:00", "zone": "Europe/Atlantis"},
        {"cron": "61 * * * *"},
        {"cron": "often"},
    ],
)
def test_what_cannot_be_read_is_told(fields: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood) as raised:
        next_after(schedule(next=1.0, **fields), 0.0)
    assert raised.value.hint


def test_a_schedule_without_a_zone_is_where_the_person_is() -> None:
    one = schedule(zone="", at="2026-11-20T09:00:00", next=0.0)
    assert next_after(one, 0.0) == epoch("2026-11-20T09:00Z")
    assert next_after(one, 0.0, ZoneInfo("Asia/Tokyo")) == epoch("2026-11-20T00:00Z")


# ---------------------------------------------------------------- what is due


@pytest.mark.parametrize(
    ("policy", "now", "times"),
    [
        ("once", "2026-11-20T08:00Z", ["2026-11-20T08:00Z"]),
        ("once", "2026-11-20T07:59Z", []),
        ("once", "2026-11-23T12:00Z", ["2026-11-23T08:00Z"]),
        ("ask", "2026-11-23T12:00Z", ["2026-11-23T08:00Z"]),
        ("skip", "2026-11-20T08:00:40Z", ["2026-11-20T08:00Z"]),
        ("skip", "2026-11-23T12:00Z", []),
        ("skip", "2026-11-23T08:00:30Z", ["2026-11-23T08:00Z"]),
        (
            "all",
            "2026-11-22T12:00Z",
            ["2026-11-20T08:00Z", "2026-11-21T08:00Z", "2026-11-22T08:00Z"],
        ),
    ],
)
def test_what_was_missed_follows_the_policy(policy: str, now: str, times: list[str]) -> None:
    one = schedule(at="2026-11-20T09:00:00", rrule="FREQ=DAILY", policy=policy)
    found = due(one, epoch(now))
    assert [o.at for o in found] == [epoch(t) for t in times]
    if found:
        assert found[0].first == one.next
        assert found[-1].next > epoch(now)
        assert found[-1].late_s == epoch(now) - found[-1].at


def test_nothing_is_due_of_one_that_is_not_active() -> None:
    one = schedule(at="2026-11-20T09:00:00", state="done")
    assert due(one, epoch("2026-11-21T00:00Z")) == []


def test_a_dense_rule_after_a_long_sleep_is_one_and_quick() -> None:
    one = schedule(at="2020-01-01T00:00:00", every_s=1.0, next=epoch("2020-01-02T00:00Z"))
    now = epoch("2026-11-20T10:00Z")
    (found,) = due(one, now)
    assert (found.at, found.next) == (now, now + 1)


# ---------------------------------------------------------------- moving


def test_moving_keeps_the_time_on_the_wall() -> None:
    one = schedule(at="2026-11-20T08:30:00", rrule="FREQ=DAILY")
    there = moved(one, "America/New_York")
    assert there.zone == "America/New_York"
    assert there.next == epoch("2026-11-20T08:30-05:00")
    assert moved(there, "Europe/Madrid") == one


@pytest.mark.parametrize(
    "fields",
    [
        {"rrule": "FREQ=DAILY", "data": {"fixed": True}},
        {"rrule": "FREQ=MINUTELY;INTERVAL=30"},
        {"every_s": 60.0},
        {"zone": "America/New_York"},
    ],
)
def test_what_is_fixed_or_counts_time_that_passes_stays(fields: dict[str, Any]) -> None:
    one = schedule(at="2026-11-20T08:30:00", **fields)
    assert moved(one, "America/New_York") is one


# ---------------------------------------------------------------- the loop


@dataclass
class Clock:
    """A wall clock that people set."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Store:
    """In memory, with the promises of the real one."""

    rows: dict[int, Schedule] = field(default_factory=dict)
    fired: set[tuple[int, float]] = field(default_factory=set)
    kept: list[Event] = field(default_factory=list)
    fails: int = 0
    looked: int = 0

    async def due(self, now: float) -> list[Schedule]:
        self.looked += 1
        active = [r for r in self.rows.values() if r.state == "active" and 0 < r.next <= now]
        return sorted(active, key=lambda r: (r.next, r.id))

    async def next_due(self) -> float:
        return min(
            (r.next for r in self.rows.values() if r.state == "active" and r.next), default=0.0
        )

    async def advance(
        self,
        id: int,  # noqa: A002
        occurrence: float,
        next: float,  # noqa: A002
        event: Event | None = None,
    ) -> bool:
        if self.fails:
            self.fails -= 1
            raise Unavailable("The disk is full.")
        row = self.rows[id]
        if row.state != "active":
            return False
        first = (id, occurrence) not in self.fired
        if first and event is not None:
            self.kept.append(event)
        self.fired.add((id, occurrence))
        if row.next == occurrence:
            self.rows[id] = replace(row, next=next, state="active" if next else "done")
        return first

    async def active(self) -> list[Schedule]:
        return [r for r in self.rows.values() if r.state == "active"]

    async def change(self, schedule: Schedule) -> None:
        self.rows[schedule.id] = schedule


class World:
    """Timers with a clock that moves, a store, and a list of what fired."""

    def __init__(self, now: float, *schedules: Schedule, zone: str = "Europe/Madrid") -> None:
        self.clock, self.store, self.zone = Clock(now), Store(), zone
        self.store.rows = {s.id: s for s in schedules}
        self.fired: list[tuple[int, float, float]] = []
        self.timers = self.fresh()

    def fresh(self) -> Timers:
        """The process was started again."""
        return Timers(self.store, self._fire, self.clock, zone=lambda: self.zone)

    def _fire(self, one: Schedule, occurrence: float, late_s: float) -> Callable[[], None]:
        def tell() -> None:
            assert (one.id, one.next) in self.store.fired, "stored before it is told"
            self.fired.append((one.id, occurrence, late_s))

        return tell

    async def settle(self) -> None:
        """Until nothing is due; time stands still."""
        for _ in range(500):
            await self.timers.tick()
            if not await self.store.due(self.clock.now):
                return
        raise AssertionError("it never comes to rest")


async def test_idle_it_sleeps_as_long_as_it_may() -> None:
    world = World(0.0, zone="UTC")
    assert await world.timers.tick() == TICK_S
    world.store.rows[1] = schedule(at="1970-01-01T00:00:00", zone="UTC", next=1000.0)
    assert await world.timers.tick() == TICK_S
    world.clock.now = 993.0
    assert await world.timers.tick() == 7.0


async def test_several_late_ones_come_one_after_the_other() -> None:
    rows = [
        schedule(id=n, at=f"2026-11-20T09:0{n}:00", next=epoch(f"2026-11-20T08:0{n}Z"))
        for n in range(3)
    ]
    world = World(epoch("2026-11-20T12:00Z"), *rows)
    waits = [await world.timers.tick() for _ in range(3)]
    assert [one for one, *_ in world.fired] == [0, 1, 2]
    assert waits[:2] == [1.0, 1.0]
    assert len(world.fired) == 3


async def test_ones_on_time_come_together() -> None:
    now = epoch("2026-11-20T08:00Z")
    world = World(now, *(schedule(id=n, at="2026-11-20T09:00:00") for n in range(3)))
    await world.timers.tick()
    assert len(world.fired) == 3


async def test_a_schedule_that_cannot_be_read_is_told_once_and_stops_nothing() -> None:
    now = epoch("2026-11-20T08:00Z")
    broken = schedule(id=1, at="2026-11-20T09:00:00", rrule="FREQ=NEVER", next=now - 5)
    world = World(now, broken, schedule(id=2, at="2026-11-20T09:00:00"))
    await world.settle()
    assert [one for one, *_ in world.fired] == [1, 2]


async def test_its_event_is_kept_with_the_note_and_then_published() -> None:
    now, told = epoch("2026-11-20T08:00Z"), list[Event]()
    store = Store({1: schedule(id=1, at="2026-11-20T09:00:00")})
    due = Event(topic="timer.due")

    def publish(event: Event) -> None:
        assert store.kept == [event], "kept before it is told"
        told.append(event)

    timers = Timers(store, lambda *_: due, Clock(now), publish=publish)
    await timers.tick()
    await timers.tick()
    assert told == store.kept == [due]


async def test_what_cannot_be_said_stays_due_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, said = epoch("2026-11-20T08:00Z"), list[Event]()
    store = Store({n: schedule(id=n, at="2026-11-20T09:00:00") for n in (1, 2)})
    broken = [True]

    def fire(one: Schedule, occurrence: float, late_s: float) -> Event:
        if one.id == 1 and broken:
            raise RuntimeError("no words")
        return Event(topic="timer.due", payload={"n": one.id})

    timers = Timers(store, fire, Clock(now), publish=said.append)
    for _ in range(3):
        assert await timers.tick() == 5.0, "it is tried again, though not at once"
    assert [one.payload["n"] for one in said] == [2]
    assert caplog.text.count("what to say of it fails") == 1
    broken.clear()
    await timers.tick()
    assert [one.payload["n"] for one in said] == [2, 1]


async def test_a_listener_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    now, told = epoch("2026-11-20T08:00Z"), list[int]()
    store = Store({n: schedule(id=n, at="2026-11-20T09:00:00") for n in (1, 2)})

    def fail(number: int) -> None:
        told.append(number)
        raise RuntimeError("no bus")

    def fire(one: Schedule, occurrence: float, late_s: float) -> Callable[[], None]:
        return partial(fail, one.id)

    await Timers(store, fire, Clock(now)).tick()
    assert told == [1, 2]
    assert "telling it failed" in caplog.text


async def test_a_clock_set_back_brings_nothing_again() -> None:
    one = schedule(at="2026-11-20T09:00:00", rrule="FREQ=DAILY")
    world = World(epoch("2026-11-20T08:00Z"), one)
    await world.settle()
    world.clock.now -= 3600
    await world.settle()
    world.clock.now += 3600
    await world.settle()
    assert len(world.fired) == 1


async def test_it_follows_the_person_also_when_they_moved_while_it_was_off() -> None:
    one = schedule(at="2026-11-20T09:00:00", rrule="FREQ=DAILY")
    world = World(epoch("2026-11-20T08:00Z"), one)
    await world.settle()
    world.zone = "America/New_York"
    world.timers = world.fresh()
    for hour in range(8, 8 + 48):
        world.clock.now = epoch("2026-11-20T08:00Z") + (hour - 8) * 3600
        await world.settle()
    assert [at for _, at, _ in world.fired] == [
        epoch("2026-11-20T09:00+01:00"),
        epoch("2026-11-21T09:00-05:00"),
    ]


async def test_restart_after_a_week_tells_one_late_notice() -> None:
    one = schedule(at="2026-11-20T09:00:00", rrule="FREQ=DAILY")
    world = World(epoch("2026-11-27T12:00Z"), one)
    world.timers = world.fresh()
    await world.settle()
    assert world.fired == [(1, epoch("2026-11-27T08:00Z"), 4 * 3600.0)]


async def run_until(world_timers: Timers, met: Callable[[], bool]) -> None:
    """Run the loop until it is so, five seconds at most."""
    task = asyncio.get_running_loop().create_task(world_timers.run())
    try:
        async with asyncio.timeout(5):
            while not met():
                await asyncio.sleep(0)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_loop_looks_again_when_something_changed() -> None:
    world = World(epoch("2026-11-20T08:00Z"))
    task = asyncio.get_running_loop().create_task(world.timers.run())
    async with asyncio.timeout(5):
        while world.store.looked < 1:
            await asyncio.sleep(0)
        for _ in range(50):  # idle: it does not look by itself
            await asyncio.sleep(0)
        assert world.store.looked == 1
        world.store.rows[1] = schedule(at="2026-11-20T09:00:00")
        world.timers.changed()
        while not world.fired:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_full_disk_delays_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world = World(epoch("2026-11-20T08:00Z"), schedule(at="2026-11-20T09:00:00"))
    world.store.fails = 1
    timers = Timers(world.store, world._fire, world.clock, tick_s=0.01)
    await run_until(timers, lambda: bool(world.fired))
    assert len(world.fired) == 1
    assert "The disk is full." in caplog.text


async def test_a_bug_in_one_look_does_not_end_all_reminders(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(epoch("2026-11-20T08:00Z"), schedule(at="2026-11-20T09:00:00"))
    timers = Timers(world.store, world._fire, world.clock, tick_s=0.01)
    tick, calls = timers.tick, list[bool]()

    async def stumble() -> float:
        calls.append(True)
        if len(calls) == 1:
            raise ZeroDivisionError
        return await tick()

    monkeypatch.setattr(timers, "tick", stumble)
    with caplog.at_level(logging.CRITICAL):
        await run_until(timers, lambda: bool(world.fired))
    assert len(world.fired) == 1


# ---------------------------------------------------------------- random histories

ZONES = ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;BYHOUR=2,9;BYMINUTE=30",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=DAILY;COUNT=4",
    "FREQ=DAILY;INTERVAL=2",
    "",
)
STARTS = ("2026-10-23T22:00Z", "2027-03-26T22:00Z", "2026-11-20T00:00Z", "2026-03-07T00:00Z")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["awake", "asleep", "forward", "back", "restart", "zone"]),
        st.integers(1, 30 * 3600),
        st.sampled_from(ZONES),
    ),
    min_size=1,
    max_size=14,
)


@given(
    steps=STEPS,
    rule=st.sampled_from(RULES),
    wall=st.sampled_from(["02:30:00", "09:00:00", "23:59:00", "01:15:00"]),
    start=st.sampled_from(STARTS),
    travels=st.booleans(),
)
@settings(max_examples=HISTORIES, deadline=None)
async def test_no_history_misses_or_doubles_an_occurrence(
    steps: list[tuple[str, int, str]], rule: str, wall: str, start: str, travels: bool
) -> None:
    begin = epoch(start)
    day = datetime.fromtimestamp(begin, ZoneInfo("Europe/Madrid")).date()
    one = schedule(
        at=f"{day}T{wall}", rrule=rule, policy="all", data={} if travels else {"fixed": True}
    )
    following = next_after(one, begin)
    if following is None:
        return
    one = replace(one, next=following)
    world = World(begin, one)
    furthest = begin
    for what, seconds, zone in steps:
        if what == "awake":  # time passes in ticks
            for _ in range(seconds // 1800):
                world.clock.now += 1800
                furthest = max(furthest, world.clock.now)
                await world.settle()
        elif what == "asleep":
            world.clock.now += seconds
        elif what == "forward":
            world.clock.now += 3600
        elif what == "back":
            world.clock.now -= 3600
        elif what == "restart":
            world.timers = world.fresh()
        elif travels:
            world.zone = zone
        furthest = max(furthest, world.clock.now)
        await world.settle()
        assert all(late >= 0 for _, _, late in world.fired)
    fired = [at for _, at, _ in world.fired]
    assert len(set(fired)) == len(fired), "doubled"
    assert fired == sorted(fired) or travels
    if not travels:
        expected: list[float] = []
        coming_at: float | None = following
        while coming_at is not None and coming_at <= furthest:
            expected.append(coming_at)
            coming_at = next_after(one, coming_at)
        assert fired == expected, "missed"
    else:
        _check_the_walls(world, one)


def _check_the_walls(world: World, one: Schedule) -> None:
    """Wherever the person went, the next one on the wall follows the last that fired."""
    left = world.store.rows[1]
    assert left.zone == world.zone or left.state != "active" or "HOURLY" in one.rrule
    assert left.next == 0 or left.next > world.clock.now or left.state != "active"
    count = len(world.fired)
    at: float | None = one.next
    for _ in range(count):
        assert at is not None
        at = next_after(one, at)
    if at is None or "HOURLY" in one.rrule:
        return
    was = datetime.fromtimestamp(at, ZoneInfo(one.zone)).replace(tzinfo=None)
    here = datetime.fromtimestamp(left.next, ZoneInfo(left.zone)).replace(tzinfo=None)
    assert abs((was - here).total_seconds()) <= 3600  # an hour, where a clock change skipped it


@given(
    steps=STEPS,
    rule=st.sampled_from(RULES),
    policy=st.sampled_from(["once", "ask", "skip"]),
    start=st.sampled_from(STARTS),
)
@settings(max_examples=HISTORIES, deadline=None)
async def test_under_the_other_policies_nothing_comes_twice_and_the_last_is_told(
    steps: list[tuple[str, int, str]], rule: str, policy: str, start: str
) -> None:
    begin = epoch(start)
    day = datetime.fromtimestamp(begin, ZoneInfo("Europe/Madrid")).date()
    one = schedule(at=f"{day}T09:00:00", rrule=rule, policy=policy, data={"fixed": True})
    following = next_after(one, begin)
    if following is None:
        return
    world = World(begin, replace(one, next=following))
    for what, seconds, _ in steps:
        world.clock.now += {"back": -3600, "forward": 3600, "restart": 0, "zone": 0}.get(
            what, seconds
        )
        before = len(world.fired)
        await world.settle()
        assert len(world.fired) - before <= 1
        for _, _, late in world.fired[before:]:
            assert policy != "skip" or late <= LATE_S
    fired = [at for _, at, _ in world.fired]
    assert fired == sorted(set(fired))


async def test_the_real_store_keeps_the_promise() -> None:
    clock, fired = Clock(epoch("2026-11-20T07:00Z")), list[float]()
    async with RealStore(":memory:", clock=clock) as store:
        one = await store.schedules.add(
            schedule(id=0, at="2026-11-20T09:00:00", rrule="FREQ=DAILY")
        )
        for hours in (1, 0, -1, 1, 23, 1, 48):  # once a day, and once for the two that were missed
            clock.now += hours * 3600
            timers = Timers(store.schedules, lambda s, at, late: partial(fired.append, at), clock)
            await timers.tick()
        assert one.id
        assert fired == [epoch(f"2026-11-{day}T08:00Z") for day in (20, 21, 23)]
