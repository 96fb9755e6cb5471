"""What one flush of a streaming answer costs at its end, however long the answer is.

Beside it the simple way: the whole text set anew at each flush.
"""

from __future__ import annotations

from typing import Any

from tests.measures.figures import Figure, Target, figure, p50, percentile
from tests.measures.process import FLOORS, OURS, environment, python, told
from tests.measures.run import Run

TOKENS = (1_000, 4_000)
LAST, FLOOR_LAST = 200, 40
FLUSH = Target("value", 4)


def measure(run: Run) -> list[Figure]:
    env = environment(QT_QPA_PLATFORM="offscreen")

    def cell(folder: str, tokens: int) -> Any:
        if folder == "ours":
            return lambda: told(python(OURS / "markdown.py", tokens, LAST), env)
        return lambda: told(python(FLOORS / "markdown.py", tokens, FLOOR_LAST), env)

    took: dict[str, list[dict[str, Any]]] = run.calm.interleave(
        {
            f"{folder} {tokens}": cell(folder, tokens)
            for tokens in TOKENS
            for folder in ("floor", "ours")
        }
    )

    def values(cell: str, key: str, share: float) -> list[float]:
        return [percentile(one[key], share) for one in took[cell]]

    figures = []
    for tokens in TOKENS:
        for name, key, share, target in (
            ("p50", "wall_ms", 0.5, FLUSH),
            ("p95", "wall_ms", 0.95, FLUSH),
            ("max", "wall_ms", 1.0, None),
            ("CPU", "cpu_ms", 0.5, None),
        ):
            ours = values(f"ours {tokens}", key, share)
            floor = values(f"floor {tokens}", key, share)
            text = f"markdown flush at {tokens:,} tokens, {name}"
            figures.append(figure(text, "ms", ours, floor, target=target, pick=p50))
    return figures
