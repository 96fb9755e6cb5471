"""Step: what is told of an answer while it is made."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer on its way."""

    kind: Literal["text", "thought", "plan", "call", "result", "steered", "limit", "done"]
    text: str = ""
    facts: dict[str, Any] = {}
    """``call``: id, tool, arguments. ``result``: id, tool, ok. ``plan``: steps. ``limit``: which.
    ``done``: route, model, seconds, cost (None: not known), reason, chips, left_out, steps."""
