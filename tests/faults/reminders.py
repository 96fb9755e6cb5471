"""A reminder comes, and the process is killed: before, between, or after its note and its telling.

``python -m tests.faults.reminders FOLDER POINT FROM`` is the child: a whole Loom without windows
in which two reminders are due. It dies at moment number ``POINT``: each commit of the store has one
before and one after it, and so has each event that is published. Moments are counted from the look
at what is due on, or from the start of Loom. Then Loom starts once more and is left alone: each
reminder is shown by exactly one card that wants an answer. The next start brings nothing again.

``FROM`` ``apart`` keeps what is said out of the transaction of the note: wrong on purpose.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from loom_desktop.bus import Bus
from loom_desktop.event import Event
from loom_desktop.loom import Loom
from loom_desktop.paths import Paths
from loom_desktop.settings import Settings
from loom_desktop.store.database import Database
from loom_desktop.store.schedules import Schedules
from loom_desktop.testing import A_FRIDAY, FakeClock
from tests.faults.killed import ROOT
from tests.faults.report import Report
from tests.faults.stores import KEY

SAID = ("remind me every day at 9:30 to water the plants", "remind me at 9:30 to call Ada")
DUE = A_FRIDAY + 1_801.0
"""A second after they are due, in a zone an hour ahead."""
_PERSON = frozenset({"user-typed"})
FROM = ("look", "start", "apart")


def run(folder: Path, points: Iterable[int], *, since: str = "look") -> Report:
    """A kill at each of these moments; past the last one nothing is killed, which is the end.

    Which moment has which number is not always the same: threads take turns.
    """
    began = time.perf_counter()
    report = Report(suite=f"reminders, from the {since}", control=since == "apart")
    report.figures = dict.fromkeys(("kills", "shown", "shown anew"), 0)
    image = folder / "image"
    asyncio.run(_image(image))
    for point in points:
        place = folder / "run"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(image, place)
        command = [sys.executable, "-m", "tests.faults.reminders", str(place), str(point), since]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        killed = done.returncode == -signal.SIGKILL
        if not killed and done.returncode:
            report.wrong.append(f"it ended with {done.returncode}: {done.stderr[-1000:]}")
        report.add("kills", killed)
        for again in ("", ", the next start"):
            bad = asyncio.run(_judged(place, report if not again else None))
            report.wrong += [f"point {point}{again}: {what}" for what in bad]
        if not killed:
            break
    report.seconds = time.perf_counter() - began
    return report


def _loom(folder: Path, now: float) -> Loom:
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    zone = ZoneInfo("Europe/Berlin")
    return Loom(Settings(), paths=place, key=KEY, clock=FakeClock(now), zone=zone, listening=False)


async def _image(folder: Path) -> None:
    """A Loom in which both are set, and what says so was had."""
    async with _loom(folder, A_FRIDAY) as loom:
        for said in SAID:
            await loom.reminders.add(said, event=Event(topic="chat.asked", origin=_PERSON))
        assert await loom.supervisor.settled(10)


async def _judged(folder: Path, report: Report | None) -> list[str]:
    """What is not as promised after a start that is left alone."""
    bad: list[str] = []
    async with _loom(folder, DUE + 10.0) as loom:
        await loom.timers.tick()
        if not await loom.supervisor.settled(10):
            bad.append("something is stuck")
        cards = await loom.store.cards.recent(kind="reminder", limit=1_000)
        shown = sorted(card.title for card in cards if card.state == "open")
        told = await loom.store.journal.events("timer.due", limit=1_000)
        bad += [f"a dead letter: {one.traceback}" for one in await loom.store.deliveries.dead()]
        bad += [f"told: {one.message}" for one in loom.store.problems]
    if shown != ["call Ada", "water the plants"]:
        bad.append(f"shown: {shown}")
    if len(told) != len(SAID):
        bad.append(f"said {len(told)} times")
    if report is not None:
        report.add("shown", len(shown))
        report.add("shown anew", len(cards) - len(shown))
    return bad


# ---------------------------------------------------------------- the child


class _Moments:
    """Counted from any thread; at the chosen one the process is gone."""

    def __init__(self, point: int) -> None:
        self._left, self._lock = point, threading.Lock()
        self.counted = False

    def __call__(self) -> None:
        with self._lock:
            self._left -= self.counted
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, what: Callable[..., Any]) -> Callable[..., Any]:
        """One moment before it, and one after."""

        def call(*arguments: Any) -> Any:
            self()
            answer = what(*arguments)
            self()
            return answer

        return call


async def _child(folder: Path, point: int, since: str) -> None:
    moments = _Moments(point)
    moments.counted = since == "start"
    setattr(Database, "_commit", moments.around(Database._commit))  # noqa: B010
    setattr(Bus, "publish", moments.around(Bus.publish))  # noqa: B010
    if since == "apart":
        advance = Schedules.advance
        setattr(Schedules, "advance", lambda *given: advance(*given[:4]))  # noqa: B010
    async with _loom(folder, DUE) as loom:
        moments.counted = True
        await loom.timers.tick()
        await loom.supervisor.settled(10)
        await loom.store.journal.flush()
        moments.counted = False


if __name__ == "__main__":
    asyncio.run(_child(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
