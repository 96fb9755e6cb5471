"""When a schedule comes, found without any calendar arithmetic: every minute is looked at.

The oracle of ``histories``. It shares nothing with the code under test but ``zoneinfo``: no
cronsim, no dateutil. Every minute of some days is put beside what the clocks of a zone show in it,
and each rule is a question to one such wall time. A time that the clocks skip is the first minute
after; one that they show twice is the first of the two. What counts time that passes comes at
multiples of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

DAYS = 13
"""Looked at, from two days before the beginning on."""
_MARGIN = 2 * 1440
Asks = Callable[[datetime, datetime], bool]
"""Whether it comes at that wall time, given the wall time at which it begins."""


def _same_time(wall: datetime, at: datetime) -> bool:
    return (wall.hour, wall.minute) == (at.hour, at.minute)


RRULES: dict[str, Asks] = {
    "FREQ=DAILY": _same_time,
    "FREQ=DAILY;BYHOUR=2,9;BYMINUTE=30": lambda wall, at: wall.hour in (2, 9) and wall.minute == 30,
    "FREQ=WEEKLY;BYDAY=MO,WE,SA,SU": lambda wall, at: (
        wall.weekday() in (0, 2, 5, 6) and _same_time(wall, at)
    ),
    "FREQ=DAILY;INTERVAL=2": lambda wall, at: (
        (wall.date() - at.date()).days % 2 == 0 and _same_time(wall, at)
    ),
    "FREQ=DAILY;COUNT=3": _same_time,
    "FREQ=MONTHLY;BYMONTHDAY=25,-1": lambda wall, at: (
        (wall.day == 25 or (wall + timedelta(days=1)).day == 1) and _same_time(wall, at)
    ),
    "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,20,40": lambda wall, at: (
        wall.hour in (1, 2, 3) and wall.minute % 20 == 0
    ),
}
CRONS: dict[str, Asks] = {
    "30 2 * * *": lambda wall, at: (wall.hour, wall.minute) == (2, 30),
    "*/20 1-3 * * *": lambda wall, at: 1 <= wall.hour <= 3 and wall.minute % 20 == 0,
    "0 9 * * 1-5": lambda wall, at: (wall.hour, wall.minute) == (9, 0) and wall.weekday() < 5,
    "15 */6 * * 0,6": lambda wall, at: (
        wall.hour % 6 == 0 and wall.minute == 15 and wall.weekday() >= 5
    ),
}
ELAPSING: dict[str, int] = {"FREQ=HOURLY;INTERVAL=5": 300, "FREQ=MINUTELY;INTERVAL=45": 45}
"""Rules that count time, and their minutes."""


@cache
def walls(zone: str, begin: int) -> list[datetime]:
    """What the clocks of the zone show in each minute of the days around ``begin`` (minutes since
    1970): the first is two days before it."""
    where = ZoneInfo(zone)
    return [
        datetime.fromtimestamp(60 * minute, UTC).astimezone(where).replace(tzinfo=None)
        for minute in range(begin - _MARGIN, begin - _MARGIN + DAYS * 1440)
    ]


@cache
def _first_minutes(zone: str, begin: int) -> dict[datetime, int]:
    """The first minute in which the clocks show it, or have passed it."""
    first: dict[datetime, int] = {}
    shown: datetime | None = None
    for minute, wall in enumerate(walls(zone, begin), begin - _MARGIN):
        while shown is not None and shown + timedelta(minutes=1) < wall:  # they skip these
            shown += timedelta(minutes=1)
            first.setdefault(shown, minute)
        first.setdefault(wall, minute)
        shown = wall
    return first


def minute_of(wall: datetime, zone: str, begin: int) -> int:
    """In minutes since 1970."""
    return _first_minutes(zone, begin)[wall]


@cache
def comes(at: datetime, kind: str, rule: str, zone: str, begin: int) -> tuple[int, ...]:
    """All minutes since 1970, in order, in which it comes. ``kind``: at, every (``rule`` are its
    minutes), rrule, cron; a cron has no beginning of its own."""
    if kind == "at":
        return (minute_of(at, zone, begin),)
    if kind == "every" or rule in ELAPSING:
        step = ELAPSING.get(rule) or int(rule)
        end = begin - _MARGIN + DAYS * 1440
        return tuple(range(minute_of(at, zone, begin), end, step))
    asks = RRULES[rule] if kind == "rrule" else CRONS[rule]
    found = [
        (wall, minute)
        for wall, minute in _first_minutes(zone, begin).items()
        if (kind == "cron" or wall >= at) and asks(wall, at)
    ]
    if "COUNT=3" in rule:
        found = sorted(found)[:3]
    return tuple(sorted({minute for _, minute in found}))
