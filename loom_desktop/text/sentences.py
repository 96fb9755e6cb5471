"""Splits a text into sentences, in any script, without being fooled by abbreviations and numbers.

Paragraphs, list items and headings end a sentence, too; a line break alone does not, because mail
and documents wrap their lines. Rules of thumb: a full stop followed by a small letter, after an
abbreviation, after an initial or after an ordinal before a month is no end.
"""

from __future__ import annotations

import re

_ABBREVIATIONS = (
    # en
    "mr mrs ms dr prof sr jr st ave dept est fig figs eq eqs no nos vs etc al approx inc ltd co "
    "corp "
    "gen col sgt capt lt rev hon pres gov sen rep vol vols ed eds pp ch sec cf ca e.g i.e a.m p.m "
    "u.s u.k u.n d.c ph.d jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri "
    # de
    "bzw z.b d.h u.a usw evtl ggf inkl exkl zzgl nr str tel abs art aufl bd bspw ca dgl dipl ing "
    "frl hr hrn geb gest hrsg jh mio mrd o.ä s.o s.u sog u.u v.a vgl z.t z.zt std min sek mwst "
    # fr
    "m mm mme mmes mlle mlles me c.-à-d p.ex env janv févr avr juil déc boul bd chap éd "
    # es, pt
    "sr sra srta dra ud uds vd vds ee.uu pág págs núm art cía gral av avda exmo ej p.ej "
    # it, nl, pl, sv, cs, ru
    "sig sigg sig.ra dott ing avv ecc pag a.c d.c dhr mevr mw drs bijv nl enz o.a m.b.t t.a.v "
    "np tzn tj itd itp ul pl bl.a t.ex dvs osv m.m kl ev tzv např atd str "
    "т.е т.д т.п т.к г гг ул им стр руб тыс млн млрд др см"
)
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
_ORDINAL_BEFORE = re.compile(
    r"(?i)(?:januar|februar|märz|maerz|april|mai\b|juni|juli|august|september|oktober|november|"
    r"dezember|jan\b|feb|mrz|jahrhundert|quartal|klasse|stock|platz|etage|auflage|kapitel|"
    r"december|marts|maj\b|mars\b|desember|oktober)"
)
_END = re.compile(
    r"(?:(?<![.!?…‽؟۔।॥])[.!?…‽؟۔।॥]+[\"'”’»)\]]*(?=\s)|[。！？｡]+[」』”’）》\"]*"
    r"|(?<![.!?…])[.!?…]+[”»](?=[^\s\W]))"
)
"""A run of marks is looked at from its beginning only: else a page of dots takes minutes."""
_BULLET = re.compile(r"\s*(?:[-*+•‣▪◦–—·]|\(?\d{1,3}[.)]|[a-z]\))\s+(?=\S)")
_HEADING = re.compile(r"\s*#{1,6}\s+|\s*={3,}\s*$|\s*-{3,}\s*$|\s*\*{3,}\s*$")
_LAST_WORD = re.compile(r"([^\s(\[\"'“„«]*)\.$")
LONGEST = 1_500
"""Characters; what runs on without an end is cut here, at a space."""


def sentences(text: str) -> list[str]:
    """The sentences in order, white space made single, without list marks; none of them empty."""
    found: list[str] = []
    for block in blocks(text):
        found += _split(block)
    return found


def blocks(text: str) -> list[str]:
    """Paragraphs, list items and headings, each on one line."""
    found: list[str] = []
    open_lines: list[str] = []

    def close() -> None:
        if open_lines:
            found.append(" ".join(" ".join(open_lines).split()))
            open_lines.clear()

    lines = text.splitlines()
    usual = _usual_width(lines)
    for line in lines:
        if not line.strip():
            close()
        elif _HEADING.match(line):
            close()
            if heading := line.strip().strip("#=-*").strip():
                found.append(" ".join(heading.split()))
        elif line.lstrip().startswith("|"):
            close()
            found.append(" ".join(line.split()))  # a row of a table
        elif mark := _BULLET.match(line):
            close()
            open_lines.append(line[mark.end() :])
        else:
            open_lines.append(line)
            if len(line.rstrip()) < usual and not line.rstrip().endswith((",", ";", "-")):
                close()  # a short line was ended on purpose: a heading, a verse, an address
    close()
    return [block for block in found if block]


def _usual_width(lines: list[str]) -> float:
    """Lines shorter than this were not wrapped by a program."""
    widths = sorted(len(line.rstrip()) for line in lines[:2_000] if line.strip())
    if not widths:
        return 0
    wide = widths[int(len(widths) * 0.9)]
    return 0.55 * wide if 50 <= wide <= 130 else (45 if wide > 130 else 0)


def _split(block: str) -> list[str]:
    found: list[str] = []
    begin = 0
    for end in _END.finditer(block):
        if end.end() - begin > 1 and _ends(block, begin, end):
            found.append(block[begin : end.end()].strip())
            begin = end.end()
    found.append(block[begin:].strip())
    return [part for one in found if one for part in _cut(one)]


def _ends(block: str, begin: int, end: re.Match[str]) -> bool:
    mark = end.group()
    if mark[0] != "." or mark.startswith(".."):
        following = block[end.end() : end.end() + 3].lstrip()
        if mark[-1] in "」』”" and following[:1] in ("と", "っ"):
            return False  # what was quoted goes on: 「はい。」と言った
        return not (mark[0] in "!?…." and following[:1].islower() and following[:1].isascii())
    following = block[end.end() : end.end() + 20].lstrip()
    if not following:
        return True
    if following[0].islower():
        return False
    last = _LAST_WORD.search(block, max(begin, end.start() - 30), end.start() + 1)
    word = last[1].lower() if last else ""
    if word in ABBREVIATIONS:
        return False
    if len(word) == 1 and word.isalpha():
        return False  # an initial, or half of an abbreviation: J. Smith, z. B.
    if re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word):
        return not following[0].isupper() or len(word) > 5  # U.S., i.e., z.B.
    return not (word.isdigit() and len(word) <= 2 and _ORDINAL_BEFORE.match(following))


def _cut(sentence: str) -> list[str]:
    parts: list[str] = []
    while len(sentence) > LONGEST:
        at = sentence.rfind(" ", LONGEST // 2, LONGEST)
        at = at if at > 0 else LONGEST
        parts.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [*parts, sentence] if sentence else parts
