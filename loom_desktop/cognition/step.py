"""Step: what is told of an answer while it is made."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer on its way."""

    kind: Literal[
        "text", "thought", "plan", "call", "result", "steered", "limit", "quick", "replaced", "done"
    ]
    text: str = ""
    facts: dict[str, Any] = {}
    """``call``: id, tool, arguments. ``result``: id, tool, ok. ``plan``: steps. ``limit``: which.
    ``quick``: target; a better answer is asked for. ``replaced``: its text stands in the place of
    what was said. ``done``: route, model, seconds, cost (None: not known), reason, chips, left_out,
    steps, estimated (tokens and cost: the server did not say)."""
