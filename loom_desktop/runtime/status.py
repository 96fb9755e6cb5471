"""Status: how Loom stands, in one word for the icon and one sentence for the person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.event import Event

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

State = Literal["idle", "thinking", "asks", "paused", "trouble"]
UNTIL_TOLD = -1.0


class Status:
    """Follows the bus. ``changed`` is called when the icon or the words are different."""

    def __init__(self, bus: Bus, clock: Clock, zone: Callable[[], ZoneInfo]) -> None:
        self.paused_until = 0.0
        """0: capture is on; -1: off until told."""
        self.problems: list[tuple[str, str]] = []
        """(message, hint), the latest last."""
        self.changed: Callable[[], None] = lambda: None
        self.turns: dict[int, int] = {}
        """Questions that are being answered: turn -> conversation."""
        self._questions: set[int] = set()
        self._clock, self._zone = clock, zone
        self._last: tuple[str, str] = ("", "")
        bus.subscribe("chat.*", self._chat)
        bus.subscribe("card.>", self._card)

    @property
    def paused(self) -> bool:
        """Whether capture is held."""
        return self.paused_until == UNTIL_TOLD or self.paused_until > self._clock()

    @property
    def state(self) -> State:
        """The one word; what wants the person comes first."""
        if self._questions:
            return "asks"
        if self.turns:
            return "thinking"
        if self.paused:
            return "paused"
        return "trouble" if self.problems else "idle"

    @property
    def words(self) -> str:
        """The sentence."""
        state = self.state
        if state == "asks":
            return "Waiting for your answer"
        if state == "thinking":
            return "Thinking"
        if state == "paused":
            if self.paused_until == UNTIL_TOLD:
                return "Capture is paused"
            until = datetime.fromtimestamp(self.paused_until, self._zone())
            return f"Capture is paused until {until:%H:%M}"
        return self.problems[-1][0] if state == "trouble" else "Ready"

    def trouble(self, message: str, hint: str = "") -> None:
        """Something the person should know about."""
        if (message, hint) not in self.problems:
            self.problems.append((message, hint))
        self.look()

    def solved(self, message: str) -> None:
        """It is over."""
        self.problems = [one for one in self.problems if one[0] != message]
        self.look()

    def look(self) -> None:
        """Say so when something changed."""
        now = (self.state, self.words)
        if now != self._last:
            self._last = now
            self.changed()

    def _chat(self, event: Event) -> None:
        if event.topic == "chat.asked":
            self.turns[event.id] = event.begins
        elif event.topic in ("chat.answered", "chat.failed", "chat.cancelled"):
            self.turns.pop(event.payload["turn"], None)
        else:
            return
        self.look()

    def _card(self, event: Event) -> None:
        if event.topic == "card.offered" and event.payload["card"]["kind"] == "approval":
            self._questions.add(event.payload["card"]["id"])
        elif event.topic == "card.closed":
            self._questions.discard(event.payload["card"])
        else:
            return
        self.look()
