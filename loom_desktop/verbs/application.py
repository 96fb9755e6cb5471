"""The running application: its windows, what it looks at, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loom_desktop.errors import NotFound, UsageError
from loom_desktop.event import QoS
from loom_desktop.runtime.status import UNTIL_TOLD

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

_LONGEST_PAUSE_S = 366 * 86_400


async def pause_capture(loom: Loom, seconds: float = 600) -> dict[str, float]:
    """Look at nothing for a while; -1 until told."""
    if not seconds <= _LONGEST_PAUSE_S:
        raise UsageError("A pause has at most a year.", hint="Pause until told instead.")
    until = UNTIL_TOLD if seconds < 0 else loom.clock() + seconds
    await loom.outside.pause(True)  # first: a full disk must not keep anybody watched
    loom.status.paused_until = until
    if until > 0:
        loom.tasks.start("resume capture", loom._resume_later())
    loom.status.look()
    await loom.store.state.set_fact("paused_until", until)
    return {"paused_until": until}


async def resume_capture(loom: Loom) -> dict[str, Any]:
    """Look again."""
    await loom.outside.pause(False)
    loom.status.paused_until = 0.0
    loom.status.look()
    await loom.store.state.set_fact("paused_until", 0.0)
    return {}


async def show(
    loom: Loom, window: str = "popup", draft: str = "", toggle: bool = False
) -> dict[str, Any]:
    """Bring up a window of the running application; ``toggle`` hides a popup that is there."""
    if window not in ("popup", "inbox", "settings", "reminders"):
        raise UsageError(
            f"There is no window {window!r}.", hint="popup, inbox, settings, reminders"
        )
    if not loom.desktop:
        raise NotFound(
            "Loom runs without a window here.", hint="Start it on a desktop, or use `loom ask`."
        )
    topic = "popup.requested" if window == "popup" else "window.requested"
    loom.publisher("door", origin="user-typed")(
        topic, qos=QoS.REALTIME, window=window, draft=draft, toggle=toggle
    )
    return {}


async def quit_(loom: Loom) -> dict[str, Any]:
    """End the application."""
    loom.publisher("door", origin="user-typed")("application.quitting")
    return {}
