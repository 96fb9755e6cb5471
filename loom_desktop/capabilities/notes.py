"""Notes: kept on this computer, found again by their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loom_desktop import capability
from loom_desktop.errors import UsageError

if TYPE_CHECKING:
    from loom_desktop import CapabilityContext


@capability("notes.add", effect="write-own")
async def add(ctx: CapabilityContext, text: str) -> dict[str, Any]:
    """Keep a note."""
    if not text.strip():
        raise UsageError("The note is empty.", hint='Write "note: " and what to keep.')
    number = await ctx.notes.add(text.strip(), ctx.event)
    return {
        "text": f"Kept: {text.strip()}{ctx.lasting}",
        "note": number,
        "chips": [{"label": "Show my notes", "ask": "my notes"}],
    }


@capability("notes.find", effect="read-local", idempotent=True)
async def find(ctx: CapabilityContext, query: str = "", limit: int = 10) -> dict[str, Any]:
    """Find notes by words in them; without words, the newest."""
    found = await ctx.notes.search(query, limit)
    if not found:
        about = f" about {query}" if query else ""
        return {
            "text": f"There is no note{about}.",
            "chips": [{"label": "Write one", "ask": "note: "}],
            "notes": [],
        }
    lines = "\n".join(f"- {one.text}" for one in found)
    return {"text": lines, "notes": [one.id for one in found]}


@capability("notes.remove", effect="write-reversible", idempotent=True)
async def remove(ctx: CapabilityContext, note: int) -> dict[str, Any]:
    """Take a note away."""
    await ctx.notes.remove(note)
    return {"text": "The note is gone."}
