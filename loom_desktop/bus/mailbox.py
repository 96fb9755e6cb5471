"""Mailbox: what waits for one subscriber, within bounds, in the order in which it will be read.

Realtime comes before batched, batched before background; within a lane the higher priority comes
first, and what is equal stays in the order in which it came. What happens when it is full is the
subscriber's choice, and everything that is not delivered is counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Literal, cast

from msgspec import Struct

from loom_desktop.errors import UsageError
from loom_desktop.event import Event, QoS

MOST_WAITING = 16_384
"""Events that wait for one subscriber: as many as the kernel keeps for the watcher of a folder."""


def topic_of(event: Event) -> Hashable:
    """The key under which events are the same thing when nothing else is said."""
    return event.topic


class Aggregate(Struct, frozen=True):
    """Of what waits under one key there is only one: the latest, or what ``fold`` makes of the
    waiting and the new one. It keeps its place in the queue, but for a change of its urgency."""

    key: Callable[[Event], Hashable] = topic_of
    fold: Callable[[Event, Event], Event] | None = None


WhenFull = Literal["drop-oldest", "drop-newest", "sample", "block"] | Aggregate
"""What a full mailbox does with one more.

``drop-oldest``: the oldest of the least urgent goes. ``drop-newest``: the new one goes, unless it
is more urgent than what waits. ``sample``: every second one goes, and from then on only each second
(fourth, eighth ...) is taken until it was empty once: what stays is spread evenly over what came.
``block``: who can wait (``Bus.emit``) waits for room; for who cannot it is ``drop-newest``.
``Aggregate`` keeps one per key, and drops the oldest when there are too many keys.
"""
_EMPTY: deque[Event] = deque(maxlen=0)
"""The queue of all mailboxes that never had an event. It takes none in, and ``lane`` is None."""
_WORDS = ("drop-oldest", "drop-newest", "sample", "block")


class Mailbox:
    """Bounded, sorted, and not safe for threads. The parts that ``Bus.publish`` reads are public:
    where ``lane`` is the event's lane and there is room, it is appended to ``queue`` as it is."""

    __slots__ = (
        "_merge", "_skipped", "_stride", "_when_full", "closed", "dropped", "expired", "lane",
        "merged", "queue", "size",
    )  # fmt: skip

    def __init__(self, size: int = MOST_WAITING, when_full: WhenFull = "drop-oldest") -> None:
        """Raises UsageError for a size below one and for a policy that there is not."""
        if size < 1 or not (isinstance(when_full, Aggregate) or when_full in _WORDS):
            raise UsageError(
                f"A mailbox of {size} that does {when_full!r} when it is full is none.",
                hint=f"Give it room for one at least, and one of: {', '.join(_WORDS)}, Aggregate.",
            )
        self.queue: deque[Event] = _EMPTY
        """Made with the first event: most subscribers of a large system never get one."""
        if isinstance(when_full, Aggregate):
            self.queue = cast("deque[Event]", _Merging(when_full))
        self.size = size
        self.lane: QoS | None = None
        """The lane of all that waits, when it is one and nothing has a priority."""
        self.dropped = 0
        """Lost because the mailbox was full."""
        self.merged = 0
        """Not delivered as themselves, but in what they were aggregated into."""
        self.expired = 0
        """Older than their ``ttl_ms`` when their turn came."""
        self.closed = False
        self._when_full = when_full
        self._merge = cast(_Merging, self.queue) if self.policy == "aggregate" else None
        self._stride, self._skipped = 1, 0

    def __len__(self) -> int:
        return len(self.queue)

    @property
    def policy(self) -> str:
        """What it does when it is full, in a word."""
        return "aggregate" if isinstance(self._when_full, Aggregate) else self._when_full

    @property
    def blocks(self) -> bool:
        """Whether somebody who can wait has to wait now."""
        return self._when_full == "block" and len(self.queue) >= self.size

    def put(self, event: Event) -> bool:
        """Take it in, or not. Never waits. Whether it waits here now.

        Raises only what a key or a fold of an ``Aggregate`` raises; then nothing has changed.
        """
        if self.closed:
            return False
        queue = self.queue
        if self._merge is not None and (cell := self._merge.find(event)) is not None:
            before = _rank(cell[0])
            self._merge.merge(cell, event)
            self.merged += 1
            if _rank(cell[0]) != before:
                self._merge.move(cell)
            return True
        if not queue:
            self._stride, self._skipped = 1, 0
            if queue is _EMPTY:
                self.queue = deque()
        elif self._stride > 1:
            self._skipped += 1
            if self._skipped % self._stride:
                self.dropped += 1
                return False
        if len(queue) >= self.size and not self._make_room(event):
            self.dropped += 1
            return False
        self._insert(event)
        return True

    def remove(self, unwanted: Callable[[Event], bool]) -> int:
        """Take events out unread. Returns how many."""
        before = len(self.queue)
        if self._merge is not None:
            self._merge.remove(unwanted)
        else:
            kept = [event for event in self.queue if not unwanted(event)]
            if len(kept) < before:
                self._refill(kept)
        return before - len(self.queue)

    def holds(self, wanted: Callable[[Event], bool]) -> bool:
        """Whether such an event waits."""
        return any(map(wanted, self.queue))

    def let_queue_go(self) -> None:
        """It is empty, and nobody holds it: the next event makes another."""
        if self._merge is None and not self.queue:
            self.queue, self.lane = _EMPTY, None

    def _insert(self, event: Event) -> None:
        queue = self.queue
        if not queue:
            plain = not event.priority and self._merge is None
            self.lane = event.qos if plain else None
            queue.append(event)
            return
        if event.qos is not self.lane or event.priority or self._stride > 1:
            self.lane = None
        if _rank(queue[-1]) <= _rank(event):
            queue.append(event)
        else:
            queue.insert(bisect_right(queue, _rank(event), key=_rank), event)

    def _make_room(self, event: Event) -> bool:
        """Whether the new one may come in; somebody else went then."""
        queue, policy = self.queue, self._when_full
        last = _rank(queue[-1])
        if policy == "sample":
            kept = list(queue)[::2]
            self.dropped += len(queue) - len(kept)
            self._stride *= 2
            self._skipped = 0
            self._refill(kept)
            return len(queue) < self.size or self._displace(last, event)
        if policy in ("drop-newest", "block"):
            if _rank(event) >= last:
                return False
            queue.pop()
            self.dropped += 1
            return True
        return self._displace(last, event)

    def _displace(self, last: tuple[int, int], event: Event) -> bool:
        """The oldest of the least urgent goes, if that is not the new one."""
        queue = self.queue
        if _rank(event) > last:
            return False
        if self.lane is not None:  # all are alike
            queue.popleft()
        else:
            del queue[bisect_left(queue, last, key=_rank)]
        self.dropped += 1
        return True

    def _refill(self, kept: Iterable[Event]) -> None:
        """In place: who reads from the queue holds it."""
        if self._stride > 1:
            self.lane = None
        self.queue.clear()
        self.queue.extend(kept)


