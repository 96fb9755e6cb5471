"""What agents remember, and who wrote last."""

from __future__ import annotations

import asyncio

import pytest

from loom_desktop.store import Store
from loom_desktop.store.state import Versioned


async def test_a_value_comes_back_with_its_version(store: Store) -> None:
    assert await store.state.get("a", "k") is None
    assert await store.state.put("a", "k", {"n": [1, None]}) == 1
    assert await store.state.get("a", "k") == Versioned({"n": [1, None]}, 1)
    assert await store.state.get("b", "k") is None


async def test_of_many_that_expect_the_same_version_one_writes(store: Store) -> None:
    versions = await asyncio.gather(
        *(store.state.put("a", "k", n, expected_version=0) for n in range(20))
    )
    assert sorted(versions) == [0] * 19 + [1]
    kept = await store.state.get("a", "k")
    assert kept == Versioned(versions.index(1), 1)
    assert await store.state.put("a", "k", "x", expected_version=7) == 0
    assert await store.state.put("a", "k", "x", expected_version=1) == 2
    assert await store.state.put("a", "k", "y") == 3


async def test_counting_with_compare_and_set_loses_nothing(store: Store) -> None:
    async def add_one() -> None:
        while True:
            now = await store.state.get("a", "n")
            value, version = (0, 0) if now is None else (now.value, now.version)
            if await store.state.put("a", "n", value + 1, expected_version=version):
                return

    await asyncio.gather(*(add_one() for _ in range(25)))
    assert await store.state.get("a", "n") == Versioned(25, 25)


async def test_what_is_not_plain_data_is_refused(store: Store) -> None:
    with pytest.raises(TypeError):
        await store.state.put("a", "k", object())


async def test_an_agent_lists_removes_and_is_forgotten(store: Store) -> None:
    for key in ("z", "a", "odd \udcff"):
        await store.state.put("agent", key, 1)
    assert await store.state.keys("agent") == ["a", "odd \ufffd", "z"]
    assert await store.state.remove("agent", "z")
    assert not await store.state.remove("agent", "z")
    await store.state.forget("agent")
    assert await store.state.keys("agent") == []


async def test_facts_are_of_the_application_and_no_agent_can_be_forgotten_into_them(
    store: Store,
) -> None:
    assert await store.state.fact("paused_until", 0.0) == 0.0
    await store.state.set_fact("paused_until", -1.0)
    await store.state.forget("")
    assert await store.state.fact("paused_until") == -1.0
