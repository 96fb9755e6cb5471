"""Answers that come while another page is shown, kept so that joining one misses nothing."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field

from loom_desktop.event import Event

MOST_TURNS = 16
LONGEST_TURN = 400_000
"""Characters kept of one; its end brings the whole text anyway."""
ENDS = ("chat.answered", "chat.failed", "chat.cancelled")


@dataclass(slots=True)
class Turn:
    """What came of one question so far."""

    question: str = ""
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    end: Event | None = None


class Turns:
    """The newest few turns by their id."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[int, Turn] = collections.OrderedDict()

    def asked(self, turn: int, question: str) -> None:
        """What the person, or a card for them, asked."""
        self._of(turn).question = question

    def keep(self, turn: int, event: Event) -> None:
        """A piece of an answer, or its end."""
        kept = self._of(turn)
        if event.topic == "chat.streamed" and kept.size < LONGEST_TURN:
            piece = str(event.payload.get("text", ""))
            kept.pieces.append(piece)
            kept.size += len(piece)
        elif event.topic in ENDS:
            kept.end = event

    def take(self, turn: int) -> Turn | None:
        """What is known of it; from now on its events go to the page."""
        return self._kept.pop(turn, None)

    def _of(self, turn: int) -> Turn:
        kept = self._kept.setdefault(turn, Turn())
        self._kept.move_to_end(turn)
        while len(self._kept) > MOST_TURNS:
            self._kept.popitem(last=False)
        return kept
