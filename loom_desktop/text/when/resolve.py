"""From what was said to a moment and a rule of repetition, with the calendar in hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from datetime import timezone as fixed_zone

from loom_desktop.text.when.calendar_days import (
    ImpossibleDate,
    add_months,
    dates,
    days_in,
    nth_weekday,
)
from loom_desktop.text.when.unclear import Unclear
from loom_desktop.text.when.values import (
    AMBIGUOUS,
    DEFINITE,
    PART_ENDS,
    PARTS,
    Clock,
    Day,
    Every,
    Span,
)
from loom_desktop.text.when.zones import instant

BYDAY = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SUB_DAILY = {"hour": 3600, "minute": 60, "second": 1}
_FREQ = {
    "second": "SECONDLY", "minute": "MINUTELY", "hour": "HOURLY", "day": "DAILY",
    "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY",
}  # fmt: skip


@dataclass(slots=True)
class Said:
    """Everything a phrase said about time, still without a calendar."""

    day: Day | None = None
    clocks: tuple[Clock, ...] = ()
    part: str = ""
    after: Span | None = None
    shift: tuple[int, Span] | None = None
    every: Every | None = None
    until: Day | Clock | None = None
    lasting: Span | None = None
    count: int = 0
    start: Day | Clock | None = None
    between: tuple[Clock, Clock] | None = None
    also_weekday: int = -1
    """A weekday that was named beside a date: they must agree."""
    waking: bool = False


class Resolver:
    """Finds the moment for one ``now`` in one zone."""

    def __init__(self, now: datetime, zone: tzinfo, nine: time) -> None:
        self.zone = zone
        self.now = now.astimezone(zone)
        self.nine = Clock(nine.hour, nine.minute, nine.second, sure=DEFINITE)

    def resolve(self, said: Said) -> tuple[datetime, str]:
        """The moment and the RRULE (empty when it happens once). Raises Unclear."""
        try:
            if said.every is not None:
                return self._repeating(said, said.every)
            return self._once(said), ""
        except (ImpossibleDate, OverflowError) as error:
            raise Unclear(
                "There is no such date.", hint="Say a day that is in the calendar.",
                reason="impossible",
            ) from error  # fmt: skip

    # ---------------------------------------------------------------- once

    def _once(self, said: Said) -> datetime:
        if len(said.clocks) > 1:
            raise Unclear(
                "That names more than one time.", hint="Say one time, or make two reminders.",
                reason="several",
            )  # fmt: skip
        if said.after is not None:
            return self._after(said, said.after)
        moment = self._named(said)
        if said.shift is not None:
            sign, length = said.shift
            moment = self._moved(moment, length, sign)
            if not self._ahead(moment):
                raise self._over(moment)
        return moment

    def _after(self, said: Said, length: Span) -> datetime:
        if length.empty:
            raise Unclear(
                "That is right now.", hint="Say a time that is still ahead.", reason="over"
            )
        if length.seconds and not said.clocks:
            return self._moved(self.now.replace(microsecond=0), length, 1)
        day = add_months(self.now.date(), length.months) + timedelta(days=length.days)
        if said.day is not None and said.day.kind == "weekday":
            day += timedelta(days=said.day.weekdays[0] - day.weekday())
        part = said.part or (said.day.part if said.day else "")
        clock = self._clock(said.clocks, part, said.waking)
        moment = self._at(day, clock)
        if not self._ahead(moment):
            raise self._over(moment)
        return moment

    def _moved(self, moment: datetime, length: Span, sign: int) -> datetime:
        wall = moment.replace(tzinfo=None)
        if length.months or length.days:
            day = add_months(wall.date(), sign * length.months) + timedelta(days=sign * length.days)
            moment = instant(datetime.combine(day, wall.time()), self.zone, moment.fold)
        seconds = timedelta(seconds=sign * length.seconds)
        return (moment.astimezone(UTC) + seconds).astimezone(self.zone)

    def _named(self, said: Said) -> datetime:
        day = said.day
        if day is not None and day.offset_s is not None and day.clock is not None:
            return self._exact(day, day.clock, day.offset_s)
        clocks = said.clocks or ((day.clock,) if day is not None and day.clock else ())
        part = said.part or (day.part if day else "")
        clock = self._clock(clocks, part, said.waking)
        if day is None or (day.kind == "offset" and day.n < 0):
            rolling = (self.now.date() + timedelta(days=n) for n in range(-1, 3))
            return self._first_ahead(list(rolling), clock)
        if day.kind == "offset" and day.n == 0:
            return self._today(clocks, clock, part)
        found = list(dates(day, self.now.date()))
        if said.also_weekday >= 0:
            found = self._agreeing(found, said.also_weekday, day)
        return self._first_ahead(found, clock)

    def _agreeing(self, found: list[date], weekday: int, day: Day) -> list[date]:
        if day.kind == "dom":  # Friday the 13th may be months away
            agreeing: list[date] = []
            month = self.now.date().replace(day=1)
            for _ in range(60):
                if day.day <= days_in(month.year, month.month):
                    candidate = month.replace(day=day.day)
                    if candidate.weekday() == weekday:
                        agreeing.append(candidate)
                month = add_months(month, 1)
            return agreeing
        ahead = [d for d in found if d >= self.now.date()]
        if ahead and ahead[0].weekday() != weekday:
            names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
            raise Unclear(
                f"{ahead[0]:%d.%m.%Y} is a {names[ahead[0].weekday()]}, not a {names[weekday]}.",
                hint="Say the date or the weekday alone.", reason="impossible",
            )  # fmt: skip
        return found

    def _today(self, clocks: tuple[Clock, ...], clock: Clock, part: str) -> datetime:
        today = self.now.date()
        moment = self._at(today, clock)
        if self._ahead(moment):
            return moment
        if clocks and clock.hour == clock.minute == 0 and not clock.next_day:
            return self._at(today, replace(clock, next_day=True))  # midnight today: the one ahead
        if clocks and clocks[0].sure == AMBIGUOUS and clock.hour < 12 and not part:
            later = self._at(today, replace(clock, hour=clock.hour + 12))
            if self._ahead(later):
                return later
        if not clocks:  # no hour was said, the usual one is over: the next full hour
            full = (self.now.replace(tzinfo=None) + timedelta(hours=1)).replace(
                minute=0, second=0, microsecond=0
            )
            if full.date() == today and full.hour < PART_ENDS.get(part, 24):
                return instant(full, self.zone)
        raise self._over(moment)

    def _exact(self, day: Day, clock: Clock, offset_s: int) -> datetime:
        if abs(offset_s) >= 86400:
            raise ImpossibleDate
        wall = datetime.combine(next(dates(day, self.now.date())), self._time(clock))
        zone = fixed_zone(timedelta(seconds=offset_s))
        moment = wall.replace(tzinfo=zone).astimezone(self.zone)
        if not self._ahead(moment):
            raise self._over(moment)
        return moment

    # ---------------------------------------------------------------- clocks

    def _clock(self, clocks: tuple[Clock, ...], part: str, waking: bool) -> Clock:
        if not clocks:
            return Clock(PARTS[part], sure=DEFINITE) if part else self.nine
        return self._sensible(clocks[0], part, waking)

    def _sensible(self, clock: Clock, part: str, waking: bool) -> Clock:
        if not clock.possible:
            raise Unclear(
                f"There is no {clock.hour}:{clock.minute:02} on a clock.",
                hint="Hours go from 0 to 24, minutes from 0 to 59.", reason="impossible",
            )  # fmt: skip
        if clock.sure == DEFINITE and clock.hour < 5 and part == "night" and not clock.next_day:
            return replace(clock, next_day=True)
        return clock.within(part).settled(waking=waking)

    @staticmethod
    def _time(clock: Clock) -> time:
        if not clock.possible:
            raise ImpossibleDate
        return time(clock.hour % 24, clock.minute, clock.second)

    def _at(self, day: date, clock: Clock) -> datetime:
        if clock.hour == 24 or clock.next_day:
            day += timedelta(days=1)
        wall = datetime.combine(day, self._time(clock))
        moment = instant(wall, self.zone)
        if not self._ahead(moment):  # the second time round, when clocks go back
            again = instant(wall, self.zone, fold=1)
            if self._ahead(again):
                return again
        return moment

    def _ahead(self, moment: datetime) -> bool:
        return moment.timestamp() > self.now.timestamp()

    def _first_ahead(self, found: list[date], clock: Clock) -> datetime:
        moment = None
        for day in found:
            moment = self._at(day, clock)
            if self._ahead(moment):
                return moment
        if moment is None:
            raise ImpossibleDate
        raise self._over(moment)

    def _over(self, moment: datetime) -> Unclear:
        return Unclear(
            f"{moment:%Y-%m-%d} at {moment.hour}:{moment.minute:02} is over.",
            hint="Say a time that is still ahead.", reason="over",
        )  # fmt: skip

    # ---------------------------------------------------------------- again and again

    def _repeating(self, said: Said, every: Every) -> tuple[datetime, str]:
        if every.interval < 1:
            raise Unclear(
                "That would never stop.", hint="Say how often, for example every 2 hours.",
                reason="impossible",
            )  # fmt: skip
        every = self._with_day(said, every)
        if every.unit in _SUB_DAILY:
            at, rule = self._within_days(said, every)
        else:
            at, rule = self._by_days(said, every)
        return at, ";".join([*rule, *self._end(said, every, at)])

    def _with_day(self, said: Said, every: Every) -> Every:
        """``every month`` and ``on the 15th``: together they are one rule."""
        begin = said.start
        if isinstance(begin, Day) and begin.kind == "weekday" and every.unit == "week":
            every = replace(every, weekdays=every.weekdays or begin.weekdays)
        day = said.day
        if day is None:
            return every
        if every.unit == "week" and day.kind == "weekday" and not every.weekdays:
            weekdays = (5, 6) if day.unit == "weekend" else day.weekdays
            said.day = None
            return replace(every, weekdays=weekdays)
        if every.unit == "month" and not every.weekdays and not every.monthdays:
            if day.kind == "dom":
                said.day = None
                return replace(every, monthdays=(day.day,))
            if day.kind == "nth" and not day.month:
                said.day = None
                return replace(every, weekdays=day.weekdays, nth=(day.n,))
            if day.kind == "edge" and day.unit == "month":
                said.day = None
                return replace(every, monthdays=({"first": 1, "middle": 15, "last": -1}[day.edge],))
        if every.unit == "year" and not every.monthdays and day.kind == "date" and not day.year:
            said.day = None
            return replace(every, month=day.month, monthdays=(day.day,))
        if every.unit == "year" and day.kind == "nth" and day.month and not day.year:
            said.day = None
            return replace(every, month=day.month, weekdays=day.weekdays, nth=(day.n,))
        return every

    def _from(self, said: Said) -> tuple[date, bool]:
        """The first date that may be one, and whether somebody named it."""
        day = said.start if isinstance(said.start, Day) else said.day
        today = self.now.date()
        if day is None:
            if said.after is not None and not said.after.seconds:
                return add_months(today, said.after.months) + timedelta(days=said.after.days), True
            return today, False
        for found in dates(replace(day, n=max(day.n, 0)) if day.kind == "offset" else day, today):
            if found >= today:
                return found, True
        raise ImpossibleDate

    def _within_days(self, said: Said, every: Every) -> tuple[datetime, list[str]]:
        step = _SUB_DAILY[every.unit] * every.interval
        rule = self._head(every)
        between = said.between
        if between is not None:
            a, b = (self._sensible(c, said.part, False) for c in between)
            if a.hour > b.hour and b.sure != DEFINITE and b.hour + 12 <= 24:
                b = replace(b, hour=b.hour + 12)
            if a.hour >= b.hour + (1 if b.minute else 0):
                raise Unclear(
                    "That span of hours ends before it begins.",
                    hint="Say the earlier hour first.", reason="impossible",
                )  # fmt: skip
            last = b.hour if every.unit == "hour" or b.minute else b.hour - 1
            hours = list(range(a.hour, last + 1, every.interval if every.unit == "hour" else 1))
            if every.unit == "hour":
                rule = ["FREQ=DAILY"]
                if every.weekdays:
                    rule = ["FREQ=WEEKLY"]
            if every.weekdays:
                rule.append("BYDAY=" + ",".join(BYDAY[d] for d in every.weekdays))
            rule.append("BYHOUR=" + ",".join(str(h % 24) for h in hours))
            if every.unit == "hour":
                rule.append(f"BYMINUTE={a.minute}")
                return self._next_of_hours(said, every, hours, [a.minute]), rule
            minutes = list(range(0, 60, min(60, every.interval))) if every.unit == "minute" else [0]
            return self._next_of_hours(said, every, hours, minutes), rule
        first, named = self._from(said)
        clocks = said.clocks or ((said.start,) if isinstance(said.start, Clock) else ())
        if every.weekdays:
            rule.append("BYDAY=" + ",".join(BYDAY[d] for d in every.weekdays))
        if clocks or named:
            at = self._first_ahead(
                [first + timedelta(days=n) for n in range(3)],
                self._clock(clocks, said.part, said.waking),
            )
        else:
            seconds = Span(seconds=step)
            at = self._moved(self.now.replace(microsecond=0), seconds, 1)
        if every.weekdays and at.weekday() not in every.weekdays:
            day = at.date()
            while day.weekday() not in every.weekdays:
                day += timedelta(days=1)
            at = instant(datetime.combine(day, time(0)), self.zone)
        return at, rule

    def _next_of_hours(
        self, said: Said, every: Every, hours: list[int], minutes: list[int]
    ) -> datetime:
        first, _ = self._from(said)
        for ahead in range(9):
            day = first + timedelta(days=ahead)
            if every.weekdays and day.weekday() not in every.weekdays:
                continue
            for hour in hours:
                for minute in minutes:
                    at = self._at(day, Clock(hour % 24, minute, sure=DEFINITE))
                    if self._ahead(at):
                        return at
        raise ImpossibleDate

    def _by_days(self, said: Said, every: Every) -> tuple[datetime, list[str]]:
        part = said.part or every.part or (said.day.part if said.day else "")
        named = said.clocks or (said.between[:1] if said.between else ())
        if not named and isinstance(said.start, Clock):
            named = (said.start,)
        if every.clocks and len(named) != every.clocks:
            raise Unclear(
                "That does not say at which times.",
                hint="Name each time, for example every day at 9 and 18.", reason="vague",
            )  # fmt: skip
        clocks = [self._sensible(c, part, said.waking) for c in named]
        clocks = clocks or [self._clock((), part, False)]
        if len({(c.minute, c.second) for c in clocks}) > 1:
            raise Unclear(
                "Those times do not fit into one rule.", hint="Make one reminder for each time.",
                reason="several",
            )  # fmt: skip
        at = self._first_day(said, every, sorted(clocks, key=lambda c: (c.hour, c.minute)))
        rule = self._head(every)
        if every.nth and len(every.weekdays) == 1:
            rule.append("BYDAY=" + ",".join(f"{n}{BYDAY[every.weekdays[0]]}" for n in every.nth))
        elif every.weekdays:
            rule.append("BYDAY=" + ",".join(BYDAY[d] for d in every.weekdays))
        if every.monthdays:
            rule.append("BYMONTHDAY=" + ",".join(str(d) for d in every.monthdays))
        if every.month:
            rule.append(f"BYMONTH={every.month}")
        if every.nth and len(every.weekdays) > 1:
            rule.append("BYSETPOS=" + ",".join(str(n) for n in every.nth))
        if named or part:
            hours = sorted({c.hour % 24 for c in clocks})
            rule.append("BYHOUR=" + ",".join(str(h) for h in hours))
            rule.append(f"BYMINUTE={clocks[0].minute}")
        return at, rule

    def _first_day(self, said: Said, every: Every, clocks: list[Clock]) -> datetime:
        start, named = self._from(said)
        clocks = [replace(c, next_day=False, hour=c.hour % 24) for c in clocks]
        if max(every.monthdays, default=0) > 31:
            raise ImpossibleDate
        for day in self._days(every, start, named):
            for clock in clocks:
                at = self._at(day, clock)
                if self._ahead(at):
                    return at
        raise ImpossibleDate

    def _days(self, every: Every, start: date, named: bool) -> list[date]:
        if every.weekdays or every.monthdays:
            span = 366 * 9 if every.month else 366
            days = (start + timedelta(days=n) for n in range(span))
            found = []
            for day in days:
                if _fits(every, day):
                    found.append(day)
                    if len(found) == 3:
                        break
            return found
        if every.unit in ("day", "week"):
            step = every.interval * (7 if every.unit == "week" else 1)
            return [start, start + timedelta(days=step)]
        months = every.interval * (12 if every.unit == "year" else 1)
        after = [add_months(start, months * n) for n in range(1, 9)]
        # a rule repeats on this very day: months that lack it are passed over
        return [start, *(d for d in after if d.day == start.day)]

    @staticmethod
    def _head(every: Every) -> list[str]:
        head = [f"FREQ={_FREQ[every.unit]}"]
        if every.interval > 1:
            head.append(f"INTERVAL={every.interval}")
        return head

    def _end(self, said: Said, every: Every, at: datetime) -> list[str]:
        if said.count:
            return [f"COUNT={said.count}"]
        if said.lasting is not None:
            length = said.lasting
            if length.seconds:
                step = _SUB_DAILY.get(every.unit, 0) * every.interval
                if not step:
                    return []
                return [f"COUNT={max(1, (length.seconds + length.days * 86400) // step)}"]
            last = add_months(at.date(), length.months) + timedelta(days=length.days - 1)
            return [f"UNTIL={last:%Y%m%d}T235959"]
        if isinstance(said.until, Clock):
            clock = self._sensible(said.until, said.part, False)
            end = self._at(at.date(), clock)
            if end.timestamp() < at.timestamp():
                end = self._at(at.date() + timedelta(days=1), clock)
            return [f"UNTIL={end:%Y%m%dT%H%M%S}"]
        if said.until is not None:
            for day in dates(said.until, self.now.date()):
                if day >= at.date():
                    return [f"UNTIL={day:%Y%m%d}T235959"]
            raise Unclear(
                "That would end before it begins.", hint="Say a later last day.",
                reason="impossible",
            )  # fmt: skip
        return []


def _fits(every: Every, day: date) -> bool:
    if every.month and day.month != every.month:
        return False
    if every.nth:
        return any(day == nth_weekday(day.year, day.month, n, every.weekdays) for n in every.nth)
    if every.weekdays and day.weekday() not in every.weekdays:
        return False
    if every.monthdays:
        last = days_in(day.year, day.month)
        return any(day.day == (d if d > 0 else last + 1 + d) for d in every.monthdays)
    return True
