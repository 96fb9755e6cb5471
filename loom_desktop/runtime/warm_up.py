"""Has the model of this computer loaded when the popup opens, or at the start, as it was set.

Whoever brings Loom up is about to ask, and a model takes seconds to load. Nothing is loaded for it
before: this file is part of every start, what it calls is not.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from loom_desktop.errors import LoomError
from loom_desktop.event import Event

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

log = logging.getLogger(__name__)
PAINTED_S = 0.5
"""The popup is painted first."""


def warm_up(loom: Loom) -> None:
    """From now on, where there is a window."""
    at_work: set[asyncio.Task[None]] = set()

    def begin(event: Event | None = None) -> None:
        when = "popup" if event else "start"
        if loom.settings.router.warm_up == when and not at_work:
            task = loom.tasks.start("warm up", _warm(loom))
            at_work.add(task)
            task.add_done_callback(at_work.discard)

    if loom.desktop:
        loom.bus.subscribe("hotkey.pressed", begin)
        loom.bus.subscribe("popup.requested", begin)
        begin()


async def _warm(loom: Loom) -> None:
    await asyncio.sleep(PAINTED_S)
    try:
        await (await loom.brain.router()).warm()
    except LoomError as error:  # a mistake in loom.toml: whoever asks is told
        log.info("no model was loaded ahead: %s", error.message)
