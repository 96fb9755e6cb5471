"""The durable way: published, on the disk, handled, marked; beside SQLite that only writes rows.

Both in one process and in turns: what a sync costs changes from minute to minute, so only a ratio
of the same moment says something. And how soon a long journal is ready.
"""

from __future__ import annotations

from typing import Any

from tests.measures.figures import Figure, Target, figure
from tests.measures.process import OURS, environment, python, told
from tests.measures.run import Run

EVENTS, LOG = 20_000, 1_000_000
QUICK_EVENTS, QUICK_LOG = 2_000, 5_000
DURABLE = Target("ratio", 1 / 0.3)
READY = Target("value", 20)
REPLAY = Target("ratio", 3)


def measure(run: Run) -> list[Figure]:
    events, length = (QUICK_EVENTS, QUICK_LOG) if run.quick else (EVENTS, LOG)
    env = environment()
    log = run.fresh("journal") / "log.db"
    told(python(OURS / "journal.py", "fill", length, log), env)
    took = run.calm.interleave(
        {
            "journal": lambda: told(
                python(OURS / "journal.py", run.fresh("rates"), events, log), env
            )
        },
        repeats=1,
        warm=False,
    )["journal"]

    def values(key: str) -> list[float]:
        return [float(one[key]) for one in took]

    def durable(name: str, key: str, against: str, **more: Any) -> Figure:
        best = took.index(min(took, key=lambda one: one[key] / one[against]))
        return figure(
            f"durable, {name}",
            "us",
            values(key),
            values(against),
            pick=lambda all_of_them: all_of_them[best],  # both of the same moment
            note=f"{1e6 / took[best][key]:,.0f}/s",
            **more,
        )

    return [
        durable("bursts of 1,000", "plain_burst_us", "raw_group_us", target=DURABLE),
        durable("bursts, encrypted", "encrypted_burst_us", "raw_group_us"),
        durable("a stream of bursts", "plain_stream_us", "raw_group_us"),
        durable("a stream, encrypted", "encrypted_stream_us", "raw_group_us"),
        durable("one at a time", "plain_single_us", "raw_single_us"),
        durable("one at a time, encrypted", "encrypted_single_us", "raw_single_us"),
        figure(f"journal of {length:,} ready", "ms", values("ready_ms"), target=READY),
        figure(
            "its replay, per event", "us", values("replay_us"), values("scan_us"), target=REPLAY
        ),
    ]
