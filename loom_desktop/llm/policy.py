"""Which models may answer, and which of them does: the rules in their order, as one pure function.

    1. privacy      what may not leave goes to models on this computer alone; nothing overrides it
    2. capability   where no model on this computer can do it, one elsewhere does
    3. confidence   a model on this computer that is sure enough is enough
    4. latency      who has no time gets the quicker one
    5. cost         what would cost more than a cap is done on this computer
    6. hybrid       one on this computer at once, and a better answer after it
    7. quality      one on this computer that is known to be not sure enough is passed by
    8. default      the order of the person

What privacy, capability and cost leave out is out for every rule, and for whoever learns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from loom_desktop.event import Privacy
from loom_desktop.llm.costs import dollars
from loom_desktop.settings import Routing

N = TypeVar("N", int, float)
Rule = Literal[
    "privacy", "capability", "confidence", "latency", "cost", "hybrid", "quality", "learned",
    "default",
]  # fmt: skip
AT_ONCE_MS = 100
"""Whoever has less time than this does not wait for any network."""
UNSURE = 0.5
"""A model that is not surer than this of its answer does not even begin one."""


class Limits(Struct, frozen=True, kw_only=True):
    """The policy that binds one question. What is None is not limited."""

    privacy: Privacy = Privacy.PRIVATE
    """The most private content that a model elsewhere may see; LOCAL_ONLY: nothing leaves."""
    local_only: bool = False
    """The switch: nothing leaves, whatever else is set."""
    masked: bool = True
    """Secrets are taken out of what leaves. Without it, sensitive content does not leave."""
    pictures: bool = False
    """It is asked with pictures: nothing takes secrets out of those."""
    latency_budget_ms: int | None = None
    """Until the first word."""
    cost_cap: float | None = None
    """Dollars for one answer."""
    quality_threshold: float | None = None
    """How sure a model on this computer must be, 0 to 1."""
    hybrid: bool = False
    """A quick answer first, also where nobody knows how sure the local model is."""

    def tightened(self, by: Routing | None) -> Limits:
        """With the wishes of an agent or of one call: never looser on privacy and cost."""
        if by is None:
            return self
        caps = [one for one in (self.cost_cap, by.cost_cap) if one is not None]
        return replace(
            self,
            privacy=self.privacy if by.privacy is None else stricter(self.privacy, by.privacy),
            latency_budget_ms=_either(by.latency_budget_ms, self.latency_budget_ms),
            cost_cap=min(caps, key=_cap) if caps else None,
            quality_threshold=_either(by.quality_threshold, self.quality_threshold),
            hybrid=self.hybrid if by.hybrid is None else by.hybrid,
        )


class Candidate(Struct, frozen=True, kw_only=True):
    """What is known about a model before it is asked."""

    local: bool
    """What is said to it stays on this computer."""
    lacks: str = ""
    """What the question needs and it has not, as the end of a sentence: ``it reads no images``."""
    cost: float | None = 0.0
    """Dollars that this answer would cost; None: nobody knows its price."""
    stopped: str = ""
    """Why no money may be spent on it now, as a sentence without its full stop."""
    first_s: float | None = None
    """Until its first word, by what came of earlier questions; None: never asked."""
    confidence: float | None = None
    """How sure it is of such an answer, 0 to 1, by what came of earlier ones; None: not known."""


class Left(Struct, frozen=True):
    """A model that was left out."""

    index: int
    rule: Literal["privacy", "capability", "cost"]
    why: str


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided."""

    rule: Rule
    order: tuple[int, ...]
    """Whom to ask: the indexes of the candidates, the next where one fails. Empty: nobody."""
    refine: int | None = None
    """Who gives the better answer after the quick one of ``order[0]``."""
    confidence: float
    """How sure the rule is of its choice: 1 where it leaves no choice."""
    reason: str = ""
    """A sentence without its full stop; empty where what was left out says it all."""
    left: tuple[Left, ...] = ()


def level(word: str) -> Privacy:
    """A word of loom.toml: ``local-only``."""
    return Privacy[word.upper().replace("-", "_")]


def stricter(first: Privacy, word: str) -> Privacy:
    """The one that lets less out. LOCAL_ONLY lets nothing out, and PUBLIC the least of the rest."""
    return min(first, level(word), key=lambda one: -1 if one is Privacy.LOCAL_ONLY else one)


