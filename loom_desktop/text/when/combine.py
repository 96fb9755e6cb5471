"""Splits a phrase into *what* and *when*: which pieces count, and what is left over."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace

from loom_desktop.text.when.reading import Piece, Reading
from loom_desktop.text.when.resolve import Said
from loom_desktop.text.when.unclear import Unclear
from loom_desktop.text.when.values import Clock, Day, Every, Span

_MARKS = frozenset(",;:.!?-()\"'“”„«»…¡¿")
_STRONG, _PLAIN, _WEAK = 3.0, 2.0, 1.0
_SURE_DAYS = frozenset(
    {"offset", "date", "edge", "nth", "week", "month", "in_month", "in_year", "year"}
)


@dataclass(slots=True)
class Split:
    """One reading of a phrase: what was said of time, and the rest of the text."""

    said: Said
    text: str
    covered: int
    """How many characters were understood: the language with most is the phrase's language."""
    problem: Unclear | None = None
    named: bool = False
    """Whether any time was said at all."""


class Combining:
    """The pieces of one reading, weighed against each other."""

    def __init__(self, reading: Reading, text: str) -> None:
        self.reading = reading
        self.text = text
        self.pieces = reading.pieces()
        self.starts = {piece.start for piece in self.pieces}
        self.trigger = self._trigger()
        self.used: list[Piece] = []

    def split(self) -> Split:
        """Which pieces count, and what they say together."""
        said = Said(
            waking=self.trigger is not None
            and self.trigger.rule in ("trigger.alarm", "trigger.wake")
        )
        problem: Unclear | None = None
        try:
            self._repetition(said)
            self._length(said)
            self._days(said)
            self._clocks(said)
            self._parts(said)
            self._second()
        except Unclear as unclear:
            problem = unclear
        if problem is None:
            problem = self._vagueness(said)
        covered = sum(self._characters(p) for p in self.pieces)
        named = bool(self.used) or problem is not None
        return Split(said, self._what(), covered, problem, named)

    def _characters(self, piece: Piece) -> int:
        tokens = self.reading.tokens
        return sum(t.end - t.start for t in tokens[piece.start : piece.end])

    # ---------------------------------------------------------------- which pieces count

    def _trigger(self) -> Piece | None:
        """``remind me``: at the beginning, or after nothing but time, politeness and marks."""
        polite = self.reading.language.polite
        covered = 0
        for piece in self.pieces:
            between = self.reading.tokens[covered : piece.start]
            if not all(t.word in polite or t.kind == "mark" for t in between):
                return None
            if piece.kind == "trigger":
                return piece
            if piece.kind in ("past", "vague"):
                return None
            covered = piece.end
        return None

    def _of(self, *kinds: str) -> list[Piece]:
        return [p for p in self.pieces if p.kind in kinds and p not in self.used]

    def _use(self, piece: Piece) -> None:
        self.used.append(piece)

    def _closed(self, piece: Piece) -> bool:
        """Whether nothing that it could belong to follows: a mark, another piece, or the end."""
        at = piece.end
        if at >= len(self.reading.tokens):
            return True
        token = self.reading.tokens[at]
        return (
            at in self.starts
            or token.word in _MARKS
            or token.word in self.reading.language.connectors
            or token.word in self.reading.language.polite
        )

    def _touching(self, a: Piece, b: Piece) -> bool:
        """Side by side, but for marks."""
        first, second = (a, b) if a.start < b.start else (b, a)
        between = self.reading.tokens[first.end : second.start]
        return all(t.word in _MARKS for t in between)

    def _joined(self, a: Piece, b: Piece, words: frozenset[str]) -> bool:
        first, second = (a, b) if a.start < b.start else (b, a)
        between = [t.word for t in self.reading.tokens[first.end : second.start]]
        return len(between) == 1 and between[0] in words

    def _of_a_noun(self, piece: Piece) -> bool:
        """``the Monday meeting``, ``my 5 pm call``: they name a thing, not a time."""
        before = self.reading.word(piece.start - 1) if piece.start else ""
        return before in self.reading.language.articles and not self._closed(piece)

    def _weight(self, piece: Piece) -> float:
        weight = _PLAIN
        if piece.rule in ("on.weak", "at.for"):  # a table for 4, a present for Sunday
            return _STRONG if self._after_trigger(piece) else 0.0
        if piece.rule == "at.weak":
            weight = _WEAK if not self._after_trigger(piece) else _STRONG
        elif piece.rule in (
            "on.said",
            "on.part",
            "on.first_thing",
            "at.said",
            "at.clock",
            "at.list",
        ):
            weight = _STRONG
        elif isinstance(piece.value, Day):
            if piece.value.kind in _SURE_DAYS:
                weight = _STRONG
            elif piece.value.kind == "dom" and not self.reading.language.article_dates:
                weight = _WEAK
        if piece.kind in ("start", "until"):
            weight = _WEAK if piece.kind == "start" else _PLAIN
        if self._of_a_noun(piece):
            return 0.0
        if weight <= _WEAK and not (self._closed(piece) or self._after_trigger(piece)):
            return 0.0
        if self._after_trigger(piece):
            weight += 1
        elif piece.start == 0 or piece.end >= len(self.reading.tokens):
            weight += 0.5
        if any(self._touching(piece, other) for other in self.used):
            weight += 0.75
        return weight

    def _after_trigger(self, piece: Piece) -> bool:
        return self.trigger is not None and self._touching(self.trigger, piece)

    def _best(self, pieces: list[Piece]) -> Piece | None:
        weighed = [(self._weight(p), -n, p) for n, p in enumerate(pieces)]
        best = max(weighed, key=lambda x: x[:2], default=None)
        return best[2] if best is not None and best[0] > 0 else None

    # ---------------------------------------------------------------- what they say together

    def _repetition(self, said: Said) -> None:
        if self.trigger is not None and isinstance(self.trigger.value, Every):
            said.every = self.trigger.value
        days = self._of("on", "shift")
        for piece in self._of("every"):
            if said.every is not None:
                merged = _merged(said.every, piece.value)
                if merged is not None:
                    said.every = merged
                    self._use(piece)
                continue
            adjective = piece.rule == "every.adverb" and not self._closed(piece)
            first = piece.start == 0 or self._after_trigger(piece)
            if adjective and (days or not first or self._of_a_noun(piece)):
                continue  # the weekly report, the daily stand-up
            said.every = piece.value
            self._use(piece)
        if said.every is None:
            return
        for piece in self._of("except"):
            said.every = _without(said.every, piece.value)
            self._use(piece)
        for piece in self._of("until", "lasting", "times", "between", "start"):
            self._use(piece)
            if piece.kind == "until":
                said.until = piece.value
            elif piece.kind == "lasting" and isinstance(piece.value, Span):
                said.lasting = piece.value
            elif piece.kind == "times" and isinstance(piece.value, int):
                said.count = piece.value
            elif piece.kind == "between":
                said.between = piece.value
            elif piece.kind == "start":
                said.start = piece.value

    def _length(self, said: Said) -> None:
        if self.trigger is not None and isinstance(self.trigger.value, Span):
            said.after = self.trigger.value
            return
        found = self._of("after")
        best = next((p for p in found if self._after_trigger(p)), None) or next(iter(found), None)
        if best is None:
            return
        if best.rule == "after.later" and len(self.pieces) > 2:
            return
        said.after = best.value
        self._use(best)

    def _days(self, said: Said) -> None:
        shift = next(iter(self._of("shift")), None)
        if shift is not None and said.after is None:
            sign, length, anchor = shift.value
            said.shift = (sign, length)
            self._use(shift)
            if isinstance(anchor, Day):
                said.day = anchor
                return
            said.clocks = (anchor,)
        if said.after is not None and said.after.seconds:
            return
        found = self._of("on")
        if said.every is None:
            found += [p for p in self._of("until", "start") if isinstance(p.value, Day)]
            found.sort(key=lambda p: p.start)
        best = self._best(found)
        if best is None:
            return
        if said.every is not None and said.every.weekdays and best.value.kind == "weekday":
            return
        self._use(best)
        said.day = best.value
        self._neighbours(said, best, [p for p in found if p is not best])

    def _neighbours(self, said: Said, best: Piece, others: list[Piece]) -> None:
        """``Friday, March 5th`` is one day; ``Friday or Saturday`` is a question."""
        words = self.reading.language
        for other in others:
            if self._joined(best, other, (words.alternatives | words.list_words) - _MARKS):
                raise Unclear(
                    "That names more than one day.",
                    hint="Say one day, or make one reminder for each.", reason="several",
                )  # fmt: skip
            if not self._touching(best, other):
                continue
            if said.day is None or said.day == other.value:
                self._use(other)
                continue
            pair = {said.day.kind: said.day, other.value.kind: other.value}
            if "weekday" in pair and len(pair) == 2:
                weekday = pair.pop("weekday")
                (rest,) = pair.values()
                if rest.kind in ("date", "dom"):
                    said.also_weekday = weekday.weekdays[0]
                elif rest.kind in ("week", "month"):
                    rest = replace(rest, kind="week", weekdays=weekday.weekdays)
                said.day = replace(rest, part=rest.part or weekday.part)
                self._use(other)

    def _clocks(self, said: Said) -> None:
        if said.clocks or (said.after is not None and said.after.seconds):
            return
        if said.day is not None and said.day.clock is not None:
            return
        found = self._of("at")
        if said.every is None:
            found += self._of("between")
            found += [
                p for p in self._of("start", "until")
                if isinstance(p.value, Clock) and self._closed(p)
            ]  # fmt: skip
            found.sort(key=lambda p: p.start)
        best = self._best(found)
        if best is None:
            return
        self._use(best)
        clocks = _clocks(best)
        for other in found:
            if other is best:
                continue
            if self._joined(best, other, self.reading.language.alternatives):
                raise Unclear(
                    "That names more than one time.", hint="Say one time.", reason="several"
                )
            if self._joined(best, other, self.reading.language.list_words):
                clocks += _clocks(other)
                self._use(other)
        said.clocks = clocks

    def _parts(self, said: Said) -> None:
        for piece in self._of("part"):
            day = said.day
            if said.part or (day is not None and day.part) or self._of_a_noun(piece):
                continue
            if said.after is not None and said.after.seconds:
                continue
            said.part = piece.value if isinstance(piece.value, str) else "night"
            self._use(piece)

    def _second(self) -> None:
        """``... and on Tuesday at 10 to call Eve``: a second reminder, which must not get lost.

        Only a day and a time side by side, after an *and* with words before it, are taken for one.
        """
        words = self.reading.language.list_words - _MARKS
        for day, clock in itertools.permutations(self._of("on", "at"), 2):
            together = day.end == clock.start and {day.kind, clock.kind} == {"on", "at"}
            joined = self.reading.word(day.start - 1) in words if day.start else False
            if together and joined and self.used and max(p.end for p in self.used) < day.start - 1:
                raise Unclear(
                    "That is more than one reminder.", hint="Say them one after the other.",
                    reason="several",
                )  # fmt: skip

    def _vagueness(self, said: Said) -> Unclear | None:
        """Ask, do not guess: vague beside nothing exact, or nothing at all."""
        when = [p for p in self.used if p.kind not in ("trigger",)]
        exact = bool(said.clocks or said.after or said.every or said.part)
        if said.day is not None and (said.day.part or said.day.clock):
            exact = True
        timed = bool(when) or said.after is not None or said.every is not None
        for piece in self._of("vague"):
            if exact:
                break
            if not when or any(self._touching(piece, u) for u in when):
                said_so = self.text[self._from(piece) : self._to(piece)]
                return Unclear(
                    f"“{said_so}” does not say exactly when.",
                    hint="Say a time, for example: tomorrow at 8:30.", reason="vague",
                )  # fmt: skip
        past = self._of("past")
        if timed:
            past = [piece for piece in past if self._is_the_day(piece)]
        if past:
            said_so = self.text[self._from(past[0]) : self._to(past[0])]
            return Unclear(
                f"“{said_so}” is over.", hint="Say a time that is still ahead.", reason="over"
            )
        if timed:
            return None
        return Unclear(
            "No time was said.", hint="Say when, for example: tomorrow at 8:30.", reason="none"
        )

    def _is_the_day(self, past: Piece) -> bool:
        """``yesterday at 8 to stretch``; not ``tomorrow at 8 to write up yesterday's meeting``."""
        said = self.used if self.trigger is None else [self.trigger, *self.used]
        if not any(self._touching(past, piece) for piece in said):
            return False
        if self.reading.word(past.end) in ("'", "’", "'s", "’s"):
            return False
        known = {n for piece in said for n in range(piece.start, piece.end)}
        polite = self.reading.language.polite | _MARKS
        return all(n in known or self.reading.word(n) in polite for n in range(past.start))

    # ---------------------------------------------------------------- what is left

    def _from(self, piece: Piece) -> int:
        return self.reading.tokens[piece.start].start

    def _to(self, piece: Piece) -> int:
        return self.reading.tokens[piece.end - 1].end

    def _what(self) -> str:
        gone: set[int] = set()
        if self.trigger is not None:
            gone.update(range(self.trigger.start, self.trigger.end))
        for piece in self.used:
            gone.update(range(piece.start, piece.end))
        polite = self.reading.language.polite
        if self.trigger is not None:
            for at in range(self.trigger.start):
                if self.reading.word(at) in polite or self.reading.tokens[at].kind == "mark":
                    gone.add(at)
        kept = [n for n in range(len(self.reading.tokens)) if n not in gone]
        kept = self._trimmed(kept, touched=bool(gone))
        pieces: list[str] = []
        for place, n in enumerate(kept):
            token = self.reading.tokens[n]
            if place and n == kept[place - 1] + 1:
                pieces.append(self.text[self.reading.tokens[n - 1].end : token.start])
            elif place and token.word not in _MARKS:
                pieces.append(" ")
            pieces.append(self.text[token.start : token.end])
        what = re.sub(r"\s+", " ", "".join(pieces)).strip(" \t\n,;:-–—")
        if not what and self.trigger is not None and self.trigger.rule == "trigger.wake":
            return self.reading.language.waking
        return what

    def _trimmed(self, kept: list[int], *, touched: bool) -> list[int]:
        """Without the words that tied it to the rest: to, that, about; and, please at the end."""
        language = self.reading.language
        marks = _MARKS - frozenset('"“„«¡¿(')
        while kept and self.reading.word(kept[0]) in marks:
            kept = kept[1:]
        limit = 3
        while kept and touched and limit and self._ties(kept):
            kept = kept[1:]
            limit -= 1
            while kept and self.reading.word(kept[0]) in marks:
                kept = kept[1:]
        asked = frozenset("?") if self.trigger is not None else frozenset()
        ends = frozenset(",;:.!-(") | language.list_words | asked
        while kept:
            size = next((n for n in (4, 2, 1) if self._closing(kept, n)), 0)
            if not size and self.reading.word(kept[-1]) in ends:
                size = 1
            if not size:
                break
            kept = kept[:-size]
        return kept

    def _closing(self, kept: list[int], size: int) -> bool:
        said = " ".join(self.reading.word(n) for n in kept[-size:])
        return said in self.reading.language.closing

    def _ties(self, kept: list[int]) -> bool:
        words = self.reading.language.connectors | self.reading.language.closing
        return self.reading.word(kept[0]) in words and kept[0] - 1 not in kept


