"""Until: when a question to many has had answers enough.

await ctx.gather(until=until.first_k(2), text="Who knows a plumber?")
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable
from typing import Literal

import msgspec

from loom_desktop.errors import UsageError
from loom_desktop.event import Event

log = logging.getLogger(__name__)
Reason = Literal["enough", "split", "exhausted", "timeout"]
"""Why it ended: there was enough; no majority can come any more; everybody who was expected has
answered and it is not enough; the time was over."""


class Until(msgspec.Struct, frozen=True):
    """One way to have enough; made by the functions below."""

    kind: Literal["first", "majority", "everyone", "seconds"]
    wanted: int = 0
    """How many answer or vote; 0 is as many as are expected."""
    seconds: float = 0.0
    same: Callable[[Event], Hashable] | None = None


def any_() -> Until:
    """The first answer will do."""
    return Until("first", 1)


def first_k(k: int) -> Until:
    """The first ``k`` will do. Raises UsageError for fewer than one."""
    return Until("first", _at_least(1, k))


def majority(n: int = 0, *, same: Callable[[Event], Hashable] | None = None) -> Until:
    """More than half of ``n`` say the same: what ``same`` makes of them is equal, or else their
    payloads are. One that it can make nothing of agrees with nobody. 0 is as many as are expected.
    """
    return Until("majority", _at_least(0, n), same=same)


def everyone(n: int = 0) -> Until:
    """``n`` have answered. 0 is as many as are expected."""
    return Until("everyone", _at_least(0, n))


def for_seconds(seconds: float) -> Until:
    """Whatever comes in this time; no longer than until everybody who is expected has answered."""
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"{seconds} is not a number of seconds to wait.")
    return Until("seconds", seconds=seconds)


class Tally:
    """Counts answers, and says when it is enough. Pure: no bus, no time."""

    def __init__(self, until: Until, expected: Collection[str] | None = None) -> None:
        """Raises UsageError when nobody says how many there are."""
        self.replies: list[Event] = []
        self.agreed: list[Event] = []
        """The majority, once there is one."""
        self._until = until
        self._expected = None if expected is None else len(set(expected))
        if not until.wanted and until.kind in ("majority", "everyone") and self._expected is None:
            raise UsageError(
                "Nobody says how many are to answer.",
                hint=f"Say it: {until.kind}(3), or name those who are expected.",
            )
        self._wanted = until.wanted or self._expected or 0
        self._votes: dict[Hashable, list[Event]] = {}

    def begin(self) -> Reason | None:
        """Whether it is over before anybody has answered: nobody is expected."""
        return self._verdict(0)

    def add(self, reply: Event) -> Reason | None:
        """One more; why it is over now, or None."""
        votes = 0
        if self._until.kind == "majority":
            alike = self._votes.setdefault(self._opinion(reply), [])
            alike.append(reply)
            votes = max(map(len, self._votes.values()))
            if len(alike) > self._wanted // 2:
                self.agreed = alike
        self.replies.append(reply)
        return self._verdict(votes)

    def _opinion(self, reply: Event) -> Hashable:
        try:
            opinion = self._until.same(reply) if self._until.same else _content(reply)
            hash(opinion)
        except Exception:  # one malformed answer is not to cost the others
            log.warning("an answer of %s agrees with nobody", reply.sender, exc_info=True)
            return object()
        return opinion

    def _verdict(self, votes: int) -> Reason | None:
        count = len(self.replies)
        all_here = self._expected is not None and count >= self._expected
        if self._until.kind == "majority":
            if self.agreed:
                return "enough"
            left = self._wanted - count
            if self._expected is not None:
                left = min(left, self._expected - count)
            return "split" if count and votes + left <= self._wanted // 2 else _else(all_here)
        if self._until.kind == "seconds":
            return "enough" if all_here and count else _else(all_here)
        return "enough" if count >= self._wanted else _else(all_here)


def _else(all_here: bool) -> Reason | None:
    return "exhausted" if all_here else None


def _content(reply: Event) -> bytes:
    return msgspec.json.encode(reply.payload, order="deterministic")


def _at_least(least: int, number: int) -> int:
    if number < least:
        raise UsageError(f"{number} is not a number of answers to wait for.")
    return number
