"""What Loom remembers: listed, searched, shown with where it comes from, changed, and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.errors import UsageError
from loom_desktop.event import Event, named, privacy_at_birth, tainted

if TYPE_CHECKING:
    from loom_desktop.loom import Loom
    from loom_desktop.store import Memory

_MOST = 1_000
_TYPED = frozenset({"user-typed"})


async def memories(
    loom: Loom, kind: str = "", tier: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """Those there are, the newest first; of one kind (episodic, semantic, note) or tier alone."""
    _limited(limit)
    found = await loom.store.memories.listed(kind=kind, tier=tier, limit=limit)
    return [await _plain(loom, one) for one in found]


async def find_memories(loom: Loom, query: str, limit: int = 10) -> list[dict[str, Any]]:
    """What fits, the best first: by words, letters and, with a model, meaning."""
    from loom_desktop.memory.recall import Query

    if not query.strip():
        raise UsageError("Say what to look for.")
    found = await loom.memory.query(Query(text=query, limit=limit))
    return [msgspec.to_builtins(one) for one in found]


async def memory(loom: Loom, memory: int) -> dict[str, Any]:
    """One of them: with its history, and with the memories that it was made from."""
    one = await loom.store.memories.get(memory)
    history = await loom.store.memories.history(memory)
    return await _plain(loom, one) | {
        "history": [await _plain(loom, before) for before in history],
        "made_from": await loom.store.memories.made_from(memory),
    }


async def change_memory(loom: Loom, memory: int, text: str) -> dict[str, Any]:
    """Give it other words; a fact becomes a text, and what was made from the old words goes."""
    return await _plain(loom, await loom.memory.change(memory, text))


async def forget_memory(loom: Loom, memory: int) -> dict[str, list[int]]:
    """Remove it from every file, with its history and all that was made from it: their numbers."""
    await loom.store.memories.get(memory)
    cause = Event(
        topic="verb.called",
        payload={"verb": "forget_memory"},
        sender="door",
        time=loom.clock(),
        origin=_TYPED,
        privacy=privacy_at_birth(_TYPED),
    )
    loom.bus.publish(cause)
    return {"forgotten": await loom.memory.forget([memory], cause)}


async def export_memories(loom: Loom, after: int = 0, limit: int = 500) -> dict[str, Any]:
    """All of them with their history, in the order in which they came: those behind a number.

    ``next`` is the number to go on behind, while there are ``more``.
    """
    _limited(limit)
    found = await loom.store.memories.after(after, limit=limit + 1)
    rows = [
        await _plain(loom, one) | {"made_from": await loom.store.memories.made_from(one.id)}
        for one in found[:limit]
    ]
    return {
        "memories": rows,
        "more": len(found) > limit,
        "next": rows[-1]["id"] if rows else after,
    }


def _limited(limit: int) -> None:
    if not 1 <= limit <= _MOST:
        raise UsageError(f"The limit is 1 to {_MOST:,}, not {limit}.")


async def _plain(loom: Loom, one: Memory) -> dict[str, Any]:
    kept = (
        "id", "text", "kind", "tier", "subject", "relation", "object", "time", "changed", "expires",
        "thread", "agent", "state", "superseded_by",
    )  # fmt: skip
    recall = await loom.memory.ready()
    return {name: getattr(one, name) for name in kept} | {
        "confidence": round(recall.confidence(one), 4),
        "origin": sorted(named(one.origin)),
        "privacy": one.privacy.word,
        "tainted": tainted(one.origin),
    }
