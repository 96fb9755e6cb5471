"""It learns: its regret beside that of chance, with known rewards and a fixed seed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec.structs import replace

from loom_desktop.llm.bandit import Bandit, arm_of, compared, reward
from loom_desktop.store import Routed

TRUTH = (0.45, 0.6, 0.5, 0.2)
ROUNDS = 2_000


def row(**more: Any) -> Routed:
    told = {"time": 1.0, "decision": 1, "name": "m", "outcome": "worked", "first_s": 0.0}
    return Routed(**{**told, **more})


def regret(seed: int, *, learns: bool) -> list[float]:
    """What was missed so far, after each round, by choosing another than the best of four."""
    chance = random.Random(seed)
    bandit = Bandit(random.Random(seed + 1))
    rewards: list[list[float]] = [[] for _ in TRUTH]
    missed, sums = 0.0, []
    for _ in range(ROUNDS):
        at = bandit.order(rewards)[0] if learns else chance.randrange(len(TRUTH))
        rewards[at].append(float(chance.random() < TRUTH[at]))
        missed += max(TRUTH) - TRUTH[at]
        sums.append(missed)
    return sums


def average(*, learns: bool, runs: int = 5) -> list[float]:
    made = [regret(10 * seed, learns=learns) for seed in range(runs)]
    return [sum(one) / runs for one in zip(*made, strict=True)]


def test_its_regret_grows_ever_slower_and_stays_far_below_chance(record_property: Any) -> None:
    learnt, random_ = average(learns=True), average(learns=False)
    half, quarter = ROUNDS // 2, ROUNDS // 4
    record_property("regret of the bandit", (learnt[quarter], learnt[half], learnt[-1]))
    record_property("regret of chance", random_[-1])
    assert learnt[-1] < 0.25 * random_[-1]
    assert learnt[-1] - learnt[half] < 0.5 * learnt[half], "the second half costs half the first"
    assert random_[-1] - random_[half] > 0.9 * random_[half], "chance never learns"


def test_everybody_is_tried_and_everybody_has_a_place() -> None:
    bandit = Bandit(random.Random(3))
    firsts = [bandit.order([[], [1.0], []])[0] for _ in range(200)]
    assert set(firsts) == {0, 1, 2}
    assert sorted(bandit.order([[0.5], [], [1.0]])) == [0, 1, 2]
    sure = [bandit.order([[0.0] * 200, [1.0] * 200])[0] for _ in range(100)]
    assert sure == [1] * 100
    assert bandit.order([]) == []


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"thumb": 1}, {}),
        ({}, {"thumb": -1}),
        ({"thumb": -1}, {"outcome": "failed", "thumb": -1}),
        ({"first_s": 0.1}, {"first_s": 8.0}),
        ({"cost": 0.0}, {"cost": 0.04}),
        ({"cost": 0.0}, {"cost": -1.0}),
        ({"first_s": 60.0, "cost": 1.0}, {"outcome": "failed"}),
    ],
)
def test_an_answer_that_pleases_is_worth_more_then_speed_then_price(
    better: dict[str, Any], worse: dict[str, Any]
) -> None:
    high = reward(row(**better), budget_s=4.0, cap=0.05)
    low = reward(row(**worse), budget_s=4.0, cap=0.05)
    assert high is not None
    assert low is not None
    assert 0 <= low <= high <= 1
    assert low < high or "thumb" in worse


def test_what_was_broken_off_says_nothing() -> None:
    assert reward(row(outcome="cancelled"), budget_s=4.0, cap=0.05) is None
    assert reward(row(thumb=1), budget_s=0.0, cap=0.0) is not None


def test_a_conversation_stays_on_its_side_and_the_sides_are_halves() -> None:
    arms = [arm_of(thread) for thread in range(1, 2_001)]
    assert arms == [arm_of(thread) for thread in range(1, 2_001)]
    assert 900 < arms.count("bandit") < 1_100


def test_the_two_sides_are_compared_with_what_chance_may_do() -> None:
    assert compared([row()], budget_s=4.0, cap=0.05) is None
    few = [row(arm="rules"), row(arm="bandit", thumb=1, cost=0.01)]
    found = compared(few, budget_s=4.0, cap=0.05)
    assert found
    assert "Too early to tell" in found.words
    assert [(one.arm, one.answers, one.up) for one in found.sides] == [
        ("rules", 1, 0), ("bandit", 1, 1),
    ]  # fmt: skip
    even = [row(arm=arm, thumb=at % 3 - 1) for arm in ("rules", "bandit") for at in range(60)]
    found = compared(even, budget_s=4.0, cap=0.05)
    assert found
    assert "no difference that could not be chance" in found.words
    bad = [row(arm="rules", thumb=-1 if at % 2 else 1) for at in range(60)]
    good = [row(arm="bandit", thumb=1) for _ in range(60)]
    found = compared([*bad, *good], budget_s=4.0, cap=0.05)
    assert found
    assert found.words.startswith("The bandit does better, by 0.")
    assert found.difference > found.within > 0
    other = {"rules": "bandit", "bandit": "rules"}
    turned = [replace(one, arm=other[one.arm]) for one in (*bad, *good)]
    found = compared(turned, budget_s=4.0, cap=0.05)
    assert found
    assert found.words.startswith("The rules do better")
