"""Reads the names of days and counts with them: ``24 December``, ``next Friday``, ``Easter``.

Numbers alone are read day first (``3/4/2026`` is 3 April), unless that is no date. A day without
a year is the next one, unless the past is meant.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

from loom_desktop.errors import NotUnderstood

MONTHS: dict[str, int] = {
    name: month
    for month, names in enumerate(
        (
            "january jan januar jänner janvier janv enero ene gennaio janeiro января январь",
            "february feb februar février févr febrero febbraio fevereiro февраля февраль",
            "march mar märz maerz mrz mars marzo março марта март",
            "april apr avril avr abril abr aprile апреля апрель",
            "may mai mayo maggio maio мая май",
            "june jun juni juin junio giugno junho июня июнь",
            "july jul juli juillet juil julio luglio julho июля июль",
            "august aug août agosto ago августа август",
            "september sept sep septembre septiembre settembre setembro сентября сентябрь",
            "october oct oktober okt octobre octubre ottobre outubro октября октябрь",
            "november nov novembre noviembre novembro ноября ноябрь",
            "december dec dezember dez décembre déc diciembre dic dicembre dezembro декабря "
            "декабрь",
        ),
        1,
    )
    for name in names.split()
}
WEEKDAYS: dict[str, int] = {
    name: day
    for day, names in enumerate(
        (
            "monday mon montag lundi lunes lunedì понедельник",
            "tuesday tue tues dienstag mardi martes martedì вторник",
            "wednesday wed mittwoch mercredi miércoles mercoledì среда среду",
            "thursday thu thurs donnerstag jeudi jueves giovedì четверг",
            "friday fri freitag vendredi viernes venerdì пятница пятницу",
            "saturday sat samstag sonnabend samedi sábado sabato суббота субботу",
            "sunday sun sonntag dimanche domingo domenica воскресенье",
        )
    )
    for name in names.split()
}


def easter(year: int) -> date:
    """Easter Sunday of the western churches (the anonymous Gregorian algorithm, Meeus 1991)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _advent(year: int) -> date:
    last = date(year, 12, 24)
    return last - timedelta((last.weekday() + 1) % 7 + 21)


_FEASTS: tuple[tuple[str, str, Callable[[int], date]], ...] = (
    ("Christmas Eve", r"christmas eve|heiligabend|heilig abend|réveillon de noël|nochebuena|"
     r"vigilia di natale", lambda y: date(y, 12, 24)),
    ("Boxing Day", r"boxing day", lambda y: date(y, 12, 26)),
    ("Christmas", r"christmas(?: day)?|xmas|weihnachten|noël|noel|navidad|natale|natal|kerstmis|"
     r"рождеств[оа]", lambda y: date(y, 12, 25)),
    ("New Year's Eve", r"new year'?s eve|silvester|saint[- ]sylvestre|nochevieja|capodanno eve|"
     r"san silvestro", lambda y: date(y, 12, 31)),
    ("New Year's Day", r"new year(?:'?s)?(?: day)?|neujahr|nouvel an|jour de l'an|año nuevo|"
     r"capodanno|нового года|новый год", lambda y: date(y, 1, 1)),
    ("Valentine's Day", r"valentine'?s(?: day)?|valentinstag|saint[- ]valentin|san valentín",
     lambda y: date(y, 2, 14)),
    ("Halloween", r"halloween", lambda y: date(y, 10, 31)),
    ("Good Friday", r"good friday|karfreitag|vendredi saint|viernes santo",
     lambda y: easter(y) - timedelta(2)),
    ("Easter Monday", r"easter monday|ostermontag|lundi de pâques",
     lambda y: easter(y) + timedelta(1)),
    ("Easter", r"easter(?: sunday)?|ostern|ostersonntag|pâques|pascua|pasqua|páscoa", easter),
    ("Ascension Day", r"ascension(?: day)?|christi himmelfahrt|himmelfahrt|ascensión",
     lambda y: easter(y) + timedelta(39)),
    ("Whit Sunday", r"whit sunday|pentecost|pfingsten|pfingstsonntag|pentecôte|pentecostés",
     lambda y: easter(y) + timedelta(49)),
    ("Ash Wednesday", r"ash wednesday|aschermittwoch|mercredi des cendres",
     lambda y: easter(y) - timedelta(46)),
    ("Thanksgiving", r"thanksgiving(?: day)?", lambda y: _nth(y, 11, 3, 4)),
    ("Labour Day", r"labou?r day|may day|tag der arbeit|fête du travail",
     lambda y: date(y, 5, 1)),
    ("Saint Nicholas Day", r"(?:saint|st\.?) nicholas(?:'?s)?(?: day)?|nikolaus",
     lambda y: date(y, 12, 6)),
    ("First Advent Sunday", r"(?:first )?advent(?: sunday)?|erste[rn]? advent", _advent),
    ("Epiphany", r"epiphany|heilige drei könige|épiphanie|reyes magos|epifania",
     lambda y: date(y, 1, 6)),
)  # fmt: skip
_FEAST = tuple((n, re.compile(rf"(?i)(?:the )?(?:{p})(?: (?:in |of )?(\d{{4}}))?"), w)
               for n, p, w in _FEASTS)  # fmt: skip

