"""``python -m tests.faults.victim PATH [--key] [--ack-early] [--effect-alone]``: it is killed.

It keeps durable events one by one and in groups, says ``A id`` when one is acknowledged, applies
the effect of each, in order, and says ``D id`` when that is. The effect is one value in the store,
written by compare-and-set: how many events were applied, the sum of their ids, and the last one. It
begins with the effects that the one before it left undone, and says ``R`` when they are done.

``--ack-early`` acknowledges before the disk has it, and applies nothing. ``--effect-alone`` keeps
the place apart from the effect, every fifth time. Both are wrong on purpose.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from loom_desktop.store import Store
from tests.faults.killed import Say, main
from tests.faults.stores import event, opening

AGENT = "victim"


async def live(path: Path, key: bytes | None, say: Say, wrong: set[str]) -> None:
    """Until it is killed."""
    async with opening(path, key) as store:
        last, early = await store.journal.last_id(), "--ack-early" in wrong
        effects = await Effects.of(store, apart="--effect-alone" in wrong)
        for number in () if early else range(effects.last + 1, last + 1):
            await effects.apply(number)
            say(f"D {number}")
        say("R")
        while True:
            if early:
                group = range(last + 1, last + 51)
                for number in group:
                    say(f"A {number}")
                for number in group:
                    await store.journal.append(event(number))
                last = group[-1]
                continue
            group = range(last + 1, last + 1 + random.choice((1, 1, 2, 8)))
            last = group[-1]

            async def keep(number: int) -> None:
                await store.journal.append(event(number))
                say(f"A {number}")

            await asyncio.gather(*(keep(number) for number in group))
            for number in group:
                await effects.apply(number)
                say(f"D {number}")


class Effects:
    """What the events did: their count, the sum of their ids, and how far that goes."""

    def __init__(self, store: Store, version: int, tally: dict[str, int], apart: bool) -> None:
        self._store, self._version, self._tally, self._apart = store, version, tally, apart

    @classmethod
    async def of(cls, store: Store, apart: bool) -> Effects:
        there = await store.state.get(AGENT, "tally")
        tally = {"count": 0, "sum": 0, "last": 0} | (there.value if there else {})
        if apart and (place := await store.state.get(AGENT, "place")):
            tally["last"] = place.value
        return cls(store, there.version if there else 0, tally, apart)

    @property
    def last(self) -> int:
        return self._tally["last"]

    async def apply(self, number: int) -> None:
        tally = {"count": self._tally["count"] + 1, "sum": self._tally["sum"] + number}
        self._tally = tally | {"last": number}
        if self._apart:
            self._version = await self._store.state.put(AGENT, "tally", tally, self._version)
            if number % 5 == 0:
                await self._store.state.put(AGENT, "place", number)
        else:
            self._version = await self._store.state.put(AGENT, "tally", self._tally, self._version)
        assert self._version, "somebody else applied it"


if __name__ == "__main__":
    main(live)
