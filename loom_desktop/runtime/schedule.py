"""Schedules on the wall clock: when they come next, what is due, and the loop that fires them.

A schedule is kept as its person meant it, wall time and zone; the instant is worked out. A time
that a clock change skips is the first moment after it; one that comes twice is the first of the
two. "Every 30 minutes" is time that passes, so a clock change does not move it.

What was missed (the computer slept, was off, or its clock jumped) follows the policy: ``skip``
drops it, ``once`` and ``ask`` make one of all (``ask``: whoever is told asks first), ``all`` brings
each. Late ones come one after the other, never all in one moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, takewhile
from math import floor
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec.structs import replace

from loom_desktop.clock import Clock
from loom_desktop.errors import LoomError, NotUnderstood
from loom_desktop.event import Event
from loom_desktop.store.schedules import Schedule

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)

TICK_S = 30.0
"""The longest sleep: asyncio's clock stands still while the computer sleeps."""
LATE_S = 60.0
"""Later than this it was missed; less is how long a tick and a busy computer may take."""
SPREAD_S = 1.0
"""Between two late ones."""
_RETRY_S = 5.0
_STEPS = {"SECONDLY": 1, "MINUTELY": 60, "HOURLY": 3600, "DAILY": 86_400, "WEEKLY": 604_800}
_SUB_DAILY = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_SHIFT_S = 26 * 3600.0  # no zone ever moved its clocks by more than a day
_NEAR = 3 * 86_400.0
FIXED = "fixed"
"""Key in ``Schedule.data``: it keeps its zone (or its instant) when the person travels."""


class Occurrence(msgspec.Struct, frozen=True):
    """One firing, which may stand for several that were missed."""

    at: float
    """Seconds since 1970 for which it was meant: the latest of those it stands for."""
    first: float
    """The earliest of those it stands for: what the store knew as ``next``."""
    next: float
    """When the schedule comes after this; 0 when it does not."""
    late_s: float


# ---------------------------------------------------------------- when it comes
def instant(wall: datetime, zone: tzinfo, fold: int = 0) -> datetime:
    """The moment of a wall time; the package that knows is loaded when it is needed."""
    from loom_desktop.text.when.zones import instant as of

    return of(wall, zone, fold)


def next_after(schedule: Schedule, after: float, zone: tzinfo | None = None) -> float | None:
    """The first occurrence later than ``after`` (seconds since 1970), or None.

    ``zone`` counts only when the schedule names none; without either it is UTC. Raises
    NotUnderstood when its rule, its time or its zone cannot be read.
    """
    return next(_occurrences(schedule, after, zone), None)


def due(schedule: Schedule, now: float, zone: tzinfo | None = None) -> list[Occurrence]:
    """What shall fire now, by its policy, the earliest first; empty when nothing is due.

    Under ``all`` each with the next one in it, so that they can be fired one by one.
    """
    first = schedule.next
    if schedule.state != "active" or first <= 0 or first > now:
        return []
    if schedule.policy == "all":
        return list(_each(schedule, first, now, zone))
    latest = _latest(schedule, first, now, zone)
    following = next_after(schedule, max(now, latest), zone) or 0.0
    late_s = max(0.0, now - latest)
    if schedule.policy == "skip" and late_s > LATE_S:
        return []
    return [Occurrence(latest, first, following, late_s)]


def passed(schedule: Schedule, first: float, last: float, *, most: int = 1000) -> int:
    """How many occurrences lie from ``first`` on before ``last``; at most ``most`` are counted."""
    if first >= last:
        return 0
    try:
        later = takewhile(lambda at: at < last, _occurrences(schedule, first, None))
        return 1 + sum(1 for _ in islice(later, most - 1))
    except NotUnderstood:  # it fires for the last time
        return 1


def moved(schedule: Schedule, zone: str) -> Schedule:
    """The schedule after its person moved to another zone: its wall times stay what they were.

    What waits keeps its date and time of day, so nothing is lost and nothing comes twice. One that
    is fixed, or counts the time that passes, stays.
    """
    if schedule.zone == zone or schedule.data.get(FIXED) or _elapsing(schedule):
        return schedule
    old, new = _zone(schedule, None), named_zone(zone)
    following = schedule.next
    if following > 0:
        local = datetime.fromtimestamp(following, old)
        following = instant(local.replace(tzinfo=None), new, local.fold).timestamp()
    return replace(schedule, zone=zone, next=following)


