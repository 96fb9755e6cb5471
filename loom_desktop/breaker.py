"""A circuit breaker: what keeps failing is left alone for a while, then tried by one call alone.

The pattern is Nygard's ("Release It!"), the figures are the project's own: five failures within
30 seconds open it, and 30 seconds later one call is let through. So what is dead costs at most one
call in 30 seconds.

    async with breaker:              async answers of one piece
        await fetch()

    if (attempt := breaker.begin()) is None:      streams, where the end is somewhere else
        return None
    try:
        ...
        attempt.worked()
    except Unavailable:
        attempt.failed()
        raise
    finally:
        attempt.given_up()           nothing, once it is known how it ended

On the event loop only.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

from loom_desktop import clock as clocks
from loom_desktop.clock import Clock
from loom_desktop.errors import Unavailable

log = logging.getLogger(__name__)
MOST_FAILURES = 5
WITHIN_S = 30.0
OPEN_S = 30.0

State = Literal["closed", "open", "half-open"]


class Counters(msgspec.Struct):
    """Calls since the breaker was made. What has begun and is in none of the last three runs."""

    begun: int = 0
    refused: int = 0
    worked: int = 0
    failed: int = 0
    given_up: int = 0
    """Ended so that nobody knows: cancelled, or the fault was not theirs."""
    opened: int = 0
    """How many times it opened, a failed try in between included."""


class Attempt:
    """One call that was let through. The first word on how it ended counts, the rest is nothing."""

    __slots__ = ("_breaker", "_era", "_over")

    def __init__(self, breaker: Breaker, era: int) -> None:
        self._breaker, self._era, self._over = breaker, era, False

    def worked(self) -> None:
        """It answered: the failures before are forgotten."""
        self._end("worked")

    def failed(self) -> None:
        """It did not answer."""
        self._end("failed")

    def given_up(self) -> None:
        """Nobody knows: it was cancelled, or the fault was ours. Another may try in its place."""
        self._end("given_up")

    def _end(self, how: Literal["worked", "failed", "given_up"]) -> None:
        if not self._over:
            self._over = True
            self._breaker._ended(how, self._era)


class Breaker:
    """For one endpoint. Closed: every call passes. Open: none. Half open: one at a time."""

    def __init__(
        self,
        clock: Clock = clocks.monotonic,
        *,
        name: str = "This",
        most_failures: int = MOST_FAILURES,
        within_s: float = WITHIN_S,
        open_s: float = OPEN_S,
        counts: Callable[[BaseException], bool] = lambda error: isinstance(error, Exception),
        changed: Callable[[State], None] | None = None,
    ) -> None:
        """``clock`` only goes forward. ``name`` is who is called, as a sentence begins with it.

        ``counts`` says whether an exception that leaves the block is a failure of theirs; a
        cancellation never is. ``changed`` is told of each new state when a call brings it about,
        so half open when the call that tries begins.
        """
        self.name, self.counters = name, Counters()
        self._clock, self._counts, self._changed = clock, counts, changed
        self._within_s, self._open_s = within_s, open_s
        self._failures: deque[float] = deque(maxlen=most_failures)
        self._opened: float | None = None
        self._trying = False
        self._era = 0
        """Grows with each opening and closing: how a call of an earlier one ended is no news."""
        self._inside: dict[asyncio.Task[object] | None, list[Attempt]] = {}

    @property
    def state(self) -> State:
        """As it stands by the clock now."""
        if self._opened is None:
            return "closed"
        return "half-open" if self._trying or self.wait_s == 0 else "open"

    @property
    def open(self) -> bool:
        """Whether a call would be refused now."""
        return self._opened is not None and (self._trying or self.wait_s > 0)

    @property
    def wait_s(self) -> float:
        """Seconds until a call may try again; 0 when one may, or tries already."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._open_s - (self._clock() - self._opened))

    def begin(self) -> Attempt | None:
        """The call that may be made now, or None. Say how it ended, always."""
        if self.open:
            self.counters.refused += 1
            return None
        self.counters.begun += 1
        attempt = Attempt(self, self._era)
        if self._opened is not None:
            self._trying = True
            self._tell("half-open")
        return attempt

    async def __aenter__(self) -> None:
        """Raises Unavailable when no call may be made."""
        attempt = self.begin()
        if attempt is None:
            raise Unavailable(
                f"{self.name} failed again and again, so it is left alone for a while.",
                hint=f"It is tried again in {max(1, round(self.wait_s))} s.",
            )
        # Each task has its own, and may enter again before it has left: the last in goes out first.
        self._inside.setdefault(asyncio.current_task(), []).append(attempt)

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        task = asyncio.current_task()
        attempts = self._inside[task]
        attempt = attempts.pop()
        if not attempts:
            del self._inside[task]
        if error is None:
            attempt.worked()
        elif not isinstance(error, asyncio.CancelledError) and self._counts(error):
            attempt.failed()
        else:
            attempt.given_up()

    def _ended(self, how: Literal["worked", "failed", "given_up"], era: int) -> None:
        setattr(self.counters, how, getattr(self.counters, how) + 1)
        if era != self._era:
            return  # it began before the breaker opened or closed, and says nothing about now
        tried, self._trying = self._trying, False
        if how == "worked":
            self._failures.clear()
            if tried:
                self._turn(None)
        elif how == "failed":
            now = self._clock()
            self._failures.append(now)
            full = len(self._failures) == self._failures.maxlen
            if tried or (full and now - self._failures[0] <= self._within_s):
                self._turn(now)

    def _turn(self, opened: float | None) -> None:
        self._opened = opened
        self._era += 1
        if opened is not None:
            self.counters.opened += 1
        self._tell("closed" if opened is None else "open")

    def _tell(self, state: State) -> None:
        if self._changed is None:
            return
        try:
            self._changed(state)
        except Exception:  # one of the fences: who listens does not decide what is called
            log.exception("somebody could not be told that %s is %s", self.name, state)
