"""Answers questions about days and clocks: ``what day is 24 December``, ``days until Easter``.

Own forms only, so it works alone; a day that ``loom_desktop.text.days`` cannot read is shown to
the reminder grammar (``loom_desktop.text.when``). English is complete, German, French, Spanish and
Italian have the usual questions; the answer is English and always spells the month. A day without
a year is the next one, except in questions about the past. Weeks are those of ISO 8601.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache

from loom_desktop.errors import NotUnderstood
from loom_desktop.text.answer import Answer
from loom_desktop.text.days import ANY_MONTH, MONTHS, feast, move, read_day, year_of
from loom_desktop.text.number import NUMBER
from loom_desktop.text.places import zone_of

LONGEST = 200

_UNITS: dict[str, str] = {
    "day": r"days?|tage?n?|jours?|días?|giorn[oi]|дней|дня|день",
    "week": r"weeks?|wochen?|semaines?|semanas?|settiman[ae]|недел[яиью]|недель",
    "month": r"months?|monate?n?|mois|mes(?:es)?|mes[ei]|месяц(?:а|ев)?",
    "year": r"years?|jahre?n?|ans?|années?|años?|ann[oi]|лет|года?",
    "weekday": r"(?:working|work|business|week)[ -]?days?|arbeitstage?|werktage?|jours ouvrés",
    "hour": r"hours?|stunden?|heures?|horas?|or[ea]",
    "minute": r"minutes?|minuten?|minutos?|minuti",
}
_UNIT = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _UNITS.items() if name != "weekday")
_UNIT = f"(?P<weekday>{_UNITS['weekday']})|{_UNIT}"
_COUNT = (
    rf"(?P<count>{NUMBER}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"eine[rnm]?|ein|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|une?|deux|trois|quatre|cinq|"
    r"dix|una?|dos|tres|cuatro|cinco|diez)"
)
_WORDS = {
    word: value
    for value, words in enumerate(
        ("", "a an one eine einer einen einem ein un une una", "two zwei deux dos",
         "three drei trois tres", "four vier quatre cuatro", "five fünf cinq cinco", "six sechs",
         "seven sieben", "eight acht", "nine neun", "ten zehn dix diez", "eleven", "twelve")
    )
    for word in words.split()
}  # fmt: skip


def answer_date(text: str, now: datetime) -> Answer | None:
    """The answer, or None when the text asks nothing about dates or clocks.

    ``now`` is the local time; with a zone, other places are told from it, without one it is taken
    as the time of this computer. Raises NotUnderstood when a question about a date names one that
    does not exist, or a clock in a place that is not known.
    """
    if len(text) > LONGEST:
        return None
    asked = " ".join(text.replace("’", "'").split()).strip(" ?？!.¿¡")
    for pattern, answer in _FORMS:
        if match := _compiled(pattern).fullmatch(asked):
            try:
                found = answer(match, now)
            except OverflowError:
                raise NotUnderstood(
                    "That day is too far away.", hint="Years from 1 to 9999 can be worked out."
                ) from None
            if found is not None:
                return found
    return None


def _any_day(text: str, now: datetime, *, past: bool = False) -> date | None:
    """By our own forms, by counting from another day, else by the reminder grammar."""
    found = read_day(text, now.date(), past=past)
    if found is None and (counted := _compiled(_IN).fullmatch(text.strip())):
        found = _counted(counted, now)
    if found is None and not past and re.search(r"[^\W\d_]{3}", text):
        found = _by_grammar(text, now)
    return found


def _by_grammar(text: str, now: datetime) -> date | None:
    """The day, when the whole phrase is a time and nothing else is said with it."""
    from loom_desktop.text.when import understand

    try:
        when = understand(text, now if now.tzinfo else now.astimezone())
    except NotUnderstood:
        return None
    return None if when.text or when.rrule else when.at.date()


# ---------------------------------------------------------------- counting


def _number(text: str) -> int:
    return _WORDS.get(text.lower()) or int(re.sub(r"\D", "", text) or 0)


def _unit(match: re.Match[str]) -> str:
    return next(name for name in _UNITS if match.groupdict().get(name))


def _spell(day: date) -> str:
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"


def _full(day: date) -> str:
    return f"{calendar.day_name[day.weekday()]}, {_spell(day)}"


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _tense(day: date, now: datetime) -> str:
    return "is" if day >= now.date() else "was"


def _which_day(match: re.Match[str], now: datetime) -> Answer | None:
    day = _any_day(match["day"], now, past=bool(match.groupdict().get("was")))
    if day is None:
        return None
    verb = _tense(day, now)
    return Answer(f"{_spell(day)} {verb} a {calendar.day_name[day.weekday()]}.", day.isoformat())


def _when_is(match: re.Match[str], now: datetime) -> Answer | None:
    found = feast(match["day"], now.date())
    if found is None:
        return None
    name, day = found
    left = (day - now.date()).days
    ahead = {0: ", today", 1: ", tomorrow"}.get(
        left, f", in {_plural(left, 'day')}" if left > 0 else ""
    )
    return Answer(f"{name} {_tense(day, now)} on {_full(day)}{ahead}.", day.isoformat())


def _until(match: re.Match[str], now: datetime) -> Answer | None:
    since = bool(match.groupdict().get("since"))
    day = _any_day(match["day"], now, past=since)
    if day is None:
        return None
    parts = match.groupdict()
    unit = next((name for name in ("weekday", "week", "month", "year") if parts.get(name)), "day")
    start, end = (day, now.date()) if since else (now.date(), day)
    if end < start:
        start, end, since = end, start, not since
    count, rest = _between(start, end, unit)
    word = "since" if since else "until"
    verb = "It is" if count == 1 and not rest else "There are"
    if not since and day == now.date():
        return Answer(f"{_full(day)} is today.", "0")
    if since:
        verb = "It has been"
    return Answer(f"{verb} {_plural(count, unit)}{rest} {word} {_full(day)}.", str(count))


def _between(start: date, end: date, unit: str) -> tuple[int, str]:
    """How many whole units, and in words what is left over."""
    days = (end - start).days
    if unit == "day":
        return days, ""
    if unit == "weekday":
        whole, left = divmod(days, 7)
        return whole * 5 + sum((start.weekday() + one) % 7 < 5 for one in range(1, left + 1)), ""
    if unit == "week":
        count, left = divmod(days, 7)
    else:
        months = (end.year - start.year) * 12 + end.month - start.month
        months -= move(start, months, "month") > end
        count = months // 12 if unit == "year" else months
        left = (end - move(start, count, unit)).days
    return count, f" and {_plural(left, 'day')}" if left else ""


def _span(match: re.Match[str], now: datetime) -> Answer | None:
    start = _any_day(match["one"], now)
    if start is None:
        return None
    end = _any_day(match["other"], now)
    if end is None:
        return None
    if end < start and not re.search(r"\d{4}", match["other"]):
        later = read_day(match["other"], start)  # 24 December and 3 January: the one after
        end = later if later is not None else end
    parts = match.groupdict()
    unit = next((name for name in ("weekday", "week", "month", "year") if parts.get(name)), "day")
    first, last = sorted((start, end))
    count, rest = _between(first, last, unit)
    verb = "is" if count == 1 and not rest else "are"
    return Answer(
        f"There {verb} {_plural(count, unit)}{rest} between {_spell(first)} and {_spell(last)}.",
        str(count),
    )


def _counted(match: re.Match[str], now: datetime) -> date | None:
    parts = match.groupdict()
    unit, count = _unit(match), _number(match["count"])
    if unit in ("hour", "minute"):
        return None
    start: date | None = now.date()
    if parts.get("from"):
        start = read_day(match["from"], now.date())
    back = bool(parts.get("ago") or parts.get("before"))
    return move(start, -count if back else count, unit) if start is not None else None


def _count(match: re.Match[str], now: datetime) -> Answer | None:
    day = _counted(match, now)
    if day is None:
        return None
    return Answer(
        f"{match['phrase'][0].upper()}{match['phrase'][1:]}: {_full(day)}.", day.isoformat()
    )


# ---------------------------------------------------------------- weeks, years, clocks


def _week(match: re.Match[str], now: datetime) -> Answer | None:
    day = _any_day(match["day"], now) if match["day"] else now.date()
    if day is None or " " not in match.string:
        return None  # one word alone is no question
    year, week, _ = day.isocalendar()
    whose = "It is" if day == now.date() else f"{_spell(day)} {_tense(day, now)} in"
    return Answer(f"{whose} week {week} of {year}.", str(week))


def _week_dates(match: re.Match[str], now: datetime) -> Answer | None:
    week, year = int(match["week"]), int(match["year"] or now.date().isocalendar().year)
    try:
        monday = date.fromisocalendar(year, week, 1)
    except ValueError:
        raise NotUnderstood(
            f"{year} has no week {week}.", hint="Weeks go from 1 to 52, and in some years to 53."
        ) from None
    return Answer(f"Week {week} of {year} begins on {_full(monday)}.", monday.isoformat())


def _leap(match: re.Match[str], _: datetime) -> Answer | None:
    year = year_of(match["year"])
    leap = calendar.isleap(year)
    return Answer(f"{year} is {'a' if leap else 'no'} leap year.", "yes" if leap else "no")


def _days_in(match: re.Match[str], now: datetime) -> Answer | None:
    year = year_of(match["year"]) if match["year"] else now.year
    if not match["month"]:
        days = 366 if calendar.isleap(year) else 365
        return Answer(f"{year} has {days} days.", str(days))
    month = MONTHS[match["month"].lower()]
    days = calendar.monthrange(year, month)[1]
    return Answer(f"{calendar.month_name[month]} {year} has {days} days.", str(days))


def _age(match: re.Match[str], now: datetime) -> Answer | None:
    born = read_day(match["day"], now.date(), past=True)
    if born is None or born > now.date():
        return None
    years, rest = _between(born, now.date(), "year")
    return Answer(f"{_plural(years, 'year')}{rest} since {_spell(born)}.", str(years))


def _today(_: re.Match[str], now: datetime) -> Answer | None:
    return Answer(f"Today is {_full(now.date())}.", now.date().isoformat())


def _time(match: re.Match[str], now: datetime) -> Answer | None:
    place = match.groupdict().get("place")
    if not place:
        return Answer(f"It is {now:%H:%M}.", f"{now:%H:%M}")
    place = re.sub(r"(?i)^the\s+|\s+(?:right )?now$|\s+at the moment$", "", place.strip())
    name, zone = zone_of(place)
    there = now.astimezone(zone)
    away = (there.date() - now.date()).days
    day = {0: "", 1: " tomorrow", -1: " yesterday"}.get(away, f" on {_full(there.date())}")
    return Answer(f"In {name} it is {there:%H:%M}{day}.", there.isoformat(timespec="minutes"))


# ---------------------------------------------------------------- the forms, first match wins

_HOW_MANY = r"(?:how many|number of|wie ?viele?|combien de|cuánt[oa]s|quant[ie]|сколько)"
_COUNTING = (
    rf"(?:(?P<weekday>{_UNITS['weekday']})|(?P<week>{_UNITS['week']})|"
    rf"(?P<month>{_UNITS['month']})|(?P<year>{_UNITS['year']})|(?:{_UNITS['day']}))"
)
_SOME = rf"{_COUNT}\s+(?:{_UNIT})"
_IN = rf"(?:in|dans|en|tra|через)\s+{_SOME}"
_FROM = (
    rf"{_SOME}\s+(?:after|from|nach|après|después (?:de|del)|dopo|"
    r"(?P<before>before|vor|avant|antes (?:de|del)|prima (?:di|del)))\s+(?P<from>.+)"
)
_LEAD = (
    r"(?:what(?:'s| is| was| will be)?|which|when is|tell me|welche[rs]?|was ist|wann ist|"
    r"quel(?:le)?|qué|que|che)\s+(?:is\s+)?(?:the\s+)?"
    r"(?:date|day|weekday|day of the week|datum|tag|wochentag|jour|fecha|día|giorno|data)?\s*"
    r"(?:is|will it be|will be|was(?: it)?|it is|ist|war|wird es|wird|est|será|es|sarà|è|"
    r"haben wir)?\s*(?:it\s+)?"
)

Form = tuple[str, Callable[[re.Match[str], datetime], Answer | None]]


def _form(answer: Callable[[re.Match[str], datetime], Answer | None], *parts: str) -> Form:
    return "".join(parts), answer


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """At the first question, not at the import: the forms cost 15 ms together."""
    return re.compile(pattern, re.IGNORECASE)


_FORMS: tuple[Form, ...] = (
    # clocks
    _form(
        _time,
        r"(?:what(?:'s| is)? (?:the )?(?:current )?time(?: is it)?(?: now| right now)?|"
        r"what time is it(?: now)?|wie ?viel uhr(?: ist es)?|wie spät ist es|"
        r"quelle heure est-il|il est quelle heure|qué hora es|che ora è|che ore sono|"
        r"сколько времени|который час|几点了|何時ですか)",
        r"(?:\s+(?:in|at|à|a|en|au|aux|im|в)\s+(?P<place>.+))?",
    ),
    _form(_time, r"(?:current |local )?time (?:in|at)\s+(?P<place>.+)"),
    # today
    _form(
        _today,
        r"(?:what(?:'s| is)?|which|tell me) (?:the |today's )?(?:date|day|weekday|",
        r"day of the week)(?: is)?(?: it)?(?: is it)?(?: today| now)?|"
        r"what day of the week is (?:it|today)(?: today)?|what is today(?:'s date)?|today's date|"
        r"the date today|what date is (?:it|today)|welcher tag ist (?:heute|es)|"
        r"welches datum (?:ist heute|haben wir(?: heute)?)|was ist heute(?: für ein tag)?|"
        r"quel jour (?:sommes-nous|est-on|est-ce)(?: aujourd'hui)?|"
        r"quelle est la date(?: d'aujourd'hui)?|qué día es(?: hoy)?|"
        r"a qué (?:día|fecha) estamos|qué fecha es(?: hoy)?|che giorno è(?: oggi)?|"
        r"какое сегодня число|какой сегодня день|今天几号|今日は何日",
    ),
    # weeks
    _form(
        _week,
        r"(?:(?:what(?:'s| is| was)?|which|tell me|welche|was ist die|quelle|qué|che)\s+)?",
        r"(?:the )?(?:current |calendar |iso )?(?:week|kalenderwoche|kw|semaine|semana|settimana)",
        r"(?: number)?(?:\s+(?:is it|is|ist(?: es)?|haben wir|est-ce|sommes-nous|es))?",
        r"(?:\s+(?:today|now|heute|of the year))?",
        r"(?:\s*(?:of|is|on|for|am|vom|de|du|del)?\s+(?P<day>(?!\d+$).+))?",
    ),
    _form(
        _week_dates,
        r"(?:(?:when (?:is|does|was)|what are the dates of|wann ist)\s+)?(?:calendar )?",
        r"(?:week|kw|kalenderwoche)\s+(?P<week>\d{1,2})(?:[ ,/]+(?:of )?(?P<year>\d{4}))?",
        r"(?:\s+(?:begin|start))?",
    ),
    # years and months
    _form(
        _leap,
        r"(?:is|was|will|ist|war)\s+(?P<year>\d{4})\s+(?:be )?(?:a |ein )?",
        r"(?:leap year|schaltjahr)",
    ),
    _form(
        _days_in,
        rf"{_HOW_MANY}\s+(?:{_UNITS['day']})\s+(?:are (?:there )?in|in|does|has|hat|haben|a|",
        rf"il y a en|tiene)\s+(?:the year |das jahr )?(?P<month>{ANY_MONTH})?\s*",
        r"(?P<year>\d{4})?(?:\s+have)?",
    ),
    # between two days
    _form(
        _span,
        rf"(?:(?:{_HOW_MANY}\s+)?{_COUNTING}|how long)\s+",
        r"(?:are (?:there )?|is it |lie(?:ge)?n |sind |y a-t-il |hay )?",
        r"(?:between|from|zwischen|von|entre(?: el)?|du|del?|tra)\s+(?P<one>.+?)\s+",
        r"(?:and|to|until|till|und|bis(?: zum)?|et(?: le)?|au|y(?: el)?|al?|e)\s+(?P<other>.+)",
    ),
    # until and since
    _form(
        _until,
        rf"(?:{_HOW_MANY}\s+)?{_COUNTING}\s+",
        r"(?:are (?:there )?(?:left )?|is it |left |sind es (?:noch )?|noch |reste-t-il |faltan? |"
        r"quedan? |mancano )?(?:until|till|til|to|before|bis(?: zu[mr]?)?|jusqu'?(?:à|au)|avant|"
        r"hasta|para|a|fino a|до)\s*(?P<day>.+)",
    ),
    _form(
        _until,
        rf"(?:{_HOW_MANY}\s+)?{_COUNTING}\s+",
        r"(?:is it |has it been |have passed |sind es |vergangen )?"
        r"(?P<since>since|after|seit(?: dem)?|depuis(?: le)?|desde(?: el)?|dal?)\s+(?P<day>.+)",
    ),
    _form(_until, r"how (?:long|far)(?: is it| away)? (?:until|till|til|to|is)\s+(?P<day>.+)"),
    _form(_until, r"how long (?:is it |has it been )?(?P<since>since)\s+(?P<day>.+)"),
    _form(_until, r"wie lange (?:ist es |dauert es )?(?:noch )?bis(?: zu[mr]?)?\s+(?P<day>.+)"),
    # counting from a day
    _form(_count, rf"{_LEAD}(?P<phrase>{_IN})(?: from (?:now|today))?"),
    _form(_count, rf"(?:{_LEAD})?(?P<phrase>{_SOME}\s+from (?:now|today))"),
    _form(_count, rf"(?:{_LEAD})?(?P<phrase>{_SOME}\s*(?P<ago>ago|back|назад))"),
    _form(_count, rf"(?:{_LEAD})?(?P<phrase>(?P<ago>vor|il y a|hace)\s+{_SOME})"),
    _form(_count, rf"(?:{_LEAD})?(?P<phrase>{_FROM})"),
    # ages
    _form(_age, r"how old (?:is|am|are|would) .*?born (?:on |in )?(?P<day>.+)"),
    # feasts, and which day a date is
    _form(
        _when_is,
        r"(?:when(?:'s| is| was| will)?|what (?:day|date) is|wann ist|quand est(?: le)?|"
        r"cuándo es|quando è)\s+(?P<day>.+?)(?:\s+be)?(?:\s+this year)?",
    ),
    _form(
        _which_day,
        r"(?:what|which)(?:'s| is)?\s*(?:the )?(?:week)?day(?: of the week)? ",
        r"(?:is|will|does|(?P<was>was))\s*(?:it )?(?:on |be on )?(?P<day>.+?)(?: be| fall on)?",
    ),
    _form(
        _which_day,
        r"(?:welcher|was für ein) (?:wochen)?tag (?:ist|wird|(?P<was>war))\s+",
        r"(?:der |am |den )?(?P<day>.+)",
    ),
    _form(_which_day, r"quel jour (?:est|sera|tombe|(?P<was>était)) (?:le )?(?P<day>.+)"),
    _form(_which_day, r"qué día (?:es|será|cae|(?P<was>fue)) (?:el )?(?P<day>.+)"),
    _form(_which_day, r"on (?:what|which) day (?:is|does|(?P<was>was|did)) (?P<day>.+?)(?: fall)?"),
    _form(
        _which_day, r"(?:what(?:'s| is) the date|what date is(?: it)?)\s+(?:on |of )?(?P<day>.+)"
    ),
)
