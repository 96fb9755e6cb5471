"""A storm of events: what it costs in memory, and whether what is lost is counted to the last one.

``run``: consumers on the bus that stand still, with every way to be full. ``durable``: a real
journal and subscribers that get what it committed, one slow and one that stands still until all is
said; every event is acknowledged, and none may be missing. ``overrun``: more is said without
waiting than the journal holds in memory while the disk stands still; what it did not take must be
known exactly, and told. Linux (reads /proc).
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from loom_desktop.bus import Aggregate, Bus
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.runtime import durable as durable_module
from loom_desktop.runtime import probes
from loom_desktop.runtime.durable import Durable, Follower
from loom_desktop.store import journal as journal_module
from loom_desktop.tasks import Tasks
from tests.faults.leaks import resident_bytes
from tests.faults.report import Report
from tests.faults.soak import Numbers
from tests.faults.stores import KEY, opening

ROOM, TOPICS = 1_000, 10
TOPIC = "storm.kept"
GROUP = 1_000
"""Events that are acknowledged together."""
LOOK_EVERY = 10_000
MOST_BYTES = 64 << 20
"""More may be resident than when everything was full for the first time (safety.md, promise 11)."""
MOST_BLOCKS = 100_000
"""The same in objects. A ring of 8,192 records fills up meanwhile; a leak of one object per event
is a million."""
MOST_BLOCKS_TIMED = MOST_BLOCKS + 8_192 * 64
"""The same when nobody waits between the handlers: a record has the times of up to 64 of them."""
WORK_EVERY, WORK_S = 20, 0.001
"""The slow subscriber's work: nobody waits for a condition here. Slower than what publishes."""
LENGTHS = (20, 4_000)
"""Of the text in an event: with the one the journal holds so many, with the other so many bytes."""
LONGEST_S = 240.0
"""Until what was said is had: then something is stuck."""


class _Memory:
    """What is in use beyond the first look."""

    def __init__(self) -> None:
        self._first: tuple[int, int] | None = None
        self.blocks = self.bytes = 0

    def look(self) -> None:
        blocks, resident = sys.getallocatedblocks(), resident_bytes()
        first = self._first = self._first or (blocks, resident)
        self.blocks = max(self.blocks, blocks - first[0])
        self.bytes = max(self.bytes, resident - first[1])

    def judge(self, report: Report, most_blocks: int = MOST_BLOCKS) -> None:
        report.figures |= {"objects more": self.blocks, "MB more": self.bytes / 2**20}
        if self.blocks > most_blocks:
            report.wrong.append(f"{self.blocks} objects more than when it was full")
        if self.bytes > MOST_BYTES:
            report.wrong.append(f"{self.bytes >> 20} MB more than when it was full")


async def run(events: int, *, bounded: bool = True) -> Report:
    """On the bus alone. Not ``bounded``: mailboxes with room for all: the negative control."""
    began, control = time.perf_counter(), not bounded
    report = Report(suite=f"storm, bus{', unbounded' * control}", control=control)
    gate, handled, memory = asyncio.Event(), list[str](), _Memory()

    def slow(name: str) -> Callable[[Event], Coroutine[Any, Any, None]]:
        async def handle(event: Event) -> None:
            handled.append(name)
            await gate.wait()

        return handle

    async def follows(event: Event) -> None: ...

    room = ROOM if bounded else events
    async with Bus() as bus:
        oldest = bus.subscribe("storm.*", slow("oldest"), size=room)
        newest = bus.subscribe("storm.*", slow("newest"), size=room, when_full="drop-newest")
        latest = bus.subscribe("storm.*", slow("latest"), size=room, when_full=Aggregate())
        quick = bus.subscribe("storm.*", follows)
        topics = [f"storm.{n}" for n in range(TOPICS)]
        for n in range(events):
            bus.publish(Event(topic=topics[n % TOPICS], payload={"n": n}))
            if n % LOOK_EVERY == LOOK_EVERY - 1:
                while len(quick):
                    await asyncio.sleep(0)
                memory.look()
        dropped = events - ROOM - 1  # each has one in hand
        expected = {
            "in hand": (sorted(handled), ["latest", "newest", "oldest"]),
            "quick": ((quick.handled, quick.dropped), (events, 0)),
            "oldest": ((len(oldest), oldest.dropped), (ROOM, dropped)),
            "newest": ((len(newest), newest.dropped), (ROOM, dropped)),
            "latest": (
                (len(latest), latest.merged, latest.dropped),
                (TOPICS, events - TOPICS - 1, 0),
            ),
            "the bus dropped": (bus.dropped, 2 * dropped),
            "kept the newest": (
                [one.payload["n"] for one in oldest.queue],
                [*range(events - ROOM, events)],
            ),
        }
        for what, (found, wanted) in expected.items():
            if found != wanted:
                report.wrong.append(f"{what}: {str(found)[:80]}, not {str(wanted)[:80]}")
        memory.judge(report)
        gate.set()
        if not await bus.settled(LONGEST_S):
            report.wrong.append("something is stuck")
        for box in (oldest, newest, latest):
            if box.handled + box.dropped + box.merged != events:
                report.wrong.append(f"{box.name}: not every event is counted once")
        report.figures |= {"events": events, "dropped": bus.dropped, "merged": latest.merged}
    report.seconds = time.perf_counter() - began
    return report


