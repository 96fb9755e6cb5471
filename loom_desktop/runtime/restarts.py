"""Restarts: how often an agent that dies goes on, and after how long a wait."""

from __future__ import annotations

from collections.abc import Callable

MOST, WITHIN_S = 3, 60.0
"""So many restarts within that time; the next death is one too many."""
FIRST_WAIT_S = 1.0
"""At most; each further wait may be twice as long. Half of it is left to chance, so that those who
died together do not come back together."""


def _chance(low: float, high: float) -> float:
    import random  # only who fails needs it

    return random.uniform(low, high)


class Restarts:
    """Of one agent."""

    __slots__ = ("_deaths",)

    def __init__(self) -> None:
        self._deaths: tuple[float, ...] = ()

    def recent(self, now: float) -> int:
        """Deaths of the last minute. ``now``: seconds, by the clock that ``died`` was told."""
        return sum(now - one < WITHIN_S for one in self._deaths)

    def died(self, now: float, uniform: Callable[[float, float], float] = _chance) -> float | None:
        """How many seconds to wait until it goes on; None: it died too often and should not."""
        self._deaths = (*(one for one in self._deaths if now - one < WITHIN_S), now)
        if len(self._deaths) > MOST:
            return None
        longest_s = FIRST_WAIT_S * float(2 ** (len(self._deaths) - 1))
        return longest_s * uniform(0.5, 1.0)

    def clear(self) -> None:
        """Somebody started it anew: what was is over."""
        self._deaths = ()