def _each(
    schedule: Schedule, first: float, now: float, zone: tzinfo | None
) -> Iterator[Occurrence]:
    at = first
    rest = _occurrences(schedule, first, zone)
    while at <= now:
        following = next(rest, None)
        yield Occurrence(at, at, following or 0.0, max(0.0, now - at))
        if following is None:
            return
        at = following


def _latest(schedule: Schedule, first: float, now: float, zone: tzinfo | None) -> float:
    """The last occurrence up to now, from the one that the store knows on."""
    latest = first
    near = now - _NEAR
    if first < near:  # many of a dense rule may have passed: look at the last days alone
        for at in _occurrences(schedule, near, zone):
            if at > now:
                break
            latest = at
        if latest > first:
            return latest
    for at in _occurrences(schedule, first, zone):
        if at > now:
            break
        latest = at
    return latest


def _occurrences(schedule: Schedule, after: float, zone: tzinfo | None) -> Iterator[float]:
    """All occurrences later than ``after``, in order, each instant once."""
    where = _zone(schedule, zone)
    if schedule.every_s > 0:
        yield from _paces(schedule, after, where, schedule.every_s)
        return
    if _elapsing(schedule):
        yield from _elapsed(schedule, after, where)
        return
    last = after
    for wall in _walls(schedule, after, where):
        second = schedule.fold and schedule.at and wall == _at(schedule)
        at = instant(wall, where, int(bool(second))).timestamp()
        if at > last:
            last = at
            yield at


def _paces(schedule: Schedule, after: float, zone: tzinfo, step: float) -> Iterator[float]:
    begin = instant(_at(schedule), zone, schedule.fold).timestamp() if schedule.at else 0.0
    k = max(0 if schedule.at else 1, floor((after - begin) / step) + 1)
    while begin + k * step <= after:  # what floating point took away
        k += 1
    while True:
        yield begin + k * step
        k += 1


# ---------------------------------------------------------------- rules of repetition


def _parts(rule: str) -> dict[str, str]:
    parts = (part.partition("=") for part in rule.upper().removeprefix("RRULE:").split(";"))
    return {name: value for name, _, value in parts if value}


def _elapsing(schedule: Schedule) -> bool:
    """Whether it counts time that passes, rather than hours on a clock."""
    if schedule.every_s > 0:
        return True
    parts = _parts(schedule.rrule)
    return parts.get("FREQ") in _SUB_DAILY and not any(p.startswith("BY") for p in parts)


def _elapsed(schedule: Schedule, after: float, zone: tzinfo) -> Iterator[float]:
    parts = _parts(schedule.rrule)
    step = _STEPS[parts["FREQ"]] * _number(parts.get("INTERVAL", "1"), schedule)
    begin = instant(_at(schedule), zone, schedule.fold).timestamp()
    end = float("inf")
    if "UNTIL" in parts:
        end = instant(_until(parts["UNTIL"], schedule), zone).timestamp()
    if "COUNT" in parts:
        end = min(end, begin + step * (_number(parts["COUNT"], schedule) - 1))
    for at in _paces(schedule, after, zone, step):
        if at > end:
            return
        yield at


def _walls(schedule: Schedule, after: float, zone: tzinfo) -> Iterator[datetime]:
    """Wall times (naive) that may be later than ``after``, in order."""
    if not schedule.rrule and not schedule.cron:
        yield _at(schedule)
        return
    around = [datetime.fromtimestamp(after + s, zone) for s in (-_SHIFT_S, 0.0, _SHIFT_S)]
    wall = around[1].replace(tzinfo=None)
    if len({moment.utcoffset() for moment in around}) > 1:  # an earlier wall time may lie ahead
        wall -= timedelta(seconds=_SHIFT_S)
    if schedule.cron:
        yield from _cron(schedule, wall)
    else:
        yield from _rule(schedule, wall)


def _cron(schedule: Schedule, wall: datetime) -> Iterator[datetime]:
    from cronsim import CronSim, CronSimError

    if schedule.at:
        wall = max(wall, _at(schedule) - timedelta(seconds=1))
    try:
        yield from CronSim(schedule.cron, wall)
    except CronSimError as error:
        raise _unreadable(schedule.cron) from error


