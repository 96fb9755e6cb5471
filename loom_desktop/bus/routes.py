"""Routes: which subscribers a topic leads to, remembered so that it is looked up once.

Topics that carry an id (``thread.{id}.reply``) come once and never again. So there are two
generations: what is asked for again moves to the young one, and when that is full the old one goes.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Route = TypeVar("Route")
MOST = 8_192
"""Topics of a generation: both take 3 MB when all of them carry an id."""


class Routes(Generic[Route]):
    """The memory of one bus."""

    __slots__ = ("_heads", "_old", "young")

    def __init__(self) -> None:
        self.young: dict[str, Route] = {}
        """Read by who publishes; always this one dictionary."""
        self._old: dict[str, Route] = {}
        self._heads: dict[str, set[str]] = {}
        """First segment -> the remembered topics that begin with it."""

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def again(self, topic: str) -> Route | None:
        """What the old generation knows of a topic that the young one does not."""
        route = self._old.pop(topic, None)
        if route is not None:
            self._remember(topic, route)
        return route

    def put(self, topic: str, route: Route) -> None:
        """Remember the way of a topic that neither generation knows."""
        self._remember(topic, route)
        self._heads.setdefault(topic.partition(".")[0], set()).add(topic)

    def forget(self, pattern: list[str]) -> None:
        """Of the remembered topics those that the pattern may take in, and no others."""
        head = pattern[0]
        if head in ("*", ">"):
            self.clear()
        elif "*" in pattern or pattern[-1] == ">":
            for topic in self._heads.pop(head, ()):
                self.young.pop(topic, None)
                self._old.pop(topic, None)
        else:
            topic = ".".join(pattern)
            known = self.young.pop(topic, None) or self._old.pop(topic, None)
            if known is not None:
                self._drop(topic)

    def clear(self) -> None:
        """Forget everything."""
        self.young.clear()
        self._old.clear()
        self._heads.clear()

    def _remember(self, topic: str, route: Route) -> None:
        if len(self.young) >= MOST:
            for gone in self._old:
                self._drop(gone)
            self._old = self.young.copy()
            self.young.clear()
        self.young[topic] = route

    def _drop(self, topic: str) -> None:
        head = topic.partition(".")[0]
        there = self._heads[head]
        there.discard(topic)
        if not there:
            del self._heads[head]
