"""Makes the router of loom.toml: its models, its policy, its prices. Nothing is connected yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loom_desktop import catalog
from loom_desktop import clock as clocks
from loom_desktop.clock import Clock
from loom_desktop.errors import SettingsError
from loom_desktop.llm import Provider
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.costs import prices
from loom_desktop.llm.discovery import Discovery, Found
from loom_desktop.llm.history import History
from loom_desktop.llm.keys import Secrets
from loom_desktop.llm.money import Money
from loom_desktop.llm.policy import level
from loom_desktop.llm.router import Policy, Router, Tell
from loom_desktop.llm.warm import Warmth
from loom_desktop.net import Ledger, Net
from loom_desktop.settings import Routing, Settings, fit


async def connected(
    settings: Settings,
    ledger: Ledger,
    secrets: Secrets,
    own: Path | None = None,
    *,
    agents: Mapping[str, Routing] | None = None,
    history: History | None = None,
    money: Money | None = None,
    tell: Tell | None = None,
    wall: Clock = clocks.wall,
) -> Router:
    """A router for these settings. Nothing is connected yet. Raises SettingsError.

    ``own`` is the person's folder: it may hold providers and a ``prices.toml``. ``agents`` are
    the policies of single agents.
    """
    net = Net(ledger, local_only=settings.privacy.local_only)
    attempts = Attempts(net)
    on = settings.router
    policy = Policy(
        privacy=level(on.privacy),
        redact=_redacted if settings.privacy.redact else None,
        latency_budget_ms=on.latency_budget_ms,
        cost_cap=on.cost_cap,
        quality_threshold=on.quality_threshold,
        hybrid=on.hybrid,
        prefer=on.prefer,
        learning=on.learning,
        agents=agents or {},
    )
    table = await asyncio.to_thread(prices, own / "prices.toml" if own else None)
    (offline,) = providers({"offline": {"kind": "offline"}}, attempts, secrets)
    return Router(
        providers(settings.llm, attempts, secrets, own=own),
        net,
        Discovery(net),
        policy,
        offline=offline,
        found=from_found(attempts, secrets),
        prices=table,
        history=history,
        money=money,
        tell=tell,
        wall=wall,
        warmth=Warmth(net, keep_alive_s=60 * on.keep_alive_minutes),
    )


def _redacted(text: str) -> str:
    from loom_desktop.text.redact import redact  # its patterns take a while to compile

    return redact(text).text


def providers(
    tables: Mapping[str, Mapping[str, Any]],
    attempts: Attempts,
    secrets: Secrets,
    *,
    own: Path | None = None,
) -> list[Provider]:
    """Make the models of ``[llm.NAME]``, in their order. Raises SettingsError; nothing connects."""
    made: list[Provider] = []
    for name, table in tables.items():
        kind = table.get("kind", "openai")
        known = catalog.names("llm.providers", own)
        if kind not in known:
            raise SettingsError(
                f"[llm.{name}] kind: there is no {kind!r}.", hint=f"There are: {', '.join(known)}."
            )
        module = catalog.load("llm.providers", kind, own)
        settings = fit(dict(table), module.Settings, where=f"llm.{name}")
        made.append(catalog.export("llm.providers", module)(name, settings, attempts, secrets))
    return made


def from_found(attempts: Attempts, secrets: Secrets) -> Callable[[Found], Provider]:
    """What makes a provider of a server found on this computer: its first model is taken."""

    def make(found: Found) -> Provider:
        table = {"api_base": found.api_base, "model": found.models[0]}
        return providers({found.name: table}, attempts, secrets)[0]

    return make
