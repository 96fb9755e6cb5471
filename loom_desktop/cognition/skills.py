"""Skills: what Loom understands without any model, as a table from phrases to capabilities.

Each row is a pattern and what it calls. The first row that fits and whose arguments make sense is
taken; a phrase that fits none is for a model, or gets told what there is. The calls go through the
same broker as those of any model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from loom_desktop.errors import NotUnderstood


class Wish(msgspec.Struct, frozen=True):
    """What a phrase asks for."""

    skill: str
    """Its name, as the answer says who answered: ``reminders``."""
    capability: str
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)
    better_with_model: bool = False
    """A model does it better when there is one (summaries)."""


class Phrase(msgspec.Struct, frozen=True):
    """What the person said, and what came with it."""

    text: str
    files: tuple[str, ...]
    clip: str
    """Text of the clipboard that came along, empty when none did."""
    now: datetime


Match = Callable[[Phrase], Wish | None]
_LONG = 400
_LONGEST = 2_000
"""Characters that are looked at for a wish; some patterns take time with the square of it."""


def understand(phrase: Phrase) -> Wish | None:
    """The first row that fits, or None."""
    text = phrase.text.strip()
    if not text:
        return None
    if len(text) > _LONGEST:  # no wish is that long, but for a text that is to be summed up
        return _summarise(phrase)
    for match in _TABLE:
        if wish := match(phrase):
            return wish
    return None


class _Said:
    """A pattern written with room: white space in it is for the reader, ``_`` is a space said.

    Compiled when it is first tried: all of them take 5 ms, which is a tenth of the start.
    """

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._compiled: re.Pattern[str] | None = None

    @property
    def _pattern(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self._text.replace("_", r"\s+"), re.I | re.S | re.X)
        return self._compiled

    def match(self, text: str) -> re.Match[str] | None:
        return self._pattern.match(text)

    def search(self, text: str) -> re.Match[str] | None:
        return self._pattern.search(text)


_PLEASE = r"\s*(?:(?:please|bitte|hey|ok)_)*(?:(?:can|could|would)_you_|kannst_du_|please_)?"
_MY = r"(?:(?:my|the|all|meine[nrs]?|die|den|das|mes|les|mis|los)_)*"

_REMIND = _Said(
    rf"""{_PLEASE}(?:remind\b | (?:don'?t|do_not)_let_me_forget | remember_to\b | wake_me\b
    | (?:set|create|add|make)_(?:me_)?(?:(?:a|an|another)_)?(?:reminder|alarm|timer)\b
    | (?:reminder|alarm|timer)\b(?!s)
    | erinner\w*_mich | erinnerung\b | weck(?:e)?_mich
    | rappelle[sz]?(?:_|-)moi | réveille[sz]?(?:_|-)moi | fais(?:_|-)moi_penser
    | rec(?:u|ú)[eé]rda(?:me|rme)?\b | despi[eé]rtame | av[ií]same)"""
)
_LIST_REMINDERS = _Said(
    r"""\s*(?:(?:what|which|show|list)\b .* \breminders?\b | (?:my_)?reminders\s*\??$
    | (?:welche|meine|zeig\w*)\b .* \berinnerungen\b | mes_rappels\b | mis_recordatorios\b)"""
)
_NOTE = _Said(
    rf"""{_PLEASE}(?:(?:take|make|write|add|save|keep)_(?:down_)?(?:a_)?note(?:_(?:that|to_self))?
    | note(?:_(?:that|to_self|down))? | jot_down | notiz | notiere | merke?_dir | prends?_note
    | anota | toma_nota)(?:\s*[:,]\s*|_)(?P<text>\S.*)$"""
)
_FIND_NOTE = _Said(
    rf"""{_PLEASE}(?:find|search|look_up|show|suche?|finde|zeig\w*|cherche|busca)_(?:in_)?{_MY}
    (?:notes?|notizen|notas?)\b\s*(?:about|for|with|on|über|nach|mit|sur|sobre)?\s*
    (?P<query>.*?)\s*\??$"""
)
_MY_NOTES = _Said(r"\s*(?:(?:list_)?my_notes|meine_notizen|mes_notes|mis_notas)\s*\??$")
_REMEMBER = _Said(
    rf"""{_PLEASE}(?:remember(?:_that\b|\s*:) | keep_in_mind(?:_that\b|\s*:)
    | vergiss_nicht,?_dass\b | denk_daran,?_dass\b
    | (?:souviens|rappelle)(?:_|-)toi_qu[e'])[\s,]*(?P<text>\S.*)$"""
)
_REMEMBERED = _Said(
    rf"""{_PLEASE}(?:what_do_you_remember\b | was_hast_du_dir_gemerkt\b
    | woran_erinnerst_du_dich\b | what_do_you_know_about_me\b | was_weißt_du_über_mich\b
    | (?:my|meine|mes|mis)_(?:memories|erinnerungen_an|souvenirs|recuerdos)\b)
    \s*(?:about|of|über|an|zu|de|sobre)?\s*(?P<query>.*?)\s*[?.!]*$"""
)
_KNOWN = _Said(
    rf"""{_PLEASE}(?:what_do_you_know_(?:about|of) | was_weißt_du_(?:über|von)
    | que_sais(?:_|-)tu_(?:de|sur) | qué_sabes_(?:de|sobre))_(?P<query>\S.*?)\s*[?.!]*$"""
)
_FORGET = _Said(
    rf"""{_PLEASE}(?:forget|vergiss|oublie|olvida)_(?!(?:about_)?it\b|what_i\b|nicht\b|pas\b|das\b|es\b)
    (?:(?:memory|nummer|number)_(?P<number>\d{{1,15}})
    | (?:(?:that|about|everything_about|what_you_know_about|alles_über|dass|que|lo_de)_)?
    (?P<query>\S.*?))\s*[.!]*$"""
)
_SUMMARISE = _Said(
    rf"""{_PLEASE}(?:summari[sz]e|summary(?:_of)?|sum_up|tl;?dr|give_me_(?:a|the)_(?:summary|gist)
    | fasse?\b | zusammenfass\w* | résume[rz]?(?:(?:_|-)moi)? | resume[n]? | resumir)
    (?![\w'])[:,]?\s*(?P<rest>.*)$"""
)
_COUNTS = {
    word: number
    for number, words in enumerate(
        ("one a an einem einen une un una", "two zwei deux dos", "three drei trois tres",
         "four vier quatre cuatro", "five fünf cinq cinco"), 1)
    for word in words.split()
}  # fmt: skip
_SENTENCES = _Said(
    rf"""\b(?:in|with|mit|en|con)_(?P<n>[1-9]\d?|{"|".join(_COUNTS)})_(?:short_|kurzen_)?
    (?:sentences?|sätze[n]?|satz|phrases?|frases?|lines?|bullet_points?|bullets?)\b\s*"""
)
_CLIP = _Said(
    r"""\b(?:clipboard | (?:what|that)_i(?:_have|'ve)?(?:_just)?_copied | copied_text
    | zwischenablage | kopiert\w* | presse-papiers | portapapeles)\b"""
)
_THAT = _Said(r"(?:it|this|that|das|es|ça|esto)?(?:_zusammen)?\s*[.?!]?$")
_ORGANISE = _Said(
    rf"""{_PLEASE}(?:organi[sz]e | tidy(?:_up)? | clean_up | sort(?:_out)? | räum\w* | sortiere?
    | ordne | range | trie | ordena)_{_MY}(?P<what>.*)$"""
)
_FOLDER = _Said(
    r"\b(?:downloads?|files?|folder|dateien|ordner|téléchargements|fichiers|descargas|archivos)\b"
)
_UNDO = _Said(
    r"""\s*(?:undo | rückgängig | mach_das_rückgängig | annule[rz]? | deshacer | deshaz)
    (?:_(?:that|it|this|das|ça|eso|the_last\b.*))?\s*[.!]?$"""
)
_HELP = _Said(
    r"""\s*(?:help | \? | what_can_(?:you|i)_do\b.* | what_do_you_do\b.* | who_are_you\b.* | hilfe
    | was_kannst_du\b.* | wer_bist_du\b.* | aide | que_sais-tu_faire\b.* | ayuda
    | qué_puedes_hacer\b.* | hi | hello | hey | hallo | bonjour | hola
    | good_(?:morning|evening|afternoon) | guten_\w+)(?:[\s,!.]*loom)?[\s!?.]*$"""
)
_THANKS = _Said(r"\s*(?:thanks?(?:_you)?|thx|danke|merci|gracias)\b[\s\w]{0,20}[!.]*$")
_READ = _Said(
    rf"""{_PLEASE}(?:read | extract(?:_the)?(?:_text)?(?:_from)? | show(?:_me)?_the_text
    | what(?:_does|_is_in|'s_in)\b.* | lies | text_aus | lis | lee)\b"""
)


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


def _remember(phrase: Phrase) -> Wish | None:
    found = _REMEMBER.match(phrase.text)
    return Wish("memory", "memory.remember", {"text": found["text"].strip()}) if found else None


def _learn(phrase: Phrase) -> Wish | None:
    """Nothing is asked, and something is stated: it is kept, whether or not a model is there."""
    from loom_desktop.text.facts import only_facts

    if phrase.files or phrase.clip or not only_facts(phrase.text):
        return None
    return Wish("memory", "memory.learn", {"text": phrase.text})


def _remembered(phrase: Phrase) -> Wish | None:
    if found := _REMEMBERED.match(phrase.text):
        return Wish("memory", "memory.find", {"query": found["query"]})
    # a model knows of other things as well
    found = _KNOWN.match(phrase.text)
    return Wish("memory", "memory.find", {"query": found["query"]}, True) if found else None


def _forget(phrase: Phrase) -> Wish | None:
    found = _FORGET.match(phrase.text)
    if not found:
        return None
    if found["number"]:
        return Wish("memory", "memory.forget", {"memory": int(found["number"])})
    return Wish("memory", "memory.find", {"query": found["query"], "forget": True})


def _summarise(phrase: Phrase) -> Wish | None:
    found = _SUMMARISE.match(phrase.text)
    if not found:
        return None
    rest, length = found["rest"].strip(), dict[str, int]()
    if (wanted := _SENTENCES.search(rest)) and len(rest) < _LONG:
        length["sentences"] = min(20, _COUNTS.get(wanted["n"].lower()) or int(wanted["n"]))
        rest = rest[: wanted.start()] + rest[wanted.end() :]
    if len(phrase.files) > 1:
        return Wish(
            "summary", "text.summarize_files", {"paths": list(phrase.files), **length}, True
        )
    if phrase.files:
        return Wish("summary", "text.summarize_file", {"path": phrase.files[0], **length}, True)
    if phrase.clip:
        return Wish("summary", "text.summarize", {"text": phrase.clip, **length}, True)
    if len(rest.split()) > 25 or len(rest) > _LONG:
        return Wish("summary", "text.summarize", {"text": rest, **length}, True)
    if _CLIP.search(rest) or _THAT.match(rest) or (length and not rest.strip(" .")):
        return Wish("summary", "text.summarize_clipboard", length, True)
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
    if _HELP.match(phrase.text):
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
    looks: tuple[tuple[str, str, Callable[[], object]], ...] = (
        ("units", "calculate.convert", lambda: convert(text)),
        ("calculator", "calculate.evaluate", lambda: calculate(text)),
        ("dates", "calculate.date", lambda: answer_date(text, phrase.now)),
    )
    for skill, capability, look in looks:
        try:
            if look() is None:
                continue
        except NotUnderstood:
            pass  # it is one, and an impossible one (1 / 0): its capability says why
        return Wish(skill, capability, {"text": text})
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
    _remember,
    _learn,
    _remembered,
    _forget,
    _undo,
    _help,
    _compute,
    _summarise,
    _organise,
    _read,
)
