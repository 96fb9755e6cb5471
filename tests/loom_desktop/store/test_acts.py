"""Intent before the act, outcome after it, and what undo needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from loom_desktop.errors import NotFound
from loom_desktop.store import Store
from loom_desktop.store.acts import Step
from tests.loom_desktop.store.conftest import HandClock

STEPS = (
    Step(source="/d/a.pdf", target="/d/Papers/a.pdf", size_bytes=5, mtime_ns=7, sha256="ab"),
    Step(source="/d/\udcff", target="/d/Papers/\udcff"),
)


async def begun(store: Store, agent: str = "downloads") -> int:
    return await store.acts.intend("files.move", agent, "Moved 2 files", thread=3, steps=STEPS)


async def test_an_act_is_written_down_step_by_step(store: Store, clock: HandClock) -> None:
    act = await begun(store)
    assert (await store.acts.get(act)).state == "planned"
    await store.acts.start(act)
    await store.acts.step(act, 0, "done", target="/d/Papers/a (2).pdf", kept="/kept/1")
    await store.acts.step(act, 1, "failed", message="It vanished.")
    clock.now += 5
    await store.acts.finish(act, "done", "1 of 2")
    found = await store.acts.get(act)
    assert (found.state, found.outcome, found.ended) == ("done", "1 of 2", clock.now)
    assert (found.kind, found.agent, found.words, found.thread) == (
        "files.move",
        "downloads",
        "Moved 2 files",
        3,
    )
    assert found.steps == (
        replace(STEPS[0], state="done", target="/d/Papers/a (2).pdf", kept="/kept/1"),
        replace(STEPS[1], state="failed", message="It vanished.", number=1),
    )


async def test_what_was_started_and_has_no_outcome_is_unknown_after_a_restart(
    path: Path, key: bytes
) -> None:
    async with Store(path, key, upkeep=False) as store:
        started, planned, done = [await begun(store) for _ in range(3)]
        await store.acts.start(started)
        await store.acts.start(done)
        await store.acts.finish(done, "done")
        assert await store.acts.unknown() == []  # it is running now
    async with Store(path, key, upkeep=False) as store:
        assert [one.id for one in await store.acts.unknown()] == [started]
        await store.acts.start(planned)
        assert [one.id for one in await store.acts.unknown()] == [started]
        await store.acts.finish(started, "unknown", "The person saw it")
        assert await store.acts.unknown() == []


async def test_undo_finds_what_an_agent_did_since(store: Store, clock: HandClock) -> None:
    old = await begun(store)
    clock.now += 10
    new, other, planned = await begun(store), await begun(store, "chat"), await begun(store)
    for act in (old, new, other):
        await store.acts.step(act, 0, "done")
    assert [one.id for one in await store.acts.undoable()] == [other, new, old]
    since = {"agent": "downloads", "since": clock.now}
    assert [one.id for one in await store.acts.undoable(**since)] == [new]  # type: ignore[arg-type]
    assert [one.id for one in await store.acts.recent(agent="downloads")] == [planned, new, old]
    await store.acts.step(new, 0, "undone")
    assert [one.id for one in await store.acts.undoable(limit=5)] == [other, old]


async def test_old_acts_are_forgotten_and_say_which_kept_files_may_go(
    store: Store, clock: HandClock
) -> None:
    old, running = await begun(store), await begun(store)
    await store.acts.step(old, 1, "done", kept="/kept/\udcff")
    await store.acts.start(running)
    clock.now += 100
    new = await begun(store)
    assert await store.acts.forget_before(clock.now) == ["/kept/\udcff"]
    assert [one.id for one in await store.acts.recent()] == [new, running]


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.acts.get(7)
    with pytest.raises(NotFound):
        await store.acts.step(7, 0, "done")
