"""The real engine behind the crossing, in a folder of the test: no keyring, no screen, no net."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from loom_desktop.loom import Loom
from loom_desktop.paths import Paths


def real_loom(folder: Path) -> Loom:
    """As the desktop starts it, without sources that listen."""
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    return Loom(
        paths=place, key=bytes(range(32)), zone=ZoneInfo("Europe/Berlin"), listening=False,
        desktop=True,
    )  # fmt: skip
