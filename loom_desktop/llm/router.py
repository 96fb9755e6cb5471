"""Which model answers: the first that may see the content and is there. It is always said which.

The order is that of loom.toml, then a model server found on this computer, then no model. What may
leave this computer is decided by the label of the content, never by its text:

    local-only, or no label     only models on this computer
    above ``[router] privacy``  only models on this computer
    the rest                    also models elsewhere, with secrets taken out first

A model in loom.toml is one that the person allowed. ``[router] privacy = "local-only"`` and the
switch ``[privacy] local_only`` both mean that nothing leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from loom_desktop import catalog
from loom_desktop import clock as clocks
from loom_desktop.breaker import Breaker
from loom_desktop.clock import Clock
from loom_desktop.errors import (
    Denied,
    LoomError,
    NotFound,
    SettingsError,
    TimedOut,
    Unavailable,
)
from loom_desktop.event import Privacy
from loom_desktop.llm import (
    Asker,
    Delta,
    Facts,
    Message,
    Provider,
    Text,
    Tool,
    Usage,
)
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.costs import Prices, prices
from loom_desktop.llm.discovery import Discovery, Found
from loom_desktop.llm.keys import Secrets
from loom_desktop.llm.tokens import Counter, estimate
from loom_desktop.net import Ledger, Net
from loom_desktop.settings import Settings, fit

CONTEXT = 8_192
"""Tokens that a model can read when nobody says how many: what small ones on a computer take."""
_SHARE = 0.73
"""Of that for the prompt: counting errs, and the answer wants its room."""
_NEXT = (Unavailable, TimedOut, NotFound, Denied, SettingsError)
"""After these, before the first piece, the next model is asked."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may leave, as the person set it."""

    privacy: Privacy = Privacy.PRIVATE
    """The most private content that a model elsewhere may see; LOCAL_ONLY: nothing leaves."""
    redact: Callable[[str], str] | None = None
    """Takes secrets out of what leaves. Without it, content labelled sensitive does not leave."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers, and why that one."""

    name: str
    """As in ``[llm.NAME]``, or the name of what was found."""
    model: str
    local: bool
    reason: str
    """A sentence or two for a person."""
    room: int = 6_000
    """Tokens of a prompt for it; the rest of what it can read is for its answer."""
    counted_as: str = ""
    """The key of what counts its tokens."""

    @property
    def words(self) -> str:
        """As every answer shows it: ``local · llama3.2``, ``cloud · deepseek-chat``."""
        place = "offline" if self.name == "offline" else "local" if self.local else "cloud"
        return f"{place} · {self.model}"


@dataclass(slots=True)
class Answer:
    """An answer on its way: iterate over it once. What it knows grows while it comes."""

    route: Route | None = None
    """Who answers; known with the first piece."""
    text: str = ""
    """What came so far, also after an error or a cancel."""
    usage: Usage | None = None
    """Counted by the server, else estimated when the answer ends."""
    cost: float | None = None
    """Dollars: 0 on this computer, None when it is not known."""
    seconds: float = 0.0
    first_s: float = 0.0
    """Until the first piece."""
    _deltas: AsyncGenerator[Delta, None] | None = field(default=None, repr=False)

    def __aiter__(self) -> AsyncGenerator[Delta, None]:
        assert self._deltas, "an answer comes from Router.answer"
        return self._deltas

    async def aclose(self) -> None:
        """Hang up."""
        if self._deltas:
            await self._deltas.aclose()


