"""Reads "remind me every weekday at half past eight to stretch": what, when, and how often.

Pure functions over text, no model: a small grammar whose tables are one file per language
(English complete; German, French and Spanish usable). What was decided where people may differ:

- The result is never in the past. A clock time already over means the next day, a day of the month
  the next month, a date without a year the next year. With a date that is named and over, and with
  ``today``, it asks. A weekday named on that very day is today while its time is ahead.
- No time said: 09:00 (``nine``). Morning 9, noon 12, afternoon 15, evening 19, night 21; ``today``
  or ``this evening`` after that hour: the next full hour. End of the day: 17.
- An hour with a word for afternoon, evening or night is p.m. Alone, 1 to 6 are p.m. and 7 to 12 as
  said; ``wake me at 6`` and ``06:00`` are as said. Figures like 5:30 are as said in German, French
  and Spanish, p.m. in English. ``today at 8`` after eight in the morning is 20:00.
- Midnight is 00:00 of the date it is named with; ``today`` and ``tonight`` mean the one ahead.
- "Next" + weekday is the first such day after today; next week is seven days ahead, next month the
  same day of that month. ``Friday week`` is the Friday after the coming one.
- In days, weeks, months: that date at 09:00; in hours, minutes, seconds: to the second.
- 3/4 is 4 March in English, 3 April elsewhere (and wherever only one reading exists); 3.4. is
  3 April. ``by`` and ``until`` a day, said once, mean that day.
- ``every second Tuesday`` is every other one; with ``of the month``, the second.
- Rules are RRULEs in this order: FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, BYHOUR,
  BYMINUTE, then COUNT or UNTIL; local wall time, ``at`` is DTSTART and the first occurrence.
  "For five days" is an UNTIL, "five times" a COUNT.
- A time that a clock change skips becomes the first moment after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING

from loom_desktop.text.when.unclear import Reason, Unclear

if TYPE_CHECKING:
    from datetime import tzinfo

    from loom_desktop.text.when.combine import Split

MOST_CHARACTERS = 2000
LANGUAGES = ("en", "de", "fr", "es")
NINE = time(9, 0)
"""The time of day when none was said."""


@dataclass(frozen=True, slots=True)
class When:
    """What somebody wants to be told, and when."""

    at: datetime
    """The first or only time, aware, in the person's zone."""
    rrule: str
    """Empty when it happens once."""
    text: str
    """What, without the when and without "remind me to"; may be empty."""
    language: str
    """The language it was read as: ``en`` ..."""
    counted: bool = False
    """It was said as hours, minutes or seconds from now: a moment, whatever clocks will say."""


def understand(
    text: str,
    now: datetime,
    *,
    zone: str | None = None,
    languages: Sequence[str] | None = None,
    nine: time = NINE,
) -> When:
    """What and when, for somebody who says it at ``now`` (aware) in ``zone`` (else that of now).

    Of several ``languages`` the one that explains most of the phrase wins, the first of equals.
    Raises Unclear (a NotUnderstood) when no time was said, or a vague, impossible or past one.
    """
    from loom_desktop.text.when.resolve import Resolver

    if now.tzinfo is None:
        raise ValueError("now must be aware")
    where = _zone(zone, now)
    code, split = _read(text, languages)
    if split.problem is not None:
        raise split.problem
    at, rrule = Resolver(now, where, nine).resolve(split.said)
    after = split.said.after
    counted = not rrule and after is not None and after.seconds > 0 and not split.said.clocks
    return When(at, rrule, split.text, code, counted)


def has_when(text: str, languages: Sequence[str] | None = None) -> bool:
    """Whether it speaks of a time at all, understood or not."""
    try:
        _, split = _read(text, languages)
    except Unclear as unclear:
        return unclear.has_when
    return split.problem is None or split.problem.has_when


def as_json(when: When) -> dict[str, str]:
    """``{"at": ISO 8601 with offset, "rrule": ..., "text": ...}``."""
    return {"at": when.at.isoformat(), "rrule": when.rrule, "text": when.text}


def words(at: datetime, rrule: str, now: datetime, language: str = "en") -> str:
    """How people say it: ``tomorrow at 8:30, every weekday``."""
    from loom_desktop.text.when.saying import say

    return say(at, rrule, now, language)


def _read(text: str, languages: Sequence[str] | None) -> tuple[str, Split]:
    from loom_desktop.text.when.combine import Combining
    from loom_desktop.text.when.reading import Reading
    from loom_desktop.text.when.tables import language
    from loom_desktop.text.when.tokens import tokens

    if len(text) > MOST_CHARACTERS:
        raise Unclear(
            f"That is longer than {MOST_CHARACTERS} characters.",
            hint="Say it in one sentence.", reason="none",
        )  # fmt: skip
    known = [c for c in dict.fromkeys(languages or LANGUAGES) if c in LANGUAGES] or ["en"]
    cut = tokens(text)
    best: tuple[str, Split] | None = None
    for code in known:
        split = Combining(Reading(cut, language(code)), text).split()
        if best is None or split.covered > best[1].covered:
            best = code, split
    assert best is not None
    return best


def _zone(zone: str | None, now: datetime) -> tzinfo:
    if zone is None:
        assert now.tzinfo is not None
        return now.tzinfo
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Unclear(
            f"There is no time zone called {zone}.", hint="Name one like Europe/Madrid.",
            reason="impossible",
        ) from error  # fmt: skip


__all__ = [
    "LANGUAGES", "MOST_CHARACTERS", "NINE", "Reason", "Unclear", "When", "as_json", "has_when",
    "understand", "words",
]  # fmt: skip
