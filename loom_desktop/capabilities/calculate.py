"""Arithmetic, units and dates, exactly and without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loom_desktop import capability
from loom_desktop.errors import NotUnderstood
from loom_desktop.text.calculate import calculate
from loom_desktop.text.dates import answer_date
from loom_desktop.text.units import convert

if TYPE_CHECKING:
    from loom_desktop import Context


@capability("calculate.evaluate", effect="none", idempotent=True)
def evaluate(text: str) -> dict[str, Any]:
    """Calculate an expression in words or symbols: "15% of 240", "2 + 2 * 3"."""
    answer = calculate(text)
    if answer is None:
        raise NotUnderstood(f"{text!r} is not arithmetic.", hint='Write it like "12 * (3 + 4)".')
    return {"text": answer.text, "value": str(answer.value)}


@capability("calculate.convert", effect="none", idempotent=True)
def convert_units(text: str) -> dict[str, Any]:
    """Convert between units: "10 km in miles", "72 F to C"."""
    answer = convert(text)
    if answer is None:
        raise NotUnderstood(f"{text!r} names no two units.", hint='Write it like "5 ft in cm".')
    return {"text": answer.text, "value": str(answer.value)}


@capability("calculate.date", effect="none", idempotent=True)
def date(ctx: Context, text: str) -> dict[str, Any]:
    """Answer a question about dates and times: "days until 1 May", "time in Tokyo"."""
    answer = answer_date(text, ctx.now)
    if answer is None:
        raise NotUnderstood(f"{text!r} asks for no date.", hint='Write it like "days until 1 May".')
    return {"text": answer.text, "value": str(answer.value)}
