"""What was acknowledged survives kill -9, and what was applied is not applied again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import kills


@pytest.mark.timeout(150)
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_kill_loses_nothing_and_doubles_nothing(tmp_path: Path, encrypted: bool) -> None:
    report = kills.run(30, tmp_path, encrypted=encrypted)
    assert report.wrong == []
    assert report.figures["acknowledged"] > 100
    assert report.figures["reopen ms max"] > 0


@pytest.mark.parametrize("wrong", ["--ack-early", "--effect-alone"])
def test_the_kills_find_a_missing_guard(tmp_path: Path, wrong: str) -> None:
    assert kills.run(60, tmp_path, encrypted=False, wrong=wrong).wrong
