"""Contract net: work is announced, others bid for it, the best of them does it.

After R. G. Smith, "The Contract Net Protocol", IEEE Transactions on Computers C-29(12), 1980. Every
stage is an event in the thread of the announcement, so that the bids can be seen and an award can
be explained:

    contract.announced   the work, how long bids are taken, how long it may take
    contract.bid         of whoever wants it; answers the announcement
    contract.awarded     to one of them; answers its bid
    contract.rejected    to each of the others, and to a winner that is silent, with the reason
    contract.completed   of the winner; answers the award
    contract.failed      the same when it could not or would not; of whoever bid, that the bid is
                         taken back; of the announcer, that nobody did it

A winner that fails, refuses or is silent costs its time, and the next best gets the award.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal

import msgspec

from loom_desktop.bus import Bus
from loom_desktop.bus.collaboration import outcome
from loom_desktop.clock import Clock
from loom_desktop.clock import wall as wall_clock
from loom_desktop.errors import Denied, TimedOut, UsageError
from loom_desktop.event import Event, Privacy, follow, labels_of
from loom_desktop.tasks import Tasks

log = logging.getLogger(__name__)
Score = Callable[[Event], float]
"""How good a bid is; the highest wins, and of equals the first by name."""
Execute = Callable[[Event], Coroutine[Any, Any, Mapping[str, Any] | None]]
"""Does the work of an award and says what came of it. Raises what went wrong; Denied to refuse."""
Labels = tuple[frozenset[str], Privacy]
ANNOUNCED = "contract.announced"
_LONGEST_S = 86_400.0


class Contracted(msgspec.Struct, frozen=True, kw_only=True):
    """How it went."""

    announcement: Event
    bids: tuple[Event, ...]
    """The best first, without those that could not be scored."""
    result: Event | None = None
    """What the winner said at the end; None when nobody did it."""
    failures: tuple[tuple[str, str], ...] = ()
    """Who came to nothing, and why: ``silent``, ``refused``, ``withdrawn``, ``unusable``, or what
    went wrong in their words."""
    duplicates: int = 0
    late: int = 0
    """Bids that came when the others were compared already."""

    @property
    def done(self) -> bool:
        """Whether somebody did it."""
        return self.result is not None

    @property
    def winner(self) -> str:
        """Who did it."""
        return self.result.sender if self.result is not None else ""

    @property
    def labels(self) -> Labels:
        """Origins and privacy of whatever is made of it: the bids decided who did it."""
        return labels_of([*self.bids, *([self.result] if self.result else [])])


async def contract(
    bus: Bus,
    announcement: Event,
    *,
    score: Score,
    bids_for_s: float = 1.0,
    enough: int = 0,
    execute_s: float = 30.0,
    most_awards: int = 3,
    clock: Clock = wall_clock,
) -> Contracted:
    """Have the work of an event ``contract.announced`` done by the best bidder.

    Bids are taken for ``bids_for_s``, or until there are ``enough`` (0: no number is). At most
    ``most_awards`` bidders are tried, each for ``execute_s``; when none of them did it, that is
    returned with the reasons. Raises TimedOut when nobody bid, UsageError for another topic.
    Whoever still has a bid when this ends, however it ends, is told that it is rejected.
    """
    if announcement.topic != ANNOUNCED:
        raise UsageError(f"Work is announced as {ANNOUNCED}, not as {announcement.topic!r}.")
    terms = {"bids_for_s": bids_for_s, "execute_s": execute_s, "most_awards": most_awards}
    announced = msgspec.structs.replace(announcement, payload={**announcement.payload, **terms})
    offers = _Offers(bus, announced, enough, clock)
    undo = [
        bus.subscribe("contract.bid", offers.take),
        bus.subscribe("contract.failed", offers.take_back),
    ]
    reason = "cancelled"
    try:
        bus.publish(announced)
        await outcome(offers.closed, bids_for_s, None)
        offers.close()
        if not offers.bids:
            reason = "nobody bid"
            raise TimedOut(f"Nobody bid for the work within {bids_for_s:g} s.")
        ranked = offers.ranked(score)
        result = None
        for bid in ranked:
            if offers.awards == most_awards:
                break
            result = await offers.award(bid, execute_s)
            if result is not None:
                break
        reason = "nobody did it" if result is None else ""
        return Contracted(
            announcement=announced,
            bids=tuple(ranked),
            result=result,
            failures=tuple(offers.failures),
            duplicates=offers.duplicates,
            late=offers.late,
        )
    finally:
        for one in undo:
            one()
        offers.reject_all(reason or "outbid")
        if reason:
            offers.say("contract.failed", announced, {"bidder": "", "error": reason})


class _Offers:
    """The announcer's side."""

    def __init__(self, bus: Bus, announced: Event, enough: int, clock: Clock) -> None:
        self.bids: dict[str, Event] = {}
        self.failures: list[tuple[str, str]] = []
        self.duplicates = self.late = self.awards = 0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bus, self._announced, self._enough, self._clock = bus, announced, enough, clock
        self._open: dict[str, Event] = {}
        """Bids that nobody has said no to yet."""
        self._withdrawn: set[str] = set()

    def take(self, bid: Event) -> None:
        """Called inside publish."""
        if bid.answers != self._announced.id:
            return
        if bid.sender in self.bids:
            self.duplicates += 1
        elif self.closed.done():
            self.late += 1
            self._reject(bid, "late")
        else:
            self.bids[bid.sender] = self._open[bid.sender] = bid
            if len(self.bids) == self._enough:
                self.close()

    def take_back(self, event: Event) -> None:
        """Called inside publish."""
        bid = self._open.get(event.sender)
        if bid is not None and event.answers == bid.id:
            self._withdrawn.add(event.sender)
            del self._open[event.sender]

    def close(self) -> None:
        """No more bids."""
        if not self.closed.done():
            self.closed.set_result(None)

    def ranked(self, score: Score) -> list[Event]:
        """The best first. One that cannot be scored is rejected and costs the others nothing."""
        scored: list[tuple[float, str]] = []
        for bidder, bid in self.bids.items():
            try:
                value = float(score(bid))
            except Exception:
                log.warning("the bid of %s could not be scored", bidder, exc_info=True)
                value = math.nan
            if math.isnan(value):
                self._over(bidder, "unusable")
            else:
                scored.append((-value, bidder))
        return [self.bids[bidder] for _, bidder in sorted(scored)]

    async def award(self, bid: Event, execute_s: float) -> Event | None:
        """What the bidder says that it did, or None, and why not is written down."""
        bidder = bid.sender
        if bidder in self._withdrawn:
            self.failures.append((bidder, "withdrawn"))
            return None
        self.awards += 1
        award = self._event("contract.awarded", bid, {"bidder": bidder})
        said: asyncio.Future[Event | None] = asyncio.get_running_loop().create_future()

        def listen(event: Event) -> None:
            ours = {award.id} if event.topic == "contract.completed" else {award.id, bid.id}
            if event.answers in ours and event.sender == bidder and not said.done():
                said.set_result(event)

        undo = [
            self._bus.subscribe("contract.completed", listen),
            self._bus.subscribe("contract.failed", listen),
        ]
        try:
            self._bus.publish(award)
            event = await outcome(said, execute_s, None)
        finally:
            for one in undo:
                one()
        if event is None:
            self._over(bidder, "silent")
            return None
        self._open.pop(bidder, None)  # it has said itself how it ended
        if event.topic == "contract.completed":
            return event
        refused = event.payload.get("refused") is True
        error = "refused" if refused else str(event.payload.get("error") or "failed")
        self.failures.append((bidder, error))
        return None

    def reject_all(self, reason: str) -> None:
        """Nobody is left waiting for an award."""
        for bid in list(self._open.values()):
            self._reject(bid, reason)
        self._open.clear()

    def say(self, topic: str, before: Event, payload: dict[str, Any]) -> None:
        """One stage more."""
        self._bus.publish(self._event(topic, before, payload))

    def _over(self, bidder: str, why: str) -> None:
        self.failures.append((bidder, why))
        if (bid := self._open.pop(bidder, None)) is not None:
            self._reject(bid, why)

    def _reject(self, bid: Event, reason: str) -> None:
        self.say("contract.rejected", bid, {"bidder": bid.sender, "reason": reason})

    def _event(self, topic: str, before: Event, payload: dict[str, Any]) -> Event:
        origin, privacy = labels_of([self._announced, before])
        made = follow(
            before,
            topic,
            {**payload, "contract": self._announced.id},
            sender=self._announced.sender,
            time=self._clock(),
            answers=before.id,
            origin=origin,
            privacy=privacy,
        )
        # the thread is ours, whatever a bid says
        return msgspec.structs.replace(
            made, thread=self._announced.begins, traceparent=self._announced.traceparent
        )


