"""Reads one phrase with one language's tables: where its pieces of time are, and what they mean."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from loom_desktop.text.when import meaning
from loom_desktop.text.when.language import Language
from loom_desktop.text.when.patterns import Grammar
from loom_desktop.text.when.tokens import Token, fold
from loom_desktop.text.when.values import AMBIGUOUS, DEFINITE, LITERAL, ORDER, Clock, Day, Span

_MOST_IN_A_LIST = 12
KINDS = (
    "trigger", "every", "except", "shift", "until", "lasting", "times", "start", "between", "on",
    "after", "at", "part", "past", "vague",
)  # fmt: skip
"""The rule sets that are tried at every token; of equally long ones the first wins."""
_OF_REPETITION = frozenset({"lasting", "times"})


@dataclass(frozen=True, slots=True)
class Piece:
    """Some tokens that say something about time."""

    kind: str
    rule: str
    value: Any
    start: int
    """Index of its first token."""
    end: int


class Reading:
    """One phrase being read. Slots are remembered, so it is linear in the tokens."""

    def __init__(self, tokens: list[Token], language: Language) -> None:
        self.language = language
        self.grammar = grammar(language)
        self.tokens = [_corrected(t, language) for token in tokens for t in _cut(token, language)]
        self._known: dict[tuple[str, int], list[tuple[int, Any]]] = {}

    def slot(self, name: str, at: int) -> list[tuple[int, Any]]:
        """Every way to read that slot here, the longest first."""
        key = (name, at)
        known = self._known.get(key)
        if known is None:
            terminal = TERMINALS.get(name)
            found = terminal(self, at) if terminal else (x[:2] for x in self._rules(name, at))
            known = sorted(_distinct(found), key=lambda x: -x[0])
            self._known[key] = known
        return known

    def _rules(self, name: str, at: int) -> Iterator[tuple[int, Any, str]]:
        for rule, pattern in self.grammar.candidates(name, self.tokens[at]):
            for end, captures in pattern.matches(self, at):
                if end > at:
                    value = meaning.of(rule, dict(captures))
                    if value is not None:
                        yield end, value, rule

    def pieces(self) -> list[Piece]:
        """What was said of time, from left to right, never overlapping.

        How long and how often count only beside a repetition: without one, ``for 7h`` is a time.
        """
        found = self._pieces(KINDS)
        if any(p.kind in ("every", "except") or p.rule == "trigger.every" for p in found):
            return found
        if not any(p.kind in _OF_REPETITION for p in found):
            return found
        return self._pieces(tuple(k for k in KINDS if k not in _OF_REPETITION))

    def _pieces(self, kinds: tuple[str, ...]) -> list[Piece]:
        found: list[Piece] = []
        at = 0
        while at < len(self.tokens):
            best: Piece | None = None
            for kind in kinds:
                for end, value, rule in self._rules(kind, at):
                    if best is None or end > best.end:
                        best = Piece(kind, rule, value, at, end)
            if best is None:
                at += 1
                continue
            found.append(best)
            at = best.end
        return found

    def word(self, at: int) -> str:
        """The folded word there, empty beyond the end."""
        return self.tokens[at].word if 0 <= at < len(self.tokens) else ""


def _distinct(found: Iterator[tuple[int, Any]]) -> list[tuple[int, Any]]:
    seen: dict[tuple[int, Any], None] = {}
    for pair in itertools.islice(found, 64):
        seen.setdefault(pair)
    return list(seen)


# ------------------------------------------------------------------ one wrong letter is forgiven


def _cut(token: Token, language: Language) -> list[Token]:
    """Freitagabend is Freitag and Abend, dreimal is drei and mal."""
    if not language.compounds or token.kind != "word" or len(token.word) < 6:
        return [token]
    heads = language.numbers if token.word.endswith("mal") else language.weekdays
    for head in heads:
        tail = token.word[len(head) :]
        if token.word.startswith(head) and (tail == "mal" or tail in language.parts):
            middle = token.start + len(head)
            return [
                Token(head, "word", token.start, middle, capital=token.capital),
                Token(tail, "word", middle, token.end),
            ]
    return [token]


def _corrected(token: Token, language: Language) -> Token:
    if token.kind == "blob" and token.word in language.typos:
        return Token(language.typos[token.word], "word", token.start, token.end)
    if token.kind != "word":
        return token
    word = language.typos.get(token.word) or token.word
    if word == token.word and len(word) >= 6 and word not in language.never:
        word = _nearest(word, language)
    if word == token.word:
        return token
    return Token(word, "word", token.start, token.end, hyphen=token.hyphen, capital=token.capital)


def _nearest(word: str, language: Language) -> str:
    if word in language.fuzzy:
        return word
    for candidate in language.fuzzy:
        if (
            candidate[0] == word[0]
            and abs(len(candidate) - len(word)) <= 1
            and candidate + "s" != word
            and candidate + "n" != word
            and _one_edit(word, candidate)
        ):
            return candidate
    return word


def _one_edit(a: str, b: str) -> bool:
    """Whether one letter added, lost, changed or swapped with its neighbour makes them equal."""
    if len(a) > len(b):
        a, b = b, a
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    if len(a) < len(b):
        return a[i:] == b[i + 1 :]
    return a[i + 1 :] == b[i + 1 :] or (
        a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :]
    )


# ------------------------------------------------------------------ terminals

Found = Iterator[tuple[int, Any]]
Terminal = Callable[[Reading, int], Found]


def _num(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind == "num":
        if not token.suffix:
            yield at + 1, token.number
        return
    yield from _number_words(reading, at)


def _number_words(reading: Reading, at: int) -> Found:
    language = reading.language
    first = language.numbers.get(reading.word(at))
    if first is None:
        return
    yield at + 1, first
    if first == 4 and language.code == "fr" and reading.word(at + 1) in ("vingt", "vingts"):
        first, at = 80, at + 1
        yield at + 1, first
    if first >= 20 and first % 10 == 0:
        after = at + 1 + (reading.word(at + 1) in language.joiners)
        second = language.numbers.get(reading.word(after), 0)
        if 1 <= second <= (19 if first in (60, 80) and language.code == "fr" else 9):
            yield after + 1, first + second


def _dec(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind == "dec":
        yield at + 1, min(float(token.word.replace(",", ".")), 1e9)
    elif token.word in reading.language.decimals:
        yield at + 1, reading.language.decimals[token.word]


def _ordinal(reading: Reading, at: int) -> Found:
    token, language = reading.tokens[at], reading.language
    if token.kind == "num":
        if token.suffix and token.suffix != ".":
            yield at + 1, token.number
        elif language.dot_ordinals and reading.word(at + 1) == "." and _touch(reading, at):
            yield at + 2, token.number
        return
    if token.word in language.ordinals:
        yield at + 1, language.ordinals[token.word]
    tens = language.numbers.get(token.word, 0)
    if tens >= 20 and tens % 10 == 0:
        after = at + 1 + (reading.word(at + 1) in language.joiners)
        unit = language.ordinals.get(reading.word(after), 0)
        if 1 <= unit <= 9:
            yield after + 1, tens + unit


def _touch(reading: Reading, at: int) -> bool:
    return reading.tokens[at].end == reading.tokens[at + 1].start


def _suffixed(reading: Reading, at: int) -> Found:
    if reading.tokens[at].kind == "num":
        yield from _ordinal(reading, at)


def _dayno(reading: Reading, at: int) -> Found:
    for end, number in itertools.chain(_ordinal(reading, at), _num(reading, at)):
        if 0 <= number <= 99 and reading.word(end) not in reading.language.not_hours:
            yield end, number


def _bareday(reading: Reading, at: int) -> Found:
    """The 27 of ``Friday 27``: right after a weekday, and neither an hour nor a count."""
    token, language = reading.tokens[at], reading.language
    if token.kind != "num" or token.suffix or token.end - token.start > 2 or not at:
        return
    if reading.word(at - 1) not in language.weekdays or not 1 <= token.number <= 31:
        return
    after = reading.word(at + 1)
    if after in _BEFORE_A_CLOCK or (
        at + 1 < len(reading.tokens) and reading.tokens[at + 1].kind in ("clock", "hletter")
    ):
        least = 1
    elif after in language.connectors or after in ("", ",", ".", ";"):
        least = _LEAST_BARE_DAY[language.code]
    else:
        return
    if token.number >= least:
        yield at + 1, token.number


_BEFORE_A_CLOCK = frozenset({"at", "@", "a", "um", "gegen"})
_LEAST_BARE_DAY = {"en": 13, "fr": 25, "es": 25, "de": 25}
"""Below that a number alone may be an hour: Friday 9, Freitag 15."""


def _year(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind == "num" and 1900 <= token.number <= 2999 and not token.suffix:
        yield at + 1, token.number


def _in(table: str) -> Terminal:
    def terminal(reading: Reading, at: int) -> Found:
        words = getattr(reading.language, table)
        if reading.tokens[at].kind == "word" and reading.word(at) in words:
            yield at + 1, words[reading.word(at)]

    return terminal


def _wd(reading: Reading, at: int) -> Found:
    token, language = reading.tokens[at], reading.language
    if token.kind != "word":
        return
    dot = 1 if reading.word(at + 1) == "." and len(token.word) <= 5 and _touch(reading, at) else 0
    if token.word in language.weekdays:
        yield at + 1, language.weekdays[token.word]
        if dot and token.word not in language.weekdays_plural and at + 2 < len(reading.tokens):
            yield at + 2, language.weekdays[token.word]
    elif token.word in language.weekdays_short and _beside_time(reading, at):
        yield at + 1 + dot, language.weekdays_short[token.word]


def _beside_time(reading: Reading, at: int) -> bool:
    """Whether a short weekday (sat, sun, mar) is meant as one, to judge by its neighbours."""
    language = reading.language
    if reading.word(at - 1) in language.short_after:
        return True
    before = reading.word(at - 1)
    if reading.tokens[at].hyphen and (
        before in language.weekdays_short or before in language.weekdays
    ):
        return True
    if at + 1 >= len(reading.tokens):
        return False
    after = reading.tokens[at + 1]
    return (
        after.kind in ("clock", "hletter")
        or after.word in language.parts
        or (
            after.hyphen
            and (after.word in language.weekdays_short or after.word in language.weekdays)
        )
        or (after.kind == "num" and reading.word(at + 2) in language.ampm)
    )


def _list(item: str, most: int = _MOST_IN_A_LIST, least: int = 1) -> Terminal:
    """Several of a slot joined by commas and words; every shorter reading is offered too."""

    def terminal(reading: Reading, at: int) -> Found:
        language = reading.language
        values: list[Any] = []
        while len(values) < most and at < len(reading.tokens):
            found = reading.slot(item, at)
            if not found:
                return
            at, value = found[0]
            values.append(value)
            if len(values) >= least:
                yield at, tuple(values)
            joined = False
            while at < len(reading.tokens) and reading.word(at) in language.list_words:
                at, joined = at + 1, True
            while joined and reading.word(at) in language.list_fillers:
                at += 1
            if not joined:
                return

    return terminal


def _day_group(reading: Reading, at: int) -> Found:
    """A weekday, a range of them, or a word for several."""
    language = reading.language
    word = reading.word(at)
    if word in language.groups:
        yield at + 1, language.groups[word]
    for end, first in _any_weekday(reading, at):
        yield end, (first,)
        ranged = reading.word(end) in language.range_words
        if ranged or (end < len(reading.tokens) and reading.tokens[end].hyphen):
            start = end + ranged
            while reading.word(start) in language.list_fillers:
                start += 1
            if start < len(reading.tokens):
                for stop, last in _any_weekday(reading, start):
                    yield stop, tuple((first + i) % 7 for i in range((last - first) % 7 + 1))


def _any_weekday(reading: Reading, at: int) -> Found:
    yield from _wd(reading, at)
    plural = reading.language.weekdays_plural.get(reading.word(at))
    if plural is not None and reading.tokens[at].kind == "word":
        yield at + 1, plural


def _plural_group(reading: Reading, at: int) -> Found:
    plural = reading.language.weekdays_plural.get(reading.word(at))
    if plural is not None:
        yield from _day_group(reading, at)


def _ranged_group(reading: Reading, at: int) -> Found:
    for end, days in _day_group(reading, at):
        if len(days) > 1 and reading.word(at) not in reading.language.groups:
            yield end, days


def _flat(item: str) -> Terminal:
    inner = _list(item)

    def terminal(reading: Reading, at: int) -> Found:
        for end, groups in inner(reading, at):
            yield end, tuple(sorted({day for group in groups for day in group}))

    return terminal


def _span(reading: Reading, at: int) -> Found:
    """Quantities from the largest unit to the smallest, joined or not."""
    total, smallest = Span(), -1
    for _ in range(len(ORDER)):
        found = [x for x in reading.slot("quantity", at) if ORDER.index(x[1][1]) > smallest]
        if not found:
            return
        at, (amount, unit) = found[0]
        total, smallest = total + amount, ORDER.index(unit)
        yield at, total
        while at < len(reading.tokens) and reading.word(at) in reading.language.list_words:
            at += 1
        if at >= len(reading.tokens):
            return


# ------------------------------------------------------------------ hours


def _hour(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    for end, number in _num(reading, at):
        if 0 <= number <= 24 and reading.word(end) not in reading.language.not_hours:
            if token.kind == "num" and token.end - token.start > 2:
                continue
            padded = token.kind == "num" and token.end - token.start == 2 and number < 10
            sure = DEFINITE if number > 12 or number == 0 else LITERAL if padded else AMBIGUOUS
            yield end, Clock(number, sure=sure)


def _hournum(reading: Reading, at: int) -> Found:
    for end, number in _num(reading, at):
        if number <= 99:
            sure = DEFINITE if number > 12 or number == 0 else AMBIGUOUS
            yield end, Clock(number, sure=sure)


def _hourword(reading: Reading, at: int) -> Found:
    if reading.tokens[at].kind == "word":
        for end, number in _number_words(reading, at):
            if 1 <= number <= 24:
                yield end, Clock(number, sure=DEFINITE if number > 12 else AMBIGUOUS)


def _minuteword(reading: Reading, at: int) -> Found:
    if reading.tokens[at].kind == "word":
        for end, number in _number_words(reading, at):
            if 1 <= number <= 59:
                yield end, number


def _digital(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind == "clock":
        numbers = [int(n) for n in token.word.split(":")]
        padded = token.word[0] == "0"
        if numbers[0] > 12 or numbers[0] == 0:
            sure = DEFINITE
        elif padded or not reading.language.twelve_hour:
            sure = LITERAL
        else:
            sure = AMBIGUOUS
        hour, minute, second = (*numbers, 0)[:3]
        yield at + 1, Clock(hour, minute, second, sure=sure)


def _dotted(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if (
        token.kind == "dec"
        and "." in token.word
        and reading.word(at + 1) not in reading.language.not_hours
    ):
        hour, minute = token.word.split(".")
        if len(hour) <= 2 and len(minute) == 2 and int(hour) <= 24 and int(minute) < 60:
            literal = hour[0] == "0" or not reading.language.twelve_hour
            sure = DEFINITE if int(hour) > 12 else LITERAL if literal else AMBIGUOUS
            yield at + 1, Clock(int(hour), int(minute), sure=sure)


def _hletter(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind == "hletter":
        hour, _, minute = token.word.partition("h")
        bare = not minute and int(hour) <= 12 and hour[0] != "0"
        sure = DEFINITE if int(hour) > 12 else AMBIGUOUS if bare else LITERAL
        yield at + 1, Clock(int(hour), int(minute or 0), sure=sure)


def _after_dash(inner: Terminal) -> Terminal:
    def terminal(reading: Reading, at: int) -> Found:
        if reading.tokens[at].hyphen:
            yield from inner(reading, at)

    return terminal


def _military(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind == "num" and token.end - token.start == 4 and not token.suffix:
        hour, minute = divmod(token.number, 100)
        if hour < 24 and minute < 60:
            yield at + 1, Clock(hour, minute, sure=DEFINITE if hour > 12 else LITERAL)


# ------------------------------------------------------------------ dates in figures


def _iso(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind != "iso":
        return
    raw = token.word.replace("t", " ").upper()
    date, _, rest = raw.partition(" ")
    year, month, day = (int(n) for n in date.split("-"))
    clock, offset = None, None
    if rest:
        time, zone = rest, ""
        for sign in "Z+-":
            if sign in rest:
                cut = rest.index(sign)
                time, zone = rest[:cut], rest[cut:]
        numbers = [int(float(n)) for n in time.split(":")]
        hour, minute, second = (*numbers, 0)[:3]
        clock = Clock(hour, minute, second, sure=DEFINITE)
        if zone:
            digits = zone[1:].replace(":", "")
            seconds = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) if digits else 0
            offset = -seconds if zone[0] == "-" else seconds
    yield at + 1, Day("date", year=year, month=month, day=day, clock=clock, offset_s=offset)


def _slash(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind != "slash":
        return
    numbers = [int(n) for n in token.word.split("/")]
    if numbers[0] > 99:
        if len(numbers) == 3:
            yield at + 1, Day("date", year=numbers[0], month=numbers[1], day=numbers[2])
        return
    a, b = numbers[:2]
    month_first = reading.language.month_first and a <= 12
    month, day = (a, b) if month_first else (b, a)
    if month > 12 >= day:
        month, day = day, month
    yield at + 1, Day("date", year=_century(numbers[2:]), month=month, day=day)


def _dots(reading: Reading, at: int) -> Found:
    token = reading.tokens[at]
    if token.kind == "dots":
        numbers = [int(n) for n in token.word.split(".") if n]
        yield at + 1, Day("date", year=_century(numbers[2:]), month=numbers[1], day=numbers[0])


def _dotted_date(reading: Reading, at: int) -> Found:
    """3.4 without the last dot: only rules that say "am" before it ask for this."""
    token = reading.tokens[at]
    if token.kind == "dec" and "." in token.word:
        day, month = token.word.split(".")
        if len(day) <= 2 and len(month) <= 2:
            yield at + 1, Day("date", month=int(month), day=int(day))


def _century(year: list[int]) -> int:
    if not year:
        return 0
    return year[0] + 2000 if year[0] < 100 else year[0]


TERMINALS: dict[str, Terminal] = {
    "num": _num, "dec": _dec, "ordinal": _ordinal, "suffixed": _suffixed, "dayno": _dayno,
    "bareday": _bareday,
    "year": _year, "month": _in("months"), "unit": _in("units"), "part": _in("parts"),
    "part_plural": _in("parts_plural"), "ampm": _in("ampm"), "adverb": _in("adverbs"),
    "wds_group": _in("groups_plural"), "wd": _wd, "day_group": _day_group,
    "plural_group": _plural_group, "wds": _flat("day_group"), "wds_plural": _flat("plural_group"),
    "wds_range": _ranged_group,
    "ordinals": _list("ordinal"), "ordinaldays": _list("ordinal"), "suffixeds": _list("suffixed"),
    "daynos": _list("dayno"), "clocks": _list("loose", least=2),
    "clocks_strong": _list("clock", least=2),
    "span": _span, "hour": _hour, "hournum": _hournum, "hourword": _hourword,
    "minuteword": _minuteword, "digital": _digital, "dotted": _dotted, "hletter": _hletter,
    "hyphenhour": _after_dash(_hour), "hyphendigital": _after_dash(_digital),
    "military": _military, "iso": _iso, "slash": _slash, "dots": _dots,
    "dotted_date": _dotted_date,
}  # fmt: skip


@functools.cache
def _grammar(code: str) -> Grammar:
    from loom_desktop.text.when import tables

    return _compiled(tables.language(code))


def grammar(language: Language) -> Grammar:
    """The compiled grammar of a language; compiled once, when it is first needed."""
    return _grammar(language.code)


def _compiled(language: Language) -> Grammar:
    words = frozenset(language.numbers)
    ordinals = frozenset(language.ordinals)
    numeric = frozenset({"#num"})
    weekdays = frozenset(language.weekdays) | frozenset(language.weekdays_short)
    plural = frozenset(language.weekdays_plural)
    number = numeric | words
    ordinal = numeric | ordinals | words
    firsts = {
        "num": number, "dec": frozenset({"#dec"}) | frozenset(language.decimals),
        "ordinal": ordinal, "suffixed": numeric, "dayno": number | ordinals, "year": numeric,
        "bareday": numeric,
        "month": frozenset(language.months), "unit": frozenset(language.units),
        "part": frozenset(language.parts), "part_plural": frozenset(language.parts_plural),
        "ampm": frozenset(language.ampm), "adverb": frozenset(language.adverbs),
        "wds_group": frozenset(language.groups_plural), "wd": weekdays,
        "day_group": weekdays | plural | frozenset(language.groups), "plural_group": plural,
        "wds": weekdays | plural | frozenset(language.groups), "wds_plural": plural,
        "wds_range": weekdays | plural,
        "ordinals": ordinal, "ordinaldays": ordinal, "suffixeds": numeric,
        "daynos": number | ordinals, "hour": number, "hournum": number, "hourword": words,
        "minuteword": words, "digital": frozenset({"#clock"}),
        "hyphenhour": number, "hyphendigital": frozenset({"#clock"}), "dotted": frozenset({"#dec"}),
        "hletter": frozenset({"#hletter"}), "military": numeric, "iso": frozenset({"#iso"}),
        "slash": frozenset({"#slash"}), "dots": frozenset({"#dots"}),
        "dotted_date": frozenset({"#dec"}),
    }  # fmt: skip
    return Grammar(
        language.rules, firsts, {"span": "quantity", "clocks": "loose", "clocks_strong": "clock"}
    )


__all__ = ["KINDS", "Piece", "Reading", "fold", "grammar"]
