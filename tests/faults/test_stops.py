"""A Loom that is stopped at random moments leaves nothing that goes on; and a leak is seen."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.faults import stops

STOPS = 16


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # whoever is stopped in the middle says so


@pytest.mark.timeout(180)
async def test_nothing_goes_on_after_a_stop_and_nothing_durable_is_lost(tmp_path: Path) -> None:
    report = await stops.run(tmp_path, STOPS, seed=7)
    assert report.wrong == []
    kinds = ("stopped", "cancelled", "cancelled while starting")
    assert sum(report.figures.get(kind, 0) for kind in kinds) == STOPS
    assert report.figures["stopped"] > 0
    assert report.figures["had"] >= report.figures["durable events"] > 0


async def test_a_future_that_is_left_behind_is_seen(tmp_path: Path) -> None:
    report = await stops.run(tmp_path, 1, leak=True)
    assert len(report.wrong) == 1
    assert "pending" in report.wrong[0]
