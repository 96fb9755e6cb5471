"""Learns which model to ask from what came of earlier answers: Thompson sampling.

Each model has a Beta distribution over its reward; the one whose sample is highest goes first. So a
model that is not known is tried now and then, and one that does badly ever less. It only puts those
in an order that may be asked: what may leave and what it may cost is decided before and without it.

Whether it does better than the rules can be seen: ``ab`` gives each of them half of the
conversations, and ``compared`` says what came of it.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Sequence
from math import sqrt
from statistics import fmean, variance
from typing import Any, Literal

from msgspec import Struct

from loom_desktop.store.routes import Routed

Arm = Literal["rules", "bandit"]
_SPEED, _THRIFT = 0.2, 0.1
"""What speed and price are worth beside an answer that pleases: the rest."""
_UNSAID = 0.7
"""What an answer pleases where the person did not say."""
_FEWEST = 30
"""With fewer answers on a side nothing is said about who is better."""


class Side(Struct, frozen=True, kw_only=True):
    """What came of one arm."""

    arm: Arm
    answers: int
    worked: float
    """The part of them that worked, 0 to 1."""
    reward: float
    first_s: float
    cost: float
    """Dollars for an answer, on average; those of unknown price are not in it."""
    up: int
    down: int


class Compared(Struct, frozen=True, kw_only=True):
    """Rules and bandit beside each other."""

    sides: tuple[Side, ...]
    difference: float
    """Reward of the bandit less that of the rules."""
    within: float
    """Half of the 95 % interval around it."""
    words: str


class Bandit:
    """Puts models in the order in which their past speaks for them."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()

    def order(self, rewards: Sequence[Sequence[float]]) -> list[int]:
        """Indexes, the most promising first, of models with these rewards (0 to 1) so far."""
        drawn = [self._chance.betavariate(1 + sum(one), 1 + len(one) - sum(one)) for one in rewards]
        return sorted(range(len(rewards)), key=lambda index: -drawn[index])


def reward(row: Routed, *, budget_s: float, cap: float) -> float | None:
    """What an answer was worth, 0 to 1; None when that says nothing of the model."""
    if row.outcome == "failed" or row.thumb < 0:
        return 0.0
    if row.outcome != "worked":
        return None
    pleased = 1.0 if row.thumb > 0 else _UNSAID
    speed = 1.0 / (1.0 + max(0.0, row.first_s) / budget_s) if budget_s > 0 else 0.0
    thrift = max(0.0, 1.0 - row.cost / cap) if row.cost >= 0 and cap > 0 else float(row.cost == 0)
    return pleased * (1 - _SPEED - _THRIFT) + pleased * (_SPEED * speed + _THRIFT * thrift)


def arm_of(thread: int) -> Arm:
    """Which one a conversation is for: always the same, and half of them each."""
    return "bandit" if zlib.crc32(str(thread).encode()) & 1 else "rules"


def compared(rows: Iterable[Routed], *, budget_s: float, cap: float) -> Compared | None:
    """What came of both arms; None while neither answered anything."""
    sides, values = [], {}
    there = [one for one in rows if one.arm and one.outcome in ("worked", "failed")]
    if not there:
        return None
    arms: tuple[Arm, ...] = ("rules", "bandit")
    for arm in arms:
        mine = [one for one in there if one.arm == arm]
        found = (reward(one, budget_s=budget_s, cap=cap) for one in mine)
        values[arm] = got = [one for one in found if one is not None]
        sides.append(
            Side(
                arm=arm,
                answers=len(mine),
                worked=_mean(float(one.outcome == "worked") for one in mine),
                reward=_mean(got),
                first_s=_mean(one.first_s for one in mine if one.first_s >= 0),
                cost=_mean(one.cost for one in mine if one.cost >= 0),
                up=sum(one.thumb > 0 for one in mine),
                down=sum(one.thumb < 0 for one in mine),
            )
        )
    difference = sides[1].reward - sides[0].reward
    within = 1.96 * sqrt(sum(_spread(one) for one in values.values()))
    return Compared(
        sides=tuple(sides), difference=difference, within=within,
        words=_words(difference, within, min(len(one) for one in values.values())),
    )  # fmt: skip


def _words(difference: float, within: float, fewest: int) -> str:
    if fewest < _FEWEST:
        return f"Too early to tell: one side has {fewest} answers, and {_FEWEST} are needed."
    if abs(difference) <= within:
        return "There is no difference that could not be chance."
    better = "bandit does" if difference > 0 else "rules do"
    return f"The {better} better, by {abs(difference):.2f} ± {within:.2f} of 1."


def _mean(values: Iterable[Any]) -> float:
    there = list(values)
    return fmean(there) if there else 0.0


def _spread(values: Sequence[float]) -> float:
    """The variance of their mean."""
    return variance(values) / len(values) if len(values) > 1 else 0.0
