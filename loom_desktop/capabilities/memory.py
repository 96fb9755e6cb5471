"""Memory: what is kept for good, found by what one still knows of it, and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loom_desktop import capability
from loom_desktop.errors import UsageError
from loom_desktop.text.facts import facts_in, to_the_person

if TYPE_CHECKING:
    from loom_desktop import CapabilityContext

_LABEL_CHARS = 40


@capability("memory.remember", effect="write-own")
async def remember(ctx: CapabilityContext, text: str) -> dict[str, Any]:
    """Remember something for good."""
    if not text.strip():
        raise UsageError("There is nothing to remember.", hint='Say "remember that" and what.')
    number = await ctx.memory.add(text)
    return {
        "text": f"Remembered: {text.strip()}{ctx.lasting}",
        "memory": number,
        "chips": [{"label": "Forget it again", "ask": f"forget memory {number}"}],
    }


@capability("memory.learn", effect="write-own", idempotent=True)
async def learn(ctx: CapabilityContext, text: str) -> dict[str, Any]:
    """Remember the facts that the person states of themselves: name, home, work, family."""
    facts = facts_in(text)
    if not facts:
        raise UsageError("There is no fact in that.", hint='Say "remember that" and what.')
    kept = [
        await ctx.memory.add(
            subject=one.subject, relation=one.relation, object=one.object, kind="semantic"
        )
        for one in facts
    ]
    said = "\n".join(f"- {to_the_person(one)}" for one in facts)
    chips = [
        {"label": f"Forget: {_short(one.object)}", "ask": f"forget memory {number}"}
        for one, number in zip(facts[:3], kept, strict=False)
    ]
    return {"text": f"Remembered:\n\n{said}{ctx.lasting}", "memories": kept, "chips": chips}


@capability("memory.find", effect="read-local", idempotent=True)
async def find(
    ctx: CapabilityContext, query: str = "", limit: int = 5, forget: bool = False
) -> dict[str, Any]:
    """Find what is remembered, by what is still known of it; without words, the newest.

    ``forget``: offer to forget each.
    """
    found = await ctx.memory.query(query, limit=limit)
    if not found:
        about = f" about {query}" if query.strip() else ""
        return {
            "text": f"I remember nothing{about}.",
            "chips": [{"label": "Remember something", "ask": "remember that "}],
            "memories": [],
        }
    lines = "\n".join(f"- {one.text}{_from(one)}" for one in found)
    chips = [
        {"label": f"Forget: {_short(one.text)}", "ask": f"forget memory {one.id}"}
        for one in found[:3]
    ]
    return {
        "text": f"Which of these shall I forget?\n\n{lines}" if forget else lines,
        "chips": chips if forget else [],
        "memories": [one.id for one in found],
    }


@capability("memory.forget", effect="write-irreversible", idempotent=True)
async def forget(ctx: CapabilityContext, memory: int) -> dict[str, Any]:
    """Forget one for good, with all that was made from it. Nothing brings it back."""
    gone = await ctx.memory.forget(memory)
    more = f", and {len(gone) - 1} that belonged to it" if len(gone) > 1 else ""
    return {"text": f"Forgotten{more}.", "forgotten": gone}


def _from(one: Any) -> str:
    if not one.tainted:
        return ""
    origins = ", ".join(name for name in one.origin if name != "memory")
    return f" *(from {origins}: others may have written it)*"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LABEL_CHARS else line[: _LABEL_CHARS - 1].rstrip() + "…"
