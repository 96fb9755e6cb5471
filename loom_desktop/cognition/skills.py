"""Skills: what Loom understands without any model, as a table from phrases to capabilities.

Each row is a pattern and what it calls. The first row that fits and whose arguments make sense is
taken; a phrase that fits none is for a model, or gets told what there is. The calls go through the
same broker as those of any model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Wish:
    """What a phrase asks for."""

    skill: str
    """Its name, as the answer says who answered: ``reminders``."""
    capability: str
    arguments: dict[str, Any] = field(default_factory=dict)
    better_with_model: bool = False
    """A model does it better when there is one (summaries)."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """What the person said, and what came with it."""

    text: str
    files: tuple[str, ...]
    clip: str
    """Text of the clipboard that came along, empty when none did."""
    now: datetime


Match = Callable[[Phrase], Wish | None]
_LONG = 400


def understand(phrase: Phrase) -> Wish | None:
    """The first row that fits, or None."""
    text = phrase.text.strip()
    if not text:
        return None
    for match in _TABLE:
        if wish := match(phrase):
            return wish
    return None


_REMIND = re.compile(
    r"^\s*(?:please\s+|bitte\s+|hey\s+)?(?:can you\s+|could you\s+|kannst du\s+)?(?:"
    r"remind\b|don'?t let me forget|do not let me forget|remember to\b|wake me\b|alarm\b|"
    r"(?:set|create|add|make)\s+(?:me\s+)?(?:a|an|another)?\s*(?:reminder|alarm|timer)\b|reminder\b|"
    r"erinner|weck\b|wecke?\s+mich|rappel|réveille|recu[eé]rd|despi[eé]rta|av[ií]same)",
    re.I,
)
_LIST_REMINDERS = re.compile(
    r"^\s*(?:(?:what|which|show|list)\b.*\breminders?\b|(?:my )?reminders\s*\??$|"
    r"(?:welche|meine|zeig\w*)\b.*\berinnerungen\b|mes rappels\b|mis recordatorios\b)",
    re.I,
)
_NOTE = re.compile(
    r"^\s*(?:(?:please\s+)?(?:take|make|write|add|save)\s+(?:a\s+|down\s+(?:a\s+)?)?note(?:\s+that|\s+to self)?"
    r"|note(?:\s+that|\s+to self|\s+down)?|jot down|notiz|notiere|merk(?:e)? dir|note bien|prends? note"
    r"|anota|toma nota)\s*[:,]?\s+(?P<text>\S.*)$",
    re.I | re.S,
)
_FIND_NOTE = re.compile(
    r"^\s*(?:find|search|look up|show|suche?|finde|zeig\w*|cherche|busca)\s+(?:in\s+)?(?:my\s+|meine[nr]?\s+|mes\s+|mis\s+)?"
    r"(?:notes?|notizen|notas?)\b\s*(?:about|for|with|on|über|nach|mit|sur|sobre)?\s*(?P<query>.*?)\s*\??$",
    re.I,
)
_MY_NOTES = re.compile(r"^\s*(?:my notes|meine notizen|mes notes|mis notas)\s*\??$", re.I)
_SUMMARISE = re.compile(
    r"^\s*(?:please\s+|bitte\s+)?(?:(?:can|could) you\s+)?(?:summari[sz]e|summary(?: of)?|sum up|tl;?dr|give me (?:a|the) (?:summary|gist)"
    r"|(?:fasse?|zusammenfassung)\b|zusammenfassen|résume[rz]?|resume[rn]?|resumir)\b[:,]?\s*(?P<rest>.*)$",
    re.I | re.S,
)
_CLIP = re.compile(
    r"\b(?:clipboard|what i (?:just )?copied|copied text|zwischenablage|kopiert\w*|presse-papiers|portapapeles)\b",
    re.I,
)
_ORGANISE = re.compile(
    r"^\s*(?:please\s+|bitte\s+)?(?:organi[sz]e|tidy(?: up)?|clean up|sort(?: out)?|räum\w*|sortiere?|ordne|range|ordena)\b"
    r"\s*(?:my\s+|the\s+|meine[nrs]?\s+|die\s+|den\s+|mes\s+|mis\s+)?(?P<what>.*)$",
    re.I,
)
_FOLDER = re.compile(r"\b(?:downloads?|files?|folder|dateien|ordner|téléchargements|descargas|archivos)\b", re.I)
_UNDO = re.compile(
    r"^\s*(?:undo|rückgängig|mach das rückgängig|annule|deshacer)(?:\s+(?:that|it|this|the last.*|das))?\s*[.!]?$",
    re.I,
)
_HELP = re.compile(
    r"^\s*(?:help|\?|what can (?:you|i) do.*|what do you do.*|who are you.*|hilfe|was kannst du.*|aide|ayuda|que sais-tu faire.*|qué puedes hacer.*)\s*\??$",
    re.I,
)
_HELLO = re.compile(r"^\s*(?:hi|hello|hey|hallo|bonjour|hola|good (?:morning|evening|afternoon)|guten \w+)\b[\s,!.]*(?:loom)?[\s!.]*$", re.I)
_THANKS = re.compile(r"^\s*(?:thanks?(?: you)?|thx|danke|merci|gracias)\b[\s\w]{0,20}[!.]*$", re.I)
_READ = re.compile(r"^\s*(?:read|extract(?: the)?(?: text)?(?: from)?|show(?: me)? the text|what(?: does| is in).*|lies|text aus)\b", re.I)


def _remind(phrase: Phrase) -> Wish | None:
    if not _REMIND.match(phrase.text):
        return None
    return Wish("reminders", "reminders.add", {"said": phrase.text.strip()})


def _list_reminders(phrase: Phrase) -> Wish | None:
    return Wish("reminders", "reminders.list") if _LIST_REMINDERS.match(phrase.text) else None


def _note(phrase: Phrase) -> Wish | None:
    found = _NOTE.match(phrase.text)
    return Wish("notes", "notes.add", {"text": found["text"].strip()}) if found else None


def _find_note(phrase: Phrase) -> Wish | None:
    if _MY_NOTES.match(phrase.text):
        return Wish("notes", "notes.find", {"query": ""})
    found = _FIND_NOTE.match(phrase.text)
    return Wish("notes", "notes.find", {"query": found["query"]}) if found else None


def _summarise(phrase: Phrase) -> Wish | None:
    found = _SUMMARISE.match(phrase.text)
    if not found:
        return None
    rest = found["rest"].strip()
    if phrase.files:
        return Wish("summary", "text.summarize_file", {"path": phrase.files[0]}, True)
    if phrase.clip:
        return Wish("summary", "text.summarize", {"text": phrase.clip}, True)
    if len(rest.split()) > 25 or len(rest) > _LONG:
        return Wish("summary", "text.summarize", {"text": rest}, True)
    if not rest or _CLIP.search(rest) or len(rest) < 40:
        return Wish("summary", "text.summarize_clipboard", {}, True)
    return None


def _organise(phrase: Phrase) -> Wish | None:
    found = _ORGANISE.match(phrase.text)
    if not found:
        return None
    if phrase.files:
        return Wish("files", "files.plan", {"paths": list(phrase.files)})
    return Wish("files", "files.plan", {"paths": []}) if _FOLDER.search(found["what"]) else None


def _undo(phrase: Phrase) -> Wish | None:
    return Wish("files", "files.undo", {}) if _UNDO.match(phrase.text) else None


def _help(phrase: Phrase) -> Wish | None:
    if _HELP.match(phrase.text) or _HELLO.match(phrase.text):
        return Wish("help", "desktop.help", {})
    return Wish("help", "desktop.welcome", {}) if _THANKS.match(phrase.text) else None


def _compute(phrase: Phrase) -> Wish | None:
    """Arithmetic, units and dates: each looks itself whether the phrase is one."""
    if len(phrase.text) > _LONG or phrase.files or phrase.clip:
        return None
    from loom_desktop.text.calculate import calculate
    from loom_desktop.text.dates import answer_date
    from loom_desktop.text.units import convert

    text = phrase.text
    if convert(text) is not None:
        return Wish("units", "calculate.convert", {"text": text})
    if calculate(text) is not None:
        return Wish("calculator", "calculate.evaluate", {"text": text})
    if answer_date(text, phrase.now) is not None:
        return Wish("dates", "calculate.date", {"text": text})
    return None


def _read(phrase: Phrase) -> Wish | None:
    if phrase.files and _READ.match(phrase.text):
        return Wish("documents", "text.read", {"path": phrase.files[0]}, True)
    return None


_TABLE: tuple[Match, ...] = (
    _remind,
    _list_reminders,
    _note,
    _find_note,
    _undo,
    _help,
    _compute,
    _summarise,
    _organise,
    _read,
)
