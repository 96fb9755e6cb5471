"""Collaboration: one asks many and gathers the answers; many meet at a barrier.

Whoever waits here leaves nothing behind: however it ends, with answers, without, or cancelled, the
subscription is undone and no future or task is left. The contract net is in ``contract``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from loom_desktop.bus import Bus
from loom_desktop.bus import until as until
from loom_desktop.bus.until import Reason, Tally, Until
from loom_desktop.envelope import reply_topic
from loom_desktop.errors import TimedOut, UsageError
from loom_desktop.event import Event, Privacy, labels_of

T = TypeVar("T")


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What many answered."""

    question: Event
    replies: tuple[Event, ...]
    """In the order of their arrival, one of each sender: its first."""
    reason: Reason
    agreed: tuple[Event, ...] = ()
    """Those of the replies that are the majority."""
    missing: tuple[str, ...] = ()
    """Of those who were expected, who has not answered."""
    duplicates: int = 0
    late: int = 0
    """Came when it was over, before the one who asked went on. Later ones: ``Bus.late_answers``."""
    strangers: int = 0
    """Of senders who were not expected; they do not count."""

    @property
    def complete(self) -> bool:
        """Whether there was enough."""
        return self.reason == "enough"

    @property
    def labels(self) -> tuple[frozenset[str], Privacy]:
        """Origins and privacy of whatever is made of the replies."""
        return labels_of(self.replies)


async def gather(
    bus: Bus,
    question: Event,
    *,
    expected: Collection[str] | None = None,
    until: Until = until.any_(),  # noqa: B008  # frozen
    timeout_s: float = 5.0,
) -> Gathered:
    """Publish the question and collect what answers it, until there is enough.

    Answers are wanted on its ``reply_to``, or else on ``thread.{id}.reply``. ``expected``: the
    senders who may answer; others then do not count, and nobody waits any longer when all of them
    have. When the time is over, what has come is returned, with the reason; ``for_seconds`` brings
    a time of its own. Raises TimedOut when nothing came at all, and at once when ``expected`` is
    empty and something is wanted; UsageError for a ``reply_to`` that is a pattern.
    """
    topic = question.reply_to or reply_topic(question.begins)
    if {"*", ">"} & set(topic.split(".")):
        raise UsageError(f"{topic!r} is a pattern: answers come to one topic.")
    asked = msgspec.structs.replace(question, reply_to=topic)
    tally = Tally(until, expected)
    replies = _Replies(asked, tally, expected)
    limit_s = until.seconds if until.kind == "seconds" else timeout_s
    undo = bus.subscribe(topic, replies.take)
    try:
        bus.publish(asked)
        reason = await replies.reason(limit_s)
        if reason == "timeout" and until.kind == "seconds" and tally.replies:
            reason = "enough"
        if reason != "enough" and not tally.replies:
            raise TimedOut(
                f"Nobody answered {asked.topic!r} within {limit_s:g} s."
                if reason == "timeout"
                else f"There is nobody to answer {asked.topic!r}.",
                hint=f"Expected: {', '.join(sorted(expected))}." if expected else "",
            )
        return Gathered(
            question=asked,
            replies=tuple(tally.replies),
            reason=reason,
            agreed=tuple(tally.agreed),
            missing=tuple(sorted(set(expected or ()) - replies.senders)),
            duplicates=replies.duplicates,
            late=replies.late,
            strangers=replies.strangers,
        )
    finally:
        undo()
        bus.over(asked.id)


class _Replies:
    """What answers one question."""

    def __init__(self, asked: Event, tally: Tally, expected: Collection[str] | None) -> None:
        self.senders: set[str] = set()
        self.duplicates = self.late = self.strangers = 0
        self._asked, self._tally = asked, tally
        self._expected = None if expected is None else frozenset(expected)
        self._over: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()
        if (verdict := tally.begin()) is not None:
            self._over.set_result(verdict)

    def take(self, event: Event) -> None:
        """Called inside publish: never waits, never raises."""
        if event.answers != self._asked.id or event.id == self._asked.id:
            return
        if self._expected is not None and event.sender not in self._expected:
            self.strangers += 1
        elif event.sender in self.senders:
            self.duplicates += 1
        elif self._over.done():
            self.late += 1
        else:
            self.senders.add(event.sender)
            if (verdict := self._tally.add(event)) is not None:
                self._over.set_result(verdict)

    async def reason(self, limit_s: float) -> Reason:
        timeout: Reason = "timeout"
        return await outcome(self._over, limit_s, timeout)


