"""Turns: who may handle events now, for how long, and who waits.

Every subscription has tasks of its own, so a handler may do all that asyncio offers. What they
share is time: in one turn of the loop the tasks of one lane together have one slice; who is not
done when it is over queues up behind the others of its lane. So a flood in one lane takes at most
its slice from the others, and a flood in one mailbox takes at most a turn from its neighbours.

When nobody queues, a mailbox that gets an event wakes its task at once. Under load the lanes are
served anew in each turn of the loop, of each lane as many as fill its slice, one after the other;
background only every fourth turn while batched ones wait. And whoever is not realtime steps back,
once, when something realtime was woken that has not run yet: it never waits for the slice of
another lane.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from time import perf_counter as now
from typing import Protocol

from loom_desktop.event import QoS

Turn = asyncio.Future[QoS | None]
"""Who queues awaits it. The lane as which it may go on, or None: the one in which it queued."""
log = logging.getLogger(__name__)
SLICE_S = (0.001, 0.001, 0.0005)
"""Of realtime, batched and background, per turn of the loop."""
_WIDEST = 64
_EVERY = 4
"""Background has its turn at least as often as this."""


class Stepped(Protocol):
    """A subscription without tasks: its handlers run inside the turn."""

    def step(self, at: float, until: float) -> float:
        """Handle events from now until that moment, and queue again if some are left.

        Answers with what the clock says then.
        """


class Turns:
    """Of one bus, on its loop."""

    __slots__ = (
        "_armed", "_asleep", "_begun", "_direct", "_ends", "_everybody", "_loop", "_overran",
        "_paces", "_queues", "_rests", "_stepped", "_stepped_back", "_turn_no", "_urgent", "_width",
        "slowed",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.slowed = False
        """Whether some lane has less than its full share."""
        self._armed = False
        self._asleep: asyncio.TimerHandle | None = None
        self._turn_no = 0
        self._urgent = -1
        """The turn in which something realtime runs that was woken before it."""
        self._stepped_back = [False, False, False]
        self._queues: tuple[deque[Turn], ...] = (deque(), deque(), deque())
        self._stepped: tuple[deque[Stepped], ...] = (deque(), deque(), deque())
        self._everybody = (*self._queues, *self._stepped)
        self._direct = [True, True, True]
        """Whether who wakes in this lane may run at once: nobody queues and nothing slows it."""
        self._begun = [-1, -1, -1]
        self._ends = [0.0, 0.0, 0.0]
        self._overran = [False, False, False]
        self._width = [1, 1, 1]
        """How many of those that queue are let in at once: as many as fill a slice."""
        self._paces = [1.0, 1.0, 1.0]
        self._rests = [0.0, 0.0, 0.0]
        """Until when a slowed lane rests."""

    def pace(self, lane: QoS, share: float) -> None:
        """Give a lane this share of the time it could have; 0 stops it, 1 is full speed.

        Raises ValueError for the realtime lane, which is never slowed, and beyond 0 and 1.
        """
        if lane is QoS.REALTIME or not 0.0 <= share <= 1.0:
            raise ValueError(f"{lane!r} cannot have the share {share!r}")
        self._paces[lane] = share
        self._rests[lane] = 0.0
        self.slowed = any(share < 1.0 for share in self._paces)
        self._see(lane)
        self.arm()

    def pace_of(self, lane: QoS) -> float:
        """The share that a lane has."""
        return self._paces[lane]

    def apart(self, lane: QoS | None, other: QoS) -> bool:
        """Whether who has a turn of this lane may do nothing of the other: that one is slowed."""
        return other is not lane and self._paces[other] < 1.0

    @property
    def waiting(self) -> tuple[int, int, int]:
        """How many queue for a turn, by lane."""
        a, b, c = (len(q) + len(s) for q, s in zip(self._queues, self._stepped, strict=True))
        return a, b, c

    def arm(self) -> None:
        """There is something to do: begin a turn with the next one of the loop."""
        if not self._armed:
            self._armed = True
            self._loop.call_soon(self._turn)

    def wake(self, lane: QoS, sleeper: Turn) -> bool:
        """Let this task run: now if it may, else when its turn comes. Whether it was now."""
        if lane is QoS.REALTIME:
            self.arm()  # before the task: it runs in that turn
            self._urgent = self._turn_no + 1
        if self._direct[lane]:
            try:
                sleeper.set_result(None)
            except asyncio.InvalidStateError:
                log.debug("a task was cancelled from outside before it was woken")
            return True
        self._queues[lane].append(sleeper)
        self.arm()
        return False

    def step(self, lane: QoS, one: Stepped) -> None:
        """The same for one whose handlers run inside the turn."""
        self._stepped[lane].append(one)
        self.arm()

    def move(self, one: Stepped, lane: QoS, other: QoS) -> None:
        """It has something more urgent now: it need not wait for the lane in which it queues."""
        self._stepped[lane].remove(one)
        self.step(other, one)

    def queue(self, lane: QoS, *, first: bool = False) -> Turn:
        """For whom the slice is over: await this, and go on. ``first``: who had nothing of it."""
        self._overran[lane] = True
        turn: Turn = self._loop.create_future()
        if first:
            self._queues[lane].appendleft(turn)
        else:
            self._queues[lane].append(turn)
        self._direct[lane] = False
        self.arm()
        return turn

    def urgent(self, lane: QoS) -> bool:
        """Whether a task of this lane should let something realtime run first."""
        return self._urgent >= self._turn_no and lane is not QoS.REALTIME

    def enter(self, lane: QoS, at: float) -> float:
        """``begin`` for who was just woken; over at once where something urgent should go first."""
        if self._urgent >= self._turn_no and lane is not QoS.REALTIME:
            return 0.0
        return self.begin(lane, at)

    def begin(self, lane: QoS, at: float) -> float:
        """Until when the tasks of this lane may go on, by ``perf_counter``.

        A slice that is not used up goes on in the next turn: as long as there is little to do,
        nobody has to tell turns apart, which costs a call of the loop each.
        """
        ends = self._ends[lane]
        if at > ends and self._begun[lane] != self._turn_no:
            self._begun[lane] = self._turn_no
            ends = self._ends[lane] = at + SLICE_S[lane]
            self.arm()  # so that there is another turn, and with it another slice
        return ends

    def close(self) -> None:
        """Who queues has no turn any more."""
        for lane in QoS:
            self._queues[lane].clear()
            self._stepped[lane].clear()
        if self._asleep is not None:
            self._asleep.cancel()

    def _see(self, lane: QoS) -> None:
        self._direct[lane] = not self._queues[lane] and self._paces[lane] == 1.0

    def _turn(self) -> None:
        self._armed = False
        self._turn_no += 1
        if not any(self._everybody):  # as after most wakes
            self._overran = [False, False, False]
            return
        at = now()
        rest = 0.0
        batched = False
        for lane in QoS:
            queue, stepped = self._queues[lane], self._stepped[lane]
            if not queue and not stepped:
                self._overran[lane] = False
                continue
            pace = self._paces[lane]
            if pace < 1.0:
                if not pace:
                    continue
                if at < self._rests[lane]:
                    rest = min(rest or self._rests[lane], self._rests[lane])
                    continue
                self._rests[lane] = at + SLICE_S[lane] / pace
            elif batched and lane is QoS.BACKGROUND and self._turn_no % _EVERY:
                self.arm()
                continue
            batched = lane is QoS.BATCHED
            self._let_in(lane, queue)
            if stepped and not self._steps_back(lane):
                self._step(lane, stepped)
            self._see(lane)
            if queue or stepped:
                self.arm()
        if rest and not self._armed:
            self._sleep(rest - at)

    def _steps_back(self, lane: QoS) -> bool:
        """Once, and then not again until it had its turn."""
        back = self._stepped_back[lane] = self.urgent(lane) and not self._stepped_back[lane]
        return back

    def _let_in(self, lane: QoS, queue: deque[Turn]) -> None:
        if self._overran[lane] or self._paces[lane] < 1.0:
            width = self._width[lane] = max(1, self._width[lane] // 2)
        else:
            width = self._width[lane] = min(_WIDEST, self._width[lane] * 2)
        self._overran[lane] = False
        while queue and width:
            turn = queue.popleft()
            if not turn.done():  # promoted, or cancelled
                turn.set_result(None)
                width -= 1

    def _step(self, lane: QoS, stepped: deque[Stepped]) -> None:
        at = now()
        until = self.begin(lane, at)
        for _ in range(len(stepped)):
            if at > until:
                return
            at = stepped.popleft().step(at, until)

    def _sleep(self, seconds: float) -> None:
        if self._asleep is not None:
            self._asleep.cancel()
        self._asleep = self._loop.call_later(max(0.0, seconds), self.arm)
