"""Bus: publish, subscribe, request. In one process, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable

from loom_desktop.bus.topics import Trie, segments
from loom_desktop.clock import Clock
from loom_desktop.clock import wall as wall_clock
from loom_desktop.errors import TimedOut
from loom_desktop.event import MOST_HOPS, Event

log = logging.getLogger(__name__)
Deliver = Callable[[Event], None]
_MOST_ROUTES = 65_536
"""Topics whose subscribers are remembered: about 13 MB when all of them carry an id."""


class _Subscription:
    """One of perhaps several of the same pattern and function."""

    __slots__ = ("deliver",)

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver


class Bus:
    """Made on the loop it serves."""

    def __init__(self, clock: Clock = wall_clock) -> None:
        self.published = 0
        self.expired = 0
        """Dropped because they were older than their ``ttl_ms``."""
        self.circled = 0
        """Dropped because more than ``MOST_HOPS`` events led to them."""
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()
        self._subscribers: Trie[_Subscription] = Trie()
        self._routes: dict[str, tuple[Deliver, ...]] = {}
        self._heads: dict[str, set[str]] = {}
        """First segment -> the remembered topics that begin with it."""
        self._waiting: dict[int, asyncio.Future[Event]] = {}

    def publish(self, event: Event) -> None:
        """Hand the event to everyone whose pattern matches. On the loop only. Never raises.

        A subscriber that raises is logged, and the others still get it. An event past its time
        to live, or at the end of too long a chain, is dropped and counted.
        """
        if event.hop > MOST_HOPS:
            self.circled += 1
            log.warning("%s was dropped: %d events led to it", event.topic, event.hop)
            return
        if event.ttl_ms and self._clock() - event.time > event.ttl_ms / 1000:
            self.expired += 1
            return
        self.published += 1
        if event.answers:
            answer = self._waiting.pop(event.answers, None)
            if answer is not None and not answer.done():
                answer.set_result(event)
        route = self._routes.get(event.topic)
        for deliver in self._find_route(event.topic) if route is None else route:
            try:
                deliver(event)
            except Exception:
                log.exception("a subscriber of %s failed; the others still get it", event.topic)

    def publish_many(self, events: Iterable[Event]) -> None:
        """The same for several, in their order."""
        for event in events:
            self.publish(event)

    def publish_from_thread(self, event: Event) -> None:
        """The one way in from any thread."""
        if threading.get_ident() == self._home:
            self.publish(event)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are stopping
            self._loop.call_soon_threadsafe(self.publish, event)

    def subscribe(self, pattern: str, deliver: Deliver) -> Callable[[], None]:
        """From now on nothing that matches is missed (see ``topics``). Returns the undo."""
        parts, one = segments(pattern), _Subscription(deliver)
        self._subscribers.add(parts, one)
        self._forget(parts)

        def unsubscribe() -> None:
            if self._subscribers.remove(parts, one):
                self._forget(parts)

        return unsubscribe

    async def request(self, question: Event, *, timeout_s: float = 5.0) -> Event:
        """Publish the question and wait for the event that answers it. Raises TimedOut."""
        answer: asyncio.Future[Event] = self._loop.create_future()
        self._waiting[question.id] = answer
        try:
            async with asyncio.timeout(timeout_s):
                self.publish(question)
                return await answer
        except TimeoutError:
            raise TimedOut(f"Nobody answered {question.topic!r} within {timeout_s:g} s.") from None
        finally:
            self._waiting.pop(question.id, None)

    def _find_route(self, topic: str) -> tuple[Deliver, ...]:
        if len(self._routes) >= _MOST_ROUTES:  # topics that carry an id would fill it for ever
            self._routes.clear()
            self._heads.clear()
        parts = topic.split(".")
        route = tuple(one.deliver for one in self._subscribers.find(parts))
        self._routes[topic] = route
        self._heads.setdefault(parts[0], set()).add(topic)
        return route

    def _forget(self, pattern: list[str]) -> None:
        """Of the remembered topics those that the pattern may take in, and no others."""
        head = pattern[0]
        if head in ("*", ">"):
            self._routes.clear()
            self._heads.clear()
        elif "*" in pattern or pattern[-1] == ">":
            for topic in self._heads.pop(head, ()):
                self._routes.pop(topic, None)
        else:
            topic = ".".join(pattern)
            if self._routes.pop(topic, None) is not None:
                self._heads[head].discard(topic)
