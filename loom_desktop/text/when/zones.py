"""Wall time to instant and back, across the hours that a clock change removes or repeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from loom_desktop.errors import UsageError


def instant(wall: datetime, zone: tzinfo, fold: int = 0) -> datetime:
    """The aware moment at which a clock in that zone shows ``wall`` (naive).

    A time that the clocks skip becomes the first moment after the gap. One that comes twice is the
    first of the two, the second with ``fold=1``.
    """
    aware = wall.replace(tzinfo=zone, fold=fold)
    if _round_trip(aware) == wall:
        return aware
    early, late = sorted(wall.replace(tzinfo=zone, fold=f).astimezone(UTC) for f in (0, 1))
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0).astimezone(zone)


def moment(now: str, clock: float, zone: tzinfo) -> datetime:
    """The time that a person names, or the clock's when they name none. Raises UsageError.

    An offset that is the one of ``zone`` at that moment means the zone, so that clocks still
    change; another one is kept as it is.
    """
    if not now:
        return datetime.fromtimestamp(clock, zone)
    try:
        found = datetime.fromisoformat(now)
    except ValueError:
        raise UsageError(f"{now!r} is not a time.", hint="Write it as 2026-11-20T08:30.") from None
    if found.tzinfo is None:
        return found.replace(tzinfo=zone)
    try:
        here = found.astimezone(zone)
    except OverflowError:  # at the end of the calendar
        return found
    return here if here.utcoffset() == found.utcoffset() else found


def twice(wall: datetime, zone: tzinfo) -> bool:
    """Whether clocks in that zone show this time two times."""
    first, second = (wall.replace(tzinfo=zone, fold=f) for f in (0, 1))
    return first.utcoffset() != second.utcoffset() and _round_trip(first) == wall


def _round_trip(aware: datetime) -> datetime:
    return aware.astimezone(UTC).astimezone(aware.tzinfo).replace(tzinfo=None)
