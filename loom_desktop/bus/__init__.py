"""Bus: publish, subscribe, request. In one process, on one event loop.

A plain function that subscribes is called inside ``publish``: for what must not be missed and takes
no time. An async one gets a mailbox and a task (``subscription``), a lane and its share of time
(``turns``), and a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from time import perf_counter as now
from typing import Any, Self, overload

from msgspec import Struct

from loom_desktop.bus.deadlines import Deadlines
from loom_desktop.bus.ended import Counts, Ended
from loom_desktop.bus.mailbox import MOST_WAITING as MOST_WAITING
from loom_desktop.bus.mailbox import Aggregate as Aggregate
from loom_desktop.bus.mailbox import WhenFull as WhenFull
from loom_desktop.bus.routes import Routes
from loom_desktop.bus.subscription import CANCELLED, Handler
from loom_desktop.bus.subscription import Subscription as Subscription
from loom_desktop.bus.topics import Trie, segments
from loom_desktop.bus.turns import Turns
from loom_desktop.clock import Clock
from loom_desktop.clock import wall as wall_clock
from loom_desktop.errors import TimedOut, Unavailable, UsageError
from loom_desktop.event import MOST_HOPS, Event, QoS
from loom_desktop.tasks import Tasks
from loom_desktop.telemetry.tracing import Ring

log = logging.getLogger(__name__)
Deliver = Callable[[Event], None]
_MOST_BRANCHES = 1_000
_MOST_FROM_THREADS = 100_000
"""Events from other threads that the loop has not come to yet."""
_MOST_OVER = 4_096
"""Questions that are over and remembered: answers to older ones are not counted."""
_THREAD_SLICE_S = 0.0005
_LOOK_S = 2.0
"""How often it is looked whether a handler takes too long, while any runs: the shortest limit."""
_MOST_TO_REST = 500
"""Subscriptions that are let go at one look: about 2 ms of the loop."""
_NO_LANE = object()
"""What no mailbox has for its lane: an event with a priority is sorted in."""
_Route = tuple[tuple[Deliver, ...], tuple[Subscription, ...], tuple[Subscription, ...]]
"""Plain functions, mailboxes, and those that are filled from the journal."""


class MailboxReport(Struct, frozen=True):
    """How one subscription stands."""

    name: str
    patterns: list[str]
    policy: str
    """What becomes of more than it has room for, in a word; ``journal``: it waits there."""
    size: int
    waiting: int
    handled: int
    failed: int
    dropped: int
    merged: int
    expired: int
    overdue: int
    left_behind: int
    ended: bool = False
    """Whether there is none of that name any more, or another one: these are its counts."""

    @property
    def counts(self) -> Counts:
        """What it counted."""
        return Counts(
            self.handled, self.failed, self.dropped, self.merged, self.expired, self.overdue,
            self.left_behind,
        )  # fmt: skip


class _Tap:
    """A plain function under a pattern. One of perhaps several of the same."""

    __slots__ = ("deliver",)

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver


class Bus:
    """Made on the loop it serves; ``async with``, or ``await close()``, ends its tasks."""

    # without them its 33 attributes would be one too many for the interpreter's quick way to them
    __slots__ = (
        "_branches", "_called", "_clock", "_closed", "_deadlines", "_door", "_found",
        "_from_threads", "_home", "_known", "_look", "_look_s", "_over", "_refused", "_routes",
        "_subscriptions", "_waiting", "at_work", "begins", "circled", "ended", "expired", "failed",
        "late_answers", "loop", "on_cancel", "overrun", "published", "record", "ring", "settling",
        "tasks", "turns",
    )  # fmt: skip

    def __init__(self, clock: Clock = wall_clock, ring: Ring | None = None) -> None:
        self.published = 0
        self.expired = 0
        """Dropped because they were older than their ``ttl_ms`` when they were published."""
        self.circled = 0
        """Dropped because more than ``MOST_HOPS`` events led to them."""
        self.overrun = 0
        """Dropped because other threads published faster than the loop could take."""
        self.late_answers = 0
        """Answers to questions that nobody waits for any more, as far as they are remembered."""
        self.loop = asyncio.get_running_loop()
        self.turns = Turns(self.loop)
        self.tasks = Tasks()
        self.ring = Ring() if ring is None else ring
        self.record = self.ring.record
        self.failed: Callable[[Subscription, Event, BaseException], None] = _untold
        """Told of every handler that raised or overran its deadline, and of every event that an
        ``Aggregate`` could not take."""
        self.begins: Callable[[], object] = lambda: None
        """Called when a handler begins after a pause, before it runs: it may block the loop."""
        self.on_cancel: list[Callable[[int], int]] = []
        """Asked to stop what they do for a thread; each answers with how much that was."""
        self._clock = clock
        self._home = threading.get_ident()
        self._found: Trie[_Tap | Subscription] = Trie()
        self._subscriptions: dict[Subscription, None] = {}
        self._routes: Routes[_Route] = Routes()
        self._known = self._routes.young
        self._waiting: dict[int, tuple[asyncio.Future[Event], int]] = {}
        """Question -> who waits, and the thread it belongs to."""
        self._branches: dict[int, int] = {}
        """Thread -> the one that it began under, the oldest first."""
        self._over: dict[int, None] = {}
        """Questions that ended before all had answered: see ``over``."""
        self._deadlines = Deadlines(self.loop)
        self.at_work: set[Subscription] = set()
        """Those that have something in hand, or had a moment ago."""
        self._look: asyncio.TimerHandle | None = None
        self._look_s = _LOOK_S
        self.settling: list[asyncio.Future[None]] = []
        """Resolved when another subscription is idle, or gone: for ``settled``."""
        self._from_threads: deque[Event] = deque()
        self._door = threading.Lock()
        """Before what other threads write: the deque's end, ``overrun`` and ``_called``."""
        self._called = False
        """Whether the loop knows that they wrote something."""
        self._closed = False
        self._refused: set[tuple[str, type[Exception]]] = set()
        """Whose key or fold raised, and what: the log has each once."""
        self.ended = Ended()
        """What subscriptions that ended had counted, if they lost anything."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # ------------------------------------------------------------------ publishing

    def publish(self, event: Event) -> None:
        """Hand the event to everyone whose pattern matches. On the loop only. Never raises.

        A subscriber that raises is logged, and the others still get it. An event past its time
        to live, or at the end of too long a chain, is dropped and counted.
        """
        if event.hop > MOST_HOPS:
            self.circled += 1
            log.warning("%s was dropped: %d events led to it", event.topic, event.hop)
            return
        if event.ttl_ms and self.late(event):
            self.expired += 1
            return
        self.published += 1
        if event.answers:
            self._answer(event)
        route = self._known.get(event.topic)
        taps, boxes, kept = self._find_route(event.topic) if route is None else route
        self.record((event.time, event.id, event.cause, event.topic))
        if taps:
            for deliver in taps:
                try:
                    deliver(event)
                except Exception:
                    log.exception("a subscriber of %s failed; the others get it", event.topic)
        qos = event.qos
        plain = _NO_LANE if event.priority else qos
        for box in boxes:
            queue = box.queue
            if box.lane is plain and len(queue) < box.size:
                queue.append(event)
            elif not self._put(box, event):
                continue
            if box.sleepers:
                box.wake(qos)
        if kept and qos is QoS.REALTIME:  # the rest comes when it is on the disk
            for box in kept:
                if self._put(box, event) and box.sleepers:
                    box.wake(qos)

    def publish_many(self, events: Iterable[Event]) -> None:
        """The same for several, in their order."""
        for event in events:
            self.publish(event)

    def publish_from_thread(self, event: Event) -> None:
        """The one way in from any thread. Never waits, never raises."""
        if threading.get_ident() == self._home:
            self.publish(event)
        else:
            self.publish_many_from_thread((event,))

    def publish_many_from_thread(self, events: Sequence[Event]) -> None:
        """The same for several: they cost the loop one call."""
        with self._door:
            room = max(0, _MOST_FROM_THREADS - len(self._from_threads))
            self.overrun += max(0, len(events) - room)
            self._from_threads.extend(events[:room])
            call = not self._called and bool(self._from_threads)
            self._called = self._called or call
        if call:
            with contextlib.suppress(RuntimeError):  # the loop is closed: we are stopping
                self.loop.call_soon_threadsafe(self._take_in)

    async def emit(self, event: Event, *, timeout_s: float = 30.0) -> None:
        """Publish once all mailboxes that ``block`` have room.

        Raises TimedOut; then nobody got it. A handler that emits to itself waits in vain.
        """
        if any(box.blocks for box in self._boxes(event.topic)):
            last: Subscription | None = None
            try:
                async with asyncio.timeout(timeout_s):
                    while full := [box for box in self._boxes(event.topic) if box.blocks]:
                        if last is not None:
                            last.let_in()  # somebody else: the room it had for this one is unused
                        last = full[0]
                        await last.room()
            except TimeoutError:
                raise TimedOut(
                    f"{event.topic!r} was not published: there was no room within {timeout_s:g} s."
                ) from None
        self.publish(event)

    # ------------------------------------------------------------------ subscribing

    @overload
    def subscribe(self, pattern: str | Sequence[str], handler: Deliver) -> Callable[[], None]: ...
    @overload
    def subscribe(
        self,
        pattern: str | Sequence[str],
        handler: Handler,
        *,
        name: str = "",
        size: int = MOST_WAITING,
        when_full: WhenFull = "drop-oldest",
        at_once: int = 1,
        deadline_s: float | None = None,
        inline: bool = False,
        managed: bool = False,
        from_journal: bool = False,
    ) -> Subscription: ...
    def subscribe(
        self, pattern: str | Sequence[str], handler: Any, **options: Any
    ) -> Callable[[], None]:
        """From now on nothing that matches is missed (see ``topics``). Returns the undo.

        A plain function is called inside ``publish``, before any mailbox is filled; it has no
        options. An async one gets a ``Subscription``: at most ``size`` events wait, ``when_full``
        says what becomes of more; ``at_once`` of them are handled at the same time; ``deadline_s``
        is how long one may take (None: 2 s, 30 s or 15 minutes, by its lane). ``inline`` is for
        handlers that never wait: they run inside the turn, without a task, so ``asyncio.timeout``
        and task groups do not work in them; one that waits all the same goes on in a task. A
        ``managed`` handler looks after its deadline and its cancel itself (``on_cancel``). One
        ``from_journal`` gets of what is published only what is realtime; the rest comes to its
        ``deliver`` once it is on the disk.

        An event that matches several patterns of one subscription comes once. On a bus that was
        closed the subscription is closed as well. Raises UsageError for what is no pattern.
        """
        patterns = [pattern] if isinstance(pattern, str) else list(pattern)
        split = [segments(one) for one in patterns]
        if not _is_async(handler):
            if options:
                raise TypeError(f"{handler!r} is called inside publish: it takes no {[*options]}")
            return self._tap(split, handler)
        name = options.pop("name", "") or ", ".join(patterns)
        one = Subscription(self, patterns, handler, name=name, **options)
        self._subscriptions[one] = None
        for parts in split:
            self._found.add(parts, one)
            self._routes.forget(parts)
        if one.deadline_s is not None and one.deadline_s < self._look_s:
            self._look_s = max(0.05, one.deadline_s)
        if self._closed:
            one.close()
        return one

    def also(self, subscription: Subscription, pattern: str) -> bool:
        """Wake it on one more pattern. Whether it did not before. Raises UsageError."""
        parts = segments(pattern)
        if subscription.closed or pattern in subscription.patterns:
            return False
        subscription.patterns.append(pattern)
        self._found.add(parts, subscription)
        self._routes.forget(parts)
        return True

    def no_more(self, subscription: Subscription, pattern: str) -> bool:
        """Wake it on that pattern no longer. Whether it did before.

        What waits goes, unless another of its patterns takes it in.
        """
        if pattern not in subscription.patterns:
            return False
        subscription.patterns.remove(pattern)
        parts = segments(pattern)
        self._found.remove(parts, subscription)
        self._routes.forget(parts)
        subscription.remove(lambda event: subscription not in self._boxes(event.topic))
        return True

    def forget(self, subscription: Subscription) -> None:
        """It ended; see ``Subscription.close``."""
        if subscription not in self._subscriptions:
            return
        del self._subscriptions[subscription]
        self.at_work.discard(subscription)
        for pattern in subscription.patterns:
            parts = segments(pattern)
            self._found.remove(parts, subscription)
            self._routes.forget(parts)
        self.ended.add(subscription)

    # ------------------------------------------------------------------ asking

    async def request(self, question: Event, *, timeout_s: float = 5.0) -> Event:
        """Publish the question and wait for the event that answers it.

        Raises TimedOut, at most a twentieth of a second late, and Unavailable when its thread is
        cancelled or the bus is closed.
        """
        if self._closed:
            raise Unavailable("Loom is stopping.")
        answer: asyncio.Future[Event] = self.loop.create_future()
        self._waiting[question.id] = answer, question.thread or question.id
        deadline = self._deadlines.arm(timeout_s, functools.partial(_give_up, answer))
        try:
            self.publish(question)
            return await answer
        except TimeoutError:
            raise TimedOut(f"Nobody answered {question.topic!r} within {timeout_s:g} s.") from None
        except BaseException:
            if answer.done() and not answer.cancelled():
                answer.exception()  # who was to hear of it is gone: that is no mistake
            raise
        finally:
            self._deadlines.disarm(deadline)
            if self._waiting.pop(question.id, None) is not None:
                self.over(question.id)

    def over(self, question: int) -> None:
        """Whoever answers this from now on is late, and is counted."""
        self._over[question] = None
        if len(self._over) > _MOST_OVER:
            del self._over[next(iter(self._over))]

    # ------------------------------------------------------------------ stopping

    def branch(self, thread: int, of: int) -> None:
        """This thread began under that one and ends with it. The latest 1,000 are known."""
        self._branches[thread] = of
        while len(self._branches) > _MOST_BRANCHES:
            del self._branches[next(iter(self._branches))]

    def under(self, thread: int) -> set[int]:
        """This thread, and those that began under it."""
        found = {thread}
        for one, of in self._branches.items():  # in the order in which they began
            if of in found:
                found.add(one)
        return found

    def cancel(self, thread: int) -> int:
        """Stop what is being done for this thread, and for those that began under it (``branch``);
        how many pieces of work that was.

        Events that wait are taken out, handlers are cancelled, and who waits for an answer gets
        Unavailable.
        """
        return sum(self._cancel(one) for one in self.under(thread))

    def _cancel(self, thread: int) -> int:
        stopped = 0
        for box in self._subscriptions:
            stopped += box.remove(lambda event: event.begins == thread)
            for hand in () if box.managed else box.hands:
                if hand.event is not None and hand.event.begins == thread:
                    stopped += hand.stop(CANCELLED)
        for answer, of in [*self._waiting.values()]:
            if of == thread and not answer.done():
                answer.set_exception(Unavailable("The question was cancelled."))
                stopped += 1
        with self._door:
            coming = len(self._from_threads)
            kept = [event for event in self._from_threads if event.begins != thread]
            if len(kept) < coming:  # in place: who publishes from a thread holds it
                self._from_threads.clear()
                self._from_threads.extend(kept)
        return stopped + coming - len(kept) + sum(stop(thread) for stop in self.on_cancel)

    async def settled(self, deadline_s: float) -> bool:
        """Return when nothing waits and nothing is in hand, or when the time is over."""
        try:
            async with asyncio.timeout(deadline_s):
                while self._from_threads or not all(box.idle for box in self._subscriptions):
                    await self.quieter()
        except TimeoutError:
            return False
        return True

    async def quieter(self) -> None:
        """Return when another subscription is idle, or gone."""
        quiet: asyncio.Future[None] = self.loop.create_future()
        self.settling.append(quiet)
        try:
            await quiet
        finally:
            self.settling.remove(quiet)

    async def close(self) -> None:
        """No further delivery; every task of the bus has ended, but for what ignores its cancel."""
        self._closed = True
        self._found = Trie()
        self._routes.clear()
        for box in [*self._subscriptions]:
            box.close()
        self.turns.close()
        self._deadlines.close()
        for answer, _ in [*self._waiting.values()]:
            if not answer.done():
                answer.set_exception(Unavailable("Loom is stopping."))
        if self._look is not None:
            self._look.cancel()
        await self.tasks.__aexit__()

    # ------------------------------------------------------------------ how it stands

    def pace(self, lane: QoS, share: float) -> None:
        """Give a lane less of the time than it could have: see ``Turns.pace``."""
        self.turns.pace(lane, share)

    @property
    def dropped(self) -> int:
        """Events that some full mailbox did not take, of all subscriptions there ever were."""
        return self.ended.total.dropped + sum(box.dropped for box in [*self._subscriptions])

    def mailboxes(self) -> list[MailboxReport]:
        """Every subscription there is, with what waits in it and what it lost."""
        return [
            MailboxReport(
                box.name, list(box.patterns), "journal" if box.from_journal else box.policy,
                box.size, len(box.queue), box.handled, box.failed, box.dropped, box.merged,
                box.expired, box.overdue, box.left_behind,
            )
            for box in [*self._subscriptions]  # health asks from a thread of its own
        ]  # fmt: skip

    def lost_by_ended(self) -> list[MailboxReport]:
        """The same for those that ended and had lost something, one for each name."""
        return [
            MailboxReport(
                name, [], "ended", 0, 0, one.handled, one.failed, one.dropped, one.merged,
                one.expired, one.overdue, one.left_behind, ended=True,
            )
            for name, one in self.ended
        ]  # fmt: skip

    def fill(self, *, but: Collection[str] = ()) -> dict[QoS, float]:
        """By lane, how full the fullest mailbox is that mostly holds such events: 0 to 1.

        ``but``: names of subscriptions that somebody holds up on purpose.
        """
        found: dict[QoS, float] = {}
        for box in self._subscriptions:
            if (waiting := len(box.queue)) and box.name not in but:
                lane = box.queue[waiting // 2].qos
                found[lane] = max(found.get(lane, 0.0), waiting / box.size)
        return found

    def takes(self, subscription: Subscription, topic: str) -> bool:
        """Whether an event of that topic wakes it."""
        return subscription in self._boxes(topic)

    # ------------------------------------------------------------------ for subscriptions

    def late(self, event: Event) -> bool:
        """Whether its time to live is over."""
        return self._clock() - event.time > event.ttl_ms / 1000

    def handler_failed(self, box: Subscription, event: Event, error: BaseException) -> None:
        """It costs this event and nothing else."""
        log.error("%s failed on %s", box.name, event.topic, exc_info=error)
        self._fails(box, event, error)

    def _fails(self, box: Subscription, event: Event, error: BaseException) -> None:
        box.failed += 1
        try:
            self.failed(box, event, error)
        except Exception:
            log.exception("what is told of a failure failed")

    def was_left_behind(self, box: Subscription, event: Event) -> None:
        """A handler ignores that it was cancelled."""
        log.error("%s does not end on %s; it is left behind", box.name, event.topic)

    def watch(self, box: Subscription) -> None:
        """It works: look now and then whether it takes too long."""
        self.at_work.add(box)
        box.watched = True
        self.begins()
        if self._look is None:
            self._look = self.loop.call_later(self._look_s, self._look_after)

    def unwatch(self, box: Subscription) -> None:
        """It sleeps."""
        if box.idle:
            self.at_work.discard(box)
            box.watched = False
            self.quiet()

    def quiet(self) -> None:
        """Something came to its end: whoever waits until all has looks again."""
        for waits in self.settling:
            if not waits.done():
                waits.set_result(None)

    # ------------------------------------------------------------------ below

    def _answer(self, event: Event) -> None:
        waiting = self._waiting.pop(event.answers, None)
        if waiting is None:
            self.late_answers += event.answers in self._over
        elif not waiting[0].done():
            waiting[0].set_result(event)

    def _put(self, box: Subscription, event: Event) -> bool:
        dropped = box.dropped
        try:
            taken = box.put(event)
        except Exception as error:  # a key or a fold of somebody's own
            self._not_taken(box, event, error)
            return False
        if box.dropped > dropped and not dropped:
            log.warning("%s cannot follow and drops events (%s)", box.name, box.policy)
        return taken

    def _not_taken(self, box: Subscription, event: Event, error: Exception) -> None:
        why = UsageError(
            f"Its key or fold raised {type(error).__name__}: {error}.",
            hint="They get every event that it hears, whatever its topic and payload.",
        )
        why.__cause__ = error
        if (kind := (box.name, type(error))) not in self._refused:
            self._refused.add(kind)
            log.error(
                "%s did not take %s; what fails so again is only counted",
                box.name, event.topic, exc_info=why,
            )  # fmt: skip
        self._fails(box, event, why)

    def _take_in(self) -> None:
        until = now() + _THREAD_SLICE_S
        events = self._from_threads
        while events:
            if now() > until:
                self.loop.call_soon(self._take_in)
                return
            self.publish(events.popleft())
        with self._door:
            self._called = bool(events)  # one may have come since
        if self._called:
            self.loop.call_soon(self._take_in)
        self.quiet()

    def _look_after(self) -> None:
        self._look = None
        at, resting = now(), 0
        for box in [*self.at_work]:
            box.look(at)
            if box.idle and resting < _MOST_TO_REST:  # the others are still there at the next look
                resting += box.rest()
                self.unwatch(box)
        if self.at_work:
            self._look = self.loop.call_later(self._look_s, self._look_after)

    def _tap(self, split: list[list[str]], deliver: Deliver) -> Callable[[], None]:
        one = _Tap(deliver)
        for parts in split:
            self._found.add(parts, one)
            self._routes.forget(parts)

        def unsubscribe() -> None:
            for parts in split:
                if self._found.remove(parts, one):
                    self._routes.forget(parts)

        return unsubscribe

    def _boxes(self, topic: str) -> tuple[Subscription, ...]:
        route = self._known.get(topic)
        _, boxes, kept = self._find_route(topic) if route is None else route
        return boxes + kept if kept else boxes

    def _find_route(self, topic: str) -> _Route:
        if (route := self._routes.again(topic)) is not None:
            return route
        parts = topic.split(".")
        found = dict.fromkeys(self._found.find(parts))
        taps = tuple(one.deliver for one in found if isinstance(one, _Tap))
        boxes = [one for one in found if isinstance(one, Subscription)]
        route = (
            taps,
            tuple(one for one in boxes if not one.from_journal),
            tuple(one for one in boxes if one.from_journal),
        )
        self._routes.put(topic, route)
        return route


def _is_async(handler: Any) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    called = getattr(type(handler), "__call__", None)  # noqa: B004  # an object with it
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called)


def _give_up(answer: asyncio.Future[Event]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _untold(box: Subscription, event: Event, error: BaseException) -> None:
    """Nobody is to be told but the log."""
