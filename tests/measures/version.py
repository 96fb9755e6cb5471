"""How quickly the command answers: its version, and a second start beside a running application."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from tests.measures.figures import Figure, Target, figure
from tests.measures.outside import Eye, wait
from tests.measures.process import environment, loom, running, whole_ms
from tests.measures.run import Run, lacking
from tests.screen import Screen

STARTS = 5
"""In each cell; a start is short, and its median less noisy."""


def measure(run: Run) -> list[Figure]:
    env = environment()
    bare = [sys.executable, "-c", "pass"]

    def cell(command: list[str]) -> Callable[[], float]:
        return lambda: statistics.median(whole_ms(command, env) for _ in range(STARTS))

    took = run.calm.interleave({"python": cell(bare), "loom --version": cell(loom("--version"))})
    figures = [
        figure(
            "loom --version",
            "ms",
            took["loom --version"],
            took["python"],
            target=Target("over", 60),
        )
    ]
    if lacking():
        return figures
    home = run.home("second")
    with Screen() as screen, Eye(screen) as eye:
        env = environment(screen.env, LOOM_HOME=str(home))
        with running(loom("--hidden"), env, home / "log"):
            wait((home / "loom.sock").exists, "socket")
            wait(eye.grabbed, "hotkey")
            took = run.calm.interleave(
                {
                    "python": cell(bare),
                    "loom popup": cell(loom("popup")),
                    "second start": cell(loom()),
                }
            )
    for name, command in (("loom popup", "loom popup"), ("second start of loom", "second start")):
        figures.append(
            figure(
                f"{name}, beside a running one",
                "ms",
                took[command],
                took["python"],
                target=Target("over", 30),
            )
        )
    return figures
