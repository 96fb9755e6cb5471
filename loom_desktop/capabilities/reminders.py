"""Reminders: set from a phrase, listed, put off, done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loom_desktop import capability

if TYPE_CHECKING:
    from loom_desktop import CapabilityContext


@capability("reminders.add", effect="write-own")
async def add(ctx: CapabilityContext, said: str) -> dict[str, Any]:
    """Set a reminder from what was said: "remind me every weekday at 8:30 to stretch"."""
    one = await ctx.reminders.add(said, event=ctx.event)
    asleep = "" if ctx.reminders.timers else "\n\nIt comes while Loom runs: start `loom`."
    return {
        "text": f"I will remind you: **{one.text}**, {one.words}.{ctx.lasting or asleep}",
        "chips": [{"label": "Show reminders", "ask": "my reminders"}],
        "reminder": one.id,
        "at": one.at,
        "rrule": one.rrule,
    }


@capability("reminders.list", effect="read-local", idempotent=True)
async def listed(ctx: CapabilityContext) -> dict[str, Any]:
    """Which reminders are set."""
    found = await ctx.reminders.listed()
    if not found:
        return {
            "text": "There are no reminders.",
            "chips": [{"label": "Set one", "ask": "Remind me tomorrow at 9 to "}],
            "reminders": [],
        }
    for one in found:
        ctx.absorb(frozenset({*one.origin, "memory"}))
    lines = "\n".join(f"- **{one.text}**, {one.words}" for one in found)
    return {"text": lines, "reminders": [one.id for one in found]}


@capability("reminders.done", effect="write-own", idempotent=True)
async def done(ctx: CapabilityContext, reminder: int) -> dict[str, Any]:
    """Tick a reminder off; one that comes again stays for the next time."""
    await ctx.reminders.done(reminder)
    return {"text": "Done."}


@capability("reminders.snooze", effect="write-own")
async def snooze(ctx: CapabilityContext, reminder: int, seconds: int = 600) -> dict[str, Any]:
    """Put a reminder off."""
    one = await ctx.reminders.snooze(reminder, seconds)
    return {"text": f"I will come back {one.words}."}


@capability("reminders.remove", effect="write-own", idempotent=True)
async def remove(ctx: CapabilityContext, reminder: int) -> dict[str, Any]:
    """Take a reminder away."""
    removed = await ctx.reminders.remove(reminder, event=ctx.event)
    return {"text": "The reminder is gone.", "removed": removed}


@capability("reminders.restore", effect="write-own", idempotent=True)
async def restore(ctx: CapabilityContext, reminder: int) -> dict[str, Any]:
    """Bring back a reminder that was taken away."""
    await ctx.reminders.restore(reminder)
    return {"text": "The reminder is back."}
