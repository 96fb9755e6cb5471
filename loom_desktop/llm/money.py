"""Money: what was spent today, by whom, and whether another answer may be paid for.

A day is the person's. What is on its way counts with its estimate until its cost is known, so that
two questions at once do not both fit under one cap. What nobody knows the price of is not free: it
is asked about once in a run, and without anybody to ask it is not done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from loom_desktop.clock import Clock
from loom_desktop.errors import Denied
from loom_desktop.llm import Asker, Facts
from loom_desktop.llm.costs import dollars
from loom_desktop.store.routes import Routed

Ask = Callable[[Facts, Asker], Awaitable[None]]
"""Asks the person whether a model of unknown price may be used. Raises Denied."""


class Caps(Struct, frozen=True, kw_only=True):
    """In dollars; None: as much as it takes."""

    per_day: float | None = None
    per_agent: float | None = None
    """In a day."""
    agents: Mapping[str, float] = {}
    """Those of single agents, in a day."""
    unknown_price: Literal["ask", "refuse", "allow"] = "ask"


class Payment(Struct, frozen=True, kw_only=True):
    """An answer that may cost something."""

    time: float
    agent: str
    background: bool
    cost: float | None
    """None: nobody knows."""


class Refusal(Struct, frozen=True, kw_only=True):
    """Why an answer may not be paid for."""

    why: str
    """The end of a sentence."""
    hint: str


class Spending(Struct, frozen=True, kw_only=True):
    """One day, in dollars."""

    total: float
    asked: float
    """For what the person asked."""
    background: float
    """For what agents did by themselves."""
    agents: dict[str, float]
    answers: int
    """That were paid for."""
    unknown: int
    """Of those, how many of unknown price: they are not in the sums."""
    on_its_way: float
    """The estimate of what is being answered now; not in the sums either."""


class Money:
    """The purse of one engine."""

    def __init__(
        self,
        caps: Caps,
        clock: Clock,
        midnight: Callable[[], float],
        *,
        ask: Ask | None = None,
        attended: Callable[[], bool] = lambda: False,
        before: Iterable[Routed] = (),
    ) -> None:
        """``midnight`` is when the person's day began, in the seconds of ``clock``; ``before``
        are answers of earlier runs. ``attended``: whether ``ask`` would find anybody."""
        self.caps = caps
        self._clock, self._midnight = clock, midnight
        self._ask, self._attended = ask, attended
        self._paid = [
            Payment(
                time=one.time, agent=one.agent, background=one.background,
                cost=one.cost if one.cost >= 0 else None,
            )
            for one in before
            if not one.local
        ]  # fmt: skip
        self._held: dict[int, Payment] = {}
        self._next = 0
        self._asking = asyncio.Lock()
        self._said: dict[tuple[str, str], bool] = {}
        """What the person said to models of unknown price, in this run, by endpoint and model."""

    def refusal(self, facts: Facts, agent: str, cost: float | None) -> Refusal | None:
        """Why this may not be paid for; None when it may, or when the person has to be asked."""
        if facts.local or cost == 0:
            return None
        held = [one for one in self._held.values() if one.cost]
        for cap, spent, whose, setting in (
            (self.caps.per_day, self._sum(held), "a day", "router.cost_per_day"),
            (self._cap_of(agent), self._sum(held, agent), f"{agent} in a day",
             self._setting(agent)),
        ):  # fmt: skip
            if cap is not None and not (spent + (cost or 0.0) <= cap and spent < cap):
                more = f", and this is {dollars(cost or 0.0)} more" if cost and spent < cap else ""
                return Refusal(
                    why=f"{whose} may cost {dollars(cap)}, today it is {dollars(spent)}{more}",
                    hint=f"Raise it with: loom settings {setting} AMOUNT. It begins anew at "
                    "midnight, and a model on this computer costs nothing.",
                )
        if cost is not None or self._said.get(_one(facts)):
            return None
        mode = self.caps.unknown_price
        if mode == "allow" or (mode == "ask" and _one(facts) not in self._said and self._there()):
            return None
        why = "" if mode == "refuse" else ", and nobody is there to ask"
        if _one(facts) in self._said:
            why = ", and you said no"
        return Refusal(
            why=f"its price is not known{why}",
            hint=f'Write "{facts.model}" = {{ read = 0.0, write = 0.0 }} with its dollars for a '
            "million tokens below [models] in prices.toml, beside loom.toml, or say: "
            "loom settings router.unknown_price allow",
        )

    async def hold(
        self, facts: Facts, asker: Asker, cost: float | None, *, background: bool
    ) -> int:
        """Put by what the answer is estimated to cost; ``settle`` it when it is over.

        Asks the person about a model of unknown price. Raises Denied.
        """
        self._check(facts, asker, cost)
        unknown = cost is None and not facts.local and self.caps.unknown_price == "ask"
        if unknown and self._ask is not None:
            async with self._asking:  # who comes meanwhile gets the same answer
                self._check(facts, asker, cost)
                if not self._said.get(_one(facts)):
                    await self._asked(self._ask, facts, asker)
            self._check(facts, asker, cost)
        self._next += 1
        if not facts.local:
            self._held[self._next] = Payment(
                time=self._clock(), agent=asker.agent, background=background, cost=cost
            )
        return self._next

    async def _asked(self, ask: Ask, facts: Facts, asker: Asker) -> None:
        try:
            await ask(facts, asker)
        except Denied:
            if self._there():  # who went away meanwhile has not said no
                self._said[_one(facts)] = False
            raise
        self._said[_one(facts)] = True

    def settle(self, held: int, cost: float | None) -> None:
        """It is over, and this is what it cost; None: nobody knows."""
        payment = self._held.pop(held, None)
        if payment is not None:
            self._paid.append(
                Payment(
                    time=self._clock(), agent=payment.agent, background=payment.background,
                    cost=cost,
                )
            )  # fmt: skip

    def today(self) -> Spending:
        """Since midnight."""
        self._forget()
        known = [one for one in self._paid if one.cost is not None]
        agents: dict[str, float] = {}
        for one in known:
            agents[one.agent] = agents.get(one.agent, 0.0) + (one.cost or 0.0)
        behind = sum(one.cost or 0.0 for one in known if one.background)
        return Spending(
            total=sum(agents.values()),
            asked=sum(agents.values()) - behind,
            background=behind,
            agents=agents,
            answers=len(self._paid),
            unknown=len(self._paid) - len(known),
            on_its_way=sum(one.cost or 0.0 for one in self._held.values()),
        )

    def _check(self, facts: Facts, asker: Asker, cost: float | None) -> None:
        if (refused := self.refusal(facts, asker.agent, cost)) is not None:
            raise Denied(f"{_called(facts)} was not asked: {refused.why}.", hint=refused.hint)

    def _sum(self, held: list[Payment], agent: str | None = None) -> float:
        self._forget()
        return sum(
            one.cost or 0.0 for one in (*self._paid, *held) if agent is None or one.agent == agent
        )

    def _forget(self) -> None:
        since = self._midnight()
        self._paid = [one for one in self._paid if one.time >= since]

    def _cap_of(self, agent: str) -> float | None:
        caps = [
            one for one in (self.caps.per_agent, self.caps.agents.get(agent)) if one is not None
        ]
        return min(caps) if caps else None

    def _setting(self, agent: str) -> str:
        own = self.caps.agents.get(agent)
        least = self._cap_of(agent)
        return f"agents.{agent}.routing.cost_per_day" if own == least else "router.cost_per_agent"

    def _there(self) -> bool:
        return self._ask is not None and self._attended()


def _one(facts: Facts) -> tuple[str, str]:
    """Whom a yes is for: another seller of a model may take another price."""
    return facts.endpoint, facts.model


def _called(facts: Facts) -> str:
    return f"{facts.name} ({facts.model})" if facts.model else facts.name