def _rule(schedule: Schedule, wall: datetime) -> Iterator[datetime]:
    from dateutil.rrule import rrulestr

    start, parts = _at(schedule), _parts(schedule.rrule)
    if _impossible(parts):
        return
    try:
        rule: Any = rrulestr(schedule.rrule, dtstart=_nearer(start, wall, parts))
        # xafter is exclusive, and the margin makes a time on the very second a candidate too
        yield from rule.xafter(wall - timedelta(seconds=1))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise _unreadable(schedule.rrule) from error


def _nearer(start: datetime, wall: datetime, parts: dict[str, str]) -> datetime:
    """A later beginning with the same occurrences, so that years are not counted through."""
    step = _STEPS.get(parts.get("FREQ", ""), 0)
    interval = parts.get("INTERVAL", "1")
    if not step or "COUNT" in parts or "BYSETPOS" in parts or not interval.isdigit():
        return start
    length = timedelta(seconds=step * max(1, int(interval)))
    behind = (wall - start) // length - 2
    return start + length * behind if behind > 0 else start


def _impossible(parts: dict[str, str]) -> bool:
    """30 February: the library would look for it until the year 9999."""
    try:
        months = [int(m) for m in parts.get("BYMONTH", "").split(",") if m]
        days = [abs(int(d)) for d in parts.get("BYMONTHDAY", "").split(",") if d]
    except ValueError:
        return False  # the library says what is wrong with it
    longest = max((29 if m == 2 else 30 if m in (4, 6, 9, 11) else 31 for m in months), default=31)
    return bool(days) and min(days) > longest


# ---------------------------------------------------------------- reading what is stored


def _at(schedule: Schedule) -> datetime:
    try:
        return datetime.fromisoformat(schedule.at).replace(tzinfo=None)
    except ValueError as error:
        raise _unreadable(schedule.at) from error


def _zone(schedule: Schedule, zone: tzinfo | None) -> tzinfo:
    return named_zone(schedule.zone) if schedule.zone else zone or UTC


def named_zone(zone: str) -> ZoneInfo:
    """The zone of that name. Raises NotUnderstood."""
    from zoneinfo import ZoneInfo  # 2 ms: only a schedule needs it

    try:
        return ZoneInfo(zone)
    except (ValueError, OSError, LookupError) as error:
        raise _unreadable(zone) from error


def _number(text: str, schedule: Schedule) -> int:
    if not text.isdigit() or not 0 < int(text) < 10**9:
        raise _unreadable(schedule.rrule)
    return int(text)


def _until(text: str, schedule: Schedule) -> datetime:
    try:
        return datetime.fromisoformat(text.rstrip("Z"))
    except ValueError as error:
        raise _unreadable(schedule.rrule) from error


def _unreadable(what: str) -> NotUnderstood:
    return NotUnderstood(
        f"“{what[:80]}” is not a time that can be followed.", hint="Set the reminder again."
    )


# ---------------------------------------------------------------- the loop


class Store(Protocol):
    """What the loop needs of the store; ``store.schedules`` has it."""

    async def due(self, now: float) -> list[Schedule]:
        """Active ones whose ``next`` has come, the earliest first."""

    async def next_due(self) -> float:
        """The earliest ``next``, or 0."""

    async def advance(
        self,
        id: int,  # noqa: A002
        occurrence: float,
        next: float,  # noqa: A002
        event: Event | None = None,
    ) -> bool:
        """Durably note that this occurrence fires, with its event; True for one caller, ever."""

    async def active(self) -> Sequence[Schedule]:
        """All that are to come."""

    async def change(self, schedule: Schedule) -> None:
        """Put it in place of the one of that id."""


Told = Event | Callable[[], None] | None
Fire = Callable[[Schedule, float, float], Told]
"""``fire(schedule, occurrence, late_s)``: what is to be said of it, an event or something to call.
It is said once per occurrence, after that was stored."""


