"""Masks secrets and personal numbers in a text before it leaves the machine or reaches a log.

Named rules, tried in one pass: the shapes that keys and tokens have, numbers that prove
themselves (Luhn for cards, ISO 7064 for IBANs), ``key=value`` pairs, and the exact secrets that we
hold ourselves, which is the surest rule. No rule looks at entropy: ordinary sentences stay as
they are. Every pattern is bounded, so that hostile text costs linear time.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets. Masking it again changes nothing."""

    text: str
    found: tuple[str, ...]
    """Names of the rules that masked something, each once, in the order of the text's rules."""


SHAPES: tuple[tuple[str, str], ...] = (
    (
        "PEM",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S])*"
        r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    ("JWT", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    ("OPENAI", r"\bsk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,}"),  # and those who copied it
    ("GITHUB", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
    ("GITLAB", r"\bgl(?:pat|rt|dt)-[A-Za-z0-9_-]{20,}"),
    ("AWS", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("GOOGLE", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("SLACK", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("STRIPE", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("HUGGINGFACE", r"\bhf_[A-Za-z0-9]{30,}"),
    ("NPM", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("TELEGRAM", r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b"),
    (
        "BEARER",
        r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}={0,2}|(?<=[Bb]asic )[A-Za-z0-9+/]{12,}={0,2}",
    ),
    ("URLCRED", r"(?<=://)[^/\s:@\[\]]{0,200}:[^/\s@\[\]]{1,200}(?=@)"),
    ("EMAIL", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    ("IBAN", r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}"),
    ("CARD", r"(?<![\w.,-])\d(?:[ -]?\d){12,30}(?!\d)"),
)
"""Name and pattern. The first that fits a place wins; IBAN and CARD are checked as well."""

_SHAPES = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in SHAPES))

_PASSWORD = (
    r"pass(?:word|wd|phrase|wort)|pwd|kennwort|mot de passe|contraseñ?a|senha|wachtwoord|hasło|"
    r"пароль|パスワード|密码|密碼"
)
_TOKEN = (
    r"secret|token|api[_ -]?key|access[_ -]?key(?:[_ -]?id)?|private[_ -]?key|client[_ -]?secret|"
    r"auth[_ -]?token|credentials?"
)
_KEY_VALUE = re.compile(
    rf"(?i)(?P<name>(?P<password>{_PASSWORD})|(?:{_TOKEN}))(?P<join>[\"']?\s{{0,3}}(?P<sign>[:=：])"
    r"\s{0,3})(?P<quote>[\"'`]?)(?P<value>[^\s\"'`,;\[\]]{4,400})"
)

IBAN_LENGTHS: dict[str, int] = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "FR GR IT MC SM",
        28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC",
        32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Length without spaces, by country (SWIFT IBAN registry)."""

_CARD_LENGTHS: tuple[tuple[str, tuple[int, ...]], ...] = (
    (r"4", (16, 13, 19)),  # Visa
    (r"5[1-5]|2[2-7]", (16,)),  # Mastercard
    (r"3[47]", (15,)),  # American Express
    (r"3[0689]", (14, 16)),  # Diners Club
    (r"35", (16,)),  # JCB
    (r"6", (16, 19, 17, 18)),  # Discover, UnionPay, Maestro
    (r"5[06-8]", (16, 19, 18, 17, 15, 14, 13)),  # Maestro
)


def redact(text: str, known: Iterable[str] = ()) -> Redacted:
    """The text with every secret replaced by the name of its rule: ``mail [EMAIL]``.

    ``known`` are exact secrets; those shorter than four characters are left out, because masking
    them would damage any text. A number that fails its check stays.
    """
    found: dict[str, None] = {}
    secrets = sorted({one for one in known if len(one) >= 4}, key=len, reverse=True)
    if secrets:
        text, hits = re.subn("|".join(map(re.escape, secrets)), "[KNOWN]", text)
        if hits:
            found["KNOWN"] = None

    def mask(match: re.Match[str]) -> str:
        rule, written = match.lastgroup or "", match.group()
        if rule == "IBAN":
            end = iban_end(written)
            span = (0, end) if end else None
        elif rule == "CARD":
            span = card_span(written)
        else:
            span = (0, len(written))
        if span is None:
            return written
        found[rule] = None
        return f"{written[: span[0]]}[{rule}]{written[span[1] :]}"

    def mask_value(match: re.Match[str]) -> str:
        if not _is_value(match):
            return match.group()
        found["SECRET"] = None
        return f"{match['name']}{match['join']}{match['quote']}[SECRET]"

    text = _SHAPES.sub(mask, text)
    text = _KEY_VALUE.sub(mask_value, text)
    order = ("KNOWN", *(name for name, _ in SHAPES), "SECRET")
    return Redacted(text, tuple(rule for rule in order if rule in found))


def _is_value(match: re.Match[str]) -> bool:
    """A password may be a plain word; after ``token:`` or ``secret:`` prose may follow."""
    value = match["value"]
    if match["password"]:
        return match["sign"] == "=" or bool(match["quote"]) or not _PROSE.fullmatch(value)
    if len(value) < 6:
        return False
    return match["sign"] == "=" or bool(match["quote"]) or not value.isalpha() or len(value) >= 16


_PROSE = re.compile(
    r"(?i)(?:(?:must|should|has|have|needs?|reset|required|forgotten|changed|expired|incorrect|"
    r"wrong|invalid|none|null|true|false|muss|soll|darf|doit|debe|string|optional)\b.*)"
)


def iban_end(text: str) -> int:
    """How many characters of the text, from its start, are one valid IBAN; 0 when none is."""
    length = IBAN_LENGTHS.get(text[:2])
    if not length:
        return 0
    taken = ""
    for end, letter in enumerate(text, 1):
        if letter not in " -":
            taken += letter
        if len(taken) == length:
            follows = text[end : end + 1]
            if follows.isalnum():
                return 0
            digits = "".join(str(int(one, 36)) for one in taken[4:] + taken[:4])
            return end if int(digits) % 97 == 1 else 0
    return 0


def card_span(text: str) -> tuple[int, int] | None:
    """Where in a run of digits, spaces and dashes a payment card number stands, if one does."""
    places = [at for at, one in enumerate(text) if one.isdigit()]
    digits = "".join(text[at] for at in places)
    for first, at in enumerate(places):
        if at and text[at - 1].isdigit():
            continue  # only where a group of digits begins
        for starts, lengths in _CARD_LENGTHS:
            if not re.match(starts, digits[first:]):
                continue
            for length in lengths:
                last = first + length - 1
                if last >= len(places) or text[places[last] + 1 : places[last] + 2].isdigit():
                    continue
                if luhn(digits[first : last + 1]):
                    return at, places[last] + 1
    return None


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit (ISO/IEC 7812-1)."""
    doubled = (
        sum(divmod(2 * int(one), 10)) if at % 2 else int(one)
        for at, one in enumerate(reversed(digits))
    )
    return sum(doubled) % 10 == 0 and digits.strip("0") != ""


_NOT_SECRET = re.compile(
    r"""(?ix)
      (?:https?|ftp|file|mailto|tel|magnet|ssh|git)[:][^\s@]*         # an address
    | www\.\S+ | (?:[\w-]+\.)+[a-z]{2,10}(?:[/?:]\S*)?                # a host, or a file name
    | (?:~|\.{1,2})?/\S* | [a-z]:\\\S* | \\\\\S+ | [\w.-]+(?:/[\w.-]+)+  # a path
    | \S+@[\w-]+(?:\.[\w-]+)+                                         # a mail address
    | [\d\s.,:;/+()*x%€$£¥#-]+                                        # numbers, dates, telephones
    | \#?[0-9a-f]{3,8}                                                # a colour, a short hash
    | \{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?               # a UUID
    | v?\d+(?:\.\d+)+[\w.+-]*                                         # a version
    | (?:[a-z]+[_-])+[a-z]+(?:\(\))?                                  # snake_case, kebab-case
    | --?[a-z][\w-]*(?:=\S*)?                                         # a command line option
    | [@\#][^\W\d]\w*                                                 # a mention, a tag
    | \d{4}-\d\d-\d\dt[\d:.,z+-]+                                     # a time
    | [^\W\d_]+['’]?[^\W\d_]*[.,;:!?…"')\]]*                          # one word
    | [\w.]+\([\w\s,.'"=]*\);?                                        # a call
    """
)
_KEYS = frozenset(name for name, _ in SHAPES) - {"EMAIL", "IBAN"}


def looks_secret(text: str) -> bool:
    """Whether a copied text is probably a password, a key or a card number.

    For the clipboard, where nobody says what was copied. In doubt a single odd word counts as a
    secret: a missed offer costs nothing. Only the start of a long text is looked at.
    """
    text = text[:4_000].strip()
    if not text:
        return False
    for match in _SHAPES.finditer(text):
        rule = match.lastgroup or ""
        if rule not in _KEYS or (rule == "CARD" and card_span(match.group()) is None):
            continue
        if rule == "PEM" or 2 * len(match.group()) >= len(text) or rule == "URLCRED":
            return True
    if "\n" in text or "\r" in text or len(text) > 256:
        return False
    pair = _KEY_VALUE.search(text)
    if pair and _is_value(pair) and 2 * len(pair.group()) >= len(text):
        return True
    if len(text.split()) > 1 or len(text) < 8 or _NOT_SECRET.fullmatch(text):
        return _diceware(text)
    if re.fullmatch(r"[0-9a-fA-F]{32,}", text):
        return True
    kinds = sum(bool(re.search(kind, text)) for kind in ("[a-zß-ÿ]", "[A-ZÀ-Þ]", r"\d", r"[^\w]|_"))
    if not text.isascii() and kinds < 3:
        return False  # a word in another script
    if kinds >= 3:
        return True
    return kinds == 2 and _entropy(text) >= 2.7 and bool(re.search(r"\d", text))


def _diceware(text: str) -> bool:
    """``correct-horse-battery-staple``: what password managers make from words."""
    parts = re.split(r"[-_.]", text)
    return len(parts) >= 4 and len({*parts}) == len(parts) and all(
        4 <= len(part) <= 10 and re.fullmatch(r"[A-Za-z]+\d*", part) for part in parts
    )  # fmt: skip


def _entropy(text: str) -> float:
    """Bits per character, by how often each one stands in this text."""
    return -sum(
        count / len(text) * math.log2(count / len(text)) for count in Counter(text).values()
    )
