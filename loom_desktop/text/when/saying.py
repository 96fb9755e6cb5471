"""Says a moment and a rule as people do: "tomorrow at 8:30, every weekday"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKDAYS = "MO,TU,WE,TH,FR"
_WEEKEND = "SA,SU"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phrases:
    """How one language says it. ``{}`` are filled in."""

    days: tuple[str, ...]
    months: tuple[str, ...]
    today: str
    tomorrow: str
    at: str
    on: str
    """Before a weekday."""
    date: str
    year: str
    each: Mapping[str, str]
    """By FREQ: one of them."""
    many: Mapping[str, str]
    """By FREQ: every so many."""
    weekday: str
    weekend: str
    every_day: str
    """Every + a weekday."""
    nth: tuple[str, ...]
    """first to fifth, then last."""
    nth_weekday: str
    nth_workday: str
    month_day: str
    last_day: str
    year_day: str
    hours: str
    until: str
    times: str
    and_: str


_ENGLISH = _Phrases(
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=("January", "February", "March", "April", "May", "June", "July", "August",
            "September", "October", "November", "December"),
    today="today", tomorrow="tomorrow", at="{day} at {time}", on="on {day}",
    date="on {weekday}, {day} {month}", year="{date} {year}",
    each={"DAILY": "every day", "WEEKLY": "every week", "MONTHLY": "every month",
          "YEARLY": "every year", "HOURLY": "every hour", "MINUTELY": "every minute",
          "SECONDLY": "every second"},
    many={"DAILY": "every {n} days", "WEEKLY": "every {n} weeks", "MONTHLY": "every {n} months",
          "YEARLY": "every {n} years", "HOURLY": "every {n} hours",
          "MINUTELY": "every {n} minutes", "SECONDLY": "every {n} seconds"},
    weekday="every weekday", weekend="every weekend", every_day="every {days}",
    nth=("first", "second", "third", "fourth", "fifth", "last"),
    nth_weekday="every {nth} {day} of the month",
    nth_workday="every {nth} working day of the month",
    month_day="on day {days} of every month", last_day="on the last day of every month",
    year_day="every year on {day} {month}", hours="at {times}", until="until {date}",
    times="{n} times", and_=" and ",
)  # fmt: skip
_GERMAN = _Phrases(
    days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    months=("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
            "Oktober", "November", "Dezember"),
    today="heute", tomorrow="morgen", at="{day} um {time}", on="am {day}",
    date="am {weekday}, {day}. {month}", year="{date} {year}",
    each={"DAILY": "jeden Tag", "WEEKLY": "jede Woche", "MONTHLY": "jeden Monat",
          "YEARLY": "jedes Jahr", "HOURLY": "jede Stunde", "MINUTELY": "jede Minute",
          "SECONDLY": "jede Sekunde"},
    many={"DAILY": "alle {n} Tage", "WEEKLY": "alle {n} Wochen", "MONTHLY": "alle {n} Monate",
          "YEARLY": "alle {n} Jahre", "HOURLY": "alle {n} Stunden",
          "MINUTELY": "alle {n} Minuten", "SECONDLY": "alle {n} Sekunden"},
    weekday="jeden Werktag", weekend="jedes Wochenende", every_day="jeden {days}",
    nth=("ersten", "zweiten", "dritten", "vierten", "fünften", "letzten"),
    nth_weekday="jeden {nth} {day} im Monat", nth_workday="jeden {nth} Werktag im Monat",
    month_day="am {days}. jedes Monats", last_day="am letzten Tag jedes Monats",
    year_day="jedes Jahr am {day}. {month}", hours="um {times}", until="bis {date}",
    times="{n} Mal", and_=" und ",
)  # fmt: skip
_FRENCH = _Phrases(
    days=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    months=("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août",
            "septembre", "octobre", "novembre", "décembre"),
    today="aujourd’hui", tomorrow="demain", at="{day} à {time}", on="{day}",
    date="le {weekday} {day} {month}", year="{date} {year}",
    each={"DAILY": "tous les jours", "WEEKLY": "toutes les semaines", "MONTHLY": "tous les mois",
          "YEARLY": "tous les ans", "HOURLY": "toutes les heures",
          "MINUTELY": "toutes les minutes", "SECONDLY": "toutes les secondes"},
    many={"DAILY": "tous les {n} jours", "WEEKLY": "toutes les {n} semaines",
          "MONTHLY": "tous les {n} mois", "YEARLY": "tous les {n} ans",
          "HOURLY": "toutes les {n} heures", "MINUTELY": "toutes les {n} minutes",
          "SECONDLY": "toutes les {n} secondes"},
    weekday="en semaine", weekend="tous les week-ends", every_day="chaque {days}",
    nth=("premier", "deuxième", "troisième", "quatrième", "cinquième", "dernier"),
    nth_weekday="le {nth} {day} de chaque mois",
    nth_workday="le {nth} jour ouvrable de chaque mois",
    month_day="le {days} de chaque mois", last_day="le dernier jour de chaque mois",
    year_day="chaque année le {day} {month}", hours="à {times}", until="jusqu’au {date}",
    times="{n} fois", and_=" et ",
)  # fmt: skip
_SPANISH = _Phrases(
    days=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    months=("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
            "septiembre", "octubre", "noviembre", "diciembre"),
    today="hoy", tomorrow="mañana", at="{day} a las {time}", on="el {day}",
    date="el {weekday} {day} de {month}", year="{date} de {year}",
    each={"DAILY": "cada día", "WEEKLY": "cada semana", "MONTHLY": "cada mes",
          "YEARLY": "cada año", "HOURLY": "cada hora", "MINUTELY": "cada minuto",
          "SECONDLY": "cada segundo"},
    many={"DAILY": "cada {n} días", "WEEKLY": "cada {n} semanas", "MONTHLY": "cada {n} meses",
          "YEARLY": "cada {n} años", "HOURLY": "cada {n} horas", "MINUTELY": "cada {n} minutos",
          "SECONDLY": "cada {n} segundos"},
    weekday="de lunes a viernes", weekend="cada fin de semana", every_day="cada {days}",
    nth=("primer", "segundo", "tercer", "cuarto", "quinto", "último"),
    nth_weekday="el {nth} {day} de cada mes", nth_workday="el {nth} día laborable de cada mes",
    month_day="el día {days} de cada mes", last_day="el último día de cada mes",
    year_day="cada año el {day} de {month}", hours="a las {times}", until="hasta el {date}",
    times="{n} veces", and_=" y ",
)  # fmt: skip
_PHRASES = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "es": _SPANISH}


def say(at: datetime, rrule: str, now: datetime, language: str) -> str:
    """The moment, a comma, and the rule; both in words. Unknown languages are said in English."""
    phrases = _PHRASES.get(language, _ENGLISH)
    moment = _moment(at, now.astimezone(at.tzinfo), phrases)
    return f"{moment}, {_rule(rrule, at, phrases)}" if rrule else moment


def _moment(at: datetime, now: datetime, phrases: _Phrases) -> str:
    ahead = (at.date() - now.date()).days
    if ahead == 0:
        day = phrases.today
    elif ahead == 1:
        day = phrases.tomorrow
    elif 1 < ahead < 7:
        day = phrases.on.format(day=phrases.days[at.weekday()])
    else:
        day = phrases.date.format(
            weekday=phrases.days[at.weekday()], day=at.day, month=phrases.months[at.month - 1]
        )
        if at.year != now.year:
            day = phrases.year.format(date=day, year=at.year)
    time = f"{at.hour}:{at.minute:02}"
    if at.second and (at - now).total_seconds() < 600:
        time += f":{at.second:02}"
    return phrases.at.format(day=day, time=time)


def _rule(rrule: str, at: datetime, phrases: _Phrases) -> str:
    parts = dict(p.split("=", 1) for p in rrule.upper().split(";") if "=" in p)
    said = _how_often(parts, phrases)
    hours = [h for h in parts.get("BYHOUR", "").split(",") if h.isdigit()]
    if len(hours) > 1:
        minute = int(m) if (m := parts.get("BYMINUTE", "0")).isdigit() else 0
        said += " " + phrases.hours.format(
            times=_joined([f"{h}:{minute:02}" for h in hours], phrases)
        )
    if until := parts.get("UNTIL", ""):
        try:
            end = datetime.fromisoformat(until.rstrip("Z"))
        except ValueError:
            return said
        if end.date() == at.date() and end.hour != 23:
            said += " " + phrases.until.format(date=f"{end.hour}:{end.minute:02}").replace(
                "au ", "à "
            ).replace("el ", "las ")
        else:
            date = f"{end.day} {phrases.months[end.month - 1]}"
            if phrases is _GERMAN:
                date = f"{end.day}. {phrases.months[end.month - 1]}"
            elif phrases is _SPANISH:
                date = f"{end.day} de {phrases.months[end.month - 1]}"
            if end.year != at.year:
                date += f" {end.year}"
            said += " " + phrases.until.format(date=date)
    if (count := parts.get("COUNT", "")).isdigit():
        said += ", " + phrases.times.format(n=count)
    return said


def _how_often(parts: dict[str, str], phrases: _Phrases) -> str:
    freq = parts.get("FREQ", "DAILY")
    days, month_days = parts.get("BYDAY", ""), parts.get("BYMONTHDAY", "")
    interval = int(n) if (n := parts.get("INTERVAL", "1")).isdigit() else 1
    if "BYSETPOS" in parts and days == _WORKDAYS:
        return phrases.nth_workday.format(nth=_ordinal(parts["BYSETPOS"], phrases))
    nth = [d for d in days.split(",") if d and d[:-2]]
    if nth:
        ordinals = _joined([_ordinal(d[:-2], phrases) for d in nth], phrases)
        return phrases.nth_weekday.format(nth=ordinals, day=_weekday(nth[0][-2:], phrases))
    months = [m for m in parts.get("BYMONTH", "").split(",") if m.isdigit() and 0 < int(m) < 13]
    if month_days and months:
        return phrases.year_day.format(day=month_days, month=phrases.months[int(months[0]) - 1])
    if month_days == "-1":
        return phrases.last_day
    said = phrases.each.get(freq, "") if interval == 1 else phrases.many.get(freq, "")
    said = said.format(n=interval)
    if month_days:
        return phrases.month_day.format(days=_joined(month_days.split(","), phrases))
    if not days:
        return said
    if days == _WORKDAYS:
        named = phrases.weekday
    elif days == _WEEKEND:
        named = phrases.weekend
    else:
        listed = _joined([_weekday(d, phrases) for d in days.split(",")], phrases)
        named = phrases.every_day.format(days=listed)
        if interval > 1:
            named = phrases.on.format(day=listed)
    return named if freq == "WEEKLY" and interval == 1 else f"{said} {named}"


def _ordinal(number: str, phrases: _Phrases) -> str:
    if number == "-1":
        return phrases.nth[-1]
    if number.isdigit() and 1 <= int(number) <= 5:
        return phrases.nth[int(number) - 1]
    return number + "."


def _weekday(code: str, phrases: _Phrases) -> str:
    return phrases.days[_CODES.index(code)] if code in _CODES else code


def _joined(words: list[str], phrases: _Phrases) -> str:
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + phrases.and_ + words[-1]