def _merged(a: Every, b: Every) -> Every | None:
    """``every Monday`` and ``every other week``: one rule when they speak of different things."""
    if a.unit == b.unit == "week":
        return replace(
            a, interval=max(a.interval, b.interval), weekdays=a.weekdays or b.weekdays,
        )  # fmt: skip
    if {a.unit, b.unit} <= {"hour", "minute", "week", "day"} and a.unit != b.unit:
        fine, coarse = (a, b) if a.unit in ("hour", "minute") else (b, a)
        if fine.unit in ("hour", "minute") and coarse.interval == 1:
            return replace(fine, weekdays=coarse.weekdays, part=coarse.part)
        if {a.unit, b.unit} == {"day", "week"}:
            day, week = (a, b) if a.unit == "day" else (b, a)
            if day.interval == 1 and week.weekdays:
                return replace(week, part=day.part)
    return None


def _without(every: Every, days: tuple[int, ...]) -> Every:
    """``every day except Sunday``."""
    if every.nth or not (every.weekdays or every.unit in ("hour", "minute", "day")):
        return every
    left = tuple(d for d in every.weekdays or range(7) if d not in days)
    if not left:
        raise Unclear("That leaves no day.", hint="Say which days.", reason="impossible")
    return replace(every, unit="week" if every.unit == "day" else every.unit, weekdays=left)


def _clocks(piece: Piece) -> tuple[Clock, ...]:
    if piece.kind == "between":
        return (piece.value[0],)
    if isinstance(piece.value, Clock):
        return (piece.value,)
    return tuple(piece.value)
