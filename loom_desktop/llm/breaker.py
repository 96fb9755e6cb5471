"""A circuit breaker: a server that keeps failing is left alone for a while, then tried once."""

from __future__ import annotations

from collections import deque

from loom_desktop import clock as clocks
from loom_desktop.clock import Clock

MOST_FAILURES = 5
WITHIN_S = 30.0
OPEN_S = 30.0


class Breaker:
    """For one endpoint. Closed: everything passes. Open: nothing. Half open: one question."""

    def __init__(self, clock: Clock = clocks.monotonic) -> None:
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=MOST_FAILURES)
        self._opened: float | None = None
        self._trying = False

    @property
    def open(self) -> bool:
        """Whether a question would be refused now."""
        if self._opened is None:
            return False
        return self._trying or self._clock() - self._opened < OPEN_S

    def begin(self) -> bool:
        """Whether a question may be put now. Say afterwards how it ended, always."""
        if self.open:
            return False
        self._trying = self._opened is not None
        return True

    def worked(self) -> None:
        """It answered: everything before is forgotten."""
        self._failures.clear()
        self._opened, self._trying = None, False

    def failed(self) -> None:
        """It did not answer."""
        now = self._clock()
        self._failures.append(now)
        many = len(self._failures) == MOST_FAILURES and now - self._failures[0] <= WITHIN_S
        if self._trying or many:
            self._opened = now
        self._trying = False

    def given_up(self) -> None:
        """Nobody knows: the question was cancelled, or the fault was ours. Harmless afterwards."""
        self._trying = False
