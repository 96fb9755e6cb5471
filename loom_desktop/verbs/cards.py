"""Cards, the inbox, and why something is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.errors import NotFound
from loom_desktop.runtime.attention import Door, plain

if TYPE_CHECKING:
    from loom_desktop.event import Event
    from loom_desktop.loom import Loom

_SAID = ("title", "text", "words", "reason", "message", "error", "path", "capability", "combo")


async def cards(loom: Loom) -> list[dict[str, Any]]:
    """Those that are shown now."""
    return [plain(one) for one in await loom.store.cards.open()]


async def answer(
    loom: Loom, card: int, action: str, digest: str = "", door: Door = "cli"
) -> dict[str, str]:
    """Answer a card; the first answer counts. What needs the window is refused at other doors."""
    return {"state": await loom.desk.answer(card, action, door=door, bound=digest)}


async def never_for_this(loom: Loom, card: int) -> dict[str, Any]:
    """The agent does not offer this kind of thing again."""
    await loom.desk.never(card)
    return {}


async def nevers(loom: Loom) -> list[dict[str, Any]]:
    """What is not offered any more."""
    return [msgspec.to_builtins(one) for one in await loom.store.cards.nevers()]


async def offer_again(loom: Loom, agent: str, what: str) -> dict[str, bool]:
    """Take a "never" back."""
    return {"removed": await loom.store.cards.remove_never(agent, what)}


async def inbox(
    loom: Loom, query: str = "", kind: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """Everything offered, asked, done and failed; the newest first."""
    items: list[dict[str, Any]] = []
    if kind in ("", "card", "suggestion", "approval", "reminder", "notice"):
        wanted = "" if kind == "card" else kind
        for card in await loom.store.cards.recent(query, kind=wanted, limit=limit):
            items.append(
                {
                    "id": card.id,
                    "kind": "card",
                    "title": card.title,
                    "text": card.text,
                    "state": card.state,
                    "time": card.created,
                    "thread": card.thread,
                    "undo": 0,
                    "card": plain(card),
                }
            )
    if kind in ("", "action"):
        words = query.lower().split()
        for act in await loom.store.acts.recent(limit=limit):
            text = act.outcome or act.state
            if not all(word in f"{act.words} {text}".lower() for word in words):
                continue
            left = any(step.state == "done" for step in act.steps)
            items.append(
                {
                    "id": act.id,
                    "kind": "action",
                    "title": act.words,
                    "text": text,
                    "state": act.state,
                    "time": act.time,
                    "thread": act.thread,
                    "undo": act.id if left else 0,
                    "card": None,
                }
            )
    return sorted(items, key=lambda one: -one["time"])[:limit]


async def why(loom: Loom, event: int = 0, card: int = 0) -> list[dict[str, Any]]:
    """The chain from what the system saw to what Loom did."""
    if card:
        event = (await loom.store.cards.get(card)).cause
    found = await loom.store.journal.chain(event)
    if not found:
        raise NotFound("Nothing is written down about this any more.")
    return [
        {"time": one.time, "topic": one.topic, "sender": one.sender, "text": in_words(one)}
        for one in found
    ]


def in_words(event: Event) -> str:
    """What of it a person reads first."""
    said = event.payload
    for key in _SAID:
        value = said.get(key)
        if isinstance(value, str) and value:
            return value if len(value) <= 200 else f"{value[:200]}…"
    card = said.get("card")
    return str(card["title"]) if isinstance(card, dict) else ""