# -------------------------------------------------------------------- the bidder's side
Ended = Literal["completed", "failed", "rejected", "silent"]
"""How it went for one bidder: done, tried in vain or refused, not chosen or stopped, or never
heard of again."""


async def bid_for(
    bus: Bus,
    announced: Event,
    bid: Mapping[str, Any],
    execute: Execute,
    *,
    sender: str,
    clock: Clock = wall_clock,
    labels: Callable[[], Labels] | None = None,
) -> Ended:
    """Bid for work that was announced, and do it when it is awarded.

    Waits until the announcer says yes or no, and no longer than it may take by its own terms.
    ``execute`` has the time that was announced; it is stopped when that is over, or when the
    announcer gives up. ``labels`` says what the bid, and at the end the work, was made from. When
    this is cancelled, the announcer is told, so that another one gets the award.
    """

    def make(topic: str, before: Event, payload: Mapping[str, Any]) -> Event:
        origin, privacy = labels() if labels is not None else labels_of([before])
        return follow(
            before,
            topic,
            {**payload, "contract": announced.id},
            sender=sender,
            time=clock(),
            answers=before.id,
            origin=origin,
            privacy=privacy,
        )

    mine = make("contract.bid", announced, bid)
    standing = _Standing(mine.id, announced.sender)
    limit_s = _number(announced, "execute_s", 30.0)
    patience_s = _number(announced, "bids_for_s", 1.0)
    patience_s += limit_s * _number(announced, "most_awards", 1.0)
    undo = [
        bus.subscribe("contract.awarded", standing.awarded),
        bus.subscribe("contract.rejected", standing.rejected),
    ]
    said = False
    try:
        bus.publish(mine)
        await asyncio.wait((standing.award, standing.over), timeout=patience_s, return_when=_FIRST)
        if standing.over.done():
            said = True
            return "rejected"
        if not standing.award.done():
            return "silent"
        award = standing.award.result()
        told = await _work(sender, execute, award, standing, limit_s)
        if told is not None:
            bus.publish(make(told[0], award, told[1]))
        said = True
        if told is None:
            return "rejected"
        return "completed" if told[0] == "contract.completed" else "failed"
    finally:
        for one in undo:
            one()
        if not said:
            awarded = standing.award.done()  # perhaps at the very moment of the cancel
            before = standing.award.result() if awarded else mine
            failure = {"bidder": sender, "error": "cancelled" if awarded else "withdrawn"}
            bus.publish(make("contract.failed", before, failure))
        standing.close()