class _Durable:
    """A durable subscriber that counts what it had, and is at work when it may."""

    def __init__(self, name: str, bus: Bus, durable: Durable, *, slow: bool = False) -> None:
        self.name, self.gate, self._slow = name, asyncio.Event(), slow
        self.had, self.twice = Numbers(), 0
        self._wanted, self._enough = 0, asyncio.Event()
        self.box = bus.subscribe(TOPIC, self._handle, name=name, from_journal=True)
        self.follower: Follower = durable.follow(name, self.box)

    async def until(self, count: int) -> bool:
        """Whether it has had so many in the end."""
        self._wanted = count
        if len(self.had) < count:
            self._enough.clear()
            try:
                await asyncio.wait_for(self._enough.wait(), LONGEST_S)
            except TimeoutError:
                return False
        return True

    async def _handle(self, event: Event) -> None:
        await self.gate.wait()
        number = event.payload["n"]
        if self._slow and number % WORK_EVERY == 0:
            await asyncio.sleep(WORK_S)
        self.twice += number in self.had
        self.had.add(number)
        self.follower.had(event)
        if len(self.had) == self._wanted:
            self._enough.set()

    def judge(self, expected: int, report: Report) -> None:
        """Numbers from 0 on, each once."""
        lost = sum(n not in self.had for n in range(expected))
        report.add("lost", lost)
        if lost or len(self.had) != expected:
            had = len(self.had)
            report.wrong.append(f"{self.name}: {lost} lost of {expected}, it had {had}")
        if self.twice:  # at least once is promised, but nothing broke off here
            report.wrong.append(f"{self.name}: {self.twice} came twice")


