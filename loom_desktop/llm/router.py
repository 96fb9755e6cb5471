"""Which model answers: the first that may see the content and is there. It is always said which.

The order is that of loom.toml, then a model server found on this computer, then no model; the rules
of ``policy`` put another one first where they have a reason. What may leave this computer is
decided by the label of the content, never by its text:

    local-only, or no label     only models on this computer
    above ``[router] privacy``  only models on this computer
    the rest                    also models elsewhere, with secrets taken out first

A model in loom.toml is one that the person allowed. ``[router] privacy = "local-only"`` and the
switch ``[privacy] local_only`` both mean that nothing leaves.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

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
    UsageError,
)
from loom_desktop.event import Privacy, next_id
from loom_desktop.llm import (
    Asker,
    Delta,
    Facts,
    Finish,
    Message,
    Phase,
    Provider,
    Text,
    Thinking,
    Tool,
    ToolCall,
    Usage,
)
from loom_desktop.llm.answer import Answer as Answer
from loom_desktop.llm.answer import Route as Route
from loom_desktop.llm.bandit import Arm, Bandit, arm_of, reward
from loom_desktop.llm.costs import Prices
from loom_desktop.llm.discovery import Discovery, Found
from loom_desktop.llm.history import History
from loom_desktop.llm.money import Money
from loom_desktop.llm.passed import called, joined, left_alone, not_that, why
from loom_desktop.llm.policy import Candidate, Decision, Left, Limits, decide
from loom_desktop.llm.tokens import Counter, estimate
from loom_desktop.llm.warm import Warmth
from loom_desktop.net import Net
from loom_desktop.settings import Routing
from loom_desktop.store.routes import UNKNOWN, Routed

Tell = Callable[[str, Asker, dict[str, Any]], None]
"""Told of every decision: ``decided`` or ``ended``, on whose behalf, and the facts."""
_Phase = Literal["", "quick", "refine"]
_NEXT = (Unavailable, TimedOut, NotFound, Denied, SettingsError)
"""After these, before the first piece, the next model is asked."""
CONTEXT = 8_192
"""Tokens that a model can read when nobody says how many: what small ones on a computer take."""
_SHARE = 0.73
"""Of that for the prompt: counting errs, and the answer wants its room."""
_ASKED_FOR = ("", "chat", "person")
"""Who asks when the person does; the others do so by themselves."""
_ANSWER_TOKENS = 400
"""How long an answer of a model is of which nothing is known yet."""
_QUICK_TOKENS = 300


@dataclass(frozen=True, slots=True)
class Policy:
    """What may leave, as the person set it."""

    privacy: Privacy = Privacy.PRIVATE
    """The most private content that a model elsewhere may see; LOCAL_ONLY: nothing leaves."""
    redact: Callable[[str], str] | None = None
    """Takes secrets out of what leaves. Without it, content labelled sensitive does not leave."""
    latency_budget_ms: int | None = None
    cost_cap: float | None = None
    quality_threshold: float | None = None
    hybrid: bool = False
    """These four as in ``policy.Limits``."""
    prefer: str = ""
    """The model that goes first in the order of the person."""
    learning: Literal["off", "bandit", "ab"] = "off"
    agents: Mapping[str, Routing] = field(default_factory=dict)
    """What single agents want otherwise."""

    def limits(self, agent: str, call: Routing | None, *, local_only: bool) -> Limits:
        """What binds a question: each of the three may only tighten privacy and cost."""
        own = Limits(
            privacy=self.privacy,
            local_only=local_only,
            masked=self.redact is not None,
            latency_budget_ms=self.latency_budget_ms,
            cost_cap=self.cost_cap,
            quality_threshold=self.quality_threshold,
            hybrid=self.hybrid,
        )
        return own.tightened(self.agents.get(agent)).tightened(call)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, for whom, and what binds it."""

    messages: list[Message]
    asker: Asker
    limits: Limits
    how: Mapping[str, Any] = field(default_factory=dict)
    phases: bool = False
    only: str = ""
    turn: int = 0
    arm: Arm | Literal[""] = ""
    decision: int = field(default_factory=next_id)

    @property
    def background(self) -> bool:
        return self.asker.agent not in _ASKED_FOR


