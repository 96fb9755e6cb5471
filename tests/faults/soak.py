"""An hour of work: twenty agents of every kind on a whole Loom, 10,000 events a minute.

``python -m tests.faults.soak [FILE]``; SOAK_MINUTES says how long. Every event has a number and
somebody who counts it, so what is lost is known exactly and not guessed from rates. Each tenth of
the time a durable agent is restarted while events wait for it; every hundredth event makes it fail
once, and a few make it fail for good. Linux (reads /proc).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import math
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from loom_desktop import Agent, Context, Event, Loom, QoS, until
from loom_desktop.clock import wall
from loom_desktop.paths import Paths
from loom_desktop.settings import Settings
from tests.faults.leaks import resident_bytes, slope
from tests.faults.report import Report, table

PER_MINUTE = 10_000
EVERY_S = 0.05
SAMPLES = 40
QUICK, URGENT, SLOW, KEPT, VOTERS = 5, 2, 2, 3, 3
SHARES = [
    *["quick"] * 10, *["urgent"] * 3, *["later"] * 2, *["kept"] * 2,
    "slow", "shaky", "asks", "gathers",
]  # fmt: skip
FAILS_EVERY, DOOMED_EVERY = 100, 5_000
WORK_S = 0.02
"""What the slow agents do with an event: nobody waits for a condition here, it is their work."""
DRAIN_S = 90.0
"""A dead letter takes eleven seconds to become one."""


class Latencies:
    """How long something took, in buckets that each are a twelfth of a doubling wide: memory that
    does not grow. A percentile is at most 6 % too high."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._buckets[math.ceil(math.log2(max(seconds, 1e-6)) * 12)] += 1
        self.longest = max(self.longest, seconds)

    def percentile_ms(self, share: float) -> float:
        """0 when there is none."""
        rank, seen = share * self._buckets.total(), 0
        for bucket, count in sorted(self._buckets.items()):
            seen += count
            if seen >= rank:
                return min(math.pow(2.0, bucket / 12), self.longest) * 1e3
        return 0.0


class Numbers:
    """Which numbers there were: a byte each, so that the counting weighs next to nothing."""

    def __init__(self) -> None:
        self._had, self._count = bytearray(), 0

    def __contains__(self, number: int) -> bool:
        return number < len(self._had) and self._had[number] > 0

    def __len__(self) -> int:
        return self._count

    def add(self, number: int) -> None:
        """It was there, at least once."""
        if number >= len(self._had):
            self._had.extend(bytes(number + 1 - len(self._had)))
        self._count += not self._had[number]
        self._had[number] = 1


