"""Durable subscribers: what was committed reaches them, also after a crash, and none of it twice.

An agent that is declared ``durable`` gets the events of the journal: each once it is on the disk
and not before, at least once, and marked when it has had it. What its handlers remember is written
together with that mark, in one transaction, so that its effects in the store happen exactly once.
Only so many events are in memory at a time; when it falls behind, the rest waits in the journal.

A handler that raises gets the event again, after 1 s and then after 10 s; other events go on
meanwhile. After the third time it is a dead letter: told, kept with its traceback, and tried again
when the person says so. An event that was in hand when the process died counts as tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from loom_desktop.bus import Bus, Subscription
from loom_desktop.errors import LoomError, NotFound
from loom_desktop.event import Event, QoS, next_id
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from loom_desktop.store import Store
    from loom_desktop.store.deliveries import Write

log = logging.getLogger(__name__)

WINDOW = 4_096
"""Events of one subscriber in memory, four groups of the journal: while one is handled the next is
synced, and a steady burst is not read back from the disk. With fewer than half, more are read."""
PAGE = 500
TRIES = 3
AGAIN_S = (1.0, 10.0, 60.0)
"""How long a failed event waits before it is tried again."""
_RETRY_S = 5.0
_MOST_CANCELLED = 1_000
"""Threads that are remembered as cancelled: their events may be on their way to the disk."""
_FAR = 1_000
"""Events that do not concern a subscriber before its cursor moves over them all the same."""


class Durable:
    """All durable subscribers of one engine. Its ``committed`` hears every group of the journal."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        tasks: Tasks,
        *,
        crashed: bool = False,
        new_only: bool = False,
    ) -> None:
        """``crashed``: the run before this one did not end, it broke off. ``new_only``: what is
        older than this run waits for another one; a command that looks at something starts nobody.
        """
        self.bus, self.store, self.tasks = bus, store, tasks
        self.crashed, self.new_only = crashed, new_only
        self._followers: dict[str, Follower] = {}
        self._started: set[str] = set()
        """Who was followed in this run: what they had in hand since did not end it."""
        self._cancelled: dict[int, int] = {}
        """Thread -> the first id that was given after its cancel."""
        self.buried: Callable[[str, Event, int], None] = lambda name, event, letter: None
        """Told of every event that became a dead letter, with its number."""
        self.end = 0
        """The highest number that was committed."""
        self.start = 0
        """The highest one before this run."""

    async def prepare(self) -> None:
        """Look where the journal ends, and hear of what is committed. Once, before ``follow``."""
        self.start = self.end = await self.store.journal.last_seq()
        self.store.journal.committed = self.committed

    def committed(self, events: Sequence[tuple[int, Event]]) -> None:
        """What the journal has just written, in order."""
        if events:
            self.end = max(self.end, events[-1][0])
        for follower in self._followers.values():
            follower.offer(events)

    def follow(self, name: str, box: Subscription) -> Follower:
        """From now on the mailbox gets what was committed, from where it left off."""
        follower = Follower(self, name, box)
        self._followers[name] = follower
        crashed = self.crashed and name not in self._started
        self._started.add(name)
        self.tasks.start(f"{name} catches up", follower.begin(crashed=crashed))
        return follower

    def begin_anew(self) -> None:
        """Numbers of what was committed so far say nothing any more: follow all of them again."""
        self.end, self.crashed = 0, False
        for follower in self._followers.values():
            follower.stop(void=True)

    def leave(self, name: str) -> None:
        """It gets nothing more in this run; its cursor stays where it is."""
        follower = self._followers.pop(name, None)
        if follower is not None:
            follower.stop()

    def cancelled(self, thread: int) -> int:
        """What waited for that thread was taken out, and what is on its way does not come in."""
        self._cancelled.pop(thread, None)
        self._cancelled[thread] = next_id()
        if len(self._cancelled) > _MOST_CANCELLED:
            del self._cancelled[next(iter(self._cancelled))]
        for follower in self._followers.values():
            follower.taken_out(lambda event: event.begins == thread)
        return 0

    def stopped(self, event: Event) -> bool:
        """Whether its thread was cancelled since it was made."""
        return event.id < self._cancelled.get(event.begins, 0)

    async def again(self, letter: int) -> asyncio.Future[bool]:
        """Try a dead letter once more; the answer is whether its handlers did not fail this time.

        Raises NotFound when it, or its subscriber, is not there.
        """
        found = await self.store.deliveries.dead_letter(letter)
        follower = self._followers.get(found.subscriber)
        if follower is None:
            raise NotFound(
                f"{found.subscriber} does not run.", hint=f"Start it: loom start {found.subscriber}"
            )
        await follower.caught_up()  # before it has begun, the store would take it for a new start
        found = await self.store.deliveries.revive(letter)
        return follower.revive(found.seq, found.event)

    async def mark(self) -> None:
        """Write down how far everybody is: the store hears seldom of what concerned nobody.

        Raises Unavailable.
        """
        for follower in self._followers.values():
            follower.mark()
        await self.store.deliveries.flush()

    def close(self) -> None:
        """Nobody gets any more; what was had is told to the store."""
        self.store.journal.committed = None
        for name in [*self._followers]:
            self.leave(name)

    @property
    def followed(self) -> bool:
        """Whether there is a durable subscriber."""
        return bool(self._followers)

    @property
    def behind(self) -> dict[str, int]:
        """Subscriber -> events of this run that are on the disk and that it has not taken, for
        those that do not get them as they are committed."""
        return {name: one.behind for name, one in [*self._followers.items()] if one.behind}

    async def caught_up(self) -> None:
        """Return when what was committed waits in the mailboxes of all, or was had."""
        for follower in [*self._followers.values()]:
            await follower.caught_up()