async def durable(
    folder: Path, events: int, *, encrypted: bool = True, windowed: bool = True
) -> Report:
    """With a journal. Not ``windowed``: no bound on what is in memory: the negative control."""
    began, control, window = time.perf_counter(), not windowed, durable_module.WINDOW
    name = f"storm, durable, {'encrypted' if encrypted else 'plain'}{', no window' * control}"
    report, memory = Report(suite=name, control=control), _Memory()
    most = {"waiting most": 0, "behind most": 0}
    path = folder / "loom.db"
    try:
        durable_module.WINDOW = window if windowed else 2 * events
        async with (
            Bus() as bus,
            opening(path, KEY if encrypted else None) as store,
            Tasks() as tasks,
        ):
            bus.subscribe(">", store.journal.keep)
            parent = Durable(bus, store, tasks)
            await parent.prepare()
            stands = _Durable("stands", bus, parent)
            slow = _Durable("slow", bus, parent, slow=True)
            slow.gate.set()
            await parent.caught_up()
            for start in range(0, events, GROUP):
                await _acknowledged(start, min(start + GROUP, events), start // GROUP, bus, store)
                if start % LOOK_EVERY == LOOK_EVERY - GROUP:
                    memory.look()
                waiting = max(len(stands.box), len(slow.box))
                most["waiting most"] = max(most["waiting most"], waiting)
                most["behind most"] = max(most["behind most"], parent.end - len(slow.had))
            report.figures |= {"acknowledged": events, **most, "lost": 0}
            published_s = time.perf_counter() - began
            if len(stands.had):
                report.wrong.append("the one that stands still had something")
            stands.gate.set()
            for one in () if control else (stands, slow):  # a mailbox that is full loses the rest
                if not await one.until(events):
                    report.wrong.append(f"{one.name}: stuck at {len(one.had)}")
                one.judge(events, report)
                memory.look()
                await parent.mark()
                if (at := (await store.deliveries.begin(one.name)).seq) != events:
                    report.wrong.append(f"{one.name}: its cursor is at {at}")
            memory.judge(report, MOST_BLOCKS_TIMED)
            if most["waiting most"] > window:
                report.wrong.append(f"{most['waiting most']} in memory, {window} may be")
            if store.journal.lost or (last := await store.journal.last_seq()) != events:
                report.wrong.append(f"the journal has {last}, and lost {store.journal.lost}")
            report.figures |= {"events/s acknowledged": events / published_s}
    finally:
        durable_module.WINDOW = window
    report.seconds = time.perf_counter() - began
    return report


async def _acknowledged(first: int, end: int, group: int, bus: Bus, store: Any) -> None:
    """On the disk when it returns, by the ways in turn in which one is told so."""
    events = [_event(n) for n in range(first, end)]
    if group % 3 == 0:
        bus.publish_many(events)
        await store.journal.flush()
    elif group % 3 == 1:  # what ``ctx.emit`` does
        for one in events:
            await bus.emit(one)
        await store.journal.flush()
    else:
        await asyncio.gather(*(store.journal.append(one) for one in events))


def _event(number: int, length: int = 80) -> Event:
    said = {"n": number, "text": "x" * length}
    return Event(topic=TOPIC, payload=said, time=float(number))


async def overrun(
    folder: Path, over: int, *, length: int = LENGTHS[0], counted: bool = True
) -> Report:
    """``over`` more events than the journal holds while its disk stands still. ``length`` of a
    text: long ones reach its bound in bytes first. Not ``counted``: what it does not take is
    dropped before it hears of it: the negative control."""
    began, control = time.perf_counter(), not counted
    name = f"storm, overrun, {length} characters{', not counted' * control}"
    report = Report(suite=name, control=control)
    published = journal_module.MOST_WAITING + over
    async with Bus() as bus, opening(folder / "loom.db", KEY) as store, Tasks() as tasks:
        journal = store.journal

        def keep(event: Event) -> None:
            if counted or journal.waiting < journal_module.MOST_WAITING:
                journal.keep(event)

        bus.subscribe(">", keep)
        parent = Durable(bus, store, tasks)
        await parent.prepare()
        one = _Durable("follows", bus, parent)
        one.gate.set()
        await parent.caught_up()
        free = threading.Event()
        held = store._db.submit(lambda connection: free.wait(LONGEST_S))
        try:
            for number in range(published):
                bus.publish(_event(number, length))
            kept, lost = journal.waiting, journal.lost
        finally:
            free.set()
        await asyncio.wrap_future(held)
        told = await _told(journal)
        finding = probes.store(store)
        if kept + lost != published:
            report.wrong.append(f"{kept} wait, {lost} are lost: of {published}")
        if told != lost:
            report.wrong.append(f"{told} were told, {lost} are lost")
        if lost and str(lost) not in finding.words:
            report.wrong.append(f"the health says {finding.words!r} of {lost}")
        if length == LENGTHS[0] and kept != journal_module.MOST_WAITING:
            report.wrong.append(f"{kept} waited, there was room for {journal_module.MOST_WAITING}")
        if not await one.until(kept):
            report.wrong.append(f"stuck at {len(one.had)}")
        one.judge(kept, report)
        if (last := await journal.last_seq()) != kept:
            report.wrong.append(f"{last} are on the disk, {kept} waited")
        bus.publish(_event(kept))  # and on it goes
        if await _told(journal) or await journal.last_seq() != kept + 1:
            report.wrong.append("the next one was not kept")
        if not await one.until(kept + 1):
            report.wrong.append("the next one did not come")
    report.figures |= {"published": published, "kept": kept, "not kept": lost, "told": told}
    report.seconds = time.perf_counter() - began
    return report


async def _told(journal: Any) -> int:
    """How many were not kept, in the words of ``flush``."""
    try:
        await journal.flush()
    except Unavailable as error:
        said = re.match(r"(\d+) events were not saved", error.message)
        return int(said[1]) if said else -1
    return 0