class Work:
    """The twenty agents, and what each of them has seen."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.failed = 0
        self.kept: dict[str, Numbers] = {}
        self.twice = 0
        self.took = {lane: Latencies() for lane in (*QoS,)}
        self.durable_took = Latencies()
        self._tried: set[tuple[str, int]] = set()
        self.agents = [
            *(self._counting(f"quick-{n}", f"soak.quick.{n}") for n in range(QUICK)),
            *(self._counting(f"urgent-{n}", "soak.urgent") for n in range(URGENT)),
            self._counting("later", "soak.later"),
            *(self._slow(f"slow-{n}", f"soak.slow.{n}") for n in range(SLOW)),
            *(self._keeping(f"kept-{n}", f"soak.kept.{n}") for n in range(KEPT)),
            self._shaky(),
            *self._asking(),
            *self._gathering(),
        ]

    def _counting(self, name: str, topic: str) -> Agent:
        agent = Agent(name)

        @agent.on(topic)
        async def handle(ctx: Context, event: Event) -> None:
            self.took[event.qos].add(time.perf_counter() - event.payload["at"])
            self.seen[topic] += 1

        return agent

    def _slow(self, name: str, topic: str) -> Agent:
        agent = Agent(name, at_once=4)

        @agent.on(topic)
        async def handle(ctx: Context, event: Event) -> None:
            await asyncio.sleep(WORK_S)
            self.seen[topic] += 1

        return agent

    def _shaky(self) -> Agent:
        agent = Agent("shaky")

        @agent.on("soak.shaky")
        async def handle(ctx: Context, event: Event) -> None:
            self.seen["soak.shaky"] += 1
            if event.payload["n"] % FAILS_EVERY == 0:
                self.failed += 1
                raise RuntimeError("now and then")

        return agent

    def _keeping(self, name: str, topic: str) -> Agent:
        """Durable: what it has counted is in the store, in one transaction with the mark."""
        agent, had = Agent(name, durable=True), self.kept.setdefault(name, Numbers())

        @agent.on(topic)
        async def handle(ctx: Context, event: Event) -> None:
            number = event.payload["n"]
            if doomed(number):
                raise RuntimeError("never")
            if number % FAILS_EVERY == 0 and (name, number) not in self._tried:
                self._tried.add((name, number))
                raise RuntimeError("once")
            if (name, number) not in self._tried:  # after a failure it comes a second later
                self.durable_took.add(time.perf_counter() - event.payload["at"])
            await ctx.remember("count", await ctx.recall("count", 0) + 1)
            self.twice += number in had
            had.add(number)

        return agent

    def _asking(self) -> list[Agent]:
        asker, answerer = Agent("asker", at_once=4), Agent("answerer")

        @asker.on("soak.asks")
        async def ask(ctx: Context, event: Event) -> None:
            answer = await ctx.request("soak.question", n=event.payload["n"], timeout_s=30.0)
            self.seen["soak.asks"] += answer.payload["n"] == event.payload["n"] + 1

        @answerer.on("soak.question")
        async def answer_it(ctx: Context, event: Event) -> None:
            await ctx.reply(event, n=event.payload["n"] + 1)

        return [asker, answerer]

    def _gathering(self) -> list[Agent]:
        gatherer, voters = Agent("gatherer", at_once=4), []

        @gatherer.on("soak.gathers")
        async def gather(ctx: Context, event: Event) -> None:
            found = await ctx.gather("soak.poll", until=until.everyone(VOTERS), timeout_s=30.0)
            self.seen["soak.gathers"] += len({one.sender for one in found.replies}) == VOTERS

        for number in range(VOTERS):
            voter = Agent(f"voter-{number}")

            @voter.on("soak.poll")
            async def vote(ctx: Context, event: Event) -> None:
                await ctx.reply(event, vote=True)

            voters.append(voter)
        return [gatherer, *voters]


def doomed(number: int) -> bool:
    """Whether a durable agent can never work on this event."""
    return number % DOOMED_EVERY == 7


class Sent:
    """What was published, by topic."""

    def __init__(self) -> None:
        self.topics: Counter[str] = Counter()
        self.total = self.dead = self.failing = 0

    def next(self, loom: Loom) -> None:
        """Publish one more. Kinds take turns, and so do the agents of a kind."""
        kind = SHARES[self.total % len(SHARES)]
        parts = {"quick": QUICK, "slow": SLOW, "kept": KEPT}.get(kind, 0)
        before = sum(self.topics[f"soak.{kind}.{n}"] for n in range(parts))
        topic = f"soak.{kind}.{before % parts}" if parts else f"soak.{kind}"
        number = self.topics[topic]
        self.topics[topic] += 1
        self.total += 1
        self.dead += kind == "kept" and doomed(number)
        self.failing += kind == "shaky" and number % FAILS_EVERY == 0
        qos = {"urgent": QoS.REALTIME, "later": QoS.BACKGROUND}.get(kind, QoS.BATCHED)
        payload = {"n": number, "at": time.perf_counter()}
        event = Event(topic=topic, payload=payload, sender="soak", time=wall(), qos=qos)
        loom.bus.publish(event)


async def soak(folder: Path, minutes: float) -> Report:
    """So long, and until all that was sent is done; then stop, and look what is left."""
    began, report = time.perf_counter(), Report(suite=f"soak, {minutes:g} min")
    before = _tasks()
    work, sent = Work(), Sent()
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    async with Loom(Settings(), paths=place, key=bytes(range(32))) as loom:
        for agent in work.agents:
            loom.supervisor.start(agent)
        restarts, points = await _publish(loom, sent, round(minutes * PER_MINUTE))
        report.figures["drained"] = int(await _drained(loom, work, sent))
        await _judge(loom, work, sent, report)
    points = points[len(points) // 4 :]  # caches fill up at first
    for at, name in ((2, "descriptors"), (3, "threads")):
        report.figures[f"{name} more"] = points[-1][at] - points[0][at]
    report.figures["restarts"] = restarts
    if len(points) > 1:
        report.figures["bytes per event"] = slope([(one[0], one[1]) for one in points])
    report.figures["MB after a quarter"] = points[0][1] / 2**20
    report.figures["MB resident"] = points[-1][1] / 2**20
    left = _tasks() - before
    report.figures["tasks left"] = len(left)
    report.wrong += [f"a task is left: {one.get_name()}" for one in left]
    report.seconds = time.perf_counter() - began
    return report


_Point = tuple[int, int, int, int]
"""Events sent, bytes resident, descriptors, threads."""


async def _publish(loom: Loom, sent: Sent, events: int) -> tuple[int, list[_Point]]:
    """All events at their pace; how often an agent was restarted, and samples meanwhile."""
    loop, restarts, points = asyncio.get_running_loop(), 0, list[_Point]()
    began, per_s = loop.time(), PER_MINUTE / 60
    while sent.total < events:
        due = min(events, int((loop.time() - began) * per_s) + 1)
        while sent.total < due:
            sent.next(loom)
        while sent.total * 10 // events > restarts:
            await loom.supervisor.restart(f"kept-{restarts % KEPT}")
            restarts += 1
        if not points or sent.total * SAMPLES // events > len(points):
            gc.collect()
            points.append((sent.total, resident_bytes(), *_descriptors_and_threads()))
        await asyncio.sleep(EVERY_S)
    return restarts, points


async def _drained(loom: Loom, work: Work, sent: Sent) -> bool:
    """Whether everything that was sent was had, by its time."""
    wanted = {name: sent.topics[f"soak.{name.replace('-', '.')}"] for name in work.kept}
    try:
        async with asyncio.timeout(DRAIN_S):
            while True:
                await loom.supervisor.settled(DRAIN_S)
                letters = await loom.store.deliveries.dead(limit=1_000_000)
                had = sum(map(len, work.kept.values())) + len(letters)
                if had >= sum(wanted.values()):
                    return True
                await asyncio.sleep(EVERY_S)
    except TimeoutError:
        return False


async def _judge(loom: Loom, work: Work, sent: Sent, report: Report) -> None:
    letters = await loom.store.deliveries.dead(limit=1_000_000)
    dead = {(one.subscriber, one.event.payload["n"]) for one in letters}
    lost = 0
    for name, had in work.kept.items():
        everything = range(sent.topics[f"soak.{name.replace('-', '.')}"])
        gone = [n for n in everything if n not in had and (name, n) not in dead]
        lost += len(gone)
        report.wrong += [f"{name} never had {n}" for n in gone]
        kept = await loom.store.state.get(name, "count")
        count = 0 if kept is None else kept.value[0]
        if count != len(had):
            report.wrong.append(f"{name} had {len(had)} and counted {count} in the store")
    for topic, count in sent.topics.items():
        each = URGENT if topic == "soak.urgent" else 1
        if not topic.startswith("soak.kept") and work.seen[topic] != count * each:
            report.wrong.append(f"{topic}: {count * each} to come, {work.seen[topic]} came")
    if len(letters) != sent.dead:
        report.wrong.append(f"{len(letters)} dead letters, {sent.dead} expected")
    if work.failed != sent.failing:
        report.wrong.append(f"{work.failed} failures, {sent.failing} expected")
    bus, reports = loom.bus, loom.supervisor.reports()
    if bus.dropped or bus.expired or bus.circled or loom.store.journal.lost:
        report.wrong.append("events were dropped, expired, circled or not kept")
    if paused := [one.name for one in reports if one.state == "failed"]:
        report.wrong.append(f"paused by failures: {paused}")
    if work.twice:
        report.wrong.append(f"{work.twice} durable events came twice, and nothing had broken off")
    report.figures |= {
        "agents": len(work.agents),
        "sent": sent.total,
        "published": bus.published,
        "handled": sum(work.seen.values()) + sum(map(len, work.kept.values())),
        "dropped": bus.dropped,
        "dead": len(letters),
        "lost durable": lost,
        "left behind": loom.supervisor.left_behind,
    }
    lanes = {lane.name.lower(): work.took[lane] for lane in QoS} | {"durable": work.durable_took}
    for lane, took in lanes.items():
        report.figures |= {
            f"{lane} p50 ms": took.percentile_ms(0.5),
            f"{lane} p99 ms": took.percentile_ms(0.99),
            f"{lane} max ms": took.longest * 1e3,
        }


def _tasks() -> set[asyncio.Task[object]]:
    return {one for one in asyncio.all_tasks() if not one.done()}


def _descriptors_and_threads() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 when something was not as promised."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=Path("build/soak.json"))
    parser.add_argument(
        "--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES") or 60)
    )
    chosen = parser.parse_args(argv)
    logging.disable(logging.CRITICAL)  # agents fail on purpose
    with tempfile.TemporaryDirectory(prefix="loom-soak-") as folder:
        report = asyncio.run(soak(Path(folder), chosen.minutes))
    chosen.file.parent.mkdir(parents=True, exist_ok=True)
    chosen.file.write_text(json.dumps(report.plain(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{table([report])}\n{chosen.file}\n")
    return 0 if report.as_promised else 1


if __name__ == "__main__":
    sys.exit(main())
