"""Bytes that stay behind per event: the slope of the memory in use over the events of a long run.

Per event and not per hour, so it does not depend on how fast the machine is: 24 hours at ten events
a second are 864,000 events. The slope is the median of the slopes between all pairs of samples
(Theil 1950, Sen 1968), after the first quarter was dropped: caches fill up there. Each case runs in
a process of its own, for what one has freed the next would use. Linux (reads /proc).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from loom_desktop.bus import Bus
from loom_desktop.event import Event
from loom_desktop.runtime.durable import Durable
from loom_desktop.tasks import Tasks
from tests.faults.report import Report

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = {"bus": 2.0, "mailbox": 2.0, "inline": 2.0, "journal": 16.0, "durable": 16.0}
"""Per event (safety.md B9: less than 2 on the bus, less than 16 with the store)."""
SAMPLES = 40
AT_ONCE = 500


def run(folder: Path, what: str, events: int, *, leak_bytes: int = 0) -> Report:
    """``what``: plain functions on the ``bus``, an async one with a ``mailbox``, one that is
    stepped ``inline``; ``journal`` for bus and store, ``durable`` for a subscriber that gets from
    there what was committed. ``leak_bytes``: its handler leaks that many per event (5 or more) on
    purpose: the negative control."""
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.faults.leaks", what, str(events), str(leak_bytes)]
    done = subprocess.run(
        [*command, str(folder / "loom.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    leaking = f", {leak_bytes} leaked" if leak_bytes else ""
    report = Report(suite=f"leaks, {what}{leaking}", control=bool(leak_bytes))
    if done.returncode:
        report.wrong = [f"it ended with {done.returncode}: {done.stderr[-2000:]}"]
        return report
    report.figures = {"events": events} | json.loads(done.stdout)
    slope, most = report.figures["bytes per event"], MOST_BYTES[what]
    if slope >= most:
        report.wrong.append(f"{slope:.2f} bytes per event stay behind; {most:g} may")
    if report.figures["handled"] != events:
        report.wrong.append(f"{report.figures['handled']} handled")
    for name in ("descriptors", "threads"):
        if report.figures[name]:
            report.wrong.append(f"{report.figures[name]} more {name} than after the first quarter")
    report.seconds = time.perf_counter() - began
    return report


def slope(points: Sequence[tuple[int, int]]) -> float:
    """The median of the slopes between all pairs."""
    return statistics.median(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for number, earlier in enumerate(points)
        for later in points[number + 1 :]
    )


async def _run(what: str, events: int, leak_bytes: int, path: Path) -> dict[str, float]:
    bus, kept, seen = Bus(), list[bytes](), 0

    def count(event: Event) -> None:
        nonlocal seen
        seen += 1
        if leak_bytes and seen % 10 == 0:  # an object of Python has 33 bytes more, and a place
            kept.append(bytes(leak_bytes * 10 - 41))

    async def count_too(event: Event) -> None:
        count(event)

    if what in ("mailbox", "inline"):
        async with bus:
            bus.subscribe("leak.>", count_too, inline=what == "inline")
            said = await _measure(bus, events, partial(_settled, bus))
        return said | {"handled": seen}
    if what != "durable":
        bus.subscribe("leak.>", count)
        bus.subscribe("leak.*", lambda event: None)
    if what == "bus":
        return await _measure(bus, events, partial(asyncio.sleep, 0)) | {"handled": seen}
    from tests.faults.stores import opening

    async with opening(path, bytes(32)) as store:
        bus.subscribe("leak.looked_for", store.journal.keep)
        if what == "journal":
            return await _measure(bus, events, store.journal.flush) | {"handled": seen}
        async with bus, Tasks() as tasks:
            durable = Durable(bus, store, tasks)
            await durable.prepare()

            async def work(event: Event) -> None:
                count(event)
                follower.had(event)

            box = bus.subscribe("leak.>", work, name="durable", from_journal=True)
            follower = durable.follow("durable", box)
            await durable.caught_up()

            async def had() -> None:
                await store.journal.flush()
                await durable.caught_up()
                await _settled(bus)

            return await _measure(bus, events, had) | {"handled": seen}


async def _settled(bus: Bus) -> None:
    if not await bus.settled(30.0):
        raise TimeoutError("what was published is not handled")


async def _measure(
    bus: Bus, events: int, settle: Callable[[], Awaitable[None]]
) -> dict[str, float]:
    points: list[tuple[int, int]] = []
    before = (0, 0)
    for number in range(events):
        payload = {"n": number, "text": "x" * 50}
        bus.publish(Event(topic="leak.looked_for", payload=payload, time=float(number)))
        if number % AT_ONCE == 0:
            await settle()
        if number % (events // SAMPLES) == 0:
            gc.collect()
            points.append((number, resident_bytes()))
            if len(points) == SAMPLES // 4:
                before = _descriptors_and_threads()
    await settle()
    after = _descriptors_and_threads()
    points = points[SAMPLES // 4 :]
    return {
        "bytes per event": slope(points),
        "last/first": points[-1][1] / points[0][1],
        "descriptors": max(0, after[0] - before[0]),
        "threads": max(0, after[1] - before[1]),
    }


def resident_bytes() -> int:
    """What this process has in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _descriptors_and_threads() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


if __name__ == "__main__":
    case, number, leaked, place = sys.argv[1:]
    said = asyncio.run(_run(case, int(number), int(leaked), Path(place)))
    sys.stdout.write(json.dumps(said))