@dataclass(frozen=True, slots=True)
class _Choice:
    """A model whose turn it is, and why."""

    provider: Provider
    reason: str
    rule: str
    confidence: float
    phase: _Phase = ""
    then: _Choice | None = None
    """Who gives a better answer after this quick one."""


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
        history: History | None = None,
        money: Money | None = None,
        tell: Tell | None = None,
        warmth: Warmth | None = None,
        bandit: Bandit | None = None,
        wall: Clock = clocks.wall,
    ) -> None:
        """``models`` in the order of loom.toml; ``found`` makes a provider of what was found.

        Without ``money`` there is no cap but the one for an answer. ``wall`` dates the rows.
        """
        self._models = sorted(models, key=lambda one: one.facts.name != policy.prefer)
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
        self.history = history or History()
        """What came of earlier answers."""
        self.money = money
        """What was spent; None: nobody counts."""
        self._tell = tell or (lambda kind, asker, facts: None)
        self._warmth, self._bandit, self._wall = warmth, bandit or Bandit(), wall

    async def route(
        self, privacy: Privacy, origin: frozenset[str], *, agent: str = "", only: str = ""
    ) -> Route:
        """Who would be asked now; ``only``: see ``answer``. Nobody is asked, but a model server may
        be looked for. Raises NotFound when there is no such model."""
        asker = Asker(agent=agent, privacy=_label(privacy, origin))
        question = _Question([], asker, self._limits(asker, None), only=only)
        passed: list[str] = []
        errors: list[LoomError] = []
        async with aclosing(self._chosen(question, passed, errors)) as chosen:
            async for choice in chosen:
                if not self._breaker(choice.provider).open:
                    return _route(choice, passed)
                errors.append(left_alone(choice.provider.facts))
                passed.append(errors[-1].message.rstrip("."))
        raise joined(errors) if errors else not_that(only)

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
        routing: Routing | None = None,
        phases: bool = False,
        turn: int = 0,
        only: str = "",
    ) -> Answer:
        """Ask. Nothing happens until the answer is iterated over; closing it hangs up.

        ``routing`` is the policy of this call. ``phases``: whoever asks can show a quick answer and
        then a better one (see ``Phase``). ``turn`` is the id of the event that asks. ``only`` names
        the one model that is asked, and no other takes its place.

        Raises, while it is iterated, what the models that were asked raised, when none of them
        answered, and what the one that answered raises after its first piece. Where no model could
        be asked at all, the offline provider answers; Denied where it was for the money, and
        Unavailable where none of them can do it.
        """
        asker = Asker(agent=agent, thread=thread, privacy=_label(privacy, origin))
        how: dict[str, Any] = {"tools": tools, "max_tokens": max_tokens, "temperature": temperature}
        if schema is not None:  # a provider of the person's own may not know it
            how["schema"] = schema
        limits = msgspec.structs.replace(
            self._limits(asker, routing), pictures=any(one.images for one in messages)
        )
        question = _Question(
            list(messages), asker, limits, how, phases, only, turn, self._arm(thread)
        )
        answer = Answer(decision=question.decision)
        answer.deltas = self._run(answer, question)
        return answer

    def dollars(self, agent: str) -> float:
        """What one answer for this agent may cost, all its steps together."""
        cap = self.policy.limits(agent, None, local_only=self.net.local_only).cost_cap
        return math.inf if cap is None else cap

    def counter(self, route: Route) -> Callable[[str], float]:
        """Counts the tokens of a text as that model does, as far as it has said so."""
        counter = self._counters.setdefault(route.counted_as, Counter())
        return lambda text: estimate(text) * counter.factor

    async def warm(self) -> bool:
        """Have the model of this computer loaded that would be asked first. Whether it was."""
        here = [one for one in self._models if one.facts.local]
        if self._warmth is None or not (here := here or await self._looked()):
            return False
        return await self._warmth.warm(here[0].facts)

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

    async def models_of(self, name: str) -> list[str]:
        """What the server of this one has; empty where there is none or it does not say.

        Raises what ``Provider.models`` raises."""
        for one in (*self._models, *await self._looked()):
            if one.facts.name == name:
                return await one.models()
        return []

    async def _run(self, answer: Answer, question: _Question) -> AsyncGenerator[Delta, None]:
        begun = self._clock()
        passed: list[str] = []
        errors: list[LoomError] = []
        try:
            async with aclosing(self._chosen(question, passed, errors)) as chosen:
                async for choice in chosen:
                    if errors and choice.provider is self._offline:
                        raise joined(errors)
                    ask = self._twice if choice.then else self._ask
                    try:
                        async with aclosing(ask(answer, question, choice, passed, begun)) as deltas:
                            async for delta in deltas:
                                yield delta
                        return
                    except _NEXT as error:
                        if answer.route is not None:
                            raise
                        if self._discovery and choice.provider.facts.local:
                            self._discovery.forget()
                        errors.append(error)
                        passed.append(why(choice.provider.facts, error))
            if question.only:
                raise joined(errors) if errors else not_that(question.only)
        finally:
            answer.seconds = self._clock() - begun

    async def _ask(
        self,
        answer: Answer,
        question: _Question,
        choice: _Choice,
        passed: Sequence[str],
        begun: float,
    ) -> AsyncGenerator[Delta, None]:
        """One model, and a row of what came of it. ``begun`` is when the person asked."""
        provider, facts = choice.provider, choice.provider.facts
        attempt = self._breaker(provider).begin()
        if attempt is None:
            raise left_alone(facts)
        how = dict(question.how)
        if choice.phase == "quick":
            how["max_tokens"] = min(how.get("max_tokens") or _QUICK_TOKENS, _QUICK_TOKENS)
        usage, text, hidden, outcome, cost = Usage(0, 0), "", "", "cancelled", 0.0
        first: float | None = None
        try:
            known = self._candidate(provider, question)
            said = question.messages
            if not facts.local:
                said = [self._masked(one) for one in said]
            held = await self._hold(question, facts, known.cost)
            row = self._row(question, choice, known, passed)
            self._told("decided", question, row)
            asked, sent = self._clock(), True  # who hangs up pays for what was read until then
            try:
                async with aclosing(provider.stream(said, **how, asker=question.asker)) as deltas:
                    async for delta in deltas:
                        if first is None:
                            first = self._clock() - asked
                            answer.route = _route(choice, passed)
                            if not answer.begun:
                                answer.first_s, answer.begun = self._clock() - begun, True
                        if isinstance(delta, Text):
                            text += delta.text
                            answer.text += delta.text
                        elif isinstance(delta, Thinking):
                            hidden += delta.text
                        elif isinstance(delta, ToolCall):
                            hidden += delta.name + delta.arguments
                        elif isinstance(delta, Usage):
                            usage = delta
                        yield delta
                attempt.worked()
                outcome = "worked"
            except Exception as error:
                outcome = "refused" if isinstance(error, UsageError) else "failed"
                sent = isinstance(error, TimedOut)
                if isinstance(error, Unavailable | TimedOut):
                    attempt.failed()
                raise
            finally:
                if sent or first is not None:
                    usage = self._counted(facts, said, how["tools"], usage, text, hidden)
                    paid = self._prices.cost(facts, usage)
                    answer.add(usage, paid)
                    cost = UNKNOWN if paid is None else paid
                if self.money:
                    self.money.settle(held, None if cost == UNKNOWN else cost)
                row = msgspec.structs.replace(
                    row,
                    first_s=UNKNOWN if first is None else first,
                    seconds=self._clock() - asked,
                    cost=cost,
                    prompt=usage.prompt,
                    completion=usage.completion,
                    outcome=outcome,
                )
                self.history.note(row)
                self._told("ended", question, row)
        finally:
            attempt.given_up()

    async def _twice(
        self,
        answer: Answer,
        question: _Question,
        choice: _Choice,
        passed: list[str],
        begun: float,
    ) -> AsyncGenerator[Delta, None]:
        """A quick answer, and then a better one, which takes its place when it is whole."""
        assert choice.then, "there are two"
        finish: Finish | None = None
        end, said = Finish("stop"), False
        yield Phase(phase="quick", target="local")
        try:
            async with aclosing(self._ask(answer, question, choice, passed, begun)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, Finish):
                        end = delta
                    elif not isinstance(delta, Usage):
                        yield delta
        except _NEXT as error:
            passed.append(why(choice.provider.facts, error))
            said, answer.text, answer.route = bool(answer.text), "", None
        quick, route = answer.text, answer.route
        yield Phase(phase="refine", target="cloud")
        answer.text, answer.route = "", None
        try:
            async with aclosing(self._ask(answer, question, choice.then, passed, begun)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, Finish):
                        finish = delta
                    else:
                        yield delta
        except LoomError as error:
            if route is None:  # what the next one says is no part of the better answer
                said = said or bool(answer.text)
                yield Phase(phase="settled", outcome="replaced" if said else "kept")
                raise
            reason = f"{route.reason} {why(choice.then.provider.facts, error)}."
            answer.text, answer.route = quick, msgspec.structs.replace(route, reason=reason)
            yield Phase(phase="settled", outcome="kept")
            yield end
            return
        same = quick.split() == answer.text.split()
        yield Phase(phase="settled", outcome="confirmed" if same else "replaced")
        if finish:
            yield finish

    async def _chosen(
        self, question: _Question, passed: list[str], errors: list[LoomError]
    ) -> AsyncGenerator[_Choice, None]:
        """The models that may be asked, best first; the last is no model.

        ``errors`` gets why some were left out that may see it: it is told if nobody answers.
        """
        only = question.only
        models = [one for one in self._models if only in ("", one.facts.name)]
        decision = self._decide(question, models)
        first = decision.order[0] if decision.order else len(models)
        for one in decision.left:
            facts = models[one.index].facts
            if one.index < first:
                passed.append(f"{called(facts)} was left out: {one.why}")
            if only or one.rule != "privacy":
                errors.append(self._refused(question, models[one.index], one))

        def choice(index: int, phase: _Phase = "") -> _Choice:
            chosen = index == first or phase == "refine"
            return _Choice(
                models[index],
                (decision.reason if chosen else "") or self._place(models[index], index),
                decision.rule if chosen else "fallback",
                decision.confidence,
                phase,
            )

        for index in decision.order:
            if index == first and decision.refine is not None:
                then = choice(decision.refine, "refine")
                yield replace(choice(index, "quick"), then=then)
            elif index != decision.refine:
                yield choice(index)
        rule = decision.rule if not decision.order else "fallback"
        for found in await self._looked():
            lacks = self._candidate(found, question).lacks
            if lacks and only in ("", found.facts.name):
                left = Left(len(models), "capability", lacks)
                errors.append(self._refused(question, found, left))
            elif only in ("", found.facts.name):
                yield _Choice(found, "It was found on this computer", rule, decision.confidence)
        if not only:
            words = "No model is there" if self._models else "No model is connected"
            yield _Choice(self._offline, words, rule, decision.confidence)

    def _decide(self, question: _Question, models: Sequence[Provider]) -> Decision:
        learned: list[int] = []
        if question.arm == "bandit":
            budget_s = (question.limits.latency_budget_ms or 0) / 1000
            cap, past = question.limits.cost_cap or 0.0, self.history.rows
            learned = self._bandit.order(
                [
                    [
                        worth
                        for row in past(one.facts.name, one.facts.model)
                        if (worth := reward(row, budget_s=budget_s, cap=cap)) is not None
                    ]
                    for one in models
                ]
            )
        return decide(
            question.asker.privacy,
            question.limits,
            [self._candidate(one, question) for one in models],
            phases=question.phases,
            learned=learned,
        )

    def _candidate(self, provider: Provider, question: _Question) -> Candidate:
        facts = provider.facts
        record = self.history.record(facts.name, facts.model)
        tools = question.how.get("tools", ())
        prompt = self._counter(facts).prompt(question.messages, tools)
        longest = question.how.get("max_tokens")
        usual = int(record.completion or _ANSWER_TOKENS)
        cost = self._prices.cost(facts, Usage(prompt, min(usual, longest or usual)))
        refusal = self.money and self.money.refusal(facts, question.asker.agent, cost)
        lacks = ""
        if facts.images is False and any(one.images for one in question.messages):
            lacks = "it reads no images"
        elif facts.tools is False and tools:
            lacks = "it uses no tools"
        elif (reads := facts.context or (CONTEXT if facts.local else prompt + 1)) <= prompt:
            known = "" if facts.context else ", as far as is known"
            lacks = f"it reads {reads:,} tokens{known}, and this is about {prompt:,}"
        return Candidate(
            local=facts.local,
            lacks=lacks,
            cost=cost,
            stopped=refusal.why if refusal else "",
            first_s=record.first_s,
            confidence=record.confidence,
        )

    def _refused(self, question: _Question, provider: Provider, left: Left) -> LoomError:
        facts = provider.facts
        if left.rule == "capability":
            words = f"{called(facts)} was left out: {left.why}."
            hint = "Name a model that can in loom.toml, or ask for less."
            if left.why.startswith("it reads") and not facts.context:
                hint = f"Write context = TOKENS under [llm.{facts.name}], or ask for less."
            return Unavailable(words, hint=hint)
        hint = "Raise it with: loom settings router.cost_cap AMOUNT, or ask for less at once."
        if left.rule == "privacy":
            hint = "See [router] privacy and [privacy] local_only in Settings."
        elif self.money:
            cost = self._candidate(provider, question).cost
            refusal = self.money.refusal(facts, question.asker.agent, cost)
            hint = refusal.hint if refusal else hint
        return Denied(f"{called(facts)} was not asked: {left.why}.", hint=hint)

    async def _hold(self, question: _Question, facts: Facts, cost: float | None) -> int:
        if self.money is None:
            return 0
        background = question.background
        return await self.money.hold(facts, question.asker, cost, background=background)

    def _limits(self, asker: Asker, call: Routing | None) -> Limits:
        return self.policy.limits(asker.agent, call, local_only=self.net.local_only)

    def _arm(self, thread: int) -> Arm | Literal[""]:
        if self.policy.learning == "ab":
            return arm_of(thread)
        return "bandit" if self.policy.learning == "bandit" else ""

    def _place(self, provider: Provider, index: int) -> str:
        if self.policy.prefer and provider.facts.name == self.policy.prefer:
            return "It is the one you prefer"
        return "It is the first in loom.toml" if index == 0 else "It is in loom.toml"

    def _row(
        self, question: _Question, choice: _Choice, known: Candidate, passed: Sequence[str]
    ) -> Routed:
        """The decision, before anything came of it."""
        asker, limits, facts = question.asker, question.limits, choice.provider.facts
        budget, cap = limits.latency_budget_ms, limits.cost_cap
        threshold = limits.quality_threshold
        return Routed(
            time=self._wall(),
            decision=question.decision,
            thread=asker.thread,
            turn=question.turn,
            agent=asker.agent,
            background=question.background,
            name="offline" if facts.kind == "offline" else facts.name,
            model=facts.model,
            local=facts.local,
            rule=choice.rule,
            reason=_route(choice, passed).reason,
            confidence=choice.confidence,
            phase=choice.phase,
            arm=question.arm if self.policy.learning == "ab" else "",
            label=asker.privacy.word,
            privacy=Privacy.LOCAL_ONLY.word if limits.local_only else limits.privacy.word,
            latency_budget_ms=-1 if budget is None else budget,
            cost_cap=UNKNOWN if cap is None else cap,
            quality_threshold=UNKNOWN if threshold is None else threshold,
            estimated_s=UNKNOWN if known.first_s is None else known.first_s,
            estimated_cost=UNKNOWN if known.cost is None else known.cost,
        )

    def _told(self, kind: str, question: _Question, row: Routed) -> None:
        facts = msgspec.structs.asdict(row)
        del facts["id"], facts["thumb"], facts["thread"], facts["time"]
        self._tell(kind, question.asker, facts)

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

    def _counted(
        self, facts: Facts, said: list[Message], tools: Sequence[Tool], usage: Usage, text: str,
        hidden: str,
    ) -> Usage:  # fmt: skip
        """What was used, estimated where the server did not say. ``hidden``: thoughts and calls."""
        counter = self._counter(facts)
        if facts.kind == "offline":
            return Usage(0, 0)
        if usage == Usage(0, 0):
            written = counter.count(text) + counter.count(hidden)
            return Usage(counter.prompt(said, tools), written, estimated=True)
        if not hidden:  # else nobody says how many of them are the text's
            counter.learn(text, usage.completion)
        return usage

    def _counter(self, facts: Facts) -> Counter:
        return self._counters.setdefault(_counted_as(facts), Counter())

    def _breaker(self, provider: Provider) -> Breaker:
        facts = provider.facts
        key = facts.endpoint or facts.name
        return self._breakers.setdefault(key, Breaker(self._clock, name=called(facts)))


def _label(privacy: Privacy, origin: frozenset[str]) -> Privacy:
    """A missing origin is a missing label, and that never leaves."""
    return privacy if origin else Privacy.LOCAL_ONLY


def _here(endpoint: str) -> str:
    return endpoint.replace("localhost", "127.0.0.1")


def _route(choice: _Choice, passed: Sequence[str]) -> Route:
    facts = choice.provider.facts
    before = "".join(f"{one[0].upper()}{one[1:]}. " for one in passed)
    reason = f"{before}{choice.reason}."
    return Route(
        name=facts.name, model=facts.model, local=facts.local, reason=reason,
        room=int((facts.context or CONTEXT) * _SHARE), counted_as=_counted_as(facts),
    )  # fmt: skip


def _counted_as(facts: Facts) -> str:
    return f"{facts.endpoint}/{facts.model}"
