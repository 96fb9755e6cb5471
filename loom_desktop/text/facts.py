"""Facts that a person says of themselves, in plain sentences: a table, and no guessing.

A sentence counts when the whole of it is such a statement. Only what has one answer is a fact: a
person has one name and one birthday, and likes many things. English and German.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from loom_desktop.text.sentences import sentences

PERSON = "the person"
_LONGEST = 2_000
"""Characters that are looked at."""
_MOST = 5
_END = r"\s*[.!]?\s*"
_NAME = r"(?P<object>[^\W\d_][\w'’.-]*(?:\s[^\W\d_][\w'’.-]*){0,3})"
_THING = r"(?P<object>[^\s,;:?][^,;:?\n]{0,80}?)"
_KIN_EN = (
    "wife|husband|partner|girlfriend|boyfriend|son|daughter|mother|father|mum|mom|dad|sister|brother"
    "|boss|doctor|dentist|dog|cat|landlord|landlady|neighbour|neighbor"
)
_KIN_DE = {
    "frau": "wife", "mann": "husband", "partner": "partner", "partnerin": "partner",
    "freundin": "girlfriend", "freund": "boyfriend", "sohn": "son", "tochter": "daughter",
    "mutter": "mother", "vater": "father", "schwester": "sister", "bruder": "brother",
    "chef": "boss", "chefin": "boss", "arzt": "doctor", "ärztin": "doctor", "zahnarzt": "dentist",
    "zahnärztin": "dentist", "hund": "dog", "katze": "cat", "vermieter": "landlord",
    "vermieterin": "landlady", "nachbar": "neighbour", "nachbarin": "neighbour",
}  # fmt: skip
_SAME = {"mum": "mother", "mom": "mother", "dad": "father", "neighbor": "neighbour"}


class Fact(NamedTuple):
    """Subject, relation, object: *the person*, *lives in*, *Bonn*."""

    subject: str
    relation: str
    object: str


class _Row(NamedTuple):
    pattern: re.Pattern[str]
    relation: str
    """``{kin}`` is the word of the pattern's group of that name."""


def _row(pattern: str, relation: str) -> _Row:
    whole = rf"(?:(?:hi|hello|hey|hallo|by the way|übrigens)\s*,?\s+)?{pattern}{_END}"
    return _Row(re.compile(whole, re.I), relation)


_TABLE = (
    _row(rf"(?:my name is|call me|you can call me) {_NAME}", "is called"),
    _row(rf"(?:ich heiße|mein name ist|nenn(?:e)? mich) {_NAME}", "is called"),
    _row(rf"(?:I|we) live in {_THING}", "lives in"),
    _row(rf"(?:ich wohne|wir wohnen|ich lebe|wir leben) in {_THING}", "lives in"),
    _row(rf"I (?:was born|come from|am from|'m from) (?:in )?{_THING}", "comes from"),
    _row(rf"ich (?:komme|stamme) aus {_THING}", "comes from"),
    _row(rf"I work (?:at|for) {_THING}", "works at"),
    _row(rf"ich arbeite (?:bei|für) {_THING}", "works at"),
    _row(rf"I work as (?:an? )?{_THING}", "works as"),
    _row(rf"ich arbeite als {_THING}", "works as"),
    _row(rf"my birthday is (?:on )?(?:the )?{_THING}", "has their birthday on"),
    _row(rf"(?:mein geburtstag ist|ich habe) am {_THING}(?: geburtstag)", "has their birthday on"),
    _row(rf"mein geburtstag ist (?:der|am) {_THING}", "has their birthday on"),
    _row(rf"my (?:native language|mother tongue) is {_NAME}", "speaks since childhood"),
    _row(rf"meine muttersprache ist {_NAME}", "speaks since childhood"),
    _row(rf"my (?P<kin>{_KIN_EN}) is (?:called|named) {_NAME}", "{kin} is called"),
    _row(rf"my (?P<kin>{_KIN_EN})['’]s name is {_NAME}", "{kin} is called"),
    _row(rf"meine? (?P<kin>{'|'.join(_KIN_DE)}) heißt {_NAME}", "{kin} is called"),
)
_NEVER = frozenset({"not", "what", "who", "it", "wrong", "later", "back", "now", "away", "fear",
                    "nicht", "falsch", "was", "wer", "morgen", "wie"})  # fmt: skip
"""No such thing begins with these."""
_ARTICLES = frozenset({"a", "an", "the"})


def facts_in(text: str) -> list[Fact]:
    """The facts that the sentences of a text state, each once; the last word on a thing counts."""
    found: dict[str, Fact] = {}
    for sentence in sentences(text[:_LONGEST]):
        if (fact := _fact(sentence)) is not None:
            found.pop(fact.relation, None)
            found[fact.relation] = fact
    return list(found.values())[:_MOST]


def only_facts(text: str) -> bool:
    """Whether it says nothing but such facts: then nothing is asked."""
    said = sentences(text) if len(text) <= _LONGEST else []
    return bool(said) and all(_fact(one) is not None for one in said)


def to_the_person(fact: Fact) -> str:
    """The same, said to them: *You live in Bonn*."""
    kin, _, _ = fact.relation.rpartition(" is called")
    if kin:
        return f"Your {kin} is called {fact.object}"
    return f"{_YOU[fact.relation]} {fact.object}"


_YOU = {
    "is called": "You are called", "lives in": "You live in", "comes from": "You come from",
    "works at": "You work at", "works as": "You work as",
    "has their birthday on": "Your birthday is on",
    "speaks since childhood": "Your first language is",
}  # fmt: skip


def _fact(sentence: str) -> Fact | None:
    sentence = " ".join(sentence.split())
    for row in _TABLE if not sentence.endswith("?") else ():
        if (match := row.pattern.fullmatch(sentence)) is None:
            continue
        said = match["object"].strip(" .'’\"")
        first = said.lower().partition(" ")[0]
        if not said or first in _NEVER or (first in _ARTICLES and "called" in row.relation):
            return None
        kin = (match.groupdict().get("kin") or "").lower()
        kin = _SAME.get(kin, _KIN_DE.get(kin, kin))
        return Fact(PERSON, row.relation.replace("{kin}", kin), said)
    return None
