"""From the name of a rule and what its slots hold to a value; the same for every language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from loom_desktop.text.when.values import (
    DEFINITE,
    WEEKEND,
    WORKDAYS,
    Clock,
    Day,
    Every,
    Span,
    span,
)

Held = dict[str, Any]


def of(rule: str, held: Held) -> Any:
    """The value, or None when the rule fits but its numbers make no sense here."""
    slot, _, name = rule.partition(".")
    if slot == "holiday":
        month, _, day = name.partition("_")
        return Day("date", month=int(month), day=int(day))
    make = _MEANING.get(rule)
    return make(held) if make is not None else _only(held)


def names() -> frozenset[str]:
    """Every rule that means something of its own."""
    return frozenset(_MEANING)


def _only(held: Held) -> Any:
    """A rule without a meaning of its own passes on its one slot, or says that it was there."""
    return next(iter(held.values()), True)


def _quantity(number: float, unit: str) -> tuple[Span, str] | None:
    return span(number, unit), unit


def _letter(held: Held) -> tuple[Span, str]:
    clock: Clock = held["hletter"]
    return Span(seconds=clock.hour * 3600 + clock.minute * 60), "hour"


def _hour_of(held: Held) -> Clock:
    clock: Clock = next(v for v in held.values() if isinstance(v, Clock))
    return clock


def _minutes(held: Held, sign: int, base: int = 0) -> Clock | None:
    if not 1 <= held["num"] <= 29:
        return None
    clock: Clock = held["h"]
    return clock.shifted(base + sign * held["num"])


def _spoken(held: Held) -> Clock:
    clock: Clock = held["hourword"]
    return replace(clock, minute=held["minuteword"])


def _in_part(held: Held, part: str) -> Clock:
    return _hour_of(held).within(part)


def _in_day_part(held: Held) -> Day:
    day: Day = held["day"]
    return replace(day, part=held["part"])


def _date(held: Held) -> Day:
    day = next(held[k] for k in ("dayno", "num", "ordinal") if k in held)
    return Day("date", month=held["month"], day=day, year=held.get("year", 0))


def _dom(held: Held, months: int = 0) -> Day | None:
    number = next(held[k] for k in ("ordinal", "suffixed", "num", "dayno") if k in held)
    if number < 1:
        return None
    return Day("dom", n=months, day=number, next=months > 0)


def _edge(held: Held, which: str) -> Day:
    period: Day = held.get("period") or Day("period", unit="month")
    return Day(
        "edge", n=period.n, unit=period.unit, month=period.month, year=period.year, edge=which
    )


def _period(unit: str, n: int = 0) -> Callable[[Held], Day]:
    return lambda held: Day("period", n=n, unit=unit)


def _in_months(n: int) -> Callable[[Held], Day]:
    return lambda held: Day("ref", n=n)


def _named_month(held: Held) -> Day:
    return Day("ref", month=held["month"], year=held.get("year", 0))


def _nth(held: Held, weekdays: tuple[int, ...]) -> Day | None:
    if not (-1 <= held["ordinal"] <= 5 or len(weekdays) > 1) or held["ordinal"] == 0:
        return None
    reference: Day = held["monthref"]
    return Day(
        "nth", n=held["ordinal"], weekdays=weekdays, day=reference.n,
        month=reference.month, year=reference.year,
    )  # fmt: skip


def _every_span(held: Held) -> Every | None:
    length: Span = held["span"]
    if length.empty:
        return Every("second", 0)
    if length.seconds:
        total = length.seconds + length.days * 86400
        if length.months:
            return None
        for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
            if total % seconds == 0:
                return Every(unit, total // seconds)
    if length.months and length.days:
        return None
    if length.months:
        whole_years = length.months % 12 == 0
        return Every(
            "year" if whole_years else "month", length.months // (12 if whole_years else 1)
        )
    if not length.days:
        return None
    if length.days % 7 == 0:
        return Every("week", length.days // 7)
    return Every("day", length.days)


def _every_unit(unit: str, interval: int = 1, clocks: int = 0) -> Every:
    if unit in ("quarter", "fortnight"):
        return Every(*{"quarter": ("month", 3), "fortnight": ("week", 2)}[unit], clocks=clocks)
    return Every(unit, interval, clocks=clocks)


def _every_nth_unit(held: Held) -> Every | None:
    return _every_unit(held["unit"], held["ordinal"]) if held["ordinal"] > 1 else None


def _weekdays(held: Held) -> tuple[int, ...]:
    days: tuple[int, ...] = next(
        held[k] for k in ("wds", "wds_plural", "wds_group", "wds_range") if k in held
    )
    return days


def _every_weekdays(held: Held) -> Every:
    return Every("week", weekdays=_weekdays(held) if held else WORKDAYS)


def _other_weekday(held: Held) -> Every:
    return Every("week", 2, weekdays=_weekdays(held))


def _nth_weekday(held: Held) -> Every | None:
    numbers = tuple(sorted(held["ordinals"], key=lambda n: n if n > 0 else 9))
    if not all(n == -1 or 1 <= n <= 5 for n in numbers):
        return None
    return Every("month", weekdays=(held["wd"],), nth=numbers)


def _nth_workday(held: Held) -> Every | None:
    number = held["ordinal"]
    if not (number == -1 or 1 <= number <= 23):
        return None
    return Every("month", weekdays=WORKDAYS, nth=(number,))


def _monthdays(held: Held) -> Every | None:
    for key in ("suffixeds", "ordinaldays", "daynos"):
        if key in held:
            days = tuple(sorted(set(held[key])))
            return Every("month", monthdays=days) if all(1 <= d <= 99 for d in days) else None
    return Every("month", monthdays=(held["num"],))


def _every_date(held: Held) -> Every:
    date: Day = held["monthday"]
    return Every("year", month=date.month, monthdays=(date.day,))


def _every_part(held: Held) -> Every:
    return Every("day", part=held.get("part") or held.get("part_plural") or "night")


def _shift(sign: int) -> Callable[[Held], tuple[int, Span, Any]]:
    return lambda held: (sign, held["span"], held.get("day") or held.get("clock"))


def _range(held: Held) -> tuple[Clock, Clock]:
    a, b = (held[k] for k in sorted(held) if isinstance(held[k], Clock))
    return a, b


def _range_half_day(held: Held) -> tuple[Clock, Clock]:
    first, last = held["a"], held["b"].half_day(held["ampm"])
    same = first.half_day(held["ampm"])
    return (same if same.hour < last.hour else first.half_day(not held["ampm"])), last


def _half_day(held: Held) -> Clock | None:
    clock = _hour_of(held)
    return clock.half_day(held["ampm"]) if clock.hour <= 24 else None


def _first_thing(held: Held) -> Day:
    return replace(held.get("day") or Day("offset", n=-1), part="morning")


def _weekday(following: bool = False, weeks: int = 0) -> Callable[[Held], Day]:
    return lambda held: Day("weekday", weekdays=(held["wd"],), n=weeks, next=following)


def _fixed(kind: str, n: int = 0, part: str = "") -> Callable[[Held], Day]:
    return lambda held: Day(kind, n=n, part=part)


_MEANING: dict[str, Callable[[Held], Any]] = {
    "quantity.count": lambda h: _quantity(h["num"], h["unit"]),
    "quantity.decimal": lambda h: _quantity(h["dec"], h["unit"]),
    "quantity.single": lambda h: _quantity(1, h["unit"]),
    "quantity.half": lambda h: _quantity(0.5, h["unit"]),
    "quantity.and_half": lambda h: _quantity(h["num"] + 0.5, h["unit"]),
    "quantity.one_and_half": lambda h: _quantity(1.5, h["unit"]),
    "quantity.quarter": lambda h: _quantity(0.25, h["unit"]) if h["unit"] == "hour" else None,
    "quantity.and_quarter": lambda h: _quantity(h["num"] + 0.25, h["unit"]),
    "quantity.one_and_quarter": lambda h: _quantity(1.25, h["unit"]),
    "quantity.three_quarters": lambda h: _quantity(0.75, h.get("unit", "hour")),
    "quantity.couple": lambda h: _quantity(2, h["unit"]),
    "quantity.letter": _letter,
    "quantity.half_hour": lambda h: _quantity(0.5, "hour"),
    "quantity.quarter_hour": lambda h: _quantity(0.25, "hour"),
    "quantity.three_quarter_hour": lambda h: _quantity(0.75, "hour"),
    "quantity.fortnight": lambda h: _quantity(14, "day"),
    "h.ampm": _half_day,
    "h.noon": lambda h: Clock(12, sure=DEFINITE),
    "h.midnight": lambda h: Clock(0, sure=DEFINITE),
    "clock.digital": _hour_of,
    "core.half_day": _half_day,
    "core.half_past": lambda h: h["h"].shifted(30),
    "core.half_to": lambda h: h["h"].shifted(-30),
    "core.three_quarters": lambda h: h["h"].shifted(-15),
    "core.quarter_past": lambda h: h["h"].shifted(15),
    "core.quarter_to": lambda h: h["h"].shifted(-15),
    "core.past": lambda h: _minutes(h, 1),
    "core.to": lambda h: _minutes(h, -1),
    "core.past_half": lambda h: _minutes(h, 1, -30),
    "core.to_half": lambda h: _minutes(h, -1, -30),
    "core.hour_minutes": lambda h: replace(_hour_of(h), minute=h["num"]),
    "core.noon": lambda h: Clock(12, sure=DEFINITE),
    "core.noon_half": lambda h: Clock(12, 30, sure=DEFINITE),
    "core.midnight": lambda h: Clock(0, sure=DEFINITE),
    "core.midnight_half": lambda h: Clock(0, 30, sure=DEFINITE),
    "spoken.minutes": _spoken,
    "spoken.oh": _spoken,
    "clock.in_part": lambda h: _in_part(h, h["part"]),
    "clock.part_first": lambda h: _in_part(h, h["part"]),
    "clock.at_night": lambda h: _in_part(h, "night"),
    "at.list": lambda h: h["clocks"],
    "at.list_strong": lambda h: h["clocks_strong"],
    "day.today": _fixed("offset"),
    "day.tomorrow": _fixed("offset", 1),
    "day.after_tomorrow": _fixed("offset", 2),
    "day.tonight": _fixed("offset", 0, "night"),
    "day.tomorrow_morning": _fixed("offset", 1, "morning"),
    "day.this_part": lambda h: Day("offset", part=h["part"]),
    "day.weekday": _weekday(),
    "day.next_weekday": _weekday(following=True),
    "day.weekday_week": _weekday(weeks=1),
    "day.weekday_two_weeks": _weekday(weeks=2),
    "day.next_week_weekday": lambda h: Day("week", n=1, weekdays=(h["wd"],)),
    "day.week_today": _fixed("offset", 7),
    "day.week_tomorrow": _fixed("offset", 8),
    "day.dom": _dom,
    "day.dom_next_month": lambda h: _dom(h, 1),
    "day.month_day": _date,
    "day.day_month": _date,
    "day.week": _fixed("week", 1),
    "day.week_after": _fixed("week", 2),
    "day.month": _fixed("month", 1),
    "day.month_after": _fixed("month", 2),
    "day.year": _fixed("year", 1),
    "day.new_year": lambda h: Day("date", month=1, day=1),
    "day.in_month": lambda h: Day("in_month", month=h["month"], year=h.get("year", 0)),
    "day.in_year": lambda h: Day("in_year", year=h["year"]),
    "day.first_of": lambda h: _edge(h, "first"),
    "day.last_of": lambda h: _edge(h, "last"),
    "day.middle_of": lambda h: _edge(h, "middle"),
    "day.end_of_day": lambda h: Day("offset", clock=Clock(17, sure=DEFINITE)),
    "day.nth": lambda h: _nth(h, (h["wd"],)),
    "day.nth_workday": lambda h: _nth(h, WORKDAYS),
    "day.weekend": lambda h: Day("weekday", weekdays=(5,), unit="weekend"),
    "day.next_weekend": lambda h: Day("weekday", weekdays=(5,), next=True, unit="weekend"),
    "period.month": _period("month"),
    "period.next_month": _period("month", 1),
    "period.year": _period("year"),
    "period.next_year": _period("year", 1),
    "period.week": _period("week"),
    "period.next_week": _period("week", 1),
    "period.quarter": _period("quarter"),
    "period.named": lambda h: Day("period", unit="named", month=h["month"], year=h.get("year", 0)),
    "monthref.this": _in_months(0),
    "monthref.next": _in_months(1),
    "monthref.named": _named_month,
    "part_noun.afternoon": lambda h: "afternoon",
    "ordinal_day.any": _dom,
    "every.weekend": lambda h: Every("week", weekdays=WEEKEND),
    "on.part": lambda h: _in_day_part(h) if "part" in h else _first_thing(h),
    "on.end_of_day": lambda h: replace(h["day"], clock=Clock(17, sure=DEFINITE)),
    "trigger.every": lambda h: Every(*h["adverb"]),
    "on.first_thing": _first_thing,
    "shift.later": _shift(1),
    "shift.earlier": _shift(-1),
    "every.span": _every_span,
    "every.unit_and_half": lambda h: _every_span({"span": span(1.5, h["unit"])}),
    "every.unit": lambda h: _every_unit(h.get("unit", "day")),
    "every.other": lambda h: _every_unit(h["unit"], 2),
    "every.nth_unit": _every_nth_unit,
    "every.weekdays": _every_weekdays,
    "every.weekdays_part": lambda h: replace(
        _every_weekdays(h), part=h.get("part") or h["part_plural"]
    ),
    "every.range": _every_weekdays,
    "every.weekdays_weekly": _every_weekdays,
    "every.other_weekday": _other_weekday,
    "every.nth_weekday": _nth_weekday,
    "every.nth_workday": _nth_workday,
    "every.monthdays": _monthdays,
    "every.last_day": lambda h: Every("month", monthdays=(-1,)),
    "every.first_day": lambda h: Every("month", monthdays=(1,)),
    "every.part": _every_part,
    "every.date": _every_date,
    "every.in_month": lambda h: Every("year", month=h["month"], monthdays=(1,)),
    "every.adverb": lambda h: Every(*h["adverb"]),
    "every.twice": lambda h: _every_unit(h["unit"], clocks=2),
    "every.several": lambda h: _every_unit(
        h["unit"] if "unit" in h else h["adverb"][0], clocks=h.get("num", 3)
    ),
    "monthday.month_day": _date,
    "monthday.day_month": _date,
    "between.range": _range,
    "between.half_day": _range_half_day,
}
