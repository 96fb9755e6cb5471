"""The adapter in a harness of its shape: what it measures has arrived, and nothing of it twice."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.measures.durable_rig import BEHIND, durable_rig, fill, recover, replay

EVENTS = 2_500


async def calibrated(
    run: Callable[[int], Awaitable[tuple[float, float]]], nominal: int, target: float
) -> tuple[int, float, float]:
    """As the harness does it, but with one size: 1,100 are more than one burst, and not a whole."""
    wall, cpu = await run(1_100)
    return 1_100, wall, cpu


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, imported beside a harness that has its names and nothing else."""
    harness, core = ModuleType("peerbench"), ModuleType("peerbench.core")
    for name in ("Adapter", "Options"):
        setattr(harness, name, type(name, (), {}))
    harness.__dict__.update(Result=dict, calibrated=calibrated, core=core)
    core.__dict__.update(Handler=Callable[..., Any], Payload=dict)
    monkeypatch.setitem(sys.modules, "peerbench", harness)
    monkeypatch.setitem(sys.modules, "peerbench.core", core)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "tests.measures.peer_adapter", raising=False)
    return importlib.import_module("tests.measures.peer_adapter")


@pytest.mark.parametrize("kind", ["LoomAdapter", "LoomInlineAdapter"])
async def test_it_publishes_subscribes_and_asks(adapter: Any, kind: str) -> None:
    one = getattr(adapter, kind)()
    await one.start()
    try:
        seen: list[int] = []

        async def handle(message: Any) -> None:
            seen.append(one.get(message)["n"])

        token = await one.sub("bench.*", handle)
        await one.serve("echo", lambda value: value + 1)
        for number in range(50):
            one.pub("bench.x", {"n": number}, ("realtime", "batched", None)[number // 20])
        assert await one.request("echo", 6) == 7
        assert await one.bus.settled(10)
        assert sorted(seen) == [*range(50)]
        await one.unsub(token)
        one.pub("bench.x", {"n": 50})
        assert await one.bus.settled(10)
        assert len(seen) == 50
        assert one.light_trace(True) is False, "there is no switch: it is always on"
    finally:
        await one.stop()


async def test_durable_rates_and_recovery_are_told_plain_and_encrypted(
    adapter: Any, tmp_path: Path
) -> None:
    options = SimpleNamespace(log_events=EVENTS, scratch=str(tmp_path), target=0.1)
    found = await adapter.LoomAdapter().durable(options)
    assert found.pop("log_events") == EVENTS
    kinds = ("burst1000_per_s", "stream1000_per_s", "window64_per_s", "single_per_s")
    expected = {*kinds, "fill_per_s", "ready_ms", "replay_s"}
    assert set(found) == {f"{store}_{one}" for store in ("plain", "encrypted") for one in expected}
    assert all(value > 0 for value in found.values())


@pytest.mark.parametrize(("together", "ahead"), [(1_000, 0), (1_000, 3_000), (64, 0), (1, 0)])
async def test_what_is_counted_as_durable_is_on_the_disk_and_marked(
    tmp_path: Path, together: int, ahead: int
) -> None:
    size = 2_100 if together > 1 else 20
    path = tmp_path / "loom.db"
    async with durable_rig(path, None) as rig:
        assert await rig.run(size, together, ahead=ahead) > 0
        assert rig.handled == size
    seconds, waiting = await recover(path, None)
    assert (seconds > 0, waiting) == (True, 0), "everything was marked as had"
    assert (await replay(path, None))[1] == size


async def test_a_long_log_is_opened_at_the_cursor(tmp_path: Path) -> None:
    path = tmp_path / "loom.db"
    await fill(path, bytes(32), EVENTS)
    assert (await recover(path, bytes(32)))[1] == BEHIND
    assert (await replay(path, bytes(32)))[1] == EVENTS
