"""What a killed process said, and how soon what it left is open again."""

from __future__ import annotations

import pytest

from tests.faults import killed
from tests.faults.report import Report


@pytest.mark.parametrize("control", [False, True])
def test_what_opens_slowly_is_wrong_and_no_finding_of_a_control(control: bool) -> None:
    report = Report(suite="planted", control=control)
    for took_ms in (killed.SLOW_MS / 2, killed.SLOW_MS + 1, 3.0):
        killed.opened_again(report, took_ms, "after kill 3")
    assert report.figures["reopen ms max"] == killed.SLOW_MS + 1
    found = [] if control else ["after kill 3: 1001 ms until it was open; 1000 may be"]
    assert report.wrong == found
