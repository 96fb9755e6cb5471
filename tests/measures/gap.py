"""How long the window stands still while the engine works: the largest gap of a 16 ms timer.

Once with 10,000 events a second, and once with a step of 80 ms in pure Python every half second
beside them. The floor is the same window without an engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.measures.figures import Figure, Target, figure
from tests.measures.process import FLOORS, OURS, environment, python, told
from tests.measures.run import Run

RATE, HOG_MS = 10_000, 80
SECONDS, QUICK_SECONDS = 2.5, 0.8


def measure(run: Run) -> list[Figure]:
    env = environment(QT_QPA_PLATFORM="offscreen")
    seconds = QUICK_SECONDS if run.quick else SECONDS

    def ours(hog_ms: float, lane: str = "realtime") -> Callable[[], dict[str, Any]]:
        home = run.fresh("gap")
        return lambda: told(python(OURS / "gap.py", home, seconds, RATE, hog_ms, lane), env)

    took = run.calm.interleave(
        {
            "no engine": lambda: told(python(FLOORS / "gap.py", seconds), env),
            "events": ours(0),
            "events and hog": ours(HOG_MS),
            "events and journal": ours(0, "batched"),
        },
        repeats=1,
    )

    def values(cell: str, key: str) -> list[float]:
        return [float(one[key]) for one in took[cell]]

    floor = values("no engine", "max_ms")
    return [
        figure(
            f"largest gap at {RATE:,} events/s",
            "ms",
            values("events", "max_ms"),
            floor,
            target=Target("ratio", 1.1),
            note=rates(took["events"]),
        ),
        figure(
            f"the same with a step of {HOG_MS} ms",
            "ms",
            values("events and hog", "max_ms"),
            floor,
            target=Target("ratio", 2.5),
            note=rates(took["events and hog"]),
        ),
        figure(
            "the same with each event kept in the journal",
            "ms",
            values("events and journal", "max_ms"),
            floor,
            note=rates(took["events and journal"]),
        ),
    ]


def rates(rounds: list[dict[str, Any]]) -> str:
    """What really went through in the slowest round."""
    one = min(rounds, key=lambda found: float(found["shown_per_s"]))
    return (
        f"handled {one['handled_per_s']:,.0f}/s, shown {one['shown_per_s']:,.0f}/s, "
        f"bus p99 {one['bus_p99_ms']:.1f} ms"
    )
