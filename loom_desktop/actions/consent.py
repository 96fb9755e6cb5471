"""Consent: the questions that are open, each bound to exactly one call.

Answers come in through ``answer`` alone, never as an event: whoever can publish could otherwise
say yes. The composition root hands ``answer`` to the doors that may use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from loom_desktop.clock import Clock
from loom_desktop.errors import Denied

ASK_FOR_S = 120.0
"""A question that nobody answers is a no."""


def digest(capability: str, arguments: dict[str, Any]) -> str:
    """What an approval is bound to: SHA-256 over the name and the canonical arguments."""
    import hashlib

    canonical = packed([capability, arguments])
    return hashlib.sha256(canonical).hexdigest()


def packed(value: Any) -> bytes:
    """Plain data as one canonical line. Raises TypeError for what is not plain."""
    try:
        return msgspec.json.encode(value, order="deterministic")
    except UnicodeEncodeError:  # names of files that are not text
        import json

        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Question(msgspec.Struct, frozen=True):
    """One call that waits for the person."""

    digest: str
    capability: str
    arguments: dict[str, Any]
    words: str
    reason: str
    effect: str
    agent: str
    thread: int
    cause: int
    origin: frozenset[str]
    expires: float
    """Seconds since 1970."""


class Consent:
    """Asks, waits, and remembers approvals given beforehand on a card that showed the call."""

    def __init__(self, clock: Clock, *, ask_for_s: float = ASK_FOR_S) -> None:
        self.ask: Callable[[Question], None] | None = None
        """Shows the question; set by whoever has a window. None: nobody is there, so no."""
        self.withdraw: Callable[[Question], None] | None = None
        """The question is over without an answer: the card goes away."""
        self._clock, self._ask_for_s = clock, ask_for_s
        self._open: dict[str, asyncio.Future[bool]] = {}
        self._given: dict[str, float] = {}

    @property
    def attended(self) -> bool:
        """Whether there is anybody to ask."""
        return self.ask is not None

    @property
    def waiting(self) -> int:
        """How many questions are open."""
        return len(self._open)

    @property
    def ask_for_s(self) -> float:
        """How long a question stays open."""
        return self._ask_for_s

    def give(self, digest: str) -> None:
        """The person allowed exactly this call, once, within the next two minutes."""
        self._given[digest] = self._clock() + self._ask_for_s

    def take(self, digest: str) -> bool:
        """Whether it was allowed beforehand; an approval is used up by this."""
        until = self._given.pop(digest, 0.0)
        return until > self._clock()

    def answer(self, digest: str, *, allowed: bool) -> bool:
        """The person answered; False when the question is not open any more."""
        waiting = self._open.get(digest)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(allowed)
        return True

    async def wait(self, question: Question) -> None:
        """Return when the person allows it, else raise Denied: no, no answer, or nobody there."""
        if self.ask is None:
            raise Denied(
                f"{question.words}: nobody was there to allow it.",
                hint="Start Loom with a window, and answer the card.",
            )
        if question.digest in self._open:
            raise Denied(f"{question.words}: the same question is open already.")
        waiting = asyncio.get_running_loop().create_future()
        self._open[question.digest] = waiting
        try:
            self.ask(question)
            async with asyncio.timeout(self._ask_for_s):
                allowed = await waiting
        except TimeoutError:
            raise Denied(
                f"{question.words}: nobody answered, so it was not done.",
                hint="Ask again, and answer the card.",
            ) from None
        finally:
            del self._open[question.digest]
            if (not waiting.done() or waiting.cancelled()) and self.withdraw is not None:
                self.withdraw(question)
        if not allowed:
            raise Denied(f"{question.words}: you said no.")
