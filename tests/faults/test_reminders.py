"""A reminder that is due when the process dies is shown once, whenever that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import reminders

MOST = 200


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("since", "step"), [("look", 3), ("start", 5)])
def test_no_kill_loses_or_doubles_a_reminder(tmp_path: Path, since: str, step: int) -> None:
    report = reminders.run(tmp_path, range(1, MOST, step), since=since)
    assert report.wrong == []
    assert 5 < report.figures["kills"] < MOST / step, "the last one was not killed"


def test_the_kills_find_a_telling_that_is_apart_from_its_note(tmp_path: Path) -> None:
    report = reminders.run(tmp_path, range(4, 7), since="apart")
    assert any("shown: ['call Ada']" in what for what in report.wrong)
