"""Reminders, and what a phrase means as a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.verbs.person import tool

if TYPE_CHECKING:
    from loom_desktop.loom import Loom


async def reminders(loom: Loom) -> list[dict[str, Any]]:
    """Those to come, the next first."""
    return [msgspec.to_builtins(one) for one in await loom.reminders.listed()]


async def remind(loom: Loom, text: str) -> Any:
    """Set a reminder from a phrase; its card shows the times."""
    return await tool(loom, "reminders.add", said=text)


async def reminder_done(loom: Loom, reminder: int) -> Any:
    """Tick it off."""
    return await tool(loom, "reminders.done", reminder=reminder)


async def reminder_snooze(loom: Loom, reminder: int, seconds: int = 600) -> Any:
    """Put it off."""
    return await tool(loom, "reminders.snooze", reminder=reminder, seconds=seconds)


async def reminder_remove(loom: Loom, reminder: int) -> Any:
    """Take it away."""
    return await tool(loom, "reminders.remove", reminder=reminder)


async def reminder_restore(loom: Loom, reminder: int) -> Any:
    """Bring it back."""
    return await tool(loom, "reminders.restore", reminder=reminder)


async def when(loom: Loom, text: str, now: str = "") -> dict[str, str]:
    """What a phrase means as a time."""
    from loom_desktop.text.when import as_json, understand
    from loom_desktop.text.when.zones import moment

    return as_json(understand(text, moment(now, loom.clock(), loom.zone)))
