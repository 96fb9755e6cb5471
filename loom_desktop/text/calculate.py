"""Arithmetic in plain words and symbols, exact: ``what is 15% of 240``, ``2+2*3``, ``half of 90``.

The question becomes tokens that this file knows; anything else in it means that it is no
arithmetic. They are read by recursive descent straight into fractions: no floating point noise, no
``eval``, no names, strings or attributes to attack, and each operation is bounded before it is
done. ``200 + 15%`` adds 15 % of the 200, as pocket calculators do. Words: English, and the usual
ones in German, French, Spanish and Italian.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from loom_desktop.errors import NotUnderstood
from loom_desktop.text.answer import Answer
from loom_desktop.text.number import NUMBER, read_number, write_number

LONGEST = 300
"""Characters of a question; longer text is no arithmetic."""
MOST_BITS = 20_000
"""Of the numbers in between: about 6,000 digits."""
DEEPEST = 40
"""Parentheses and powers inside one another."""

_ASKED = re.compile(
    r"(?i)^\s*(?:(?:hey|please|so|and|ok|bitte|und)\b[\s,]*)*(?:(?:what(?:'s|’s| is| are| does)|"
    r"how much"
    r"(?: is| are| does)?|calculate|compute|work out|solve|evaluate|tell me|wie ?viel (?:ist|sind|"
    r"macht)|was (?:ist|sind|ergibt)|berechne|rechne|combien (?:font|fait|vaut)|calcule[rz]?|"
    r"qu(?:el(?:le)? "
    r"est|'est-ce que c'est)|cu[aá]nto (?:es|son|vale)|calcula[r]?|qu[eé] es|quanto (?:fa|fanno|"
    r"è)|calcola|"
    r"сколько будет|посчитай)\b\s*(?:the|der|die|das|la|le|el|result of)?\s*[:,]?|=)\s*"
)
_SIGNS = str.maketrans({
    "×": "*", "·": "*", "∙": "*", "⋅": "*", "✕": "*", "÷": "/", "∕": "/", "⁄": "/", "−": "-",
    "–": "-", "—": "-", "＋": "+", "％": "%", "（": "(", "）": ")", "[": "(", "]": ")", "{": "(",
    "}": ")", "’": "'", "π": " pi ", "√": " sqrt ", "²": "^2 ", "³": "^3 ", "½": " 0.5 ",
    "¼": " 0.25 ", "¾": " 0.75 ",
})  # fmt: skip

_PHRASES: tuple[tuple[str, str], ...] = (
    (r"(?:to|raised to) the power (?:of )?|\bto the (\d+)(?:st|nd|rd|th)(?: power)?|hoch|"
     r"à la puissance|elevado a(?: la)?|alla", "^"),
    (r"(?:multiplied|times) by|multipliziert mit|multipliée? par|multiplicado por|times|mal|fois|"
     r"por|per|умножить на", "*"),
    (r"(?:divided|over) by|divided by|over|geteilt durch|durch|divisée? par|sur|dividido (?:por|"
     r"entre)|"
     r"entre|diviso|разделить на", "/"),
    (r"added to|plus|und|et|y|más|mas|più|and|плюс", "+"),
    (r"minus|less|weniger|moins|menos|meno|минус", "-"),
    (r"modulo|mod|rest von", " mod "),
    (r"per ?cent|prozent|pour ?cents?|por ?ciento|per ?cento|процент\w*", "%"),
    (r"(?:the )?(?:square )?root of|(?:quadrat)?wurzel (?:aus|von)|(?:quadrat)?wurzel|"
     r"racine(?: carrée)? "
     r"de|ra[ií]z(?: cuadrada)? de|radice(?: quadrata)? di|корень из", " sqrt "),
    (r"(?:the )?cube root of|(?:kubik|dritte )wurzel (?:aus|von)|racine cubique de|"
     r"ra[ií]z c[uú]bica de",
     " cbrt "),
    (r"squared|zum quadrat|au carré|al cuadrado|al quadrato", "^2"),
    (r"cubed|au cube|al cubo", "^3"),
    (r"(?:the )?factorial of|fakultät von", " factorial "),
    (r"factorial", "!"),
    (r"double(?: of)?|twice|doppelte von|le double de|el doble de", "2*"),
    (r"triple(?: of)?|thrice|dreifache von|le triple de|el triple de", "3*"),
    (r"(?:a |one )?half(?: of)?|(?:die )?hälfte von|la moitié de|la mitad de|la metà di", "(1/2)*"),
    (r"(?:a |one )third of|(?:ein )?drittel von|le tiers de|un tercio de", "(1/3)*"),
    (r"(?:a |one )?quarter of|(?:ein )?viertel von|le quart de|un cuarto de", "(1/4)*"),
    (r"three quarters of|drei ?viertel von", "(3/4)*"),
    (r"two thirds of|zwei drittel von", "(2/3)*"),
)  # fmt: skip
_PHRASE = re.compile(
    "|".join(
        f"(?P<p{at}>(?<![^\\W\\d_])(?:{words})(?![^\\W\\d_]))"
        for at, (words, _) in sorted(
            enumerate(_PHRASES),
            key=lambda one: "root" not in one[1][0] and "factorial of" not in one[1][0],
        )
    ),
    re.IGNORECASE,
)
_OF = re.compile(r"(?i)%\s*(?:of|von|vom|de|du|des|del|di|от)\b(?:\s+(?:the|den|la|le))?")
_OFF = re.compile(rf"(?i)({NUMBER})\s*%\s*(?:off|rabatt auf)(?:\s+of)?\b")
_TIP = re.compile(
    rf"(?i)(?:\ban?\s+)?({NUMBER})\s*%\s*(?:tip|tax|vat|discount|interest|trinkgeld|mehrwertsteuer|mwst|rabatt|"
    r"zinsen|de pourboire|de tva|de propina|de iva)\s+(?:on|of|for|auf|von|sur|sobre|de)\b"
)
_SPLIT = re.compile(
    rf"(?i)^(?:split|divide|share|teile|partage[rz]?|reparte)\s+({NUMBER})\s+"
    rf"(?:between|among|by|with|for|unter|durch|entre|en)\s+({NUMBER})(?:\s+[^\W\d_]+)?$"
)
_SHARE = re.compile(
    rf"(?i)^({NUMBER})\s+is\s+(?:what|how many)\s*%\s*of\s+({NUMBER})$|"
    rf"^(?:what|how many)\s*%\s*(?:of\s+({NUMBER})\s+)is\s+({NUMBER})(?:\s+of\s+({NUMBER}))?$"
)

SMALL: dict[str, int] = {
    word: value
    for value, words in {
        0: "zero null zéro cero", 1: "one eins un uno", 2: "two zwei deux dos due",
        3: "three drei trois tres tre", 4: "four vier quatre cuatro quattro",
        5: "five fünf cinq cinco cinque", 6: "six sechs seis sei",
        7: "seven sieben sept siete sette", 8: "eight acht huit ocho otto",
        9: "nine neun neuf nueve nove", 10: "ten zehn dix diez dieci",
        11: "eleven elf onze once undici", 12: "twelve zwölf douze doce dodici dozen",
        13: "thirteen dreizehn", 14: "fourteen vierzehn", 15: "fifteen fünfzehn quinze quince",
        16: "sixteen sechzehn", 17: "seventeen siebzehn", 18: "eighteen achtzehn",
        19: "nineteen neunzehn", 20: "twenty zwanzig vingt veinte venti",
        30: "thirty dreißig trente", 40: "forty vierzig quarante", 50: "fifty fünfzig cinquante",
        60: "sixty sechzig soixante", 70: "seventy siebzig", 80: "eighty achtzig",
        90: "ninety neunzig",
    }.items()
    for word in words.split()
}  # fmt: skip
_SCALES = {
    "hundred": 100, "hundert": 100, "cent": 100, "cien": 100, "thousand": 1000, "tausend": 1000,
    "mille": 1000, "mil": 1000, "million": 10**6, "millions": 10**6, "millionen": 10**6,
    "millones": 10**6, "billion": 10**9, "billions": 10**9, "milliarde": 10**9, "milliarden": 10**9,
    "trillion": 10**12,
}  # fmt: skip
_ANY = "|".join(sorted({*SMALL, *_SCALES}, key=len, reverse=True))
_NUMBER_WORDS = re.compile(rf"(?i)(?<!\w)(?:{_ANY})(?!\w)(?:[\s-]+(?:and\s+)?(?:{_ANY})(?!\w))*")

_TOKEN = re.compile(
    rf"(?P<number>{NUMBER})|(?P<word>log(?:10|2)\b|[^\W\d_]+)|"
    r"(?P<op>\*\*|//|[-+*/^%!(),;:=°])|(?P<space>\s+)|(?P<bad>.)",
    re.DOTALL,
)
_DATE = re.compile(
    r"\d{1,4}([-./])\d{1,2}\1\d{1,4}|\d{3,4}-\d{4}|\d{1,2}:\d\d|24/7|\+?\d[\d ()-]*\d{3,}-\d{3,}"
)
_COINS = re.compile(r"[€$£¥₹₽₩]")
_CONSTANTS = {"pi": Fraction("3.14159265358979323846264338327950288"),
              "e": Fraction("2.71828182845904523536028747135266250"),
              "tau": Fraction("6.28318530717958647692528676655900577")}  # fmt: skip


def calculate(text: str) -> Answer | None:
    """The answer, or None when the text is no arithmetic; that is decided within microseconds.

    Raises NotUnderstood when it is arithmetic but has no answer: a division by zero, an open
    parenthesis, a number too large to write down.
    """
    if len(text) > LONGEST or not (re.search(r"\d", text) or _NUMBER_WORDS.search(text)):
        return None
    asked = _asked(text)
    coins = {*_COINS.findall(asked)}
    plain = _COINS.sub("", asked).strip()
    if len(coins) > 1 or _DATE.fullmatch(plain):
        return None
    tokens = _tokens(_spoken(plain))
    if tokens is None or not _asks(tokens):
        return None
    value = _Reader(tokens).read()
    written, exact = write_number(value)
    coin = f" {coins.pop()}" if coins else ""
    shown = " ".join(asked.split())
    return Answer(f"{shown} {'=' if exact else '≈'} {written}{coin}", written)


def _asked(text: str) -> str:
    text = _ASKED.sub("", text.strip(), count=1)
    return re.sub(r"[\s?？!.=]+$", lambda end: "!" if end.group().startswith("!") else "", text)


def _spoken(text: str) -> str:
    """Words of arithmetic become signs, number words become numbers."""
    text = text.translate(_SIGNS)
    text = re.sub(r"(?i)\bper ?cent\b|\bprozent\b", "%", text)
    if share := _SHARE.match(text):
        part, whole, of, part2, _ = share.groups()
        return f"({part or part2})/({whole or of})*100"
    text = _NUMBER_WORDS.sub(_number_word, text)
    if split := _SPLIT.match(text.strip()):
        return f"({split[1]})/({split[2]})"
    text = _TIP.sub(r"\1 % of", text)

    def sign(match: re.Match[str]) -> str:
        at = int((match.lastgroup or "p0")[1:])
        return _PHRASES[at][1]

    text = re.sub(r"(?i)\bto the (\d+)(?:st|nd|rd|th)(?: power)?\b", r"^\1", text)
    text = _PHRASE.sub(sign, text)
    text = _OFF.sub(r"(1-\1/100)*", text)
    return _OF.sub("% of ", text)


def _number_word(match: re.Match[str]) -> str:
    total = group = 0
    for word in re.findall(r"[^\W\d_]+", match.group().lower()):
        if word in SMALL:
            group += SMALL[word]
        elif word in _SCALES and _SCALES[word] == 100:
            group = (group or 1) * 100
        elif word in _SCALES:
            total += (group or 1) * _SCALES[word]
            group = 0
    words = match.group().lower().split()
    if words[0] in _SCALES and match.string[: match.start()].rstrip()[-1:].isdigit():
        return f"*{total + group}"  # 3 million
    return str(total + group)


# ---------------------------------------------------------------- tokens

Token = tuple[str, str]
_ARGUMENT = re.compile(_TOKEN.pattern.replace(NUMBER, r"\d+(?:\.\d+)?|\.\d+"), re.DOTALL)
_WORKS = frozenset({"+", "-", "*", "**", "/", "//", "^", "%", "!", "of", "mod", "°"})


def _tokens(text: str) -> list[Token] | None:
    """Kind and text of each token, or None when one of them is no arithmetic."""
    found: list[Token] = []
    at = many = 0  # ``many``: depth of parentheses in which a comma parts arguments
    while at < len(text):
        match = (_ARGUMENT if many else _TOKEN).match(text, at)
        if match is None or match.lastgroup == "bad":
            return None
        kind, token, at = match.lastgroup or "", match.group().lower(), match.end()
        if kind == "space":
            continue
        if kind == "word":
            if token == "x" and found:
                kind, token = "op", "*"
            elif token == "mod" or (token == "of" and found and found[-1][1] == "%"):
                kind = "op"
            elif token not in _FUNCTIONS and token not in _CONSTANTS:
                return None
        elif token == "(" and (many or (found and found[-1][1] in _MANY)):
            many += 1
        elif token == ")" and many:
            many -= 1
        elif token == ":":  # a division only when it stands free: 10 : 2, but not 10:30
            if text[match.start() - 1 : match.start()] + text[at : at + 1] != "  ":
                return None
            token = "/"
        elif token in ("=", ",", ";") and not many:
            return None
        found.append((kind, token))
    return found


def _asks(tokens: list[Token]) -> bool:
    """Whether there is something to work out, and not only a number or a list of them."""
    numbers = sum(kind == "number" or token in _CONSTANTS for kind, token in tokens)
    works = {token for kind, token in tokens if kind == "op" and token in _WORKS}
    functions = any(token in _FUNCTIONS for _, token in tokens)
    if any(a[0] == b[0] == "number" for a, b in pairwise(tokens)):
        return False
    near = any(a[0] == "number" and b[0] == "word" for a, b in pairwise(tokens))
    return (numbers >= 2 and (bool(works) or near)) or (
        numbers >= 1 and (functions or bool(works & {"!", "°"}))
    )


# ---------------------------------------------------------------- reading them


class _Reader:
    """Recursive descent over the tokens of one question."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = self._depth = 0

    def read(self) -> Fraction:
        value = self._sum()
        if self._at < len(self._tokens):
            raise NotUnderstood(f"“{self._next()}” does not belong there.", hint=_HINT)
        return value

    def _next(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _begins_value(self, ahead: int = 0) -> bool:
        at = self._at + ahead
        return at < len(self._tokens) and (
            self._tokens[at][0] in ("number", "word") or self._tokens[at][1] == "("
        )

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _sum(self) -> Fraction:
        value, _ = self._product()
        while self._next() in ("+", "-"):
            sign = 1 if self._take() == "+" else -1
            term, percent = self._product()
            value = _checked(value * (1 + sign * term) if percent else value + sign * term)
        return value

    def _product(self) -> tuple[Fraction, bool]:
        """The value, and whether it is a percentage alone."""
        value, percent = self._signed()
        while True:
            op = self._next()
            if op in ("*", "/", "//", "mod", "of", "%"):
                self._take()
                right, _ = self._signed()
                value = _WORK[op](value, right)
            elif self._begins_value():
                right, _ = self._signed()  # 2(3+4), 2 pi
                value = value * right
            else:
                return _checked(value), percent
            percent = False

    def _signed(self) -> tuple[Fraction, bool]:
        sign = 1
        while self._next() in ("+", "-"):
            sign = -sign if self._take() == "-" else sign
        value, percent = self._power()
        return sign * value, percent

    def _power(self) -> tuple[Fraction, bool]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotUnderstood("That is nested too deeply.", hint="Work it out in two steps.")
        value, percent = self._after(self._primary())
        if self._next() in ("^", "**"):
            self._take()
            exponent, _ = self._signed()
            value, percent = _power(value, exponent), False
        self._depth -= 1
        return value, percent

    def _after(self, value: Fraction) -> tuple[Fraction, bool]:
        percent = False
        while self._next() in ("!", "°", "%"):
            if self._next() == "%" and self._begins_value(1):
                break  # 10 % 3 is what is left over
            sign = self._take()
            percent = sign == "%"
            if sign == "!":
                value = _factorial(value)
            else:
                value = value / 100 if percent else value * _CONSTANTS["pi"] / 180
        return value, percent

    def _primary(self) -> Fraction:
        if self._at >= len(self._tokens):
            raise NotUnderstood("A number is missing at the end.", hint=_HINT)
        kind, token = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return _number(token)
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token == "(":
            value = self._sum()
            self._close()
            return value
        if token in _FUNCTIONS:
            return _checked(_call(token, self._arguments()))
        raise NotUnderstood(f"A number is missing before “{token}”.", hint=_HINT)

    def _arguments(self) -> list[Fraction]:
        if self._next() != "(":
            return [self._power()[0]]  # sqrt 16
        self._take()
        found = [self._sum()]
        while self._next() in (",", ";"):
            self._take()
            found.append(self._sum())
        self._close()
        return found

    def _close(self) -> None:
        if self._next() == ")":
            self._take()
        elif self._at < len(self._tokens):
            raise NotUnderstood(f"“{self._next()}” does not belong there.", hint=_HINT)
        else:
            raise NotUnderstood("A closing parenthesis is missing.", hint=_HINT)


_HINT = "Write it like 12 * (3 + 4) or 15% of 240."


def _number(token: str) -> Fraction:
    try:
        return read_number(token)
    except ValueError:
        raise NotUnderstood(
            f"“{token}” is not a number that can be read in one way.",
            hint="Write it without separators for thousands, like 1250.50.",
        ) from None


def _checked(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        raise _too_large()
    return value


def _too_large() -> NotUnderstood:
    return NotUnderstood("That number is too large to write down.", hint="Try a smaller one.")


def _divide(one: Fraction, other: Fraction) -> Fraction:
    if not other:
        raise NotUnderstood(
            "Nothing can be divided by zero.", hint="Check what stands after the division sign."
        )
    return one / other


def _modulo(one: Fraction, other: Fraction) -> Fraction:
    return one - other * math.floor(_divide(one, other))


_WORK: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "*": lambda one, other: one * other,
    "of": lambda one, other: one * other,
    "/": _divide,
    "//": lambda one, other: Fraction(math.floor(_divide(one, other))),
    "%": _modulo,
    "mod": _modulo,
}


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if not base and exponent < 0:
        _divide(Fraction(1), base)
    if exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(base) not in (0, 1) and abs(exponent.numerator) * bits > MOST_BITS:
            raise _too_large()
        return Fraction(base ** (exponent.numerator if abs(base) != 1 else exponent.numerator % 2))
    if base < 0:
        if exponent.denominator % 2:
            root = _power(-base, exponent)
            return -root if exponent.numerator % 2 else root
        raise _no_real_root()
    if not base:
        return base
    return _decimal(lambda one, other: one**other, base, exponent)


def _no_real_root() -> NotUnderstood:
    return NotUnderstood(
        "A negative number has no real square root.", hint="Check the sign under the root."
    )


def _decimal(work: Callable[..., Decimal], *values: Fraction) -> Fraction:
    """Done with 50 digits; a result within 1e-40 of a short number is that number."""
    with localcontext() as context:
        context.prec = 50
        context.Emax, context.Emin = 6_000, -6_000
        try:
            result = work(*(Decimal(v.numerator) / Decimal(v.denominator) for v in values))
        except ArithmeticError:
            raise _too_large() from None
        context.prec = 40
        return Fraction(+result)


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise NotUnderstood(
            "A factorial needs a whole number.", hint="Write it like 5! or factorial of 5."
        )
    if value > 1_500:
        raise _too_large()
    return Fraction(math.factorial(value.numerator))


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise _no_real_root()
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return _decimal(Decimal.sqrt, value)


def _logarithm(value: Fraction, base: Fraction | None = None) -> Fraction:
    if value <= 0 or (base is not None and (base <= 0 or base == 1)):
        raise NotUnderstood(
            "A logarithm needs a number above zero.", hint="Check what stands after log."
        )
    if base is None:
        return _decimal(Decimal.ln, value)
    return _decimal(lambda one, other: one.ln() / other.ln(), value, base)


def _floating(function: Callable[[float], float]) -> Callable[[Fraction], Fraction]:
    def work(value: Fraction) -> Fraction:
        try:
            return Fraction(f"{function(float(value)):.15f}")
        except (OverflowError, ValueError):
            raise NotUnderstood(
                "That has no value there.", hint="Check the number in the parentheses."
            ) from None

    return work


def _tangent(angle: float) -> float:
    if abs(math.cos(angle)) < 1e-15:
        raise ValueError("a pole")
    return math.tan(angle)


def _round(value: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    if places.denominator != 1 or abs(places) > 100:
        raise NotUnderstood("Only whole places can be rounded to.", hint="round(2.345, 2)")
    unit = Fraction(10) ** -places.numerator
    return math.floor(abs(value) / unit + Fraction(1, 2)) * unit * (-1 if value < 0 else 1)


_FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "sqrt": _root,
    "cbrt": lambda value: _power(value, Fraction(1, 3)),
    "abs": abs,
    "exp": lambda value: _decimal(Decimal.exp, value),
    "ln": _logarithm,
    "log": lambda value, base=Fraction(10): _logarithm(value, base),
    "log10": lambda value: _logarithm(value, Fraction(10)),
    "log2": lambda value: _logarithm(value, Fraction(2)),
    "sin": _floating(math.sin),
    "cos": _floating(math.cos),
    "tan": _floating(_tangent),
    "asin": _floating(math.asin),
    "acos": _floating(math.acos),
    "atan": _floating(math.atan),
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "round": _round,
    "factorial": _factorial,
    "min": min,
    "max": max,
    "pow": _power,
    "gcd": lambda one, other: Fraction(math.gcd(_whole(one), _whole(other))),
    "lcm": lambda one, other: Fraction(math.lcm(_whole(one), _whole(other))),
    "average": lambda *values: sum(values, Fraction(0)) / len(values),
    "avg": lambda *values: sum(values, Fraction(0)) / len(values),
    "mean": lambda *values: sum(values, Fraction(0)) / len(values),
    "sum": lambda *values: sum(values, Fraction(0)),
}
_MANY = frozenset(
    {"log", "round", "min", "max", "pow", "gcd", "lcm", "average", "avg", "mean", "sum"}
)


def _whole(value: Fraction) -> int:
    if value.denominator != 1:
        raise NotUnderstood("That needs whole numbers.", hint="gcd(12, 18)")
    return value.numerator


def _call(name: str, values: list[Fraction]) -> Fraction:
    function = _FUNCTIONS[name]
    most = {"log": 2, "round": 2, "pow": 2, "gcd": 2, "lcm": 2}.get(name, 1)
    least = 2 if name in ("pow", "gcd", "lcm") else 1
    if not least <= len(values) <= (100 if name in _MANY and most == 1 else most):
        raise NotUnderstood(
            f"{name} does not take {len(values)} numbers.",
            hint="For example: max(3, 4) or sqrt(2).",
        )
    return function(*values) if len(values) > 1 or name not in ("min", "max") else values[0]