def _rank(event: Event) -> tuple[int, int]:
    return event.qos, -event.priority


class _Merging:
    """A queue in which one key stands once. As much of a deque as a mailbox needs."""

    __slots__ = ("_cells", "_fold", "_key", "_of_key")

    def __init__(self, how: Aggregate) -> None:
        self._key, self._fold = how.key, how.fold
        self._cells: deque[list[Any]] = deque()
        """Each [event, key]."""
        self._of_key: dict[Hashable, list[Any]] = {}

    def find(self, event: Event) -> list[Any] | None:
        """The cell of what waits under its key."""
        return self._of_key.get(self._key(event))

    def merge(self, cell: list[Any], event: Event) -> None:
        """Make one of the two. Raises TypeError for a fold that does not make an event."""
        made = event if self._fold is None else self._fold(cell[0], event)
        if not isinstance(made, Event):
            raise TypeError(f"fold made {made!r}, and no event")
        cell[0] = made

    def move(self, cell: list[Any]) -> None:
        """To where it belongs now: at the end of what is as urgent."""
        cells = self._cells
        del cells[next(at for at, one in enumerate(cells) if one is cell)]
        cells.insert(bisect_right(cells, _rank(cell[0]), key=_rank_of_cell), cell)

    def remove(self, unwanted: Callable[[Event], bool]) -> None:
        """Take out what is not wanted. The others keep the key under which they came."""
        kept = [cell for cell in self._cells if not unwanted(cell[0])]
        self._cells.clear()
        self._cells.extend(kept)
        self._of_key = {cell[1]: cell for cell in kept}

    def append(self, event: Event) -> None:
        self._cells.append(self._cell(event))

    def insert(self, at: int, event: Event) -> None:
        self._cells.insert(at, self._cell(event))

    def popleft(self) -> Event:
        return self._let_go(self._cells.popleft())

    def clear(self) -> None:
        self._cells.clear()
        self._of_key.clear()

    def __delitem__(self, at: int) -> None:
        self._let_go(self._cells[at])
        del self._cells[at]

    def __getitem__(self, at: int) -> Event:
        return cast(Event, self._cells[at][0])

    def __iter__(self) -> Iterator[Event]:
        return (cell[0] for cell in self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def _cell(self, event: Event) -> list[Any]:
        key = self._key(event)
        cell = self._of_key[key] = [event, key]
        return cell

    def _let_go(self, cell: list[Any]) -> Event:
        if self._of_key.get(cell[1]) is cell:
            del self._of_key[cell[1]]
        return cast(Event, cell[0])


def _rank_of_cell(cell: list[Any]) -> tuple[int, int]:
    return _rank(cell[0])
