"""SIGKILL at random moments of a process that works with the store.

Nothing acknowledged is lost, no effect is applied twice, and the store opens again at once; moments
of the start and of the catching up are among them. A kill says nothing about fsync: what was
written is in the kernel's hands and stays. That is what ``powercut`` is for.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from tests.faults.killed import killed_after, longest_s, opened_again, start
from tests.faults.report import Report
from tests.faults.stores import KEY, found, opening
from tests.faults.victim import AGENT

VICTIM = "tests.faults.victim"
GENERATION = 20
"""Kills per store: then one begins anew, so that the first start is killed as well."""


def run(n: int, folder: Path, *, encrypted: bool, seed: int = 1, wrong: str = "") -> Report:
    """``n`` kills. ``wrong``: an option of the victim that takes a guard away; then at most ``n``,
    until one kill shows it."""
    began, rng = time.perf_counter(), random.Random(seed)
    name = f"kills, {'encrypted' if encrypted else 'plain'}{f', {wrong}' if wrong else ''}"
    report = Report(suite=name, control=bool(wrong))
    report.figures = {"kills": n, "acknowledged": 0, "before ready": 0}
    most_s = longest_s(VICTIM, folder / f"{name}-start" / "loom.db")
    for generation in range(0, n, GENERATION):
        path = folder / f"{name}-{generation}" / "loom.db"
        store = _Generation(path, KEY if encrypted else None, report, wrong)
        for kill in range(generation, min(generation + GENERATION, n)):
            store.kill_after(rng.uniform(0.02, most_s))
            asyncio.run(store.judge(f"after kill {kill}"))
            if wrong and report.wrong:
                break
        asyncio.run(store.judge_all())
        report.add("acknowledged", len(store.acked))
        if wrong and report.wrong:
            break
    report.seconds = time.perf_counter() - began
    return report


class _Generation:
    """One store and the processes that die on it."""

    def __init__(self, path: Path, key: bytes | None, report: Report, wrong: str) -> None:
        self.path, self.key, self.report = path, key, report
        self.acked: set[int] = set()
        self._applied = 0
        self._from = 0
        self._options = [*(["--key"] if key else []), *([wrong] if wrong else [])]

    def kill_after(self, seconds: float) -> None:
        lines, complaint = killed_after(seconds, start(VICTIM, self.path, *self._options))
        if complaint:
            self.report.wrong.append(complaint)
        self.acked |= {int(line[2:]) for line in lines if line.startswith("A ")}
        done = [int(line[2:]) for line in lines if line.startswith("D ")]
        self._applied = max([self._applied, *done])
        self.report.figures["before ready"] += "R" not in lines

    async def judge(self, when: str) -> None:
        """What the last one left. Only what is new is read: the end reads all."""
        bad = self.report.wrong
        began = time.perf_counter()
        async with opening(self.path, self.key) as store:
            last = await store.journal.last_id()
            took_ms = (time.perf_counter() - began) * 1e3
            there, wrong = await found(store, self._from)
            tally = await store.state.get(AGENT, "tally")
            bad += [f"{when}: told: {one.message}" for one in store.problems]
        opened_again(self.report, took_ms, when)
        lost = {one for one in self.acked if one >= self._from} - there
        if lost:
            bad.append(f"{when}: lost {len(lost)}, the first {min(lost)}")
        if wrong:
            bad.append(f"{when}: wrong rows {wrong[:5]}")
        value = tally.value if tally else {"count": 0, "sum": 0, "last": 0}
        reached = value.get("last", value["count"])
        if (value["count"], value["sum"]) != (reached, reached * (reached + 1) // 2):
            bad.append(f"{when}: applied twice, or never: {value}")
        if reached < self._applied or reached > last:
            bad.append(f"{when}: applied up to {reached}, said {self._applied}, there {last}")
        self._from = last
        if self.report.control:  # what was lost is not lost again
            self.acked -= lost

    async def judge_all(self) -> None:
        async with opening(self.path, self.key) as store:
            there, wrong = await found(store)
            sound = await store.check(thorough=True)
        if not self.acked <= there or wrong or not sound or len(there) != max(there, default=0):
            self.report.wrong.append(f"at the end: {len(self.acked - there)} lost, sound: {sound}")
