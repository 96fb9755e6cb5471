"""Subscription: patterns, a mailbox, and the tasks that empty it into one handler.

A task is made with the first event, is woken once per batch and not per event, and is let go when
nothing came for a while (``rest``): an agent that sleeps costs what one does that never ran. It
outlives whatever its handler does: an error costs that event, and so does a deadline or a cancel,
which the task takes for the handler's and not for its own. A handler that ignores its cancel is
left behind, counted and named, and another task goes on; so it does for a handler that takes its
task down with it.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from time import perf_counter as now
from typing import TYPE_CHECKING, Any

from loom_desktop.bus.mailbox import MOST_WAITING, Mailbox, WhenFull
from loom_desktop.bus.turns import Turn
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
_UNBORN: list[Turn] = [None]  # type: ignore[list-item]
"""The sleepers of a subscription without tasks: somebody is to be woken."""
_AWAKE: list[Turn] = []
_NONE: list[int] = []


class Hand:
    """One task of a subscription, and what it has in hand."""

    __slots__ = ("done", "event", "gone", "seen", "since", "task", "told_at", "why")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.event: Event | None = None
        self.since = 0.0
        """When its handler got the first event of those timed together (``perf_counter``)."""
        self.done: list[int] = _NONE
        """Those that are timed together, with the one in hand."""
        self.seen: Event | None = None
        """One that came after it, and since when it is known to be in hand is in ``since``."""
        self.why = ""
        """Why the handler is cancelled, when it is: the task itself goes on."""
        self.told_at = 0.0
        self.gone = False
        """Left behind: when its handler ends at last, this task ends too."""

    def stop(self, why: str) -> bool:
        """Cancel what is in hand, once. Whether this was that one time."""
        if self.why or self.event is None or self.task is None:
            return False
        self.why, self.told_at = why, now()
        self.task.cancel()
        return True

    def taken(self, at: float) -> float:
        """How long it has the event, as far as that is known now."""
        if len(self.done) > 1 and self.event is not self.seen:
            self.seen, self.since = self.event, at
        return at - self.since


class Subscription(Mailbox):
    """Made by ``Bus.subscribe``. Calling it ends it, as ``close`` does."""

    __slots__ = (
        "_bus", "_group", "_handler", "_inline", "_lane", "_room", "_turns", "at_once",
        "deadline_s", "failed", "from_journal", "handled", "hands", "left_behind", "managed",
        "name", "overdue", "patterns", "sleepers", "watched",
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
        """Events whose handler was called, but for those that are timed together just now."""
        self.failed = 0
        self.overdue = 0
        """Handlers that took longer than they may."""
        self.left_behind = 0
        self.watched = False
        """Whether the bus looks now and then how long its handlers take."""
        self.hands: list[Hand] = []
        self.sleepers: list[Turn] = _UNBORN
        self._bus, self._handler, self._inline = bus, handler, inline
        self._group = 1
        self._turns: list[tuple[QoS, Turn]] = []
        """What its tasks wait for that queue, so that something more urgent need not."""
        self._lane: QoS | None = None
        """The lane for which it was woken; inline: in which it queues, if it does."""
        self._room: list[asyncio.Future[None]] = []

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
        for waits in self._room:
            if not waits.done():
                waits.set_result(None)
        self._bus.quiet()

    def wake(self, lane: QoS) -> None:
        """Something came while a task slept, or none was there."""
        if self._inline:
            self.sleepers = _AWAKE
            self._queue_up(lane)
        elif self.sleepers is _UNBORN:
            self.sleepers = []
            for _ in range(self.at_once):
                self._start()
        else:
            self._lane = lane
            sleeper = self.sleepers.pop()
            if not self._bus.turns.wake(lane, sleeper):
                self._await_turn(lane, sleeper)

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
        if taken:
            lane = self._lane
            if not self._inline:
                for queued, turn in self._turns:
                    if event.qos < queued and not turn.done():
                        turn.set_result(QoS.REALTIME)  # which does nothing of a slowed lane
                        break
            elif lane is not None and event.qos < lane:
                self._bus.turns.move(self, lane, event.qos)
                self._lane = event.qos
        return taken

    def remove(self, unwanted: Callable[[Event], bool]) -> int:
        """See ``Mailbox.remove``."""
        removed = super().remove(unwanted)
        if removed and self._room:
            self.let_in()
        return removed

    async def room(self) -> None:
        """Return when a mailbox that was full may have room again."""
        waits: asyncio.Future[None] = self._bus.loop.create_future()
        self._room.append(waits)
        try:
            await waits
        except asyncio.CancelledError:
            self._room.remove(waits)
            if not waits.cancelled():  # it was let in, and makes no use of it
                self.let_in()
            raise
        self._room.remove(waits)

    def let_in(self, coming: int = 0) -> None:
        """As many of those who wait for room as there is; ``coming``: room that is made next."""
        for waits in self._room[: max(0, self.size + coming - len(self.queue))]:
            if not waits.done():
                waits.set_result(None)

    def look(self, at: float) -> None:
        """Cancel what takes too long; leave behind what does not end."""
        for hand in [*self.hands]:
            event = hand.event
            if event is None or hand.gone or self.managed:
                continue
            if not hand.why:
                limit_s = self.limit_s(event)
                if hand.taken(at) > limit_s:
                    self.overdue += 1
                    hand.stop(f"It took longer than {limit_s:g} s and was stopped.")
            elif at - hand.told_at > PATIENCE_S:
                hand.gone = True
                self.hands.remove(hand)
                self.left_behind += 1
                self._bus.was_left_behind(self, event)
                if hand.why != CANCELLED:
                    self._bus.handler_failed(self, event, TimeoutError(hand.why))
                if self._inline:
                    self._queue_up(event.qos)
                else:
                    self._start()

    def rest(self) -> bool:
        """Nothing came for a while: let the tasks and the queue go, until the next event. Whether
        there were any."""
        if self._inline or not self.hands or len(self.sleepers) < len(self.hands) or self.queue:
            return False  # one that was woken has not run yet, or somebody works
        for hand in self.hands:
            hand.gone = True
            if hand.task is not None:
                hand.task.cancel()
        self.hands.clear()
        self._turns.clear()
        self.sleepers = _UNBORN
        self.let_queue_go()
        return True

    def step(self, at: float, until: float) -> float:
        """The dispatcher's way for inline handlers, from now until then. See ``turns.Stepped``."""
        bus, queue, name, handler = self._bus, self.queue, self.name, self._handler
        record, turns = bus.record, bus.turns
        lane, self._lane = self._lane, None
        while queue:
            if at > until or (turns.slowed and turns.apart(lane, queue[0].qos)):
                self._queue_up(queue[0].qos)
                return at
            if self._room:
                self.let_in(1)
            done: list[int] = []
            for _ in range(1 if turns.slowed else self._group):
                event = queue.popleft()
                if event.ttl_ms and bus.late(event):
                    self.expired += 1
                else:
                    done.append(event.id)
                    try:
                        # ``for`` sees the end of a coroutine without an exception being made: a
                        # third of the time that ``send`` and ``except StopIteration`` take.
                        steps = handler(event).__await__()
                        for yielded in steps:  # it waits: its rest runs in a task
                            self.handled += len(done)
                            then = now()
                            if done[:-1]:
                                record((at, then, name, done[:-1]))
                            self._suspended(event, at, steps, yielded)
                            return then
                    except (KeyboardInterrupt, SystemExit):
                        raise
                    except BaseException as error:  # nobody can cancel it here: it is its own
                        bus.handler_failed(self, event, error)
                if not queue:
                    break
            self.handled += len(done)
            then = now()
            record((at, then, name, done))
            self._group = min(_WIDEST, self._group * 2) if then - at < _QUICK_S else 1
            at = then
        if self._room:
            self.let_in()
        self.sleepers = _UNBORN
        if bus.settling:
            bus.unwatch(self)
        return at

    def _await_turn(self, lane: QoS, turn: Turn) -> None:
        self._turns = [one for one in self._turns if not one[1].done()]
        self._turns.append((lane, turn))

    def _queue_up(self, lane: QoS) -> None:
        self._lane = lane
        self._bus.turns.step(lane, self)

    def _suspended(self, event: Event, at: float, steps: _Steps, yielded: Any) -> None:
        hand = self._new_hand()
        hand.event, hand.since = event, at
        hand.task = self._bus.tasks.run(self.name, self._finish(hand, event, steps, yielded))
        hand.task.add_done_callback(partial(self._finished, hand, event, steps))

    def _new_hand(self) -> Hand:
        hand = Hand()
        self.hands.append(hand)
        return hand

    def _start(self) -> None:
        hand = self._new_hand()
        self._bus.turns.arm()
        hand.task = self._bus.tasks.run(self.name, self._consume(hand))
        hand.task.add_done_callback(partial(self._ended, hand))

    def _ended(self, hand: Hand, task: asyncio.Task[None]) -> None:
        """Only a mistake of ours, or a handler that cancels its own task or raises what ends one,
        ends it while it is wanted: another one goes on."""
        error = None if task.cancelled() else task.exception()
        if hand.gone:
            return
        self.hands.remove(hand)
        self.sleepers = [one for one in self.sleepers if not one.done()]
        event, hand.event = hand.event, None
        if event is not None:
            self._bus.handler_failed(self, event, error or asyncio.CancelledError())
        others = any(one.task is not None and not one.task.done() for one in self.hands)
        if error is None and not (self.queue or others):  # it may be that all tasks are to end
            self.sleepers = _UNBORN
            self._bus.unwatch(self)
            return
        log.error("%s ended and is started again", task.get_name(), exc_info=error)
        self._start()

    async def _finish(self, hand: Hand, event: Event, steps: _Steps, yielded: Any) -> None:
        bus = self._bus
        bus.watch(self)
        try:
            await _resumed(steps, yielded)
            if hand.why:
                await self._failed(hand, event, None)
        except asyncio.CancelledError as error:
            if hand.gone or not (hand.why or _its_own(hand)):
                raise
            await self._failed(hand, event, error)
        except Exception as error:
            await self._failed(hand, event, error)
        finally:
            bus.record((hand.since, now(), self.name, [event.id]))
            self._free(hand)

    def _finished(self, hand: Hand, event: Event, steps: _Steps, task: asyncio.Task[None]) -> None:
        """Its task may have been cancelled before its first step: then nothing else sees it."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        why = hand.why
        if hand in self.hands:
            try:
                steps.close()
            except Exception as unclean:
                error = unclean
            if why and why not in (CANCELLED, _CLOSED):
                error, why = TimeoutError(why), ""
            self._free(hand)
        if error is not None and not why:
            self._bus.handler_failed(self, event, error)

    def _free(self, hand: Hand) -> None:
        hand.event = None
        if hand in self.hands:  # and not left behind
            self.hands.remove(hand)
            if self.queue:
                self._queue_up(self.queue[0].qos)
            else:
                self.sleepers = _UNBORN
        self._bus.unwatch(self)

    async def _consume(self, hand: Hand) -> None:
        bus, queue, handler, name = self._bus, self.queue, self._handler, self.name
        turns, record, pop = bus.turns, bus.record, self.queue.popleft
        room, group, create_future = self._room, 1, bus.loop.create_future
        event: Event | None
        done: list[int]
        let_in: QoS | None = None
        while True:
            at = now()
            if not self.watched:
                bus.watch(self)
            lane = queue[0].qos if queue else QoS.REALTIME
            slow = turns.slowed and turns.apart(let_in, lane)
            until = 0.0 if slow else turns.enter(lane, at)
            began = stepped_back = False
            while queue:
                if at > until or (turns.slowed and turns.apart(lane, queue[0].qos)):
                    lane = queue[0].qos
                    turn = turns.queue(lane, first=not began)
                    self._await_turn(lane, turn)
                    hurried = await turn
                    at = now()
                    let_in = lane if hurried is None else hurried
                    lane = queue[0].qos if queue else let_in
                    slow = turns.slowed and turns.apart(let_in, lane)
                    stepped_back = turns.urgent(lane) and not stepped_back
                    until = 0.0 if slow or stepped_back else turns.begin(lane, at)
                    began = False
                    continue
                began = True
                hand.since = at
                done = hand.done = []
                try:
                    for _ in range(1 if turns.slowed else group):
                        if room:
                            self.let_in(1)
                        event = pop()
                        # one from the journal must be told of each end: its handler looks itself
                        if event.ttl_ms and bus.late(event) and not self.from_journal:
                            self.expired += 1
                        else:
                            hand.event = event
                            done.append(event.id)
                            try:
                                await handler(event)
                            except asyncio.CancelledError as error:
                                if hand.gone or not (hand.why or _its_own(hand)):
                                    raise
                                await self._failed(hand, event, error)
                            except Exception as error:
                                await self._failed(hand, event, error)
                            if hand.why:
                                if hand.gone:
                                    return
                                await self._failed(hand, event, None)
                        if not queue:
                            break
                finally:
                    self.handled += len(done)
                hand.event = None
                then = now()
                record((at, then, name, done))
                group = min(_WIDEST, group * 2) if then - at < _QUICK_S else 1
                at = then
            if room:
                self.let_in()
            event, hand.done, done = None, _NONE, _NONE  # it keeps nothing of what it heard
            sleeper: Turn = create_future()
            self.sleepers.append(sleeper)
            if bus.settling and self.idle:
                bus.quiet()
            hurried = await sleeper
            let_in = self._lane if hurried is None else hurried

    async def _failed(self, hand: Hand, event: Event, error: BaseException | None) -> None:
        """It raised, or was stopped, or both. A cancel was meant for the handler: its task goes on
        with the next event."""
        bus, why = self._bus, hand.why
        if hand.gone:
            if error is not None and why == _CLOSED:
                bus.handler_failed(self, event, error)
            return
        if why and why != CANCELLED:
            late = TimeoutError(why)
            late.__cause__ = error
            bus.handler_failed(self, event, late)
        elif error is not None and not (why and isinstance(error, asyncio.CancelledError)):
            bus.handler_failed(self, event, error)
        if why and hand.task is not None:
            hand.why, hand.event = "", None
            hand.task.uncancel()
            if not isinstance(error, asyncio.CancelledError):
                try:
                    await asyncio.sleep(0)  # a cancel that the handler did not come to see
                except asyncio.CancelledError:
                    if hand.gone:
                        raise


def _its_own(hand: Hand) -> bool:
    """Whether nobody asked for the cancel that it raised: what it waited for was cancelled."""
    return hand.task is not None and not hand.task.cancelling()


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