async def outcome(over: asyncio.Future[T], limit_s: float, otherwise: T) -> T:
    """What the future says, also when it and the end of the time come together."""
    if over.done():
        return over.result()  # without a timer, which a busy loop would keep until it comes round
    try:
        async with asyncio.timeout(limit_s):
            return await over
    except TimeoutError:
        return over.result() if over.done() and not over.cancelled() else otherwise


class Met(msgspec.Struct, frozen=True):
    """Everybody was there."""

    generation: int
    arrivals: tuple[Event, ...]
    """In the order in which they came."""

    @property
    def labels(self) -> tuple[frozenset[str], Privacy]:
        """Origins and privacy of whatever is made of them."""
        return labels_of(self.arrivals)


class Barrier:
    """Parties that wait for each other: ``with Barrier(bus, "round.reached", names) as barrier``.

    A party checks in by an event of its own on the topic. Whoever waits goes on when all of them
    have; then the next generation begins. An event may say which one it means
    (``generation`` in its payload): who is one ahead is kept for the next, who is behind is late.
    One that does not say is taken for the present one. It hears from when it is made until the end
    of the block, so that nobody checks in too early.
    """

    def __init__(
        self,
        bus: Bus,
        topic: str,
        parties: Iterable[str],
        *,
        absorb: Callable[[frozenset[str], Privacy], None] = lambda origin, privacy: None,
    ) -> None:
        """``absorb`` gets the labels of those who came, before who waited goes on."""
        self._absorb = absorb
        self.parties = frozenset(parties)
        self.generation = 0
        self.duplicates = self.late = self.strangers = 0
        self._topic = topic
        self._arrived: dict[int, dict[str, Event]] = {}
        self._waiting: set[asyncio.Future[Met | None]] = set()
        self.close: Callable[[], None] = bus.subscribe(topic, self._take)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def missing(self) -> tuple[str, ...]:
        """Who has not checked in to the present generation."""
        return tuple(sorted(self.parties - self._arrived.get(self.generation, {}).keys()))

    async def wait(self, *, timeout_s: float) -> Met:
        """Return when all parties are there; at once when they are already.

        Raises TimedOut that names who is missing; those who are there stay, and one may wait on.
        """
        met: asyncio.Future[Met | None] = asyncio.get_running_loop().create_future()
        self._waiting.add(met)
        self._open()
        try:
            passed = await outcome(met, timeout_s, None)
        finally:
            self._waiting.discard(met)
        if passed is None:
            raise TimedOut(
                f"Not everybody came to {self._topic!r} within {timeout_s:g} s.",
                hint=f"Missing: {', '.join(self.missing)}.",
            )
        self._absorb(*passed.labels)
        return passed

    def _take(self, event: Event) -> None:
        generation = event.payload.get("generation", self.generation)
        if event.sender not in self.parties or type(generation) is not int:
            self.strangers += 1
        elif generation < self.generation:
            self.late += 1
        elif generation > self.generation + 1:
            self.strangers += 1  # nobody can have passed one that nobody has passed
        else:
            there = self._arrived.setdefault(generation, {})
            if event.sender in there:
                self.duplicates += 1
            else:
                there[event.sender] = event
                self._open()

    def _open(self) -> None:
        waiting = [met for met in self._waiting if not met.done()]
        if self.missing or not waiting:
            return
        arrivals = tuple(self._arrived.pop(self.generation, {}).values())
        passed = Met(self.generation, arrivals)
        self.generation += 1
        for met in waiting:
            met.set_result(passed)
