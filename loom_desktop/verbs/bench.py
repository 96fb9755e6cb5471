"""How fast this application is, here and now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.errors import Unavailable

if TYPE_CHECKING:
    from loom_desktop.loom import Loom


async def bench(loom: Loom) -> dict[str, Any]:
    """Publish to handler, and events to the disk, measured for a few seconds on this bus and this
    journal, with everything that runs beside it. Nothing of it stays."""
    from loom_desktop.runtime.benchmark import measure

    if loom.degradation is not None and loom.degradation.level:
        raise Unavailable(
            f"Loom is under strain: {loom.degradation.reason}", hint="Wait until loom health is ok."
        )
    if loom.store.disk not in ("ok", "low", "memory"):
        raise Unavailable(
            f"The disk is {loom.store.disk}: nothing is measured on it.", hint="Free some space."
        )
    found: dict[str, Any] = msgspec.to_builtins(await measure(loom.bus, loom.store, loom.clock))
    return found