def barred(label: Privacy, limits: Limits) -> str:
    """Why content with this label may not leave, as the end of a sentence; empty when it may."""
    if limits.local_only:
        return "local only is on"
    if label is Privacy.LOCAL_ONLY:
        return "this does not leave the computer"
    if limits.privacy is Privacy.LOCAL_ONLY or label > limits.privacy:
        return f"[router] privacy keeps {label.word} content here"
    if label is Privacy.SENSITIVE and not limits.masked:
        return "sensitive content leaves only with its secrets taken out"
    if label is Privacy.SENSITIVE and limits.pictures:
        return "sensitive content leaves without pictures: nothing takes secrets out of those"
    return ""


def decide(
    label: Privacy,
    limits: Limits,
    candidates: Sequence[Candidate],
    *,
    phases: bool = False,
    learned: Sequence[int] = (),
) -> Decision:
    """Who answers a question with this label. ``candidates`` are in the order of the person.

    ``phases``: who asks can show a quick answer and then a better one. ``learned`` is the order
    that earlier answers speak for; it chooses among those that may be asked, and nothing else.
    """
    stays = barred(label, limits)
    looked = (_left(index, candidates, stays, limits) for index in _all(candidates))
    left = [one for one in looked if one is not None]
    gone = {one.index for one in left}
    usable = [index for index in _all(candidates) if index not in gone]
    here = [index for index in usable if candidates[index].local]
    away = [index for index in usable if not candidates[index].local]
    lost = {one.rule for one in left if candidates[one.index].local}
    dear = any(one.rule == "cost" for one in left)

    def made(rule: Rule, first: int | None, sure: float, reason: str = "") -> Decision:
        order = usable if first is None else [first, *(one for one in usable if one != first)]
        return Decision(
            rule=rule, order=tuple(order), confidence=sure, reason=reason, left=tuple(left)
        )

    first = usable[0] if usable else None
    if learned and len(usable) > 1:
        best = next((one for one in learned if one in usable), first)
        return made("learned", best, 0.5, "Earlier answers speak for it")
    if stays:
        return made("privacy", first, 1.0)
    if away and not here and "capability" in lost:
        return made("capability", away[0], 1.0)
    if here and (away or dear):
        local, threshold = here[0], limits.quality_threshold
        sure = candidates[local].confidence
        if threshold is not None and sure is not None and sure >= threshold:
            return made("confidence", local, sure, f"It is {sure:.0%} sure by what came before")
        budget = limits.latency_budget_ms
        if budget is not None and budget < AT_ONCE_MS:
            return made("latency", local, 1.0, f"There are only {budget} ms for it")
    if dear and not away:
        return made("cost", first, 1.0)
    if first is None:
        return made("default", None, 1.0)
    if (quicker := _quicker(candidates, usable, limits)) is not None:
        words = f"Its first words come within {limits.latency_budget_ms} ms, the others' do not"
        return made("latency", quicker, 0.9, words)
    if here and away:
        local, threshold, sure = here[0], limits.quality_threshold, candidates[here[0]].confidence
        likely = (
            limits.hybrid if sure is None else threshold is not None and UNSURE < sure < threshold
        )
        if phases and likely:
            two = made("hybrid", local, UNSURE if sure is None else sure, "It is quick")
            return replace(two, refine=away[0])
        if threshold is not None and sure is not None and sure < threshold:
            words = f"The one on this computer is only {sure:.0%} sure by what came before"
            return made("quality", away[0], 1.0 - sure, words)
    return made("default", first, 1.0 if len(usable) == 1 else 0.5)


def _all(candidates: Sequence[Candidate]) -> range:
    return range(len(candidates))


def _left(at: int, candidates: Sequence[Candidate], stays: str, limits: Limits) -> Left | None:
    one = candidates[at]
    if stays and not one.local:
        return Left(at, "privacy", stays)
    if one.lacks:
        return Left(at, "capability", one.lacks)
    if one.local:
        return None
    if one.stopped:
        return Left(at, "cost", one.stopped)
    if limits.cost_cap is not None and one.cost is not None and not one.cost <= limits.cost_cap:
        cap = dollars(limits.cost_cap)
        return Left(at, "cost", f"it would cost about {dollars(one.cost)}, and an answer has {cap}")
    return None


def _quicker(candidates: Sequence[Candidate], usable: Sequence[int], limits: Limits) -> int | None:
    """The first that is quick enough, where the one whose turn it is is known not to be."""
    if limits.latency_budget_ms is None:
        return None
    budget_s = limits.latency_budget_ms / 1000
    times = [candidates[one].first_s for one in usable]
    if times[0] is None or times[0] <= budget_s:
        return None
    return next((
        one for one, taken in zip(usable, times, strict=True)
        if taken is not None and taken <= budget_s
    ), None)  # fmt: skip


def _either(first: N | None, second: N | None) -> N | None:
    return second if first is None else first


def _cap(cap: float) -> float:
    """What is no number lets nothing through."""
    return -math.inf if math.isnan(cap) else cap
