"""The shape of a language's tables: words, and rules over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loom_desktop.text.when.patterns import Rules


def listed(words: str) -> list[str]:
    """The words of a table, written with spaces between them."""
    return words.split()


def inverse(table: dict[str, str]) -> dict[str, str]:
    """``{"minute": "minute min m"}`` read the other way: which of them a word means."""
    return {word: meaning for meaning, words in table.items() for word in words.split()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Everything the grammar knows of one language. All words are folded (no diacritics)."""

    code: str
    numbers: Mapping[str, int]
    decimals: Mapping[str, float] = field(default_factory=dict)
    """``anderthalb`` and its kind."""
    joiners: frozenset[str]
    """Between tens and units: vingt *et* un."""
    ordinals: Mapping[str, int]
    """``last`` is -1."""
    weekdays: Mapping[str, int]
    weekdays_short: Mapping[str, int]
    """Short forms that are also other words: they count only beside a word of time."""
    short_after: frozenset[str]
    weekdays_plural: Mapping[str, int]
    """Forms that say *every*: Mondays, montags."""
    groups: Mapping[str, tuple[int, ...]]
    """After *every*: weekday, weekend."""
    groups_plural: Mapping[str, tuple[int, ...]]
    """Without *every*: weekdays, weekends."""
    list_words: frozenset[str]
    """Join weekdays, days of the month and times to a list: and."""
    list_fillers: frozenset[str]
    """May be repeated inside such a list: los lunes y *los* jueves."""
    range_words: frozenset[str]
    months: Mapping[str, int]
    units: Mapping[str, str]
    parts: Mapping[str, str]
    parts_plural: Mapping[str, str]
    """Forms that say *every*: mornings, abends."""
    adverbs: Mapping[str, tuple[str, int]]
    """``daily``: (day, 1)."""
    ampm: Mapping[str, bool] = field(default_factory=dict)
    twelve_hour: bool = False
    """5:30 without more may be the afternoon."""
    month_first: bool = False
    """3/4 is 4 March."""
    dot_ordinals: bool = False
    """``15.`` is the fifteenth, ``3.4`` may be a date."""
    article_dates: bool = False
    """``le 15`` needs no other word to be a date."""
    compounds: bool = False
    """Words grow together: Freitagabend, dreimal."""
    not_hours: frozenset[str]
    """What makes the number before it a count, not an hour: at 5 *percent*."""
    articles: frozenset[str]
    """Before a time they make it the name of a thing: *the* Monday meeting."""
    closing: frozenset[str]
    """Words at the end that say nothing, one, two or four together: please, s' il te plait."""
    connectors: frozenset[str]
    """Between the trigger and what to do: to, that, about."""
    polite: frozenset[str]
    """Words before the trigger that say nothing."""
    alternatives: frozenset[str]
    """or: two times joined by it are a question, not an answer."""
    waking: str
    """What to call a wake-up that has no text."""
    fuzzy: tuple[str, ...]
    """Long words of which one wrong letter is forgiven."""
    never: frozenset[str] = frozenset()
    """Words that look like a wrong spelling of one of those and are not."""
    typos: Mapping[str, str]
    rules: Rules
