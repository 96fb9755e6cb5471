"""Answer: what a skill that needs no model says to a question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence for the person, and the bare result for whoever wants to copy or reuse it."""

    text: str
    """Says how the question was understood, too: ``15% of 240 = 36``."""
    value: str
    """A number without grouping, or an ISO date or time."""
