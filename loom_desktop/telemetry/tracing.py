"""Tracing: the last hops of every event, always recorded and cheap enough for that.

Two kinds of tuples in one ring: ``(time, event, cause, topic)`` when an event was published, with
the time that it carries, and ``(began, ended, subscriber, events)`` when handlers were done with
some, in seconds of ``perf_counter``; events are their ids. A record costs about 50 ns, so nothing
is sampled away. W3C ids are made when somebody looks, not per event (``Event.trace``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

RING = 8_192
"""Records that are kept: about 1 MB when it is full."""
Published = tuple[float, int, int, str]
Handled = tuple[float, float, str, list[int]]


class Hop(NamedTuple):
    """A handler had an event."""

    event: int
    subscriber: str
    began: float
    ended: float
    together: int
    """How many quick ones this time was taken for."""


class Ring:
    """The newest records. Written by one thread, the loop's."""

    __slots__ = ("_records", "record")

    def __init__(self, size: int = RING) -> None:
        self._records: deque[Published | Handled] = deque(maxlen=size)
        self.record: Callable[[Published | Handled], None] = self._records.append
        """Take one down."""

    def __len__(self) -> int:
        return len(self._records)

    def published(self) -> list[Published]:
        """What was published, in order."""
        return [one for one in self._records if not isinstance(one[3], list)]

    def hops(self) -> list[Hop]:
        """Who handled which event and when, in order."""
        return [
            Hop(one, subscriber, began, ended, len(events))
            for began, ended, subscriber, events in self._handled()
            for one in events
        ]

    def _handled(self) -> list[Handled]:
        return [one for one in self._records if isinstance(one[3], list)]
