"""What was acknowledged is worked on, and what is written with its mark is written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import deliveries


@pytest.mark.timeout(150)
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_kill_leaves_no_event_unhandled_and_no_effect_doubled(
    tmp_path: Path, encrypted: bool
) -> None:
    report = deliveries.run(12, tmp_path, encrypted=encrypted)
    assert report.wrong == []
    assert report.figures["handled"] > 100
    assert report.figures["dead letters"] > 2
    assert report.figures["reopen ms max"] > 0


def test_the_kills_find_an_effect_that_is_apart_from_its_mark(tmp_path: Path) -> None:
    report = deliveries.run(60, tmp_path, encrypted=False, wrong="--effect-apart")
    # Which one it is depends on where the kill fell: between two effects, or before the mark.
    found = ("applied twice", "marked and not written", "the tally says")
    assert any(what in one for one in report.wrong for what in found), report.wrong
