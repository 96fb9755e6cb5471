"""Subscription: patterns, a mailbox, and the tasks that empty it into one handler.

A task is made with the first event and kept, and is woken once per batch, not per event. It
outlives whatever its handler does: an error costs that event, and so does a deadline or a cancel,
which the task takes for the handler's and not for its own. A handler that ignores its cancel is
left behind, counted and named, and another task goes on.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter as now
from typing import TYPE_CHECKING, Any

from loom_desktop.bus.mailbox import MOST_WAITING, Mailbox, WhenFull
from loom_desktop.event import Event, QoS

if TYPE_CHECKING:
    from loom_desktop.bus import Bus

log = logging.getLogger(__name__)
Handler = Callable[[Event], Coroutine[Any, Any, None]]
_Steps = Generator[Any, Any, None]
DEADLINE_S = {QoS.REALTIME: 2.0, QoS.BATCHED: 30.0, QoS.BACKGROUND: 900.0}
PATIENCE_S = 5.0
"""How long a cancelled handler may take to end before it is left behind."""
_WIDEST = 64
_QUICK_S = 0.0002
"""Handlers are timed together, at most 64 of them, as long as together they take less than this: a
look at the clock costs as much as a quick handler. A slow one is timed alone."""
_UNBORN: list[asyncio.Future[None]] = [None]  # type: ignore[list-item]
"""The sleepers of a subscription without tasks: somebody is to be woken."""
_AWAKE: list[asyncio.Future[None]] = []
_NONE: list[int] = []


class Hand:
    """One task of a subscription, and what it has in hand."""

    __slots__ = ("event", "gone", "since", "task", "told_at", "why")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.event: Event | None = None
        self.since = 0.0
        """When its handler got the event (``perf_counter``)."""
        self.why = ""
        """Why the handler is cancelled, when it is: the task itself goes on."""
        self.told_at = 0.0
        self.gone = False
        """Left behind: when its handler ends at last, this task ends too."""

    def stop(self, why: str) -> None:
        """Cancel what is in hand, once."""
        if self.why or self.event is None or self.task is None:
            return
        self.why, self.told_at = why, now()
        self.task.cancel()


class Subscription(Mailbox):
    """Made by ``Bus.subscribe``. Calling it ends it, as ``close`` does."""

    __slots__ = (
        "_bus", "_group", "_handler", "_inline", "_promoted", "_room", "at_once", "deadline_s",
        "failed", "from_journal", "handled", "hands", "left_behind", "managed", "name", "overdue",
        "patterns", "sleepers",
    )  # fmt: skip

    def __init__(
        self,
        bus: Bus,
        patterns: list[str],
        handler: Handler,
        *,
        name: str,
        size: int = MOST_WAITING,
        when_full: WhenFull = "drop-oldest",
        at_once: int = 1,
        deadline_s: float | None = None,
        inline: bool = False,
        managed: bool = False,
        from_journal: bool = False,
    ) -> None:
        super().__init__(size, when_full)
        self.name, self.patterns = name, patterns
        self.at_once, self.deadline_s, self.managed = at_once, deadline_s, managed
        self.from_journal = from_journal
        self.handled = 0
        """Events whose handler was called, but for those of the batch in hand."""
        self.failed = 0
        self.overdue = 0
        """Handlers that took longer than they may."""
        self.left_behind = 0
        self.hands: list[Hand] = []
        self.sleepers: list[asyncio.Future[None]] = _UNBORN
        self._bus, self._handler, self._inline = bus, handler, inline
        self._group = 1
        self._promoted: asyncio.Future[None] | None = None
        """The turn that its task queues for, so that something more urgent need not."""
        self._room: list[asyncio.Future[None]] | None = None

    def __call__(self) -> None:
        """End it."""
        self.close()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is in hand."""
        return not self.queue and all(hand.event is None for hand in self.hands)

    def limit_s(self, event: Event) -> float:
        """How long the handler of this event may take."""
        return DEADLINE_S[event.qos] if self.deadline_s is None else self.deadline_s

    def close(self, *, finish: bool = False) -> None:
        """No further event; what waits is gone, and what is in hand is cancelled.

        ``finish``: what is in hand may end by itself.
        """
        if self.closed:
            return
        self.closed, self.size = True, 0
        self._bus.forget(self)
        self.queue.clear()
        for hand in self.hands:
            hand.gone, hand.why = True, hand.why or _CLOSED
            if hand.task is not None and not (finish and hand.event is not None):
                hand.task.cancel()
        for waits in self._room or ():
            if not waits.done():
                waits.set_result(None)

    def wake(self, lane: QoS) -> None:
        """Something came while a task slept, or none was there."""
        if self._inline:
            self.sleepers = _AWAKE
            self._bus.turns.step(lane, self)
        elif self.sleepers is _UNBORN:
            self.sleepers = []
            for _ in range(self.at_once):
                self._start()
        else:
            self._bus.turns.wake(lane, self.sleepers.pop())

    def put(self, event: Event) -> bool:
        """See ``Mailbox.put``; what is urgent does not queue for a turn with the rest."""
        if self.from_journal:
            if event.qos is not QoS.REALTIME or self.closed:
                return False  # it comes when it is on the disk
            if len(self.queue) >= self.size:
                self.dropped += 1  # nothing that was committed gives way
                return False
        return self._take_in(event)

    def deliver(self, event: Event) -> None:
        """What was committed. Whoever calls keeps within the size."""
        if event.qos is self.lane and not event.priority and len(self.queue) < self.size:
            self.queue.append(event)
        elif self.closed or not self._take_in(event):
            return
        if self.sleepers:
            self.wake(event.qos)

    def _take_in(self, event: Event) -> bool:
        taken = super().put(event)
        turn = self._promoted
        if turn is not None and taken and self.queue[0] is event and not turn.done():
            turn.set_result(None)
        return taken

    async def room(self) -> None:
        """Return when a mailbox that was full may have room again."""
        waits: asyncio.Future[None] = self._bus.loop.create_future()
        if self._room is None:
            self._room = []
        self._room.append(waits)
        try:
            await waits
        finally:
            self._room.remove(waits)

    def look(self, at: float) -> None:
        """Cancel what takes too long; leave behind what does not end."""
        for hand in [*self.hands]:
            event = hand.event
            if event is None or hand.gone or self.managed:
                continue
            if not hand.why:
                limit_s = self.limit_s(event)
                if at - hand.since > limit_s:
                    self.overdue += 1
                    hand.stop(f"It took longer than {limit_s:g} s and was stopped.")
            elif at - hand.told_at > PATIENCE_S:
                hand.gone = True
                self.hands.remove(hand)
                self.left_behind += 1
                self._bus.was_left_behind(self, event)
                if self._inline:
                    self._bus.turns.step(event.qos, self)
                else:
                    self._start()

    def step(self, at: float, until: float) -> float:
        """The dispatcher's way for inline handlers, from now until then. See ``turns.Stepped``."""
        bus, queue, name, handler = self._bus, self.queue, self.name, self._handler
        record = bus.record
        while queue:
            if at > until:
                bus.turns.step(queue[0].qos, self)
                return at
            done: list[int] = []
            for _ in range(self._group):
                event = queue.popleft()
                if event.ttl_ms and bus.late(event):
                    self.expired += 1
                else:
                    # ``for`` sees the end of a coroutine without an exception being made: a third
                    # of the time that ``send`` and ``except StopIteration`` take.
                    steps = handler(event).__await__()
                    done.append(event.id)
                    try:
                        for yielded in steps:  # it waits: its rest runs in a task
                            self.handled += len(done)
                            self._suspended(event, at, steps, yielded)
                            return now()
                    except Exception as error:
                        bus.handler_failed(self, event, error)
                if not queue:
                    break
            self.handled += len(done)
            then = now()
            record((at, then, name, done))
            self._group = min(_WIDEST, self._group * 2) if then - at < _QUICK_S else 1
            at = then
        if self._room:
            self._let_in()
        self.sleepers = _UNBORN
        if bus.settling:
            bus.unwatch(self)
        return at

    def _suspended(self, event: Event, at: float, steps: _Steps, yielded: Any) -> None:
        hand = self._new_hand()
        hand.event, hand.since = event, at
        hand.task = self._bus.tasks.run(self.name, self._finish(hand, event, steps, yielded))

    def _new_hand(self) -> Hand:
        hand = Hand()
        self.hands.append(hand)
        return hand

    def _start(self) -> None:
        hand = self._new_hand()
        self._bus.turns.arm()
        hand.task = self._bus.tasks.run(self.name, self._consume(hand))

    async def _finish(self, hand: Hand, event: Event, steps: _Steps, yielded: Any) -> None:
        bus = self._bus
        bus.watch(self)
        try:
            await _resumed(steps, yielded)
        except asyncio.CancelledError:
            if not hand.why:
                raise
            self._spare(hand, event)
        except Exception as error:
            bus.handler_failed(self, event, error)
        finally:
            hand.event = None
            bus.record((hand.since, now(), self.name, [event.id]))
            bus.unwatch(self)
            if hand in self.hands:  # and not left behind
                self.hands.remove(hand)
                if self.queue:
                    bus.turns.step(self.queue[0].qos, self)
                else:
                    self.sleepers = _UNBORN

    async def _consume(self, hand: Hand) -> None:
        bus, queue, handler, name = self._bus, self.queue, self._handler, self.name
        turns, record, pop, at_work = bus.turns, bus.record, self.queue.popleft, bus.at_work
        group = 1
        event: Event | None = None
        done = _NONE
        try:
            while True:
                at = now()
                if not at_work:
                    bus.watch(self)
                at_work.add(self)
                lane = queue[0].qos if queue else QoS.REALTIME
                until = 0.0 if turns.urgent(lane) else turns.begin(lane, at)
                began = stepped_back = False
                while queue:
                    if at > until:
                        turn = self._promoted = turns.queue(queue[0].qos, first=not began)
                        await turn
                        self._promoted = None
                        at = now()
                        lane = queue[0].qos if queue else lane
                        stepped_back = turns.urgent(lane) and not stepped_back
                        until = 0.0 if stepped_back else turns.begin(lane, at)
                        began = False
                        continue
                    began = True
                    hand.since = at
                    done = []
                    for _ in range(group):
                        event = pop()
                        if event.ttl_ms and bus.late(event):
                            self.expired += 1
                        else:
                            hand.event = event
                            try:
                                await handler(event)
                            except asyncio.CancelledError:
                                if not hand.why or hand.gone:  # not the handler's but ours
                                    raise
                            except Exception as error:
                                bus.handler_failed(self, event, error)
                            if hand.why:
                                if hand.gone:
                                    return
                                self._spare(hand, event)
                            done.append(event.id)
                        if not queue:
                            break
                    hand.event = None
                    self.handled += len(done)
                    then = now()
                    record((at, then, name, done))
                    group = min(_WIDEST, group * 2) if then - at < _QUICK_S else 1
                    at = then
                if self._room:
                    self._let_in()
                event, done = None, _NONE  # nobody keeps what it said until the next one comes
                sleeper: asyncio.Future[None] = bus.loop.create_future()
                self.sleepers.append(sleeper)
                if self.at_once > 1 or bus.settling:
                    bus.unwatch(self)
                else:
                    at_work.discard(self)
                await sleeper
        except Exception as error:  # a mistake of ours, while it is wanted: another one goes on
            if not self.closed:
                log.error("%s ended and is started again", name, exc_info=error)
                self.hands = [one for one in self.hands if one is not hand]
                self._start()

    def _spare(self, hand: Hand, event: Event) -> None:
        """The cancel was meant for the handler; the task goes on with the next event."""
        why, hand.why = hand.why, ""
        if hand.task is not None:
            hand.task.uncancel()
        if why != CANCELLED:
            self._bus.handler_failed(self, event, TimeoutError(why))

    def _let_in(self) -> None:
        for waits in (self._room or [])[: self.size - len(self.queue)]:
            if not waits.done():
                waits.set_result(None)


_CLOSED = "closed"
CANCELLED = "cancelled"
"""The reason that is nobody's failure: its thread was cancelled."""


@types.coroutine
def _resumed(steps: _Steps, yielded: Any) -> Generator[Any, Any, None]:
    """Go on, inside a task, with a coroutine that was stepped by hand until it yielded."""
    while True:
        try:
            value = yield yielded
        except BaseException as error:
            step: Callable[[Any], Any] = steps.throw
            value = error
        else:
            step = steps.send
        try:
            yielded = step(value)
        except StopIteration:
            return
