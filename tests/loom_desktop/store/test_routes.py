"""What was asked of models is kept, found by turn, rated, and forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from loom_desktop.store import Message, Routed, Store


def row(name: str = "cloud", **more: Any) -> Routed:
    return Routed(**{"time": 10.0, "decision": 1, "name": name, "outcome": "worked", **more})


def keep(store: Store, *rows: Routed) -> None:
    for one in rows:
        store.routes.add(one)


async def test_a_row_comes_back_as_it_was(store: Store) -> None:
    told = row(
        thread=3, turn=4, agent="chat", background=True, model="big", local=False, rule="default",
        reason="It is the first \ud800", confidence=0.5, phase="quick", arm="bandit",
        label="private", privacy="private", latency_budget_ms=4000, cost_cap=0.05,
        quality_threshold=0.6, estimated_s=0.4, estimated_cost=0.01, first_s=0.5, seconds=2.0,
        cost=0.02, prompt=100, completion=50, thumb=-1,
    )  # fmt: skip
    keep(store, told)
    (found,) = await store.routes.recent()
    assert found.reason == "It is the first �"
    kept = {one: getattr(told, one) for one in Routed.__struct_fields__ if one != "reason"}
    assert {one: getattr(found, one) for one in kept} == {**kept, "id": found.id}
    assert found.id > 0


async def test_the_newest_come_first_and_those_of_an_agent_alone(store: Store) -> None:
    agents = ["clip", "chat", "clip", "chat", "clip"]
    rows = [row(f"m{at}", agent=one, time=float(at)) for at, one in enumerate(agents)]
    keep(store, *rows)
    assert [one.name for one in await store.routes.recent(limit=2)] == ["m4", "m3"]
    assert [one.name for one in await store.routes.recent(agent="chat")] == ["m3", "m1"]
    assert [one.name for one in await store.routes.since(3.0)] == ["m3", "m4"]
    assert await store.routes.forget_before(3.0) == 3
    assert [one.name for one in await store.routes.recent()] == ["m4", "m3"]


async def said(store: Store, turn: int, asked: float, answered: float) -> None:
    put = store.conversations.put
    await put(Message(conversation=3, turn=turn, role="user", text="?", time=asked))
    await put(Message(conversation=3, turn=turn, role="assistant", text="!", time=answered))


async def test_the_models_of_a_turn_are_known_by_turn_or_by_thread_and_time(store: Store) -> None:
    await said(store, 3, 10.0, 20.0)
    await said(store, 7, 30.0, 40.0)
    keep(
        store,
        row("failed", thread=3, time=11.0, outcome="failed"),
        row("first", thread=3, time=12.0),
        row("quiet", thread=3, time=12.0, background=True),
        row("other", thread=4, time=12.0),
        row("second", thread=3, time=35.0),
        row("named", thread=3, time=35.0, turn=9),
        row("offline", thread=3, time=36.0),
    )
    assert [one.name for one in await store.routes.of(3)] == ["failed", "first"]
    assert [one.name for one in await store.routes.of(7)] == ["second", "offline"]
    assert [one.name for one in await store.routes.of(9)] == ["named"]
    assert await store.routes.of(11) == []


@pytest.mark.parametrize("thumb", [1, -1, 0])
async def test_a_thumb_goes_to_the_one_that_gave_the_answer(store: Store, thumb: int) -> None:
    await said(store, 3, 10.0, 20.0)
    names = ("quick", "good", "failed")
    outcomes = ("worked", "worked", "failed")
    keep(
        store,
        *(row(n, thread=3, outcome=o, thumb=0) for n, o in zip(names, outcomes, strict=True)),
        row("offline", thread=3),
    )
    rated = await store.routes.rate(3, thumb)
    assert rated
    assert (rated.name, rated.thumb) == ("good", thumb)
    assert [one.thumb for one in await store.routes.of(3)] == [0, thumb, 0, 0]
    assert await store.routes.rate(99, thumb) is None


async def test_a_conversation_that_is_forgotten_takes_its_rows_along(store: Store) -> None:
    await said(store, 7, 10.0, 20.0)
    rows = row("asked", thread=3), row("by turn", turn=7), row("other", thread=4), row("none")
    keep(store, *rows)
    assert await store.conversations.forget(3) == 2
    assert [one.name for one in await store.routes.recent()] == ["none", "other"]
