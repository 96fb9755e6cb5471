"""Every rule of the router on its own, and what no rule may do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as how_long
from hypothesis import strategies as st
from msgspec.structs import replace

from loom_desktop.event import Privacy
from loom_desktop.llm.policy import Candidate, Decision, Limits, barred, decide, level
from loom_desktop.settings import Routing

SEEDS = Limits(latency_budget_ms=4000, cost_cap=0.05, quality_threshold=0.6)
HERE = Candidate(local=True)
AWAY = Candidate(local=False, cost=0.01)
P, S, V, L = Privacy.PUBLIC, Privacy.SENSITIVE, Privacy.PRIVATE, Privacy.LOCAL_ONLY


def sure(confidence: float) -> Candidate:
    return replace(HERE, confidence=confidence)


def quick(one: Candidate, first_s: float) -> Candidate:
    return replace(one, first_s=first_s)


@pytest.mark.parametrize(
    ("rule", "order", "label", "limits", "candidates"),
    [
        # 1. privacy: over everything else that speaks for the model elsewhere
        ("privacy", (1,), L, SEEDS, [AWAY, sure(0.1)]),
        ("privacy", (1,), P, replace(SEEDS, local_only=True), [AWAY, HERE]),
        ("privacy", (1,), V, replace(SEEDS, privacy=S), [AWAY, HERE]),
        ("privacy", (1,), P, replace(SEEDS, privacy=L), [AWAY, HERE]),
        ("privacy", (1,), S, replace(SEEDS, masked=False), [AWAY, HERE]),
        ("privacy", (), L, SEEDS, [AWAY]),
        ("default", (0, 1), S, SEEDS, [AWAY, HERE]),
        # 2. local capability
        ("capability", (1,), V, SEEDS, [replace(HERE, lacks="it reads no images"), AWAY]),
        ("default", (0, 1), V, SEEDS, [HERE, AWAY]),
        # 3. local confidence: at the threshold it is enough
        ("confidence", (1, 0), V, SEEDS, [AWAY, sure(0.6)]),
        ("default", (0, 1), V, replace(SEEDS, quality_threshold=None), [AWAY, sure(0.9)]),
        # 4. latency budget
        ("latency", (1, 0), V, replace(SEEDS, latency_budget_ms=99), [AWAY, HERE]),
        ("default", (0, 1), V, replace(SEEDS, latency_budget_ms=100), [AWAY, HERE]),
        ("latency", (1, 0), V, SEEDS, [quick(AWAY, 5.0), quick(HERE, 0.4)]),
        ("latency", (1, 0), V, SEEDS, [quick(HERE, 9.0), quick(AWAY, 0.4)]),
        ("default", (0, 1), V, SEEDS, [quick(AWAY, 5.0), HERE]),
        ("default", (0, 1), V, SEEDS, [quick(AWAY, 5.0), quick(HERE, 6.0)]),
        ("default", (0, 1), V, SEEDS, [quick(AWAY, 4.0), quick(HERE, 0.1)]),
        # 5. cost cap
        ("cost", (1,), V, SEEDS, [replace(AWAY, cost=0.051), HERE]),
        ("cost", (), V, SEEDS, [replace(AWAY, cost=0.051)]),
        ("cost", (1,), V, SEEDS, [replace(AWAY, stopped="the day is spent"), HERE]),
        ("default", (0, 1), V, SEEDS, [replace(AWAY, cost=0.05), HERE]),
        ("default", (1, 2), V, SEEDS, [replace(AWAY, cost=9.0), AWAY, HERE]),
        ("cost", (1,), V, replace(SEEDS, cost_cap=float("nan")), [AWAY, HERE]),
        # 7. a local model that is known to be unsure is passed by, also where it is the first
        ("quality", (1, 0), V, SEEDS, [sure(0.3), AWAY]),
        ("quality", (1, 0), V, SEEDS, [sure(0.55), AWAY]),
        ("default", (0,), V, SEEDS, [sure(0.3)]),
        # 8. default
        ("default", (0, 1), V, SEEDS, [HERE, HERE]),
        ("default", (), V, SEEDS, []),
    ],
)  # fmt: skip
def test_each_rule(
    rule: str, order: tuple[int, ...], label: Privacy, limits: Limits, candidates: list[Candidate]
) -> None:
    found = decide(label, limits, candidates)
    assert (found.rule, found.order, found.refine) == (rule, order, None)
    assert 0 <= found.confidence <= 1


@pytest.mark.parametrize(
    ("candidate", "limits", "refine"),
    [
        (sure(0.55), SEEDS, 0),
        (sure(0.5), SEEDS, None),  # not even worth to begin
        (sure(0.6), SEEDS, None),  # enough as it is
        (HERE, SEEDS, None),  # nobody knows, and nobody asked for it
        (HERE, replace(SEEDS, hybrid=True), 0),
        (sure(0.2), replace(SEEDS, hybrid=True), None),
    ],
)
def test_a_quick_answer_first_and_then_a_better_one(
    candidate: Candidate, limits: Limits, refine: int | None
) -> None:
    found = decide(V, limits, [AWAY, candidate], phases=True)
    assert found.refine == refine
    assert (found.rule == "hybrid") is (refine is not None)
    if refine is not None:
        assert found.order[0] == 1
    assert decide(V, limits, [AWAY, candidate]).refine is None, "who cannot show it gets one answer"


def test_the_better_answer_is_of_one_that_may_be_asked() -> None:
    dear = replace(AWAY, cost=1.0)
    found = decide(V, replace(SEEDS, hybrid=True), [dear, AWAY, HERE], phases=True)
    assert (found.order, found.refine) == ((2, 1), 1)
    assert decide(V, replace(SEEDS, hybrid=True), [dear, HERE], phases=True).refine is None


def test_what_was_left_out_is_said_with_its_rule() -> None:
    dear, blind = replace(AWAY, cost=1.5), replace(HERE, lacks="it reads no images")
    found = decide(V, SEEDS, [dear, blind, HERE])
    assert [(one.index, one.rule, one.why) for one in found.left] == [
        (0, "cost", "it would cost about $1.50, and an answer has $0.05"),
        (1, "capability", "it reads no images"),
    ]


def test_who_learnt_chooses_among_those_that_may_be_asked() -> None:
    found = decide(V, SEEDS, [AWAY, HERE], learned=[1, 0])
    assert (found.rule, found.order) == ("learned", (1, 0))
    dear = replace(AWAY, cost=1.0)
    assert decide(V, SEEDS, [dear, HERE, HERE], learned=[0, 2, 1]).order == (2, 1)
    assert decide(L, SEEDS, [AWAY, HERE], learned=[0, 1]).order == (1,)


def test_an_agent_and_a_call_may_only_tighten_privacy_and_cost() -> None:
    loose = Routing(privacy="private", cost_cap=9.0)
    strict = Routing(privacy="public", cost_cap=0.01)
    tight = replace(SEEDS, privacy=S)
    assert tight.tightened(loose) == tight
    assert tight.tightened(strict) == replace(tight, privacy=P, cost_cap=0.01)
    assert replace(tight, privacy=P).tightened(Routing(privacy="local-only")).privacy is L
    assert replace(tight, privacy=L).tightened(strict).privacy is L
    free = tight.tightened(Routing(latency_budget_ms=9, quality_threshold=0.9, hybrid=True))
    assert (free.latency_budget_ms, free.quality_threshold, free.hybrid) == (9, 0.9, True)
    assert tight.tightened(None) is tight


# ------------------------------------------------------------------------------ whatever is said

maybe = st.none() | st.floats(0, 2) | st.just(float("nan"))
limits = st.builds(
    Limits,
    privacy=st.sampled_from(Privacy),
    local_only=st.booleans(),
    masked=st.booleans(),
    latency_budget_ms=st.none() | st.integers(-1, 10_000),
    cost_cap=maybe,
    quality_threshold=maybe,
    hybrid=st.booleans(),
)
candidates = st.lists(
    st.builds(
        Candidate,
        local=st.booleans(),
        lacks=st.sampled_from(["", "", "it reads no images"]),
        cost=st.none() | st.floats(0, 3),
        stopped=st.sampled_from(["", "", "the day is spent"]),
        first_s=st.none() | st.floats(0, 20),
        confidence=st.none() | st.floats(0, 1),
    ),
    max_size=6,
)
words = st.none() | st.sampled_from(["public", "sensitive", "private", "local-only"])
routings = st.none() | st.builds(
    Routing,
    privacy=words,
    latency_budget_ms=st.none() | st.integers(-1, 10_000),
    cost_cap=maybe,
    quality_threshold=maybe,
    hybrid=st.none() | st.booleans(),
)


@how_long(max_examples=500)
@given(
    label=st.sampled_from(Privacy),
    allowed=limits,
    agent=routings,
    call=routings,
    there=candidates,
    phases=st.booleans(),
    learned=st.lists(st.integers(-1, 7), max_size=8),
)
def test_nothing_that_stays_here_ever_leaves_and_no_cap_is_overridden(
    label: Privacy,
    allowed: Limits,
    agent: Routing | None,
    call: Routing | None,
    there: list[Candidate],
    phases: bool,
    learned: list[int],
) -> None:
    """Local-only, above the person's level, above the agent's or the call's: no order of rules,
    no history and nothing learnt reaches a model elsewhere."""
    bound = allowed.tightened(agent).tightened(call)
    found: Decision = decide(label, bound, there, phases=phases, learned=learned)
    asked = [*found.order, *([] if found.refine is None else [found.refine])]
    stays = (
        allowed.local_only
        or label is L
        or any(
            one is L or label > one
            for one in (
                allowed.privacy,
                *(level(r.privacy) for r in (agent, call) if r and r.privacy),
            )
        )
        or (label is S and not allowed.masked)
    )
    assert stays is bool(barred(label, bound))
    caps: list[Any] = [one.cost_cap for one in (allowed, agent, call) if one]
    for index in asked:
        one = there[index]
        assert not one.lacks
        if one.local:
            continue
        assert not stays
        assert not one.stopped
        if one.cost is not None:
            assert all(one.cost <= cap for cap in caps if cap is not None)
    assert len(set(found.order)) == len(found.order)
    kept_out = {one.index for one in found.left}
    assert kept_out | set(found.order) == set(range(len(there))), "nobody is forgotten"
    assert not kept_out & set(asked)
    assert 0 <= found.confidence <= 1
