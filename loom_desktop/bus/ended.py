"""Ended: what subscriptions that are over had lost, by name, so that no drop goes out of sight.

The newest ``MOST_NAMES`` names are kept, some 300 KB; of those before only the sum is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import add
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from loom_desktop.bus.subscription import Subscription

MOST_NAMES = 1_024


class Counts(NamedTuple):
    """What a subscription counts, under the names that it has there."""

    handled: int = 0
    failed: int = 0
    dropped: int = 0
    merged: int = 0
    expired: int = 0
    overdue: int = 0
    left_behind: int = 0

    @classmethod
    def of(cls, box: Subscription) -> Counts:
        """Those of one that runs, or is just ending."""
        return cls(
            box.handled, box.failed, box.dropped, box.merged, box.expired, box.overdue,
            box.left_behind,
        )  # fmt: skip

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*map(add, self, other))

    @property
    def lost(self) -> bool:
        """Whether anything came to an end in another way than by its handler."""
        return self[1:] != _NOTHING


_NONE = Counts()
_NOTHING = (0,) * (len(_NONE) - 1)


class Ended:
    """Those of one bus. Written on its loop, read from any thread."""

    __slots__ = ("_names", "total")

    def __init__(self) -> None:
        self.total = _NONE
        """Of all that ended, those without a name here among them."""
        self._names: dict[str, Counts] = {}

    def add(self, box: Subscription) -> None:
        """It ends. One that lost nothing leaves nothing: it would push out another's name."""
        counts = Counts.of(box)
        if not counts.lost:
            return
        self.total = self.total.plus(counts)
        self._names[box.name] = self._names.pop(box.name, _NONE).plus(counts)
        if len(self._names) > MOST_NAMES:
            del self._names[next(iter(self._names))]

    def __getitem__(self, name: str) -> Counts:
        """Of all that were called so and lost something; nothing for a name that is not known."""
        return self._names.get(name, _NONE)

    def __iter__(self) -> Iterator[tuple[str, Counts]]:
        """By name; those that ended last come last."""
        return iter([*self._names.items()])
