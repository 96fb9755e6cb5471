"""Cuts a phrase into tokens, so that prices, telephone numbers and versions are never times.

What looks like a number but is none (``$50``, ``555-1234``, ``v1.2.3``, ``24/7``, ``B12``) becomes
one opaque token of kind ``blob``; no rule of any language matches it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or mark, and where it stood in the text."""

    word: str
    """Folded: lower case, no diacritics, straight apostrophes."""
    kind: str
    """word, num, dec, clock, hletter, iso, slash, dots, mark or blob."""
    start: int
    end: int
    number: int = 0
    suffix: str = ""
    """``st``, ``th``, ``er`` ... or ``.`` after a number."""
    hyphen: bool = False
    """A hyphen or dash stood before it."""
    capital: bool = False


_GLUED = (
    "am|pm|h|hr|hrs|hour|hours|min|mins|minute|minutes|minuten|minutos|m|s|sec|secs|sek|d|w|std|"
    "uhr|day|days|week|weeks|tage|wochen|stunden|jours|heures|horas|dias|mal|x"
)
_TOKEN = re.compile(
    rf"""
    (?P<blob>
        https?://\S++
      | [\w.+-]{{1,64}}+@[\w-]++(?:\.[\w-]++)*+(?=\s|\W|$)
      | \#\w++
      | [$€£¥]\s?\d[\d.,]*+
      | \d++(?:[.,]\d++)*+\s?(?:[$€£¥%°]|euros?\b|dollars?\b|usd\b|eur\b|chf\b|percent\b|degrees?\b)
      | 24/7(?![\d/])
    )
  | (?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}}(?:[T ]\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?
        (?:Z|[+-]\d{{2}}:?\d{{2}})?)?)(?![\w:]|-\d)
  | (?P<dots>(?<![\w.])\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}}(?!\d|\.\d)|\d{{2}}(?!\d|\.\d)|(?!\d)))
  | (?P<version>(?<!\w)v\d++(?:\.\d++)*+|\d++(?:\.\d++){{2,}})
  | (?P<phone>\+?\d{{2,}}(?:[-/]\d++)*-\d{{3,}}(?:-\d++)*|\+\d{{5,}}|\(\d{{3}}\)\s?\d{{3}}-\d{{4}})
  | (?P<slash>(?<![\w/])\d{{1,4}}/\d{{1,2}}(?:/\d{{2,4}})?)(?![\w/])
  | (?P<clock>(?<![\d:.,])\d{{1,2}}:\d{{2}}(?::\d{{2}})?)(?![\d:])
  | (?P<hletter>\d{{1,3}}h(?:\d{{2}}(?![\w])|(?=\d{{1,2}}m)|(?!\w)))
  | (?P<dec>(?<![\d.,])\d++[.,]\d++)(?:(?=(?:{_GLUED})(?!\w))|(?!\w))
  | (?P<num>\d++(?:(?:st|nd|rd|th|er|ere|ère|e|eme|ème|º|ª|\.ª|\.º)(?!\w)|(?=(?:{_GLUED})(?!\w))
        |(?!\w)))
  | (?P<odd>\w*\d\w*+)
  | (?P<ampm>[ap]\.\s?m\b\.?|[ap]\.m\.)
  | (?P<word>o['’]?clock\b|aujourd['’]hui\b|(?:[jdlnstmc]|qu|jusqu)['’](?=\w)(?!t\b)
        |[^\W\d_]++(?:['’][^\W\d_]++)*+)
  | (?P<half>[½¼¾])
  | (?P<mark>[^\w\s])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DASHES = frozenset("-–—‐‑−")
_HALVES = {"½": "half", "¼": "quarter", "¾": "three-quarters"}


def fold(text: str) -> str:
    """Lower case without diacritics: ``Nächsten`` and ``nachsten`` are one word."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").replace("ß", "ss"))
    return "".join(c for c in plain if not unicodedata.combining(c)).lower()


def tokens(text: str) -> list[Token]:
    """The tokens of the text in order. Dashes are no tokens: they mark the one that follows."""
    found: list[Token] = []
    hyphen = False
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        raw = match.group()
        if kind == "mark" and raw in _DASHES:
            hyphen = True
            continue
        found.append(_token(kind, raw, match.start(), match.end(), hyphen))
        hyphen = False
    return found


def _token(kind: str, raw: str, start: int, end: int, hyphen: bool) -> Token:
    number, suffix, word = 0, "", raw
    if kind in ("version", "phone", "odd"):
        kind = "blob"
    elif kind == "num":
        digits = re.match(r"\d+", raw)
        assert digits is not None
        if len(digits.group()) > 9:
            kind = "blob"
        else:
            number, suffix = int(digits.group()), fold(raw[digits.end() :])
    elif kind == "ampm":
        kind, word = "word", raw[0] + "m"
    elif kind == "half":
        kind, word = "word", _HALVES[raw]
    return Token(
        fold(word), kind, start, end, number, suffix, hyphen, kind == "word" and raw[0].isupper()
    )
