"""A durable subscriber against a naive model: whatever happens, nothing is lost or written twice.

Commits, ends of handlers in any order, failures, cancels, other patterns, clean and hard restarts
are drawn at random. After each of them the cursor is compared with what the model knows was had.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loom_desktop.bus import Bus
from loom_desktop.event import Event
from loom_desktop.runtime import durable as durable_module
from loom_desktop.runtime.durable import Durable, Follower
from loom_desktop.store import Store
from loom_desktop.tasks import Tasks

NAME, WANTED, OTHER = "ledger", "thing.happened", "other.happened"
AT_ONCE = 3

steps = st.one_of(
    st.tuples(st.just("commit"), st.lists(st.booleans(), min_size=1, max_size=6)),
    st.tuples(st.sampled_from(["had", "write", "fail", "cancel"]), st.integers(0, AT_ONCE - 1)),
    st.tuples(st.sampled_from(["restart", "crash", "again", "forget"]), st.just(0)),
)


class Model:
    """One subscriber on a store in a file, and what is known of every event it wants."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run_number = folder, 0
        self.wanted: set[int] = set()
        self.over: set[int] = set()
        """Had, written, cancelled or buried, so that a cursor may pass it."""
        self.written: set[int] = set()
        self.buried: set[int] = set()
        self.hands: dict[int, tuple[Event, asyncio.Future[str]]] = {}

    async def start(self, *, crashed: bool) -> None:
        self.stack = AsyncExitStack()
        self.bus = await self.stack.enter_async_context(Bus())
        path = self.folder / str(self.run_number) / "loom.db"
        self.store = await self.stack.enter_async_context(Store(path, upkeep=False))
        tasks = await self.stack.enter_async_context(Tasks())
        self.hands = {}
        self.durable = Durable(self.bus, self.store, tasks, crashed=crashed)
        self.durable.buried = self.was_buried
        await self.durable.prepare()
        box = self.bus.subscribe(
            WANTED, self.handle, at_once=AT_ONCE, managed=True, from_journal=True
        )
        self.follower: Follower = self.durable.follow(NAME, box)
        self.bus.on_cancel.append(self.durable.cancelled)

    async def stop(self) -> None:
        """Clean: what is in hand is not had, the rest is written."""
        self.durable.leave(NAME)
        await self.stack.aclose()

    async def crash(self) -> None:
        """What is on the disk now is all that there will be."""
        here = self.folder / str(self.run_number)
        self.run_number += 1
        shutil.copytree(here, self.folder / str(self.run_number))
        await self.stack.aclose()

    async def handle(self, event: Event) -> None:
        """As the supervisor does it, but that the test says how each one ends."""
        number = event.payload["n"]
        assert number not in self.written, "its writes would happen twice"
        assert number not in self.hands, "it is in hand already"
        ends: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.hands[number] = event, ends
        how = await ends
        del self.hands[number]
        if how == "had":
            self.over.add(number)
            self.follower.had(event)
        elif how == "fail":
            await self.follower.failed(event, RuntimeError("drawn"), "handle")
        elif await self.follower.commit(event, [(NAME, f"n{number}", number, None)]):
            self.written.add(number)
            self.over.add(number)

    def was_buried(self, name: str, event: Event, letter: int) -> None:
        self.buried.add(event.payload["n"])
        self.over.add(event.payload["n"])

    async def commit(self, kinds: list[bool]) -> None:
        first = self.durable.end + 1
        topics = [WANTED if wanted else OTHER for wanted in kinds]
        made = [Event(topic=one, payload={"n": first + at}) for at, one in enumerate(topics)]
        assert await self.store.journal.append_many(made) == [one.payload["n"] for one in made]
        self.wanted |= {one.payload["n"] for one in made if one.topic == WANTED}

    def end_one(self, how: str, which: int) -> None:
        if self.hands:
            _, ends = [*self.hands.values()][which % len(self.hands)]
            if not ends.done():
                ends.set_result(how)

    def cancel(self, which: int) -> None:
        """Its thread is stopped: what waits is had, and so is what is in hand."""
        waiting = [*self.follower._open.values()]
        if waiting:
            event = waiting[-1 - which % len(waiting)]
            self.over.add(event.payload["n"])
            self.bus.cancel(event.begins)
            if event.payload["n"] in self.hands:
                ends = self.hands[event.payload["n"]][1]
                if not ends.done():
                    ends.set_result("had")

    async def again(self) -> None:
        for letter in await self.store.deliveries.dead(limit=1):
            if not letter.taken:
                await self.durable.again(letter.id)

    async def forget(self) -> None:
        """The last event goes, as when a conversation is forgotten."""
        if self.wanted <= self.over:
            await self.store._db.do(
                lambda connection: connection.execute(
                    "delete from event where seq = (select max(seq) from event)"
                )
            )

    async def look(self) -> None:
        """The cursor has passed nothing that was not had, nor is anything marked that was not."""
        rows: Any = await self.store._db.do(
            lambda connection: connection.execute("select seq from subscriber").fetchall()
        )
        marks: Any = await self.store._db.do(
            lambda connection: connection.execute(
                "select seq from delivery where done <> 0"
            ).fetchall()
        )
        cursor = rows[0][0] if rows else 0
        assert {one for one in self.wanted if one <= cursor} <= self.over
        assert {seq for (seq,) in marks} <= self.over

    async def finish(self) -> None:
        """Everything ends well from now on: then nothing is left."""
        async with asyncio.timeout(10):
            while not self.wanted <= self.over or self.hands:
                await self.durable.caught_up()
                for _, ends in [*self.hands.values()]:
                    if not ends.done():
                        ends.set_result("write")
                await asyncio.sleep(0)
            await self.durable.caught_up()
        await self.store.journal.flush()
        await self.look()
        assert not self.follower._open
        assert not self.follower._numbers
        assert not self.follower._later
        assert not self.follower._just_had
        for number in self.written:
            found = await self.store.state.get(NAME, f"n{number}")
            assert found is not None
            assert found.version == 1, "written once"
        dead = await self.store.deliveries.dead()
        assert Counter(one.seq for one in dead) == Counter({one.seq for one in dead})


async def played(folder: Path, script: list[tuple[str, Any]]) -> None:
    model = Model(folder)
    await model.start(crashed=False)
    for what, how in script:
        if what == "commit":
            await model.commit(how)
        elif what in ("had", "write", "fail"):
            model.end_one(what, how)
        elif what == "cancel":
            model.cancel(how)
        elif what == "again":
            await model.again()
        elif what == "forget":
            await model.forget()
        else:
            await (model.stop() if what == "restart" else model.crash())
            await model.start(crashed=what == "crash")
        for _ in range(how + 2 if isinstance(how, int) else 5):
            await asyncio.sleep(0)
        await model.look()
    try:
        await model.finish()
    finally:
        await model.stop()


@pytest.mark.timeout(120)
@settings(
    max_examples=120,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(script=[("commit", [True])] * 3 + [("restart", 0)])
@given(script=st.lists(steps, min_size=4, max_size=40))
def test_every_event_is_had_and_nothing_is_written_twice(
    monkeypatch: pytest.MonkeyPatch, script: list[tuple[str, Any]]
) -> None:
    for name, value in {"WINDOW": 6, "PAGE": 2, "AGAIN_S": (0.0,) * 3, "_FAR": 3}.items():
        monkeypatch.setattr(durable_module, name, value)
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(played(Path(folder), script))
    finally:
        logging.disable(logging.NOTSET)
