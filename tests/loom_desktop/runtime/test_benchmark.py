from pathlib import Path

import pytest

from loom_desktop import Agent, Context, Event
from loom_desktop.errors import Unavailable
from loom_desktop.runtime import benchmark
from loom_desktop.runtime.benchmark import measure
from loom_desktop.testing import loom_for_tests


@pytest.fixture(autouse=True)
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in (
        ("PINGS", 20), ("BURST", 50), ("BURSTS", 2), ("COMMITS", 5), ("GROUP", 10), ("GROUPS", 2)
    ):  # fmt: skip
        monkeypatch.setattr(benchmark, name, count)


async def test_it_measures_and_nothing_of_it_stays(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        before = await loom.store.journal.events()
        boxes = loom.bus.mailboxes()
        found = await measure(loom.bus, loom.store, loom.clock)
        assert found.bus.latency.count == 20
        assert 0 < found.bus.latency.p50_ms <= found.bus.latency.p99_ms
        assert found.bus.events_per_s > 0
        assert found.journal is not None
        assert found.journal.latency.count == 5
        assert found.journal.events_per_s > 0
        assert found.encrypted
        assert found.beside == 0
        assert await loom.store.journal.events() == before
        assert [one.name for one in loom.bus.mailboxes()] == [one.name for one in boxes]
        assert await loom.store.check(thorough=True), "the blocks of the journal know of it"


async def test_it_is_not_done_where_somebody_would_hear_of_it(tmp_path: Path) -> None:
    nosy = Agent("nosy")

    @nosy.on(">")
    async def hear(ctx: Context, event: Event) -> None: ...

    async with loom_for_tests(tmp_path, nosy) as loom:
        with pytest.raises(Unavailable, match="agent:nosy would hear"):
            await measure(loom.bus, loom.store, loom.clock)


async def test_what_was_begun_is_taken_out_when_it_is_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_for_tests(tmp_path) as loom:

        async def refuses(events: object) -> list[int]:
            raise Unavailable("The disk is full.")

        monkeypatch.setattr(loom.store.journal, "append_many", refuses)
        with pytest.raises(Unavailable, match="full"):
            await measure(loom.bus, loom.store, loom.clock)
        assert await loom.store.journal.events("bench.") == []
        assert not [one for one in loom.bus.mailboxes() if one.name == "benchmark"]
