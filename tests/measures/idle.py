"""What the application costs while nobody uses it: memory, processor time and wake-ups.

The whole application has settled: tray, hidden popup, hotkey, clipboard and files on, store open,
and a desktop that tells of sleep and lock as usual ones do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.measures.figures import Figure, Target, figure
from tests.measures.outside import Eye, wait
from tests.measures.process import (
    FLOORS,
    CannotRun,
    Memory,
    Use,
    environment,
    loom,
    memory,
    python,
    running,
    use,
)
from tests.measures.run import Run, lacking
from tests.screen import Screen

SETTLE_S, IDLE_S = 6.0, 30.0
QUICK_SETTLE_S, QUICK_IDLE_S = 1.5, 2.0
FLOOR_SETTLE_S = 0.5
ROUNDS = 3
"""Memory differs by less than 2 % between starts, and each start waits until it has settled."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What one start cost, and how much it used for how long afterwards."""

    memory: Memory
    used: Use
    seconds: float


def measure(run: Run) -> list[Figure]:
    if missing := lacking():
        raise CannotRun(f"not installed: {', '.join(missing)}")
    home = run.home("idle")
    settle_s, idle_s = (QUICK_SETTLE_S, QUICK_IDLE_S) if run.quick else (SETTLE_S, IDLE_S)
    with Screen(tray="trayer", logind=True) as screen, Eye(screen) as eye:
        env = environment(screen.env, LOOM_HOME=str(home))

        def cell(
            command: list[str], settle_s: float, idle_s: float, *, hotkey: bool
        ) -> Callable[[], Settled]:
            def live() -> Settled:
                with running(command, env, home / "log") as (process, _):
                    wait(eye.icon_shown, "icon in the tray")
                    if hotkey:
                        wait(eye.grabbed, "grab of the hotkey")
                    time.sleep(settle_s)
                    before, began = use(process.pid), time.monotonic()
                    time.sleep(idle_s)
                    used, seconds = use(process.pid) - before, time.monotonic() - began
                    found = memory(process.pid)
                wait(lambda: not eye.icon_shown(), "end of the icon")
                return Settled(found, used, seconds)

            return live

        tray, ours = python(FLOORS / "tray.py"), loom("--hidden")
        took = run.calm.interleave(
            {
                "idle floor": cell(tray, FLOOR_SETTLE_S, 0.0, hotkey=False),
                "settled": cell(ours, settle_s, 0.0, hotkey=True),
            },
            rounds=min(run.calm.rounds, ROUNDS),
            repeats=0,  # what a process holds and uses itself depends little on the others
        )
        # one long look at each is steadier than several short ones; its own start is warm by now
        idle = run.calm.interleave(
            {
                "idle floor, long": cell(tray, FLOOR_SETTLE_S, idle_s / 3, hotkey=False),
                "idle, long": cell(ours, settle_s, idle_s, hotkey=True),
            },
            rounds=1,
            repeats=0,
            warm=False,
        )
    settled, floor = (
        took["settled"] + idle["idle, long"],
        took["idle floor"] + idle["idle floor, long"],
    )
    threads = idle["idle, long"][0].used.threads

    def percent(cell: str) -> list[float]:
        return [100 * one.used.cpu_s / one.seconds for one in idle[cell]]

    def wakeups(cell: str) -> list[float]:
        return [one.used.wakeups / one.seconds for one in idle[cell]]

    return [
        figure(
            "idle memory, RSS",
            "MB",
            [one.memory.rss for one in settled],
            [one.memory.rss for one in floor],
            target=Target("ratio", 1.5),
            note=f"{threads} threads",
        ),
        figure(
            "idle memory, PSS",
            "MB",
            [one.memory.pss for one in settled],
            [one.memory.pss for one in floor],
        ),
        figure(
            "idle processor time",
            "%",
            percent("idle, long"),
            percent("idle floor, long"),
            target=Target("value", 0.05),
            note=f"over {idle_s:g} s",
        ),
        figure(
            "idle wake-ups",
            "/s",
            wakeups("idle, long"),
            wakeups("idle floor, long"),
            target=Target("value", 1),
            note="voluntary context switches of all threads",
        ),
    ]
