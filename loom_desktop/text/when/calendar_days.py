"""Which dates a day could mean, the nearest first; no clock is looked at here."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta

from loom_desktop.text.when.values import Day

_YEARS = 9  # 29 February may be eight years away


class ImpossibleDate(Exception):
    """No calendar has it: 31 February."""


def add_months(day: date, months: int) -> date:
    """The same day of another month, the last one when that month is shorter."""
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    if not 1 <= year <= 9998:
        raise ImpossibleDate
    return date(year, month + 1, min(day.day, days_in(year, month + 1)))


def days_in(year: int, month: int) -> int:
    """How many days that month has."""
    return calendar.monthrange(year, month)[1]


def dates(day: Day, today: date) -> Iterator[date]:
    """The dates it may mean from today on. Raises ImpossibleDate when there can be none."""
    match day.kind:
        case "offset":
            yield today + timedelta(days=day.n)
        case "weekday":
            ahead = (day.weekdays[0] - today.weekday()) % 7
            if ahead == 0 and day.next:
                ahead = 7
            for week in range(3):
                yield today + timedelta(days=ahead + 7 * (day.n + week))
        case "week":
            if not day.weekdays:
                yield today + timedelta(days=7 * day.n)
            else:
                monday = today - timedelta(days=today.weekday())
                yield monday + timedelta(days=7 * day.n + day.weekdays[0])
        case "dom":
            yield from _days_of_month(day, today)
        case "date":
            yield from _dates(day, today)
        case "nth":
            yield from _nth(day, today)
        case "edge":
            yield from _edges(day, today)
        case "month":
            yield add_months(today, day.n)
        case "year":
            yield add_months(today, 12 * day.n)
        case "in_month":
            for year in [day.year] if day.year else range(today.year, today.year + 2):
                yield date(year, day.month, 1)
        case "in_year":
            yield date(day.year, 1, 1)
        case _:
            raise AssertionError(day.kind)


def _days_of_month(day: Day, today: date) -> Iterator[date]:
    if day.day > 31:
        raise ImpossibleDate
    first = add_months(today.replace(day=1), day.n)
    for months in range(1 if day.next else 14):
        month = add_months(first, months)
        if day.day <= days_in(month.year, month.month):
            yield month.replace(day=day.day)


def _dates(day: Day, today: date) -> Iterator[date]:
    if not (1 <= day.month <= 12 and 1 <= day.day <= days_in(2028, day.month)):
        raise ImpossibleDate
    if day.year and not (1 <= day.year <= 9998 and day.day <= days_in(day.year, day.month)):
        raise ImpossibleDate
    for year in [day.year] if day.year else range(today.year, today.year + _YEARS):
        if day.day <= days_in(year, day.month):
            yield date(year, day.month, day.day)


def nth_weekday(year: int, month: int, n: int, weekdays: tuple[int, ...]) -> date | None:
    """The n-th of those weekdays in a month; -1 is the last. None when there are fewer."""
    days = [
        d for d in range(1, days_in(year, month) + 1) if date(year, month, d).weekday() in weekdays
    ]
    index = n - 1 if n > 0 else n
    return date(year, month, days[index]) if -len(days) <= index < len(days) else None


def _nth(day: Day, today: date) -> Iterator[date]:
    if day.month:
        months = [
            (year, day.month)
            for year in ([day.year] if day.year else range(today.year, today.year + 2))
        ]
    else:
        first = add_months(today.replace(day=1), day.day)
        ahead = [add_months(first, m) for m in range(1 if day.day else 14)]
        months = [(m.year, m.month) for m in ahead]
    for year, month in months:
        if (found := nth_weekday(year, month, day.n, day.weekdays)) is not None:
            yield found


def _edges(day: Day, today: date) -> Iterator[date]:
    for ahead in range(2):
        if day.unit == "week":
            monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * (day.n + ahead))
            yield monday + timedelta(days={"first": 0, "middle": 2, "last": 4}[day.edge])
            continue
        first, months = _period(day, today, ahead)
        last = add_months(first, months) - timedelta(days=1)
        middle = first.replace(day=15) if months == 1 else first + (last - first) // 2
        yield {"first": first, "middle": middle, "last": last}[day.edge]


def _period(day: Day, today: date, ahead: int) -> tuple[date, int]:
    """Where that month, quarter or year begins, and how many months it has."""
    if day.unit == "named":
        return date(day.year or today.year + ahead, day.month, 1), 1
    if day.unit == "year":
        return date(today.year + day.n + ahead, 1, 1), 12
    if day.unit == "quarter":
        first = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
        return add_months(first, 3 * (day.n + ahead)), 3
    return add_months(today.replace(day=1), day.n + ahead), 1