_TODAY = {
    0: r"today|now|heute|jetzt|aujourd'?hui|maintenant|hoy|ahora|oggi|сегодня",
    1: r"tomorrow|morgen|demain|mañana|domani|завтра",
    2: r"(?:the )?day after tomorrow|übermorgen|après-demain|pasado mañana|dopodomani|послезавтра",
    -1: r"yesterday|gestern|hier|ayer|ieri|вчера",
    -2: r"(?:the )?day before yesterday|vorgestern|avant-hier|anteayer",
}


def read_day(text: str, today: date, *, past: bool = False) -> date | None:
    """The day that a phrase names, or None. Raises NotUnderstood for 30 February.

    Without a year it is the next such day, or with ``past`` the last one; today counts.
    """
    plain = re.sub(r"(?i)^(?:on|the|am|den|dem|der|die|das|le|la|el|il|til|till)\s+", "",
                   text.strip(" ,."))  # fmt: skip
    for offset, words in _TODAY.items():
        if re.fullmatch(words, plain, re.IGNORECASE):
            return today + timedelta(offset)
    if found := feast(plain, today, past):
        return found[1]
    return _numbered(plain, today, past) or _weekday(plain, today, past)


def feast(text: str, today: date, past: bool = False) -> tuple[str, date] | None:
    """The name and the day of a feast that stands still or moves with Easter, or None."""
    for name, pattern, when in _FEAST:
        if match := pattern.fullmatch(text):
            if match[1]:
                return name, when(year_of(match[1]))
            this = when(today.year)
            if past:
                return name, this if this <= today else when(today.year - 1)
            return name, this if this >= today else when(today.year + 1)
    return None


ANY_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
ANY_WEEKDAY = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})",
        r"(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[/.-](?P<y>\d{4}|\d\d)",
        r"(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\.?",
        rf"(?:(?:{ANY_WEEKDAY})\.?,? )?(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?"
        r"(?: of| de)? "
        rf"?(?P<name>{ANY_MONTH})\.?(?:,? (?:de |of )?(?P<y>\d{{4}}))?",
        rf"(?:(?:{ANY_WEEKDAY})\.?,? )?(?P<name>{ANY_MONTH})\.? (?:the )?(?P<d>\d{{1,2}})"
        r"(?:st|nd|rd|th)?(?:,? (?P<y>\d{4}))?",
        r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})日",
        r"(?P<m>\d{1,2})月(?P<d>\d{1,2})日",
    )
)


def _numbered(text: str, today: date, past: bool) -> date | None:
    for pattern in _DATES:
        if match := pattern.fullmatch(text):
            break
    else:
        return None
    parts = match.groupdict()
    day = int(parts["d"])
    month = MONTHS[parts["name"].lower()] if parts.get("name") else int(parts["m"])
    if month > 12 >= day and "/" in text:
        day, month = month, day  # 12/24/2026 can only be meant the American way
    written = parts.get("y")
    if written:
        year = year_of(written)
        return _day(year + (2000 if len(written) == 2 else 0), month, day, text)
    for year in range(today.year, today.year + (-9 if past else 9), -1 if past else 1):
        if day == 29 and month == 2 and not calendar.isleap(year):
            continue
        found = _day(year, month, day, text)
        if (found <= today) if past else (found >= today):
            return found
    return None


def year_of(written: str) -> int:
    """The year, or NotUnderstood for year 0."""
    year = int(written)
    if year < 1:
        raise NotUnderstood(f"There was no year {written}.", hint="Give a year from 1 to 9999.")
    return year


def _day(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise NotUnderstood(
            f"There is no {text}.", hint="Write the day like 24 December 2026 or 2026-12-24."
        ) from None


def _weekday(text: str, today: date, past: bool) -> date | None:
    match = re.fullmatch(
        rf"(?i)(?P<which>next|this|coming|last|nächste[rn]?|kommende[rn]?|diese[rn]?|letzte[rn]?|"
        rf"prochain|dernier|próximo|pasado)? ?(?P<day>{ANY_WEEKDAY})\.?"
        r"(?: (?P<after>prochain|dernier|"
        r"próximo|pasado))?",
        text,
    )
    if match is None:
        return None
    which = (match["which"] or match["after"] or "").lower()
    ahead = (WEEKDAYS[match["day"].lower()] - today.weekday()) % 7
    if past or re.match("last|letzte|dernier|pasado", which):
        return today - timedelta((7 - ahead) % 7 or 7)
    if re.match("next|nächste|kommende|coming|prochain|próximo", which):
        return today + timedelta(ahead or 7)
    return today + timedelta(ahead)


def move(day: date, count: int, unit: str) -> date:
    """The day so many days, weekdays, weeks, months or years away. The 31st becomes the 30th."""
    if abs(count) > 4_000_000:
        raise OverflowError
    if unit in ("day", "week"):
        return day + timedelta(count * (7 if unit == "week" else 1))
    if unit == "weekday":
        step = 1 if count > 0 else -1
        weeks, left = divmod(abs(count), 5)
        if left == 0 and weeks and day.weekday() > 4:
            weeks, left = weeks - 1, 5
        day += timedelta(7 * weeks * step)
        while left:
            day += timedelta(step)
            left -= day.weekday() < 5
        return day
    months = day.year * 12 + day.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
