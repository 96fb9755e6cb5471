"""Names of files: what is allowed in one, whether it tells anything, and what if it is taken.

A name that we give works on every usual file system and shows what it is: no separators, controls
or marks that turn the direction of writing, no device names of Windows, no leading dots or dashes
(hidden files, options of commands), no trailing dots or blanks, at most 120 bytes of UTF-8.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

MOST_BYTES = 120
NAMELESS = "file"

_RESERVED = re.compile(
    r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)(?=\.|\s*$|\s+\.)"
)
_FORBIDDEN = re.compile(r'[/\\:*?"<>|⁄∕]+')
_DOUBLE = re.compile(r"(?i)(\.(?:tar|cpio)\.[a-z0-9]{1,5}|\.user\.js|\.d\.ts)$")
_SUFFIX = re.compile(r"(\.[^\W_]{1,12})$")
_KEPT_FORMATS = "\u200c\u200d"  # Persian and Indic words and joined emoji need them
_EDGES = " .-_~\t\u3000\xa0"


def split_name(name: str) -> tuple[str, str]:
    """The stem and the suffix with its dot, ``("a", ".tar.gz")``; hidden files have no suffix."""
    match = _DOUBLE.search(name) or _SUFFIX.search(name)
    if match is None or match.start() == 0:
        return name, ""
    return name[: match.start()], match[1]


def safe_name(name: str) -> str:
    """The name with what is not allowed taken out. Keeps the suffix; never empty; idempotent."""
    name = _plain(name).lstrip(_EDGES.replace("_", "")) or NAMELESS
    stem, suffix = split_name(name)
    stem = stem.lstrip(_EDGES.replace("_", "")).rstrip(" .\u3000\xa0")
    if not stem.strip("._- "):
        stem = NAMELESS
    if _RESERVED.match(stem):
        stem = f"{stem.rstrip()}_" if "." not in stem else stem.replace(".", "_", 1)
    return _cut(stem, MOST_BYTES - len(suffix.encode())) + suffix


def _plain(name: str) -> str:
    name = "".join(
        " " if one.isspace() else one
        for one in unicodedata.normalize("NFC", name)
        if one.isspace()
        or one in _KEPT_FORMATS
        or (unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
    )
    name = _FORBIDDEN.sub("-", name)
    return " ".join(name.split()).rstrip(" .")


def _cut(stem: str, most: int) -> str:
    """At most so many bytes, between characters and if possible between words."""
    data = stem.encode()
    if len(data) <= most:
        return stem
    short = data[:most].decode("utf-8", "ignore")
    while short and unicodedata.combining(stem[len(short) : len(short) + 1] or "a"):
        short = short[:-1]
    at = short.rfind(" ")
    if at > len(short) * 2 // 3:
        short = short[:at]
    return short.rstrip(_EDGES + _KEPT_FORMATS + ",;") or NAMELESS


def deceives(name: str) -> bool:
    """Whether the name holds marks that make it look like another one."""
    return any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in name) or bool(
        re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", name)
    )


def free_name(taken: Iterable[str], name: str) -> str:
    """The name, or ``name (2)``, ``name (3)`` when the folder already has one like it.

    Capital letters and composed accents make no difference, as on Windows and macOS.
    """
    known = {_same(one) for one in taken}
    if _same(name) not in known:
        return name
    stem, suffix = split_name(name)
    marked = re.fullmatch(r"(.+) \((\d{1,6})\)", stem)
    base, count = (marked[1], int(marked[2])) if marked else (stem, 1)
    while True:
        count += 1
        mark = f" ({count})"
        room = MOST_BYTES - len((mark + suffix).encode())
        other = f"{_cut(base, max(room, 8))}{mark}{suffix}"
        if _same(other) not in known:
            return other


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


# ---------------------------------------------------------------- whether it tells anything

_EMPTY = """
a an and copy copia copie de der des die das document documento dokument download downloaded
downloads draft el en export exported facsimile fax file fichier archivo datei final for from
image img imagen bild photo foto picture pic la le les letter new neu nuevo nouveau no nr num
number of page pages pdf print printout report response result results sample scan scanned scanner
skmbt scn sheet temp test the tmp to unbenannt unbenanntes sans titre nom sin título titulo
untitled unknown update v version attachment anhang adjunto pièce jointe mail message msg notes
note notizen notas documents dokumente files scans doc docx xls xlsx output input data view get
index kopie kopia kopi copy2 unnamed default invoice rechnung facture factura fattura receipt
quittung beleg reçu recibo bill statement kontoauszug contract vertrag contrat contrato ticket
billet order bestellung dsc dscn dscf img vid mov pxl mvi video clip recording audio voice memo
screenshot bildschirmfoto whatsapp signal telegram received sent january february march april may
june july august september october november december jan feb mar apr jun jul aug sep oct nov dec
januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août
septembre octobre novembre décembre enero febrero marzo abril mayo junio julio agosto septiembre
octubre noviembre diciembre monday tuesday wednesday thursday friday saturday sunday am pm at um
"""
_EMPTY_WORDS = frozenset(_EMPTY.split())
"""Words that say what a thing is called everywhere, but not which one it is."""
_COPY = re.compile(
    r"(?i)(?:[\s_-]*\(\d{1,3}\)|[\s_-]+(?:copy|kopie|copie|copia)(?:[\s_-]*\(?\d{1,3}\)?)?)+$|"
    r"^(?:copy of|kopie von|copie de|copia de)\s+"
)


def tells(stem: str) -> bool:
    """Whether a name says which thing it is: ``Rental contract Main Street`` and not "
    "``scan0001``."""
    words = re.findall(r"[^\W\d_]+|\d+", _COPY.sub("", unquote(stem)))
    tokens = re.findall(r"[^\W_]+", _COPY.sub("", unquote(stem)))
    random = {
        piece for token in tokens if _random(token) for piece in re.findall(r"[^\W\d_]+", token)
    }
    said = [
        word
        for word in words
        if not word.isdigit()
        and word.casefold() not in _EMPTY_WORDS
        and word not in random
        and (len(word) >= 3 or not word.isascii())
    ]
    return bool(said) and (len(said) > 1 or len(said[0]) >= 4 or not said[0].isascii())


def _random(token: str) -> bool:
    """Letters and digits that no person put together: ``x7f3k9q2``, ``3f2504e0``, ``bcdfghjk``."""
    if not token.isascii():
        return False
    if re.fullmatch(r"[0-9a-fA-F]{6,}", token) and re.search(r"\d", token):
        return True
    changes = len(re.findall(r"(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]", token))
    if len(token) >= 6 and changes >= 3:
        return True
    if len(token) >= 7 and token.isalpha():
        cases = len(re.findall(r"[a-z][A-Z]", token))
        vowels = len(re.findall(r"[aeiouyAEIOUY]", token))
        return vowels / len(token) < 0.12 or (cases >= 3 and vowels / len(token) < 0.25)
    return False


def tidy(stem: str) -> str:
    """The same words without the marks of downloads: underscores, ``%20``, ``(3)``, ``copy of``."""
    plain = _COPY.sub("", unquote(stem).replace("+", " "))
    if " " not in plain:
        plain = re.sub(r"[_]+", " ", plain)
    plain = " ".join(plain.split())
    return plain if re.search(r"\w", plain) else stem
