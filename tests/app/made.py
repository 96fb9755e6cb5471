"""Cards as the engine's verbs and events give them."""

from __future__ import annotations

from typing import Any

NOW = 1_795_161_600.0
"""2026-11-20 08:00 UTC."""


def card(number: int = 1, kind: str = "suggestion", **fields: Any) -> dict[str, Any]:
    actions = {
        "approval": [("deny", "Do not"), ("allow", "Move")],
        "reminder": [("done", "Done"), ("snooze", "In 10 minutes")],
    }.get(kind, [("summarise", "Summarise")])
    made: dict[str, Any] = {
        "id": number,
        "kind": kind,
        "agent": "clipboard",
        "title": f"Card {number}",
        "text": "",
        "detail": "",
        "actions": [
            {"id": one, "label": words, "primary": at == 0}
            for at, (one, words) in enumerate(actions)
        ],
        "state": "open",
        "created": NOW,
        "expires": NOW + 90,
        "answer": "",
        "thread": number,
        "cause": number,
        "origin": ["clipboard"],
        "why": "",
        "digest": "",
        "data": {},
    }
    return made | fields


def item(number: int, kind: str = "suggestion", **fields: Any) -> dict[str, Any]:
    inside = card(number, kind, **fields)
    return {
        "id": number,
        "kind": "card",
        "title": inside["title"],
        "text": inside["text"],
        "state": inside["state"],
        "time": inside["created"],
        "thread": number,
        "undo": 0,
        "card": inside,
    }


def action(number: int, *, undo: int = 0, state: str = "done", time: float = NOW) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "action",
        "title": f"Moved {number} files",
        "text": "to Documents",
        "state": state,
        "time": time,
        "thread": number,
        "undo": undo,
        "card": None,
    }
