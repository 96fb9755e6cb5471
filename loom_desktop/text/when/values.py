"""What the parts of a phrase mean, before anybody looks at a calendar: all plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace

AMBIGUOUS, LITERAL, DEFINITE = 0, 1, 2
PARTS = {"morning": 9, "noon": 12, "afternoon": 15, "evening": 19, "night": 21}
"""The hour meant when only a part of the day is said."""
PART_ENDS = {"morning": 12, "noon": 14, "afternoon": 18, "evening": 24, "night": 24}


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day."""

    hour: int
    minute: int = 0
    second: int = 0
    sure: int = AMBIGUOUS
    """AMBIGUOUS (``5``: a.m. or p.m.), LITERAL (``05:00``) or DEFINITE (``5 pm``, ``17:00``)."""
    next_day: bool = False
    """Midnight and the small hours of a night belong to the following date."""

    @property
    def possible(self) -> bool:
        """Whether a clock can show it; 24:00 is the end of the day."""
        if self.hour == 24:
            return self.minute == self.second == 0
        return 0 <= self.hour < 24 and 0 <= self.minute < 60 and 0 <= self.second < 60

    def shifted(self, minutes: int) -> Clock:
        """The same clock some minutes later or earlier, around midnight too."""
        total = self.hour * 60 + self.minute + minutes
        hour = total // 60
        if self.sure == AMBIGUOUS and hour == 0:
            hour = 12  # a quarter to one, said without a.m. or p.m.
        return replace(self, hour=hour % 24, minute=total % 60)

    def half_day(self, pm: bool) -> Clock:
        """With a.m. or p.m. said beside it."""
        hour = self.hour
        if hour <= 12:
            hour = hour % 12 + (12 if pm else 0)
        return replace(self, hour=hour, sure=DEFINITE)

    def within(self, part: str) -> Clock:
        """With a part of the day said beside it: an hour with an evening word is p.m."""
        hour = self.hour
        if self.sure == DEFINITE or hour > 12 or not part:
            return self
        if part == "morning":
            return replace(self, hour=hour % 12, sure=DEFINITE)
        if part == "noon":
            return replace(self, hour=hour + 12 if hour <= 4 else hour, sure=DEFINITE)
        if part == "afternoon":
            return replace(self, hour=hour % 12 + 12, sure=DEFINITE)
        if hour == 12 or hour == 0 or (part == "night" and hour <= 4):
            return replace(self, hour=hour % 12, sure=DEFINITE, next_day=True)
        return replace(self, hour=hour % 12 + 12, sure=DEFINITE)

    def settled(self, *, waking: bool) -> Clock:
        """The best guess alone: 1 to 6 is p.m. unless somebody wants to be woken."""
        if self.hour == 24:
            return replace(self, hour=0, sure=DEFINITE, next_day=True)
        if self.sure == AMBIGUOUS and 1 <= self.hour <= 6 and not waking:
            return replace(self, hour=self.hour + 12)
        return self


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. Months and days follow the calendar, seconds the clock."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def __add__(self, other: Span) -> Span:
        return Span(
            self.months + other.months, self.days + other.days, self.seconds + other.seconds
        )

    @property
    def empty(self) -> bool:
        """Nothing at all: ``in 0 minutes``."""
        return not (self.months or self.days or self.seconds)


_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_DAYS = {"day": 1, "week": 7, "fortnight": 14, "weekend": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
MOST = 1_000_000_000  # seconds, days or months: more is nobody's reminder, and overflows dates
ORDER = (
    "year",
    "quarter",
    "month",
    "fortnight",
    "weekend",
    "week",
    "day",
    "hour",
    "minute",
    "second",
)


def span(number: float, unit: str) -> Span:
    """So many of a unit; parts of a day become hours, parts of a month days."""
    number = min(number, MOST)
    if unit in _SECONDS:
        return Span(seconds=round(number * _SECONDS[unit]))
    if unit in _DAYS:
        days = number * _DAYS[unit]
        return Span(days=int(days), seconds=round((days - int(days)) * 86400))
    months = number * _MONTHS[unit]
    return Span(months=int(months), days=round((months - int(months)) * 30))


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it was said; ``resolve.py`` finds the date."""

    kind: str
    """offset, weekday, week, dom, date, nth, edge, month, in_month, year or in_year; inside
    rules also period and ref."""
    n: int = 0
    """Days, weeks, months or years ahead; for ``nth`` which one (-1 is the last)."""
    weekdays: tuple[int, ...] = ()
    day: int = 0
    month: int = 0
    year: int = 0
    next: bool = False
    """``next`` was said: not today."""
    part: str = ""
    clock: Clock | None = None
    unit: str = ""
    edge: str = ""
    """first, middle or last."""
    offset_s: int | None = None
    """UTC offset, when an ISO time named one."""


@dataclass(frozen=True, slots=True)
class Every:
    """How something repeats."""

    unit: str
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    nth: tuple[int, ...] = ()
    monthdays: tuple[int, ...] = ()
    month: int = 0
    part: str = ""
    clocks: int = 0
    """``twice a day`` makes sense only with so many times beside it."""


WORKDAYS = (0, 1, 2, 3, 4)
WEEKEND = (5, 6)
