"""Random histories of schedules: sleep, restarts, clocks that jump, zones that change, DST.

The real ``Timers`` look when they asked to be looked at; a clock on the wall and the time that
really passes go their own ways. Afterwards each schedule is judged by what ``calendar`` finds,
minute by minute: nothing fired that does not come, nothing twice, nothing was missed, and what came
up while the computer was awake was told within 60 s. Late ones are spread, a second apart: that
many more are allowed. An instant that fired in the zone before does not fire again, though it is
another wall time there. History number n is the same each time.

Between two looks at which nothing is due the looks are left out, all but the last: they do nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from loom_desktop.clock import wall
from loom_desktop.event import Event
from loom_desktop.runtime.schedule import LATE_S, SPREAD_S, TICK_S, Timers, Told, next_after
from loom_desktop.runtime.schedule import Store as Needs
from loom_desktop.store import Store
from loom_desktop.store.schedules import Schedule, Schedules
from tests.faults import calendar
from tests.faults.report import Report

HOME = "Europe/Madrid"
ZONES = (HOME, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
BEGINS = (
    "2026-10-23T22:00Z",  # Europe goes back on the 25th
    "2027-03-26T22:00Z",  # and forward on the 28th
    "2026-11-20T00:00Z",
    "2026-03-07T00:00Z",  # America goes forward on the 8th
    "2026-10-30T12:00Z",  # and back on 1 November
    "2026-10-02T20:00Z",  # Lord Howe goes forward by half an hour on the 4th
)
POLICIES = ("skip", "once", "all", "ask")
DAY_S = 86_400
LONGEST_S = 4 * DAY_S


class Piece(NamedTuple):
    """A stretch of time in which the clock ran as it should."""

    start: float
    end: float
    wall: float
    """What the clock showed at the start."""
    awake: bool


class Fired(NamedTuple):
    """One firing."""

    at: float
    when: float
    """In time that really passed."""
    wall: float


class Kept(Needs, Protocol):
    """What is asked of the store beyond what Timers need."""

    async def add(self, schedule: Schedule) -> Schedule:
        """Add it, and answer with its id in it."""

    async def kept(self) -> Sequence[int]:
        """Ids of the events that were kept with the notes, in order."""


class InStore(Schedules):
    """Schedules in the real store, and the events in its journal."""

    def __init__(self, store: Store) -> None:
        super().__init__(store._db, wall, store.journal)

    async def kept(self) -> list[int]:
        return [event.id for event in await self._journal.events(limit=1_000_000)]


class InMemory:
    """Schedules in a dictionary: 10,000 histories in a database take their time."""

    def __init__(self) -> None:
        self.rows: dict[int, Schedule] = {}
        self.fired: set[tuple[int, float]] = set()
        self.events: list[int] = []

    async def kept(self) -> list[int]:
        return self.events

    async def add(self, schedule: Schedule) -> Schedule:
        schedule = replace(schedule, id=len(self.rows) + 1)
        self.rows[schedule.id] = schedule
        return schedule

    async def due(self, now: float) -> list[Schedule]:
        there = [one for one in await self.active() if 0 < one.next <= now]
        return sorted(there, key=lambda one: (one.next, one.id))

    async def next_due(self) -> float:
        return min((one.next for one in await self.active() if one.next > 0), default=0.0)

    async def advance(
        self,
        id: int,  # noqa: A002
        occurrence: float,
        next: float,  # noqa: A002
        event: Event | None = None,
    ) -> bool:
        first = (id, occurrence) not in self.fired
        self.fired.add((id, occurrence))
        if first and event is not None:
            self.events.append(event.id)
        if self.rows[id].next == occurrence:
            state = "active" if next else "done"
            self.rows[id] = replace(self.rows[id], next=next, state=state)
        return first

    async def active(self) -> list[Schedule]:
        return [one for one in self.rows.values() if one.state == "active"]

    async def change(self, schedule: Schedule) -> None:
        self.rows[schedule.id] = schedule


class Stay:
    """A schedule for as long as its person stays in one zone, and what is to be expected of it."""

    def __init__(self, schedule: Schedule, comes: list[float], since: int) -> None:
        self.schedule, self.comes, self.since = schedule, comes, since
        self.fired: list[Fired] = []


class History:
    """One of them. ``tick_s``: the longest sleep; ``forgetful``: a restart knows nothing of before.

    Both take a guard away.
    """

    def __init__(
        self, number: int, kept: Kept, *, tick_s: float = TICK_S, forgetful: bool = False
    ) -> None:
        self._rng = random.Random(number)
        self._kept, self._tick_s, self._forgetful = kept, tick_s, forgetful
        begin = datetime.fromisoformat(self._rng.choice(BEGINS))
        self._begin = int(begin.timestamp()) // 60
        self.passed = 0.0
        self.wall = begin.timestamp() + self._rng.randrange(60)
        self._zone = HOME
        self._look_at = 0.0
        self._pieces: list[Piece] = []
        self._firings: list[float] = []
        self._instants: set[tuple[int, float]] = set()
        self._stays: dict[int, Stay] = {}
        self._published: list[int] = []
        self._over: list[tuple[Stay, int]] = []
        """With how many pieces there were when it ended."""
        self.latest_s = 0.0
        self.occurrences = 0

    async def run(self) -> list[str]:
        """What was not as promised."""
        for _ in range(self._rng.choice((1, 1, 2, 3))):
            await self._add()
        planned = await self._kept.active()
        self._timers = self._fresh()
        while self.passed < LONGEST_S * self._rng.random():
            what = self._rng.choice(("awake", "awake", "asleep", "off", "jump", "zone"))
            if what == "awake":
                await self._awake(self._rng.choice((20, 600, 7_200, 40_000, DAY_S)))
            elif what == "asleep":
                rest = max(0.0, self._look_at - self.passed)
                self._away(self._rng.choice((30, 3_000, 30_000, 2 * DAY_S)))
                signal = self._rng.random() < 0.5
                self._look_at = self.passed + (0.0 if signal else rest)
            elif what == "off":
                self._away(self._rng.choice((5, 3_000, 30_000, 2 * DAY_S)))
                if self._forgetful:
                    self._kept = InMemory()
                    for schedule in planned:
                        await self._kept.add(schedule)
                self._timers = self._fresh()
                self._look_at = self.passed
            elif what == "jump":
                self.wall += self._rng.choice((-3_600, 3_600, self._rng.randrange(-3_600, 3_600)))
            else:
                await self._travel(self._rng.choice(ZONES))
        await self._awake(LATE_S + 400)
        self._over += [(stay, len(self._pieces)) for stay in self._stays.values()]
        bad = self._judged()
        if not self._forgetful and sorted(await self._kept.kept()) != sorted(self._published):
            bad.append("what was kept is not what was told")
        return bad

    # ------------------------------------------------------------------ what happens

    def _fresh(self) -> Timers:
        return Timers(
            self._kept,
            self._fire,
            lambda: self.wall,
            zone=lambda: self._zone,
            tick_s=self._tick_s,
            publish=self._publish,
        )

    def _fire(self, schedule: Schedule, at: float, late_s: float) -> Told:
        """Half of them say it with an event, which is kept with the note; the others call."""
        if schedule.id % 2:
            payload = {"schedule": schedule.id, "at": at}
            return Event(topic="timer.due", payload=payload, time=self.wall)
        return partial(self._fired, schedule.id, at)

    def _publish(self, event: Event) -> None:
        self._published.append(event.id)
        self._fired(event.payload["schedule"], event.payload["at"])

    def _fired(self, id_: int, at: float) -> None:
        stay = self._stays.get(id_)
        if stay is not None:
            stay.fired.append(Fired(at, self.passed, self.wall))

    async def _add(self) -> None:
        rng = self._rng
        kind = rng.choice(("at", "every", "rrule", "rrule", "cron"))
        rules = {
            "at": ("",),
            "every": ("30", "90", "1440"),
            "rrule": (*calendar.RRULES, *calendar.ELAPSING),
            "cron": tuple(calendar.CRONS),
        }
        rule = rng.choice(rules[kind])
        day = datetime.fromtimestamp(60 * self._begin, UTC) + timedelta(days=rng.choice((0, 1, 2)))
        hour, minute = rng.choice(((2, 30), (9, 0), (23, 59), (1, 15), (0, 0), (3, 0)))
        at = datetime(day.year, day.month, day.day, hour, minute)
        schedule = Schedule(
            text=f"{kind} {rule}",
            at="" if kind == "cron" else at.isoformat(),
            zone=HOME,
            every_s=60.0 * int(rule) if kind == "every" else 0.0,
            rrule=rule if kind == "rrule" else "",
            cron=rule if kind == "cron" else "",
            policy=rng.choice(POLICIES),
            data={"fixed": True} if rng.random() < 0.3 else {},
        )
        comes = self._comes(schedule, HOME, self.wall)
        if not comes:
            return
        schedule = replace(schedule, next=next_after(schedule, self.wall) or 0.0)
        schedule = await self._kept.add(schedule)
        self._stays[schedule.id] = Stay(schedule, comes, 0)

    def _comes(self, schedule: Schedule, zone: str, after: float) -> list[float]:
        kind, _, rule = schedule.text.partition(" ")
        at = datetime.fromisoformat(schedule.at) if schedule.at else datetime.min
        minutes = calendar.comes(at, kind, rule, zone, self._begin)
        return [60.0 * minute for minute in minutes if 60.0 * minute > after]

    async def _awake(self, seconds: float) -> None:
        """Look when it is time to, until they have passed."""
        start, wall, end = self.passed, self.wall, self.passed + seconds
        while self._look_at <= end:
            self.wall += self._look_at - self.passed
            self.passed = self._look_at
            wait_s = min(await self._timers.tick(), self._tick_s)
            self._look_at += wait_s
            if wait_s == TICK_S == self._tick_s:
                quiet = min(end - self.passed, (await self._kept.next_due() or 1e12) - self.wall)
                self._look_at += max(0.0, (quiet // TICK_S - 2) * TICK_S)
        self.wall += end - self.passed
        self.passed = end
        self._pieces.append(Piece(start, end, wall, True))

    def _away(self, seconds: float) -> None:
        self._pieces.append(Piece(self.passed, self.passed + seconds, self.wall, False))
        self.passed += seconds
        self.wall += seconds

    async def _travel(self, zone: str) -> None:
        """What waits keeps its wall time; the first look follows. Nothing happens in between."""
        if zone == self._zone:
            return
        self._zone = zone
        there = {one.id: one for one in await self._kept.active()}
        for id_, stay in (*self._stays.items(),):
            kind, _, rule = stay.schedule.text.partition(" ")
            if "fixed" in stay.schedule.data or kind == "every" or rule in calendar.ELAPSING:
                continue
            self._over.append((stay, len(self._pieces)))
            if id_ not in there:
                del self._stays[id_]
                continue
            row = there[id_]
            comes: list[float] = []
            if (index := self._index(row.next)) < calendar.DAYS * 1440:
                waits = calendar.walls(row.zone, self._begin)[index]
                first = 60.0 * calendar.minute_of(waits, zone, self._begin)
                comes = [first, *self._comes(row, zone, first)]
            stay.comes = [one for one in stay.comes if one < row.next]
            self._stays[id_] = Stay(row, comes, len(self._pieces))
        self._look_at = min(self._look_at, self.passed + TICK_S)
        await self._awake(TICK_S)  # the zone that is noticed, before there is another

    def _index(self, moment: float) -> int:
        return int(moment) // 60 - (self._begin - 2 * 1440)

    # ------------------------------------------------------------------ the judgement

    def _judged(self) -> list[str]:
        self._firings = sorted(one.when for stay, _ in self._over for one in stay.fired)
        self._instants = {
            (stay.schedule.id, one.at) for stay, _ in self._over for one in stay.fired
        }
        return [
            f"{stay.schedule.text!r} {stay.schedule.policy}: {what}"
            for stay, until in self._over
            for what in self._judged_stay(stay, until)
        ]

    def _judged_stay(self, stay: Stay, until: int) -> list[str]:
        bad, comes, policy = [], set(stay.comes), stay.schedule.policy
        fired = [one.at for one in stay.fired]
        if fired != sorted(set(fired)):
            bad.append(f"doubled or out of order: {fired}")
        for one in stay.fired:
            latest = max((o for o in stay.comes if o <= one.wall), default=0.0)
            if one.at not in comes or one.at > one.wall:
                bad.append(f"fired {one.at:.0f}, which does not come")
            elif policy != "all" and one.at != latest:
                bad.append(f"fired {one.at:.0f}, and {latest:.0f} was the last")
            if policy == "skip" and one.wall - one.at > LATE_S:
                bad.append(f"fired {one.at:.0f}, {one.wall - one.at:.0f} s late")
        for moment in stay.comes:
            first = self._due(moment, stay.since, until)
            if first is None:
                break
            self.occurrences += 1
            told = [
                f.when
                for f in stay.fired
                if (f.at == moment if policy == "all" else f.at >= moment)
            ]
            if moment in fired:
                when = stay.fired[fired.index(moment)].when
                if not self._jumped(first, when):
                    waited = bisect_right(self._firings, when) - bisect_left(self._firings, first)
                    self.latest_s = max(self.latest_s, when - first - (waited - 1))
            held = self._held(moment, stay.since, until)
            if held is None or any(when <= held + self._allowed_s(held) for when in told):
                continue
            if moment not in fired and (stay.schedule.id, moment) in self._instants:
                continue  # in the zone before: no instant fires twice
            # once it was late it was dropped, also when the clock is set back later
            on_time = max(self._shown(first), self._shown(held)) - moment < LATE_S - TICK_S - 5
            if policy != "skip" or on_time:
                bad.append(f"missed {moment:.0f}, or told it late: {told}")
        return bad

    def _due(self, one: float, since: int, until: int) -> float | None:
        """When, in time that really passed, the clock first showed it to a computer awake."""
        for piece in self._pieces[since:until]:
            when = max(piece.start, piece.start + one - piece.wall)
            if piece.awake and when < piece.end:
                return when
        return None

    def _held(self, one: float, since: int, until: int) -> float | None:
        """The same, but so that it stayed awake and the clock past it for as long as is allowed."""
        begin: float | None = None
        for piece in self._pieces[since:until]:
            when = max(piece.start, piece.start + one - piece.wall)
            if not piece.awake or when >= piece.end:
                begin = None
                continue
            if begin is None or when > piece.start:
                begin = when
            if begin + self._allowed_s(begin) < piece.end:
                return begin
        return None

    def _allowed_s(self, begin: float) -> float:
        """A minute, and a second for each that was told meanwhile."""
        allowed, first = LATE_S, bisect_left(self._firings, begin)
        while True:
            count = bisect_right(self._firings, begin + allowed) - first
            if LATE_S + count * SPREAD_S <= allowed:
                return allowed
            allowed = LATE_S + count * SPREAD_S

    def _shown(self, moment: float) -> float:
        """What the clock showed then."""
        piece = next(one for one in self._pieces if one.start <= moment < one.end)
        return piece.wall + moment - piece.start

    def _jumped(self, start: float, end: float) -> bool:
        """Whether the computer was away or its clock was set in between."""
        return not any(one.awake and one.start <= start and end <= one.end for one in self._pieces)


def run(
    histories: int,
    *,
    first: int = 0,
    real_every: int = 50,
    tick_s: float = TICK_S,
    forgetful: bool = False,
) -> Report:
    """Histories ``first`` and after; each ``real_every``-th in the real store."""
    began = time.perf_counter()
    guard = " without memory" if forgetful else " with one long sleep" if tick_s > TICK_S else ""
    report = Report(suite=f"histories{guard}", control=bool(guard))
    report.figures = {"histories": histories, "occurrences": 0, "latest s": 0.0}

    async def all_of_them() -> None:
        for number in range(first, first + histories):
            if number % real_every or guard:
                history = History(number, InMemory(), tick_s=tick_s, forgetful=forgetful)
                bad = await history.run()
            else:
                async with Store(":memory:", use_keyring=False) as store:
                    history = History(number, InStore(store))
                    bad = await history.run()
            report.add("occurrences", history.occurrences)
            report.figures["latest s"] = max(report.figures["latest s"], history.latest_s)
            report.wrong += [f"history {number}: {what}" for what in bad]

    asyncio.run(all_of_them())
    report.seconds = time.perf_counter() - began
    return report
