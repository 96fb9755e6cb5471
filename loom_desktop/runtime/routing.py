"""Routing: the router of this engine, with its past, its purse, and events of what it decides."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from loom_desktop.actions.consent import Question, digest
from loom_desktop.event import next_id
from loom_desktop.llm import Asker, Facts
from loom_desktop.llm.connect import connected
from loom_desktop.llm.history import History
from loom_desktop.llm.money import Caps, Money
from loom_desktop.llm.router import Router

if TYPE_CHECKING:
    from loom_desktop.loom import Loom
    from loom_desktop.settings import Settings

_MOST_ROWS = 2_000
"""How far back the past of the models is looked at."""


async def routed(loom: Loom) -> Router:
    """The way to models, as loom.toml says. Nothing is connected yet. Raises SettingsError."""
    store, on = loom.store, loom.settings
    agents = {name: loom.entries.routing(name, on) for name in on.agents}
    rows = (await store.routes.recent(limit=_MOST_ROWS))[::-1]
    today = await store.routes.since(midnight(loom))
    consent = loom.broker.consent
    money = Money(
        _caps(on, {name: one.cost_per_day for name, one in agents.items()}),
        loom.clock,
        lambda: midnight(loom),
        ask=lambda facts, asker: _ask(loom, facts, asker),
        attended=lambda: consent.attended,
        before=today,
    )

    def tell(kind: str, asker: Asker, facts: dict[str, Any]) -> None:
        loom.publisher("router")(f"routing.{kind}", thread=asker.thread, **facts)

    return await connected(
        on, store.ledger, store.secrets.get, loom.paths.config,
        agents=agents, history=History(rows, store.routes.add), money=money, tell=tell,
        wall=loom.clock,
    )  # fmt: skip


def midnight(loom: Loom) -> float:
    """When the person's day began."""
    now = datetime.fromtimestamp(loom.clock(), loom.zone)
    return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _caps(on: Settings, agents: dict[str, float | None]) -> Caps:
    return Caps(
        per_day=on.router.cost_per_day,
        per_agent=on.router.cost_per_agent,
        agents={name: cap for name, cap in agents.items() if cap is not None},
        unknown_price=on.router.unknown_price,
    )


async def _ask(loom: Loom, facts: Facts, asker: Asker) -> None:
    """A card: an answer of unknown price. Raises Denied."""
    consent = loom.broker.consent
    arguments = {"model": facts.model, "at": facts.endpoint or facts.name}
    await consent.wait(
        Question(
            digest=digest("model.ask", {**arguments, "once": next_id()}),
            capability="model.ask",
            arguments=arguments,
            words=f"Ask {facts.name} ({facts.model}), whose price is not known",
            reason="Its answers may cost something, and no cap can be held to that. "
            "Yes counts until Loom ends; a price in prices.toml counts for good.",
            effect="read-net",
            agent=asker.agent or "chat",
            thread=asker.thread,
            cause=asker.thread,
            origin=frozenset(),
            expires=loom.clock() + consent.ask_for_s,
        )
    )
