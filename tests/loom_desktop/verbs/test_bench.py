from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.runtime import benchmark
from loom_desktop.testing import loom_for_tests


async def test_it_is_not_done_under_strain_or_on_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        strained: Any = SimpleNamespace(level=1, reason="Memory is 95% full.")
        loom.degradation = strained
        with pytest.raises(Unavailable, match="Memory is 95% full"):
            await loom.call("bench")
        loom.degradation = None
        monkeypatch.setattr(type(loom.store), "disk", "full")
        with pytest.raises(Unavailable, match="The disk is full"):
            await loom.call("bench")


async def test_its_answer_is_plain_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PINGS", "BURST", "BURSTS", "COMMITS", "GROUP", "GROUPS"):
        monkeypatch.setattr(benchmark, name, 2)
    async with loom_for_tests(tmp_path) as loom:
        found = await loom.call("bench")
        assert {"latency", "events_per_s"} <= found["bus"].keys()
        assert {"latency", "commits_per_s", "events_per_s"} <= found["journal"].keys()