class Follower:
    """One durable subscriber: what it has taken from the journal and not had yet."""

    def __init__(self, parent: Durable, name: str, box: Subscription) -> None:
        self.name = name
        self._parent, self._box = parent, box
        self._deliveries = parent.store.deliveries
        self._loop = parent.bus.loop
        self._since = next_id()
        """What is made from now on is for it, also when it is on the disk before its cursor is."""
        self._taken = -1
        """Everything up to this number was looked at; -1 until it is known where to begin."""
        self._marked = 0
        """The cursor, as far as it was sent to the store."""
        self._floor: int | None = None
        """Where the cursor stays, in a run that leaves what is older to another one."""
        self._open: dict[int, Event] = {}
        """Taken and not had, in the order of their numbers."""
        self._revived: dict[int, Event] = {}
        """Dead letters that are tried once more."""
        self._outcomes: dict[int, asyncio.Future[bool]] = {}
        """For whoever waits what becomes of those."""
        self._numbers: dict[int, int] = {}
        """Event -> its number, of those that are open or revived."""
        self._done: frozenset[int] = frozenset()
        """What it had in an earlier run, beyond the cursor."""
        self._just_had: list[int] = []
        """Since the cursor was last sent to the store."""
        self._marking = False
        self._tries: dict[int, int] = {}
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._behind = True
        self._reading = False
        self.stopped = self._void = False
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def behind(self) -> int:
        """How many numbers of the journal it has not come to; 0 when it gets them at once."""
        return max(0, self._parent.end - self._taken) if self._behind else 0

    async def caught_up(self) -> None:
        """Return when it has taken what was committed, or as much as there is room for."""
        while self._behind and not self.stopped and len(self._open) < WINDOW // 2:
            waits: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(waits)
            await waits

    async def begin(self, *, crashed: bool) -> None:
        """Go on where it left off, with what the journal has since."""
        while self._taken < 0 and not self.stopped:
            try:
                place = await self._deliveries.begin(self.name, since=self._since)
            except LoomError as error:
                log.warning("%s cannot go on yet: %s", self.name, error.message)
                await asyncio.sleep(_RETRY_S)
            else:
                self._taken = self._marked = place.seq
                self._done, self._tries = place.done, dict(place.tries)
                if self._parent.new_only and place.seq < self._parent.start:
                    self._floor, self._taken = place.seq, self._parent.start
        if crashed and not self.stopped:
            await self._count_the_first()
        self._read_more()

    def stop(self, *, void: bool = False) -> None:
        """Nothing more in this run. ``void``: nor does the store hear of what it had."""
        self.stopped, self._void = True, void
        for timer in self._later.values():
            timer.cancel()
        for outcome in self._outcomes.values():
            outcome.cancel()
        self.mark()
        self._tell()

    def offer(self, events: Iterable[tuple[int, Event]]) -> None:
        """What was committed just now; what there is no room for stays in the journal."""
        if self._behind:
            return
        if not self._take(events):
            self._behind = True
        elif self._taken - self._marked > _FAR and not self._open:
            self.mark()

    def mark(self) -> None:
        """Send the cursor to the store, and what was had beyond it."""
        self._marking = False
        if self._void:
            return
        low = self._low()
        beyond = [seq for seq in self._just_had if seq > low]
        if low > self._marked or beyond:
            self._marked = low
            for seq in beyond or (low,):
                self._deliveries.done(self.name, seq, low)
        self._just_had.clear()

    def revive(self, seq: int, event: Event) -> asyncio.Future[bool]:
        """A dead letter is tried once more, this once. The answer is whether that went well."""
        self._tries[seq] = TRIES - 1
        self._revived[seq] = event
        outcome = self._outcomes[seq] = self._loop.create_future()
        self._put(seq, event)
        return outcome

    def taken_out(self, which: Callable[[Event], bool]) -> None:
        """What waited and is one of those was taken out of the mailbox: it counts as had."""
        held = {id(event) for event in self._box.queue}
        held |= {id(hand.event) for hand in self._box.hands}
        for seq, event in [*self._open.items(), *self._revived.items()]:
            if which(event) and id(event) not in held:
                if (timer := self._later.pop(seq, None)) is not None:
                    timer.cancel()
                self._had(seq)

    # ------------------------------------------------------------------ what became of one

    def expired(self, event: Event) -> bool:
        """Whether its time to live is over; then it counts as had. A dead letter is as old as it
        is, and was asked for."""
        if not (event.ttl_ms and self._parent.bus.late(event)):
            return False
        if self._numbers.get(event.id) in self._revived:
            return False
        self._box.expired += 1
        self.had(event)
        return True

    def had(self, event: Event) -> None:
        """Its handlers are done with it. Costs no waiting; the store hears of it with the next."""
        seq = self._numbers.get(event.id)
        if seq is not None:  # else realtime: not from the journal
            self._had(seq)

    async def commit(self, event: Event, writes: Sequence[Write]) -> bool:
        """The same together with what its handlers write. False when those writes met others.

        Raises Unavailable when the disk does not take it; either way it is not had yet.
        """
        seq = self._numbers.get(event.id)
        if seq is None or self._void:
            return False
        if not await self._deliveries.commit(self.name, seq, self._low(without=seq), writes):
            return False
        self._close(seq)
        return True

    async def failed(self, event: Event, error: BaseException, handler: str) -> None:
        """Try it again later, or bury it."""
        seq = self._numbers.get(event.id)
        if seq is None or self.stopped:
            return
        tries = self._tries[seq] = self._tries.get(seq, 0) + 1
        wait_s = AGAIN_S[min(tries, TRIES) - 1]
        try:
            if tries >= TRIES:
                letter = await self._deliveries.bury(
                    self.name, seq, self._low(without=seq), event, handler, _told(error), tries
                )
                self._close(seq, well=False)
                self._parent.buried(self.name, event, letter)
                return
            await self._deliveries.tried(self.name, seq, tries)
        except LoomError as refused:  # the disk: it is tried again all the same
            log.warning("%s on %s: %s", self.name, event.topic, refused.message)
        if not self.stopped:
            self._later[seq] = self._loop.call_later(wait_s, self._put, seq, event)

    # ------------------------------------------------------------------ below

    def _take(self, events: Iterable[tuple[int, Event]]) -> bool:
        """What concerns it into the mailbox, as far as there is room. Whether that was all."""
        opened, numbers, done = self._open, self._numbers, self._done
        box, takes, deliver = self._box, self._parent.bus.takes, self._box.deliver
        topic, wanted = None, False  # of the one before: patterns do not change meanwhile
        for seq, event in events:
            if seq <= self._taken:
                continue
            if len(opened) >= WINDOW:
                return False
            self._taken = seq
            if event.topic != topic:
                topic = event.topic
                wanted = takes(box, topic)
            if not wanted or seq in done or event.qos is QoS.REALTIME:
                continue
            if not self._parent.stopped(event):
                opened[seq] = event
                numbers[event.id] = seq
                deliver(event)
        return True

    def _put(self, seq: int, event: Event) -> None:
        self._later.pop(seq, None)
        if not self.stopped:
            self._numbers[event.id] = seq
            self._box.deliver(event)

    def _low(self, *, without: int = -1) -> int:
        """Everything up to this number was had."""
        if self._floor is not None:
            return self._floor
        for seq in self._open:
            if seq != without:
                return seq - 1
        return self._taken

    def _had(self, seq: int) -> None:
        if seq in self._revived and not self._void:
            self._deliveries.done(self.name, seq, self._low())
        elif seq in self._open:
            self._just_had.append(seq)
            if not self._marking:  # once for all that end in this turn of the loop
                self._marking = True
                self._loop.call_soon(self.mark)
        self._close(seq)

    def _close(self, seq: int, *, well: bool = True) -> None:
        outcome = self._outcomes.pop(seq, None)
        if outcome is not None and not outcome.done():
            outcome.set_result(well)
        event = self._open.pop(seq, None) or self._revived.pop(seq, None)
        if event is None:
            return
        self._numbers.pop(event.id, None)
        if self._tries:
            self._tries.pop(seq, None)
        if self._waiting:
            self._tell()
        if self._behind and len(self._open) < WINDOW // 2:
            self._read_more()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waits in waiting:
            if not waits.done():
                waits.set_result(None)

    def _read_more(self) -> None:
        if not self._reading and not self.stopped and self._taken >= 0:
            self._reading = True
            self._parent.tasks.start(f"{self.name} catches up", self._catch_up())

    async def _catch_up(self) -> None:
        try:
            while self._behind and not self.stopped and len(self._open) < WINDOW // 2:
                await self._read_on()
        finally:
            self._reading = False
            self._tell()  # that is all there is, or all there is room for

    async def _read_on(self) -> None:
        """The next page of the journal; after the last one events come as they are committed."""
        end = self._parent.end  # on the disk by now: a page that is empty says it is not there
        try:
            page = await self._deliveries.after(self._taken, limit=PAGE)
        except LoomError as error:
            log.warning("%s waits for the journal: %s", self.name, error.message)
            await asyncio.sleep(_RETRY_S)
            return
        if self.stopped:
            return
        self._take(page)
        if page:
            return
        self._taken = max(self._taken, end)  # the last ones may have been forgotten, or damaged
        if self._taken >= self._parent.end:
            self._behind, self._done = False, frozenset()
            if not self._open:
                self.mark()

    async def _count_the_first(self) -> None:
        """The run before broke off: what comes first may have been why, so it counts as tried."""
        with contextlib.suppress(LoomError):
            at = self._taken
            while page := await self._deliveries.after(at, limit=PAGE):
                for seq, event in page:
                    at = seq
                    if seq in self._done or not self._parent.bus.takes(self._box, event.topic):
                        continue
                    tries = self._tries[seq] = self._tries.get(seq, 0) + 1
                    if tries <= TRIES:
                        await self._deliveries.tried(self.name, seq, tries)
                    else:
                        self._open[seq] = event
                        self._numbers[event.id] = seq
                        await self.failed(event, RuntimeError(_BROKE_OFF), "")
                        self._done |= {seq}
                    return


_BROKE_OFF = "Each time that Loom broke off, this event may have been in hand."


def _told(error: BaseException) -> str:
    import traceback  # only a failure needs it

    return "".join(traceback.format_exception(error))
