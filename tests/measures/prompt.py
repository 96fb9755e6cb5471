"""How long a prompt takes to make in a very long conversation, and how soon a cancel is over."""

from __future__ import annotations

from tests.measures.figures import Figure, Target, figure
from tests.measures.process import OURS, environment, python, told
from tests.measures.run import Run

TURNS, QUICK_TURNS = 10_000, 500


def measure(run: Run) -> list[Figure]:
    turns = QUICK_TURNS if run.quick else TURNS
    script, folder = OURS / "prompt.py", run.fresh("prompt")
    env = environment()
    told(python(script, "fill", folder, turns), env)
    rounds = run.calm.interleave(
        {"prompt": lambda: told(python(script, "build", folder), env)}, repeats=3, warm=False
    )["prompt"]

    def ours(key: str) -> list[float]:
        return [float(one[key]) for one in rounds]

    soon = Target("value", 20)
    return [
        figure(f"prompt after {turns:,} turns, here", "ms", ours("small_ms"), target=soon),
        figure("the same for 100,000 tokens", "ms", ours("large_ms"), target=soon),
        figure(
            "an answer cancelled, until it is over", "ms", ours("cancel_ms"),
            target=Target("value", 5),
        ),
    ]  # fmt: skip
