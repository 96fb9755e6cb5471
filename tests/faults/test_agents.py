"""What a durable agent of a killed Loom remembers is applied once, and nothing is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import agents


@pytest.mark.timeout(150)
def test_a_kill_leaves_nothing_unworked_and_nothing_remembered_twice(tmp_path: Path) -> None:
    report = agents.run(12, tmp_path)
    assert report.wrong == []
    assert report.figures["handled"] >= report.figures["acknowledged"] > 100
    assert report.figures["before ready"] < 12
    assert report.figures["reopen ms max"] > 0


def test_the_kills_find_what_is_remembered_apart_from_its_mark(tmp_path: Path) -> None:
    report = agents.run(60, tmp_path, wrong="--apart")
    found = ("applied twice", "marked and not remembered", "the tally says")
    assert any(what in one for one in report.wrong for what in found), report.wrong
