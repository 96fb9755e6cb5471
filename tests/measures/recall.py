"""How long a search in a full memory takes, the first one of a process and the others, and whether
it still finds what it should: the labelled questions, among very many memories like their answers.
"""

from __future__ import annotations

from functools import partial

from tests.measures.figures import Figure, Target, figure, p99
from tests.measures.process import OURS, environment, python, told
from tests.measures.run import Run

COUNT, QUICK_COUNT, PART = 100_000, 2_000, 10_000
SOON = Target("value", 100)


def measure(run: Run) -> list[Figure]:
    count = QUICK_COUNT if run.quick else COUNT
    env = environment()
    path = run.fresh("recall") / "loom.db"
    script = OURS / "recall.py"
    for seed in range(0, count, PART):
        told(python(script, "fill", path, min(PART, count), seed), env)
    rounds = run.calm.interleave(
        {"recall": lambda: told(python(script, "search", path), env)}, repeats=1, warm=False
    )["recall"]
    recall = ", ".join(f"{kind} {share:.0%}" for kind, share in rounds[0]["recall"].items())
    each = [took for one in rounds for took in one["took_ms"]]
    say = partial(figure, unit="ms", target=SOON)
    return [
        say(f"{count:,} memories, first search", ours=[one["first_ms"] for one in rounds]),
        say("each other search", ours=each, note=f"recall@5: {recall}"),
        say("the slowest in a hundred", ours=each, pick=p99),
        say("nearest by a model's vectors", ours=[t for one in rounds for t in one["near_ms"]]),
    ]
