"""Reads "10 minutes ago", "yesterday" and "2026-11-20T08:30" as a moment that is over.

For people who look back, on a command line; English and ISO 8601. What comes is read by
``understand``, which never answers with something past.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from loom_desktop.errors import UsageError
from loom_desktop.text.when.zones import instant, moment

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SECONDS = {"s": 1, "m": 60, "h": 3_600}
_LONG = {"d": 1, "w": 7}
_AGO = re.compile(
    r"(?P<count>\d{1,6}|an?|half an)\s*"
    r"(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|w|weeks?)(?:\s+ago)?"
)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def earlier(said: str, now: datetime) -> datetime:
    """The moment, aware, in the zone of ``now``. Raises UsageError.

    A day is its midnight; a clock time and a weekday alone are the last that there were. Days and
    weeks ago are counted on the calendar, shorter times by the second.
    """
    text = " ".join(said.lower().split())
    zone = now.tzinfo or UTC
    today = datetime.combine(now.date(), time())
    if text == "now":
        return now
    if text in ("today", "yesterday"):
        return instant(today - timedelta(days=text == "yesterday"), zone)
    if text in _DAYS:
        back = (now.weekday() - _DAYS.index(text)) % 7
        return instant(today - timedelta(days=back), zone)
    if found := _AGO.fullmatch(text):
        count, unit = _count(found["count"]), found["unit"][0]
        try:
            if unit in _SECONDS:
                return (now.astimezone(UTC) - timedelta(seconds=count * _SECONDS[unit])).astimezone(
                    zone
                )
            return instant(now.replace(tzinfo=None) - timedelta(days=count * _LONG[unit]), zone)
        except OverflowError:
            raise _wrong(said) from None
    if found := _CLOCK.fullmatch(text):
        hour, minute = int(found[1]), int(found[2])
        if hour < 24 and minute < 60:
            at = instant(today.replace(hour=hour, minute=minute), zone)
            if at <= now:
                return at
            return instant(today.replace(hour=hour, minute=minute) - timedelta(days=1), zone)
    try:
        return moment(said.strip(), 0.0, zone) if text else now
    except UsageError:
        raise _wrong(said) from None


def _count(said: str) -> float:
    return 0.5 if said == "half an" else 1 if said in ("a", "an") else int(said)


def _wrong(said: str) -> UsageError:
    return UsageError(
        f"{said!r} is no time that is over.",
        hint="Say 2026-11-20T08:30, 08:30, today, yesterday, monday, 10m or 2 hours ago.",
    )
