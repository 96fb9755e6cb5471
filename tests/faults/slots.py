"""In every slot where somebody's code runs it crashes, hangs or is flooded: how the others fare.

Two witnesses, a realtime and a batched agent of a whole Loom, are woken at a steady pace. Beside
them one slot holds a handler that behaves, then one that raises each time, one that never ends,
and one that behaves while thousands of events come for it. What is promised of the witnesses is
that each event reaches them, and not much later than in the rounds in which all behave.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from loom_desktop import Agent, Context, Event, Loom, QoS
from loom_desktop.clock import wall
from loom_desktop.paths import Paths
from loom_desktop.settings import Settings
from tests.faults.report import Report
from tests.measures.figures import p50, p99

Handle = Callable[[Event], Coroutine[Any, Any, None]]
TOPIC = "slot.tried"
EVERY_S = 0.005
CALM, FLOOD = 1, 40
"""Events for the slot with each probe: 200 a second, and 8,000."""
DEADLINE_S = 0.1
"""What hangs is stopped after this time."""
TWICE = 2.0
"""Times what they wait while all behave: more is a broken promise (safety.md, promise 10) ..."""
SOON_MS = 1.0
"""... unless it is less than the bus may need anyhow (performance.md: bus < 1 ms): twice a quarter
of a millisecond is what the scheduler of the system does."""
ENOUGH = 100
"""Probes of a round. Of fewer the 99th percentile is the longest one, which says nothing."""
BLOCKS_S = 0.02
LANES = {
    "realtime agent": QoS.REALTIME,
    "batched agent": QoS.BATCHED,
    "background agent": QoS.BACKGROUND,
    "durable agent": QoS.BATCHED,
    "subscription": QoS.BATCHED,
    "inline subscription": QoS.BATCHED,
    "function inside publish": QoS.BATCHED,
}
SLOTS = tuple(LANES)
FAULTS = ("crash", "hang", "flood")
BLOCK = ("block",)
"""It computes and gives nothing back, which nobody can do anything about: the negative control."""


class _Fault:
    """What runs in the slot."""

    def __init__(self) -> None:
        self.kind, self.called = "", 0

    async def handle(self, event: Event) -> None:
        self.called += 1
        if self.kind == "crash":
            raise RuntimeError("as it was told to")
        if self.kind == "hang":
            await asyncio.Event().wait()
        if self.kind == "block":
            time.sleep(BLOCKS_S)

    def tap(self, event: Event) -> None:
        self.called += 1
        if self.kind == "crash":
            raise RuntimeError("as it was told to")


async def run(
    folder: Path,
    slot: str,
    *,
    probes: int = 600,
    rounds: int = 3,
    kinds: Sequence[str] = FAULTS,
) -> Report:
    """Each fault ``rounds`` times, and a calm round before each; the best p99 of each kind is
    judged when there were ``ENOUGH`` probes. ``kinds`` ``BLOCK`` is the negative control."""
    began = time.perf_counter()
    blocks = kinds == BLOCK
    report = Report(suite=f"slots, {slot}{', blocking' * blocks}", control=blocks)
    fault, waits = _Fault(), list[float]()
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    # a plain function that waits would be the loop itself: nothing can stop it, it is only named
    faults = [one for one in kinds if one != "hang" or slot != "function inside publish"]
    best: dict[str, tuple[float, float]] = {}
    async with Loom(Settings(), paths=place, key=bytes(range(32))) as loom:
        witnesses = [_witness(lane, waits) for lane in (QoS.REALTIME, QoS.BATCHED)]
        for agent in witnesses:
            loom.supervisor.start(agent)
        for _ in range(rounds):
            for kind in faults:
                for now in ("", kind):
                    async with _filled(loom, slot, fault):
                        fault.kind, fault.called = now, 0
                        waits.clear()
                        await _probe(loom, LANES[slot], FLOOD if now == "flood" else CALM, probes)
                        if not await _until(lambda: len(waits) == probes):
                            report.wrong.append(f"{now or 'calm'}: {len(waits)} of {probes} came")
                        if not fault.called:
                            report.wrong.append(f"{now or 'calm'}: the slot was never reached")
                    if waits:
                        found = p50(waits) * 1e3, p99(waits) * 1e3
                        known = best.get(now or "calm", found)
                        best[now or "calm"] = min(known, found, key=lambda one: one[1])
        if paused := [one.name for one in loom.supervisor.reports() if one.state == "failed"]:
            report.wrong.append(f"paused by failures: {paused}")
    report.figures["p99 ms"] = best["calm"][1]
    for kind in faults:
        calm_ms, p99_ms = best["calm"][1], best[kind][1]
        report.figures |= {f"{kind} p99 ms": p99_ms, f"{kind} ratio": p99_ms / calm_ms}
        if probes >= ENOUGH and too_late(calm_ms, p99_ms):
            report.wrong.append(f"{kind}: others wait {p99_ms:.3g} ms (p99), {calm_ms:.3g} before")
    report.seconds = time.perf_counter() - began
    return report


def too_late(calm_ms: float, p99_ms: float) -> bool:
    """Whether the others wait longer than is promised."""
    return p99_ms > max(TWICE * calm_ms, SOON_MS)


def _witness(lane: QoS, waits: list[float]) -> Agent:
    agent = Agent(f"witness-{lane.name.lower()}")

    @agent.on(f"slot.seen.{lane.name.lower()}")
    async def see(ctx: Context, event: Event) -> None:
        waits.append(time.perf_counter() - event.payload["at"])

    return agent


@contextlib.asynccontextmanager
async def _filled(loom: Loom, slot: str, fault: _Fault) -> AsyncIterator[None]:
    """The handler is in the slot meanwhile."""
    if slot == "function inside publish":
        end = loom.bus.subscribe(TOPIC, fault.tap)
        yield
        end()
        return
    if slot.endswith("subscription"):
        inline = slot.startswith("inline")
        box = loom.bus.subscribe(TOPIC, fault.handle, deadline_s=DEADLINE_S, inline=inline)
        yield
        box.close()
        return
    agent = Agent("tried", deadline_s=DEADLINE_S, durable=slot.startswith("durable"))

    @agent.on(TOPIC)
    async def handle(ctx: Context, event: Event) -> None:
        await fault.handle(event)

    loom.supervisor.start(agent)
    yield
    await loom.supervisor.delete("tried", forget=True)


async def _probe(loom: Loom, lane: QoS, together: int, probes: int) -> None:
    """At its pace, whatever the slot does."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for number in range(probes):
        for _ in range(together):
            loom.bus.publish(Event(topic=TOPIC, payload={}, time=wall(), qos=lane))
        seen = QoS(number % 2)
        payload = {"at": time.perf_counter()}
        topic = f"slot.seen.{seen.name.lower()}"
        loom.bus.publish(Event(topic=topic, payload=payload, time=wall(), qos=seen))
        due += EVERY_S
        await asyncio.sleep(due - loop.time())


async def _until(done: Callable[[], bool]) -> bool:
    try:
        async with asyncio.timeout(30.0):
            while not done():
                await asyncio.sleep(EVERY_S)
    except TimeoutError:
        return False
    return True