_FIRST = asyncio.FIRST_COMPLETED
_Told = tuple[str, dict[str, Any]]


async def _work(
    bidder: str, execute: Execute, award: Event, standing: _Standing, limit_s: float
) -> _Told | None:
    """What to say of it; None when it was stopped and nobody wants to know."""

    async def result() -> dict[str, Any]:
        return dict(await execute(award) or {})

    async with Tasks() as tasks:  # at its end the work is over, however it went
        work = tasks.run(f"contract of {bidder}", result())
        await asyncio.wait((work, standing.over), timeout=limit_s, return_when=_FIRST)
        if not work.done():
            if standing.over.done():
                return None
            error = f"It took longer than {limit_s:g} s and was stopped."
            return "contract.failed", {"bidder": bidder, "error": error}
        if work.cancelled():
            return "contract.failed", {"bidder": bidder, "error": "cancelled"}
        failure = work.exception()
        if failure is None:
            return "contract.completed", {"bidder": bidder, "result": work.result()}
        if not isinstance(failure, Denied):
            log.error("%s failed at a contract", bidder, exc_info=failure)
        refused = isinstance(failure, Denied)
        said = str(failure) or repr(failure)
        return "contract.failed", {"bidder": bidder, "error": said, "refused": refused}
    raise AssertionError("every way out of the block is a return")


class _Standing:
    """How a bid stands."""

    def __init__(self, bid: int, announcer: str) -> None:
        loop = asyncio.get_running_loop()
        self.award: asyncio.Future[Event] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self._bid, self._announcer = bid, announcer

    def awarded(self, event: Event) -> None:
        """Called inside publish."""
        if self._mine(event) and not self.award.done():
            self.award.set_result(event)

    def rejected(self, event: Event) -> None:
        """Called inside publish."""
        if self._mine(event) and not self.over.done():
            self.over.set_result(None)

    def close(self) -> None:
        """Nothing waits here any more."""
        self.award.cancel()
        self.over.cancel()

    def _mine(self, event: Event) -> bool:
        return event.answers == self._bid and event.sender == self._announcer


def _number(announced: Event, key: str, otherwise: float) -> float:
    """What a stranger announced, within reason."""
    value = announced.payload.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return otherwise
    return min(float(value), _LONGEST_S)
