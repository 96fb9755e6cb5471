"""Whatever happens in one slot, each event of the others arrives. How soon is for `make faults`."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.faults import slots

PROBES = 24


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # handlers fail on purpose


@pytest.mark.parametrize("slot", slots.SLOTS)
async def test_others_go_on_when_one_crashes_hangs_or_is_flooded(tmp_path: Path, slot: str) -> None:
    report = await slots.run(tmp_path, slot, probes=PROBES, rounds=1)
    assert report.wrong == []
    expected = {"crash", "flood"} if slot == "function inside publish" else {*slots.FAULTS}
    measured = {name.removesuffix(" ratio") for name in report.figures if name.endswith(" ratio")}
    assert measured == expected


async def test_an_event_that_does_not_arrive_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(done: object) -> bool:
        return False

    monkeypatch.setattr(slots, "_until", at_once)
    report = await slots.run(tmp_path, "subscription", probes=2, rounds=1)
    assert len(report.wrong) >= 2 * len(slots.FAULTS)
    assert "of 2 came" in report.wrong[0]


async def test_who_blocks_the_loop_breaks_the_promise(tmp_path: Path) -> None:
    report = await slots.run(
        tmp_path, "batched agent", probes=slots.ENOUGH, rounds=1, kinds=slots.BLOCK
    )
    assert report.control
    assert [one.split(" (p99)")[0].split(": ")[0] for one in report.wrong] == ["block"]


@pytest.mark.parametrize(
    ("calm_ms", "p99_ms", "late"),
    [(0.2, 0.9, False), (0.2, 1.1, True), (3.0, 5.9, False), (3.0, 6.1, True)],
)
def test_twice_is_too_late_unless_it_is_soon(calm_ms: float, p99_ms: float, late: bool) -> None:
    assert slots.too_late(calm_ms, p99_ms) is late
