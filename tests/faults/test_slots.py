"""Whatever happens in one slot, each event of the others arrives. How soon is for the report."""

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
