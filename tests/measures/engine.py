"""The engine without windows: from the start of the process until it is ready, and its memory.

The store's key is given, so that no keyring is waited for; how long a keyring takes to say that it
keeps nothing is told apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.measures.figures import Figure, Target, figure
from tests.measures.process import FLOORS, OURS, environment, python, told
from tests.measures.run import Run

READY = Target("ratio", 1.6)
MEMORY = Target("value", 50)


def measure(run: Run) -> list[Figure]:
    env = environment(
        # no keyring of the person is touched
        HOME=str(run.fresh("home")),
        DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent",
    )
    home = run.fresh("engine")

    def floor(database: Path) -> dict[str, Any]:
        return told(python(FLOORS / "engine.py", database), env)

    def ours(folder: Path) -> dict[str, Any]:
        return told(python(OURS / "engine.py", folder), env)

    took = run.calm.interleave(
        {
            "floor": lambda: floor(home / "floor.db"),
            "engine": lambda: ours(home),
            "floor, new": lambda: floor(run.fresh("floor") / "floor.db"),
            "engine, new": lambda: ours(run.fresh("engine")),
            "keyring": lambda: told(python(OURS / "keyring.py"), env),
        }
    )

    def values(cell: str, key: str) -> list[float]:
        return [float(one[key]) for one in took[cell]]

    opened = sum(values("engine", "open_ms")) / len(took["engine"])
    modules = int(took["engine"][0]["modules"])
    return [
        figure(
            "engine ready, existing store",
            "ms",
            values("engine", "ms"),
            values("floor", "ms"),
            target=READY,
            note=f"{modules} modules; opening {opened:.0f} ms of it",
        ),
        figure(
            "engine ready, first start",
            "ms",
            values("engine, new", "ms"),
            values("floor, new", "ms"),
            target=READY,
        ),
        figure("engine ready, CPU", "ms", values("engine", "cpu_ms"), values("floor", "cpu_ms")),
        figure(
            "engine memory, RSS",
            "MB",
            [kb / 1024 for kb in values("engine", "rss_kb")],
            [kb / 1024 for kb in values("floor", "rss_kb")],
            target=MEMORY,
        ),
        figure(
            "asking the keyring, apart",
            "ms",
            values("keyring", "ask_ms"),
            note="there is none here: until that is known",
        ),
    ]