class Router:
    """Chooses a model for a question, asks it, and goes on to the next when it is not there."""

    def __init__(
        self,
        models: Sequence[Provider],
        net: Net,
        discovery: Discovery | None,
        policy: Policy,
        *,
        offline: Provider,
        found: Callable[[Found], Provider] | None = None,
        prices: Prices | None = None,
        clock: Clock = clocks.monotonic,
    ) -> None:
        """``models`` in the order of loom.toml; ``found`` makes a provider of what was found."""
        self._models = list(models)
        self.net = net
        """The door that the models are asked through."""
        self._discovery = discovery
        self.policy = policy
        self._offline = offline
        self._found = found
        self._prices = prices or Prices({})
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}
        self._counters: dict[str, Counter] = {}

    async def route(self, privacy: Privacy, origin: frozenset[str]) -> Route:
        """Who would be asked now. Nobody is asked, but a model server may be looked for."""
        passed: list[str] = []
        async with aclosing(self._candidates(privacy, origin, passed)) as candidates:
            async for provider, reason in candidates:
                if not self._breaker(provider).open:
                    return _route(provider.facts, reason, passed)
                passed.append(_left_alone(provider.facts).message.rstrip("."))
        raise AssertionError("the offline provider is always there")

    def answer(
        self,
        messages: Sequence[Message],
        *,
        privacy: Privacy,
        origin: frozenset[str],
        agent: str = "",
        thread: int = 0,
        tools: Sequence[Tool] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Answer:
        """Ask. Nothing happens until the answer is iterated over; closing it hangs up.

        Raises, while it is iterated, what the models that were asked raised, when none of them
        answered, and what the one that answered raises after its first piece. Where no model could
        be asked at all, the offline provider answers.
        """
        answer = Answer()
        asker = Asker(agent=agent, thread=thread, privacy=_label(privacy, origin))
        how: dict[str, Any] = {"tools": tools, "max_tokens": max_tokens, "temperature": temperature}
        if schema is not None:  # a provider of the person's own may not know it
            how["schema"] = schema
        answer._deltas = self._run(answer, list(messages), origin, asker, how)
        return answer

    def counter(self, route: Route) -> Callable[[str], float]:
        """Counts the tokens of a text as that model does, as far as it has said so."""
        counter = self._counters.setdefault(route.counted_as, Counter())
        return lambda text: estimate(text) * counter.factor

    @property
    def breakers(self) -> list[Breaker]:
        """Those of the models that were asked so far."""
        return list(self._breakers.values())

    async def close(self) -> None:
        """Hang up everywhere; the router is of no use afterwards."""
        await self.net.close()

    async def models(self) -> list[dict[str, Any]]:
        """For ``loom doctor`` and the settings: what is set and what was found; asks each."""
        listed = []
        for provider, found in [
            *((one, False) for one in self._models),
            *((one, True) for one in await self._looked()),
        ]:
            facts, detail, working = provider.facts, "", True
            try:
                there = await provider.models()
                if there and facts.model and facts.model not in there:
                    working, detail = False, f"There is no model called {facts.model!r} there."
                elif there:
                    detail = f"{len(there)} models"
            except LoomError as error:
                working, detail = False, " ".join(filter(None, (error.message, error.hint)))
            listed.append(
                {
                    "name": facts.name,
                    "kind": facts.kind,
                    "api_base": facts.api_base,
                    "model": facts.model,
                    "found": found,
                    "local": facts.local,
                    "working": working,
                    "detail": detail,
                }
            )
        return listed

    async def _run(
        self,
        answer: Answer,
        messages: list[Message],
        origin: frozenset[str],
        asker: Asker,
        how: dict[str, Any],
    ) -> AsyncGenerator[Delta, None]:
        begun = self._clock()
        passed: list[str] = []
        errors: list[LoomError] = []

        async def one(provider: Provider, reason: str) -> AsyncGenerator[Delta, None]:
            facts = provider.facts
            said = messages if facts.local else [self._masked(one) for one in messages]
            stream = provider.stream(said, **how, asker=asker)
            try:
                async with aclosing(stream) as deltas:
                    async for delta in deltas:
                        if answer.route is None:
                            answer.route = _route(facts, reason, passed)
                            answer.first_s = self._clock() - begun
                        if isinstance(delta, Text):
                            answer.text += delta.text
                        elif isinstance(delta, Usage):
                            answer.usage = delta
                        yield delta
            finally:
                if answer.route is not None:
                    self._counted(answer, facts, said)

        try:
            async with aclosing(self._candidates(asker.privacy, origin, passed)) as candidates:
                async for provider, reason in candidates:
                    if errors and provider is self._offline:
                        raise _joined(errors)
                    attempt = self._breaker(provider).begin()
                    if attempt is None:
                        errors.append(_left_alone(provider.facts))
                        passed.append(errors[-1].message.rstrip("."))
                        continue
                    try:
                        async with aclosing(one(provider, reason)) as deltas:
                            async for delta in deltas:
                                yield delta
                        attempt.worked()
                        return
                    except _NEXT as error:
                        if isinstance(error, Unavailable | TimedOut):
                            attempt.failed()
                        if answer.route is not None:
                            raise
                        if self._discovery and provider.facts.local:
                            self._discovery.forget()
                        errors.append(error)
                        passed.append(error.message.rstrip("."))
                    finally:
                        attempt.given_up()
        finally:
            answer.seconds = self._clock() - begun

    async def _candidates(
        self, privacy: Privacy, origin: frozenset[str], passed: list[str]
    ) -> AsyncGenerator[tuple[Provider, str], None]:
        """The models that may see it, best first, each with its reason; the last is no model."""
        label = _label(privacy, origin)
        for number, one in enumerate(self._models):
            if (why := self._kept_from(one.facts, label)) is None:
                yield one, "It is the first in loom.toml" if number == 0 else "It is in loom.toml"
            else:
                passed.append(f"{_called(one.facts)} was left out: {why}")
        for one in await self._looked():
            yield one, "It was found on this computer"
        yield self._offline, "No model is there" if self._models else "No model is connected"

    def _kept_from(self, facts: Facts, label: Privacy) -> str | None:
        """Why a model may not see content with this label; None when it may."""
        if facts.local:
            return None
        if self.net.local_only:
            return "local only is on"
        if label is Privacy.LOCAL_ONLY:
            return "this does not leave the computer"
        if self.policy.privacy is Privacy.LOCAL_ONLY or label > self.policy.privacy:
            return f"[router] privacy keeps {label.word} content here"
        if label is Privacy.SENSITIVE and self.policy.redact is None:
            return "sensitive content leaves only with its secrets taken out"
        return None

    async def _looked(self) -> list[Provider]:
        if self._discovery is None or self._found is None:
            return []
        named = {_here(one.facts.endpoint) for one in self._models}
        found = [one for one in await self._discovery.find() if one.models]
        providers = [self._found(one) for one in found]
        return [
            one for one in providers if _here(one.facts.endpoint) not in named and one.facts.local
        ]

    def _masked(self, message: Message) -> Message:
        redact = self.policy.redact
        if redact is None:
            return message
        return msgspec.structs.replace(
            message,
            text=redact(message.text),
            calls=tuple(
                msgspec.structs.replace(one, arguments=redact(one.arguments))
                for one in message.calls
            ),
        )

    def _counted(self, answer: Answer, facts: Facts, said: list[Message]) -> None:
        counter = self._counters.setdefault(_counted_as(facts), Counter())
        if facts.kind == "offline":
            answer.usage = Usage(0, 0)
        elif answer.usage is None:
            answer.usage = Usage(counter.prompt(said), counter.count(answer.text), estimated=True)
        else:
            counter.learn(answer.text, answer.usage.completion)
        answer.cost = self._prices.cost(facts, answer.usage)

    def _breaker(self, provider: Provider) -> Breaker:
        facts = provider.facts
        key = facts.endpoint or facts.name
        return self._breakers.setdefault(key, Breaker(self._clock, name=_called(facts)))


async def connected(
    settings: Settings, ledger: Ledger, secrets: Secrets, own: Path | None = None
) -> Router:
    """A router for these settings. Nothing is connected yet. Raises SettingsError.

    ``own`` is the person's folder: it may hold providers and a ``prices.toml``.
    """
    net = Net(ledger, local_only=settings.privacy.local_only)
    attempts = Attempts(net)
    policy = Policy(
        privacy=Privacy[settings.router.privacy.upper().replace("-", "_")],
        redact=_redacted if settings.privacy.redact else None,
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


def _label(privacy: Privacy, origin: frozenset[str]) -> Privacy:
    """A missing origin is a missing label, and that never leaves."""
    return privacy if origin else Privacy.LOCAL_ONLY


def _left_alone(facts: Facts) -> Unavailable:
    return Unavailable(
        f"{_called(facts)} failed again and again, so it is left alone for half a minute.",
        hint="Check that it runs, or pick another model in Settings.",
    )


def _joined(errors: Sequence[LoomError]) -> LoomError:
    """One error for several models that did not answer: the kind and the hint of the first."""
    first = errors[0]
    messages = list(dict.fromkeys(one.message for one in errors))
    return type(first)(" ".join(messages), hint=first.hint)


def _here(endpoint: str) -> str:
    return endpoint.replace("localhost", "127.0.0.1")


def _called(facts: Facts) -> str:
    return f"{facts.name} ({facts.model})" if facts.model else facts.name


def _route(facts: Facts, reason: str, passed: Sequence[str]) -> Route:
    before = "".join(f"{one[0].upper()}{one[1:]}. " for one in passed)
    return Route(
        name=facts.name,
        model=facts.model,
        local=facts.local,
        reason=f"{before}{reason}.",
        room=int((facts.context or CONTEXT) * _SHARE),
        counted_as=_counted_as(facts),
    )


def _counted_as(facts: Facts) -> str:
    return f"{facts.endpoint}/{facts.model}"
