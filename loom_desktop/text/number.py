"""Numbers as people write them, read exactly and written back without noise.

``1,250.50``, ``1.250,50``, ``1 250,50`` and ``1'250.50`` are the same number. One separator alone
is a guess: a comma before exactly three digits groups (``1,250``), except after a lone zero
(``0,125``); every other single comma or dot is the decimal mark.
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from fractions import Fraction

NUMBER = (
    r"\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d+)?(?!\d)"  # 1 250,50  1'250.50
    r"|\d+(?:[.,]\d+)*(?:[eE][+-]?\d{1,3}(?![\w.]))?"  # 1,250.50  1.250,50  3,14  1e6
    r"|\.\d+"
)
"""A pattern for one number without its sign."""

MOST_DIGITS = 400
_SPACES = re.compile(r"[ \u00a0\u202f'’]")


def read_number(text: str) -> Fraction:
    """The exact value of one unsigned number. Raises ValueError for anything else."""
    plain = _SPACES.sub("", text)
    if len(plain) > MOST_DIGITS:
        raise ValueError("too many digits")
    mantissa, _, exponent = plain.lower().partition("e")
    commas, dots = mantissa.count(","), mantissa.count(".")
    if commas and dots:
        decimal = max(",.", key=mantissa.rfind)
        mantissa = mantissa.replace("." if decimal == "," else ",", "")
        if mantissa.count(decimal) > 1:
            raise ValueError("two decimal marks")
    elif commas + dots > 1 or re.fullmatch(r"[1-9]\d{0,2},\d{3}", mantissa):
        mark = "," if commas else "."
        if any(len(group) != 3 for group in mantissa.split(mark)[1:]):
            raise ValueError("not groups of three")
        mantissa = mantissa.replace(mark, "")
    mantissa = mantissa.replace(",", ".")
    if not re.fullmatch(r"(?:\d+\.?\d*|\.\d+)", mantissa, re.ASCII):
        raise ValueError("not a number")
    if exponent and abs(int(exponent)) > MOST_DIGITS:
        raise ValueError("too large")
    return Fraction(mantissa) * Fraction(10) ** int(exponent or 0)


def write_number(value: Fraction, *, digits: int = 12) -> tuple[str, bool]:
    """The number as a person writes it, and whether that is its exact value.

    At most ``digits`` significant digits after rounding; a number that ends by itself within 15
    is written whole, and so is every integer of up to 50 digits. Beyond that, ``1.5e+60``.
    """
    if value.denominator == 1 and abs(value.numerator) < 10**50:
        return str(value.numerator), True
    with localcontext() as context:
        context.prec = 80
        context.Emax, context.Emin = 999_999, -999_999
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        written = _plain(exact)
        if Fraction(exact) == value and len(exact.normalize().as_tuple().digits) <= 15 and written:
            return written, True
        context.prec = digits
        rounded = +exact
    short = _plain(rounded)
    if short is not None:
        return short, False
    mantissa, _, exponent = f"{rounded:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}", Fraction(rounded) == value


def _plain(number: Decimal) -> str | None:
    """Without an exponent, when it is neither very large nor very small."""
    if number and not -9 <= number.adjusted() <= 20:
        return None
    written = f"{number:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def counted(number: int, thing: str) -> str:
    """``1 file``, ``3 files``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