class Timers:
    """Fires schedules on the wall clock; survives restart, sleep, and clocks and zones that change.

    Idle, it wakes once in 30 seconds. What was noted in the store as fired never fires again. The
    event that says so is kept in the same transaction, so whoever is durable gets it also when the
    process dies between the note and the telling.
    """

    def __init__(
        self,
        store: Store,
        fire: Fire,
        clock: Clock,
        *,
        zone: Callable[[], str] | None = None,
        tick_s: float = TICK_S,
        publish: Callable[[Event], None] = lambda event: None,
    ) -> None:
        """``zone`` answers with the person's zone now; without it schedules stay where they are.

        What ``fire`` answers with is kept with the note, and then goes to ``publish``.
        """
        self._store, self._fire, self._clock, self._publish = store, fire, clock, publish
        self._person, self._tick_s = zone, tick_s
        self._where: str | None = None
        self._changed = asyncio.Event()
        self.looked = 0.0
        """When it was last seen what is due, by the clock; 0 before the first look."""
        self.trouble = ""
        """Why that is not seen now, or what is due and cannot be said, in words."""
        self._untold: dict[int, str] = {}
        """Schedules that are due and whose event could not be made, and why."""

    def changed(self) -> None:
        """A schedule was added or changed, or the computer has woken up: look again now."""
        self._changed.set()

    async def run(self) -> None:
        """Fire what is due until cancelled."""
        while True:
            self._changed.clear()
            try:
                wait_s = await self.tick()
                self.looked = self._clock()
                self.trouble = next(iter(self._untold.values()), "")
            except LoomError as error:  # a full disk: what is not noted is not fired, but tried on
                log.warning("schedules wait: %s", error.message)
                wait_s, self.trouble = _RETRY_S, error.message
            except Exception as error:  # a fence: a bug in one look does not end all reminders
                log.exception("schedules wait")
                wait_s, self.trouble = _RETRY_S, str(error) or repr(error)
            try:
                async with asyncio.timeout(min(wait_s, self._tick_s)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def tick(self) -> float:
        """Fire what is due now. Answers with how many seconds may pass until the next look."""
        await self._follow_person()
        now, late, waiting = self._clock(), False, False
        untold: dict[int, str] = {}
        for schedule in await self._store.due(now):
            occurrence = self._first_due(schedule, now)
            missed = occurrence is not None and occurrence.late_s > LATE_S
            if missed and late:
                waiting = True
                continue
            following = occurrence.next if occurrence else self._beyond(schedule, now)
            told: Told = None
            try:
                if occurrence is not None:
                    told = self._fire(schedule, occurrence.at, occurrence.late_s)
            except Exception as error:  # a fence: it is not noted, so it is tried again
                if schedule.id not in self._untold:
                    log.exception("schedule %s is due, and what to say of it fails", schedule.id)
                untold[schedule.id] = str(error) or repr(error)
                continue
            event = told if isinstance(told, Event) else None
            if await self._store.advance(schedule.id, schedule.next, following, event):
                late |= missed
                self._tell(schedule, told)
        self._untold = untold
        if waiting:
            return SPREAD_S
        following = await self._store.next_due()
        if not following:
            return self._tick_s
        wait_s = following - self._clock()
        if self._untold and wait_s <= 0:
            return _RETRY_S
        if wait_s <= 0:  # the rest of what `all` brings, or one that came up meanwhile
            return SPREAD_S if late else 0.0
        return min(wait_s, self._tick_s)

    def _first_due(self, schedule: Schedule, now: float) -> Occurrence | None:
        try:
            if schedule.policy == "all":
                following = next_after(schedule, schedule.next) or 0.0
                late_s = max(0.0, now - schedule.next)
                return Occurrence(schedule.next, schedule.next, following, late_s)
            return next(iter(due(schedule, now)), None)
        except NotUnderstood as error:  # told now rather than never, and not again
            log.warning("schedule %s: %s", schedule.id, error.message)
            return Occurrence(schedule.next, schedule.next, 0.0, max(0.0, now - schedule.next))

    def _beyond(self, schedule: Schedule, now: float) -> float:
        return next_after(schedule, max(now, schedule.next)) or 0.0

    def _tell(self, schedule: Schedule, told: Told) -> None:
        try:
            if isinstance(told, Event):
                self._publish(told)
            elif told is not None:
                told()
        except Exception:
            log.exception("schedule %s was due, and telling it failed", schedule.id)

    async def _follow_person(self) -> None:
        if self._person is None or not await self._store.next_due():
            return  # with nothing set, the zone need not be known: finding it takes a while
        here = self._person()
        if here == self._where:
            return
        for schedule in await self._store.active():
            try:
                there = moved(schedule, here)
            except NotUnderstood as error:
                log.warning("schedule %s stays in its zone: %s", schedule.id, error.message)
                continue
            if there is not schedule:
                await self._store.change(there)
        self._where = here
