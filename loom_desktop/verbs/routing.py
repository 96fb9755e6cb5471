"""Models: which there are, which was asked and why, what it cost, what the person thinks of it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from loom_desktop.errors import LoomError, NotFound, UsageError
from loom_desktop.event import Privacy
from loom_desktop.verbs.settings import change_setting

if TYPE_CHECKING:
    from loom_desktop.llm.router import Router
    from loom_desktop.loom import Loom
    from loom_desktop.store import Routed

_THUMBS = {"up": 1, "down": -1, "none": 0}
_MOST = 1_000
_ANSWERS = 20
_TEST_TOKENS = 300


async def models(loom: Loom) -> list[dict[str, Any]]:
    """The models that are set or found, and whether they answer."""
    router = await loom.brain.router()
    return await router.models()


async def test_model(loom: Loom, name: str) -> dict[str, Any]:
    """Ask this model one short question: how long its first word and the whole take, what it
    costs, or in words why it does not answer. The caps and what may leave hold here too."""
    from loom_desktop.llm import Message

    router = await loom.brain.router()
    answer = router.answer(
        [Message("user", "Answer with one word: ready.")],
        privacy=Privacy.PUBLIC,  # the words are ours
        origin=frozenset({"user-typed"}),
        agent="person",
        max_tokens=_TEST_TOKENS,
        only=name,
    )
    told: dict[str, Any] = {"name": name, "model": "", "works": True, "message": "", "hint": ""}
    try:
        async for _ in answer:
            pass
    except LoomError as error:
        told |= {"works": False, "message": error.message, "hint": error.hint}
    if answer.route is not None:
        told["model"] = answer.route.model
    return told | {
        "first_s": round(answer.first_s, 3),
        "seconds": round(answer.seconds, 3),
        "cost": answer.cost,
        "text": answer.text.strip()[:200],
    }


async def use_model(loom: Loom, name: str, model: str = "") -> dict[str, Any]:
    """Ask this one first from now on, where nothing speaks against it: written into loom.toml.

    ``name`` is one of loom.toml or of a server found on this computer, which then gets its table
    there. ``model`` is the name of the model at that server.
    """
    router = await loom.brain.router()
    there = {one["name"]: one for one in await router.models()}
    if name not in there:
        near = difflib.get_close_matches(name, there, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(there) or 'none'}."
        raise NotFound(f"There is no model called {name!r}, here or in loom.toml.", hint=hint)
    one = there[name]
    if model:
        await _check(router, name, model)
    if one["found"]:
        await change_setting(loom, f"llm.{name}", "api_base", one["api_base"])
        await change_setting(loom, f"llm.{name}", "model", model or one["model"])
    elif model:
        await change_setting(loom, f"llm.{name}", "model", model)
    await change_setting(loom, "router", "prefer", name)
    return {"name": name, "model": model or one["model"]}


async def routes(loom: Loom, limit: int = 20, agent: str = "") -> dict[str, Any]:
    """Which model was asked and why, the newest first; the past of each; what learning brought."""
    if not 1 <= limit <= _MOST:
        raise UsageError(f"From 1 to {_MOST} can be listed.")
    rows = await loom.store.routes.recent(limit=limit, agent=agent)
    router = await loom.brain.router()
    return {
        "decisions": [msgspec.to_builtins(one) for one in rows],
        "models": [
            {**msgspec.to_builtins(one), "confidence": one.confidence}
            for one in router.history.records()
        ],
        "compared": await _compared(loom),
    }


async def money(loom: Loom) -> dict[str, Any]:
    """What was spent today, in dollars: by whom, for what, the caps, and the newest answers."""
    from loom_desktop.runtime.routing import midnight

    router, since = await loom.brain.router(), midnight(loom)
    rows = [one for one in await loom.store.routes.since(since) if not one.local]
    answers: dict[int, dict[str, Any]] = {}
    for row in rows:
        one = answers.setdefault(row.decision, _answer(row))
        known = one["cost"] is not None and row.cost >= 0
        one["cost"] = one["cost"] + row.cost if known else None
    purse, on = router.money, loom.settings.router
    return {
        "today": msgspec.to_builtins(purse.today()) if purse else None,
        "answers": list(answers.values())[-1 : -_ANSWERS - 1 : -1],
        "caps": {
            "answer": on.cost_cap,
            "day": on.cost_per_day,
            "agent": on.cost_per_agent,
            "agents": dict(purse.caps.agents) if purse else {},
            "unknown_price": on.unknown_price,
        },
    }


async def rate(loom: Loom, thumb: Literal["up", "down", "none"], turn: int = 0) -> dict[str, Any]:
    """Say what the answer of a turn was worth; 0 is the latest. It counts for the model that gave
    it, when one has to be chosen."""
    await loom.recorder.settled()
    turn = turn or await _latest_turn(loom)
    rated = await loom.store.routes.rate(turn, _THUMBS[thumb])
    if rated is None:
        raise NotFound(
            "No model gave that answer, so there is none to rate.",
            hint="Skills and what failed are not rated.",
        )
    (await loom.brain.router()).history.rated(rated)
    return {"turn": turn, "name": rated.name, "model": rated.model, "thumb": rated.thumb}


def _answer(row: Routed) -> dict[str, Any]:
    return {
        "time": row.time,
        "turn": row.turn,
        "thread": row.thread,
        "agent": row.agent,
        "name": row.name,
        "model": row.model,
        "background": row.background,
        "cost": 0.0,
    }


async def _check(router: Router, name: str, model: str) -> None:
    """Raises NotFound when the server says that it has no such model."""
    there = await router.models_of(name)
    if there and model not in there:
        near = difflib.get_close_matches(model, there, n=3) or there[:10]
        raise NotFound(f"{name} has no model called {model!r}.", hint=f"It has: {', '.join(near)}.")


async def _compared(loom: Loom) -> dict[str, Any] | None:
    from loom_desktop.llm.bandit import compared

    on = loom.settings.router
    rows = await loom.store.routes.recent(limit=5_000)
    found = compared(rows, budget_s=on.latency_budget_ms / 1000, cap=on.cost_cap)
    return None if found is None else msgspec.to_builtins(found)


async def _latest_turn(loom: Loom) -> int:
    for conversation in await loom.store.conversations.recent("", limit=1):
        for message in reversed(await loom.store.conversations.messages(conversation.conversation)):
            if message.role == "assistant" and message.state == "done":
                return message.turn
    raise NotFound("There is no answer yet.", hint="Ask something first.")
