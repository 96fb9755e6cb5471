"""The bus beside what anybody could write by hand in its place: deque, Event and task, or less.

Times per event or delivery, so less is better; a floor delivers and does nothing else.
"""

from __future__ import annotations

from typing import Any

from tests.measures.figures import Figure, Target, figure
from tests.measures.process import FLOORS, OURS, environment, python, told
from tests.measures.run import Run

EVENTS, SECONDS, MOST = 50_000, 4.0, 10_000
QUICK_EVENTS, QUICK_SECONDS, QUICK_MOST = 4_000, 0.3, 2_000
ONE_TOPIC = Target("ratio", 1 / 0.35)
FAN_OUT = Target("ratio", 1 / 0.5)
GROWTH = Target("ratio", 1.5)
LATENCY = Target("ratio", 1.2)
LATENCY_US = Target("value", 1_000)
LIVE = Target("value", 4.0)


def measure(run: Run) -> list[Figure]:
    events = QUICK_EVENTS if run.quick else EVENTS
    seconds = QUICK_SECONDS if run.quick else SECONDS
    most = QUICK_MOST if run.quick else MOST
    env = environment()
    took = run.calm.interleave(
        {
            "bus floor": lambda: told(python(FLOORS / "bus.py", events, seconds), env),
            "bus": lambda: told(python(OURS / "bus.py", events, seconds, most), env),
        },
        repeats=1,
    )

    def ours(key: str) -> list[float]:
        return [float(one[key]) for one in took["bus"]]

    def floor(key: str) -> list[float]:
        return [float(one[key]) for one in took["bus floor"]]

    def beside(name: str, key: str, against: str = "", **more: Any) -> Figure:
        # a rate is what it was when nobody was in the way
        more = {"pick": min} | more
        return figure(f"bus, {name}", "us", ours(key), floor(against or key), **more)

    def alone(name: str, key: str, **more: Any) -> Figure:
        return figure(f"bus, {name}", "us", ours(key), pick=min, **more)

    awaited = f"awaiting the handler: {min(floor('awaited_one_us')):.2f} us"
    return [
        beside("one topic, per event", "one_us", target=ONE_TOPIC, note=awaited),
        beside("fan-out, per delivery", "fan_us", "awaited_fan_us", target=FAN_OUT),
        beside("fan-out, against queues", "fan_us"),
        alone("1,000 subscriptions, per delivery", "mixed_default_us"),
        alone("1,000 subscriptions, inline", "mixed_inline_us"),
        figure(
            f"bus, inline, 10 to {most:,} subscriptions",
            "us",
            ours("most_inline_us"),
            ours("few_inline_us"),
            target=GROWTH,
            pick=min,
            note="the floor is ours with 10",
        ),
        figure(
            f"bus, default, 10 to {most:,} subscriptions",
            "us",
            ours("most_default_us"),
            ours("few_default_us"),
            pick=min,
            note="the floor is ours with 10",
        ),
        figure("bus, latency under load, p50", "us", ours("p50_us"), floor("p50_us")),
        figure(
            "bus, latency under load, p99", "us", ours("p99_us"), floor("p99_us"), target=LATENCY
        ),
        figure("bus, the same in itself", "us", ours("p99_us"), target=LATENCY_US),
        figure("bus, latency under load, max", "us", ours("max_us"), floor("max_us")),
        beside("request and reply", "ask_us"),
        figure(
            "bus, a subscriber that has just run",
            "KB",
            [one / 1024 for one in ours("live_bytes")],
            [one / 1024 for one in floor("live_bytes")],
        ),
        figure(
            "bus, a subscriber that ran, and sleeps",
            "KB",
            [one / 1024 for one in ours("sleeping_bytes")],
            target=LIVE,
            note="it sleeps 2 to 4 s after its last event",
        ),
    ]
