"""Broker: looks a capability up, checks what it is given, decides or asks, runs it, reports."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from loom_desktop.actions.capability import Capability
from loom_desktop.actions.consent import Consent, Question, digest, packed
from loom_desktop.actions.policy import Asked, Decision, decide
from loom_desktop.clock import Clock
from loom_desktop.errors import Code, Denied, LoomError, NotFound
from loom_desktop.event import Event

log = logging.getLogger(__name__)
_CONSEQUENTIAL = frozenset(
    {"write-own", "write-reversible", "write-irreversible", "send", "execute", "spend", "settings"}
)
_PER_MINUTE, _PER_DAY = 10, 100
_MOST_COUNTED = 1_000
_TYPED = frozenset({"user-typed"})
_MANY = 5
PERSON = "person"
"""Who calls when the person does it by a command or a button: they may as often as they like."""
MOST_BYTES = 1_000_000
"""The most that the arguments of one call may take up."""


class Result(msgspec.Struct, frozen=True):
    """How it went. ``value`` counts only when ``code`` is ACTION_OK."""

    value: Any = None
    code: Code = "ACTION_OK"
    message: str = ""
    hint: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.code == "ACTION_OK"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and on behalf of what."""

    agent: str
    cause: Event
    ctx: object = None
    """Handed to a capability whose first parameter is ``ctx``."""
    by_model: bool = False
    given: tuple[str, ...] = ()
    """Paths that the person named in this call: naming a file is granting it, once."""
    timeout_s: float = 0.0
    """0: as the capability says."""


class Audit(Protocol):
    """Where every decision is written down, before the act."""

    async def decided(
        self, call: Call, capability: Capability, decision: Decision, *, by: str = "policy"
    ) -> None:
        """Raises only when it could not be written; then nothing is done. ``by`` is who decided:
        the policy, or the person who was asked."""

    def done(self, call: Call, capability: Capability, code: str) -> None:
        """How an act ended that was allowed; ``CANCELLED`` when it was stopped on its way."""


class Broker:
    """The only door to effects."""

    def __init__(
        self,
        consent: Consent,
        clock: Clock,
        *,
        granted: Callable[[str], bool] = lambda path: False,
        closed: Callable[[str], bool] = lambda path: False,
        hand: Callable[[Any, frozenset[str]], object] = lambda ctx, named: ctx,
        find: Callable[[str], Iterable[Capability]] = lambda family: (),
        audit: Audit | None = None,
    ) -> None:
        """``hand``: what a capability gets as its ``ctx``, made of the caller's own and of the
        paths that the person named or allowed for this call."""
        self.consent, self._hand = consent, hand
        self._clock, self._find_family, self._audit = clock, find, audit
        self._granted, self._closed = granted, closed
        self._capabilities: dict[str, Capability] = {}
        self._providers: dict[str, str] = {}
        self.added: Callable[[Capability], None] = lambda one: None
        """Told of everything that can be called from now on."""
        self.removed: Callable[[str], None] = lambda name: None
        """Told, by its name, of what cannot be called any more."""
        self.undecided = 0
        """Calls that were not done because deciding about them went wrong."""
        self.undecided_at = 0.0
        """When that was last, in seconds since 1970."""
        self._families: set[str] = set()
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    def add(self, one: Capability, *, provider: str = "loom") -> None:
        """From now on it can be called. Two of one name are a mistake in the code."""
        there = self._capabilities.get(one.name)
        if there is None:
            self._capabilities[one.name], self._providers[one.name] = one, provider
            self.added(one)
        elif there is not one:
            raise ValueError(f"two capabilities are called {one.name}")

    def remove(self, name: str) -> None:
        """From now on it cannot be called: whoever did it has stopped."""
        if self._capabilities.pop(name, None) is not None:
            del self._providers[name]
            self.removed(name)

    def provider(self, name: str) -> str:
        """Who brought what is called so: an agent, or ``loom``."""
        return self._providers.get(name, "loom")

    def directory(self, families: Iterable[str] = ()) -> list[Capability]:
        """Everything that can be done, by name; ``families`` are loaded first."""
        for family in families:
            self._load(family)
        return sorted(self._capabilities.values(), key=lambda one: one.name)

    async def invoke(self, name: str, arguments: dict[str, Any], call: Call) -> Result:
        """Never raises for what the capability does; the code says how it went."""
        try:
            one = self._find(name)
            if len(packed(arguments)) > MOST_BYTES:
                return Result(code="INVALID_PARAMS", message=f"{name}: that is too much at once.")
            checked = one.check(arguments)
            if one.resolve is not None:
                arguments = one.resolve(self._hand(call.ctx, frozenset()), arguments)
                checked = one.check(arguments)
            named = await self._permit(one, arguments, call)
            timeout_s = call.timeout_s or one.timeout_s
        except msgspec.ValidationError as error:
            return Result(code="INVALID_PARAMS", message=f"{name}: {error}.")
        except TypeError as error:
            return Result(code="INVALID_PARAMS", message=f"{name}: {error}")
        except LoomError as error:
            return Result(code=error.code, message=error.message, hint=error.hint)
        except Exception as error:  # the policy or the audit failed: fail closed
            log.exception("%s was not done: it could not be decided", name)
            self.undecided, self.undecided_at = self.undecided + 1, self._clock()
            return Result(code="DENIED", message=f"{name} was not done: {error}")
        code = "CANCELLED"
        try:
            result = await self._act(one, checked, self._hand(call.ctx, named), timeout_s)
            code = result.code
        finally:
            if self._audit is not None and _audited(one):
                self._audit.done(call, one, code)
        return result

    async def _act(
        self, one: Capability, arguments: dict[str, Any], ctx: object, timeout_s: float
    ) -> Result:
        try:
            async with asyncio.timeout(timeout_s):
                return Result(await _run(one, arguments, ctx))
        except TimeoutError:
            return Result(
                code="ACTION_TIMEOUT", message=f"{one.name} took longer than {timeout_s:g} s."
            )
        except LoomError as error:
            return Result(code=error.code, message=error.message, hint=error.hint)
        except Exception as error:
            log.exception("capability %s failed", one.name)
            return Result(code="CAPABILITY_ERROR", message=f"{one.name} failed: {error}")

    async def _permit(
        self, one: Capability, arguments: dict[str, Any], call: Call
    ) -> frozenset[str]:
        """Raises Denied, or returns the paths that the person named or allowed."""
        paths = [path for key in one.paths for path in _as_list(arguments.get(key)) if path]
        asked = Asked(
            effect=one.effect,
            tainted=call.cause.tainted,
            granted=all(path in call.given or self._granted(path) for path in paths),
            closed=any(map(self._closed, paths)),
            by_model=call.by_model,
            many=len(paths) > 2 * _MANY,  # a move names two paths
        )
        bound, named = digest(one.name, arguments), frozenset(call.given)
        decision = decide(asked)
        if decision.verdict == "ask":
            if self.consent.take(bound):
                decision = Decision("allow", "You allowed exactly this.")
                named |= set(paths)
            elif not self.consent.attended:
                decision = decide(msgspec.structs.replace(asked, attended=False))
        if decision.verdict != "deny" and one.effect in _CONSEQUENTIAL and call.agent != PERSON:
            self._count(call)
        await self._write_down(call, one, decision)
        if decision.verdict == "deny":
            raise Denied(f"{_words(one)}: {decision.reason}")
        if decision.verdict == "allow":
            return named
        question = Question(
            digest=bound,
            capability=one.name,
            arguments=arguments,
            words=_words(one),
            reason=decision.reason,
            effect=one.effect,
            agent=call.agent,
            thread=call.cause.begins,
            cause=call.cause.id,
            origin=call.cause.origin,
            expires=self._clock() + self.consent.ask_for_s,
        )
        try:
            await self.consent.wait(question)
        except Denied as error:
            reason = error.message.removeprefix(f"{question.words}: ")
            await self._write_down(call, one, Decision("deny", reason), by="person")
            raise
        await self._write_down(call, one, Decision("allow", "You allowed it."), by="person")
        return named | set(paths)

    async def _write_down(
        self, call: Call, one: Capability, decision: Decision, *, by: str = "policy"
    ) -> None:
        if self._audit is not None and _audited(one):
            await self._audit.decided(call, one, decision, by=by)

    def _count(self, call: Call) -> None:
        """A question that the person typed counts for itself: nobody who types a dozen notes runs
        amok. Everything else counts for the agent, what an agent asks in their name among it."""
        now, whose, cause = self._clock(), call.agent, call.cause
        if cause.asked and cause.origin == _TYPED:
            whose = f"{call.agent} {cause.id}"
        if len(self._recent) > _MOST_COUNTED:
            for old in [one for one, at in self._recent.items() if at[-1] < now - 86_400]:
                del self._recent[old]
        recent = self._recent[whose]
        while recent and recent[0] < now - 86_400:
            recent.popleft()
        last_minute = sum(1 for at in recent if at > now - 60)
        if last_minute >= _PER_MINUTE or len(recent) >= _PER_DAY:
            enough = last_minute >= _PER_MINUTE
            most = f"{_PER_MINUTE} changes in a minute" if enough else f"{_PER_DAY} in a day"
            raise Denied(
                f"That would be more than {most}: Loom stopped here.",
                hint=f"Ask again {'in a minute' if enough else 'tomorrow'} for what is left.",
            )
        recent.append(now)

    def _find(self, name: str) -> Capability:
        self._load(name.partition(".")[0])
        try:
            return self._capabilities[name]
        except KeyError:
            there = ", ".join(sorted(self._capabilities))
            raise NotFound(
                f"There is no capability {name!r}.", hint=f"Loaded so far: {there}."
            ) from None

    def _load(self, family: str) -> None:
        if family not in self._families:
            self._families.add(family)
            for one in self._find_family(family):
                self.add(one)


def _audited(one: Capability) -> bool:
    return one.effect not in ("none", "notify")


def _words(one: Capability) -> str:
    """Its first sentence."""
    return one.description.splitlines()[0].partition(". ")[0].rstrip(".")


def _as_list(value: Any) -> list[str]:
    """The paths in an argument: one, a list, or a list of records that name several."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [path for each in value for path in _as_list(each)]
    if isinstance(value, dict):
        return [path for key in ("source", "target", "path") for path in _as_list(value.get(key))]
    return []


async def _run(one: Capability, arguments: dict[str, Any], ctx: object) -> Any:
    first = (ctx,) if one.wants_context else ()
    value = one.run(*first, **arguments)
    return await value if hasattr(value, "__await__") else value
