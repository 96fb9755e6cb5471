"""A sync that fails costs nothing that was acknowledged, also when the power goes off after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import syncs


@pytest.mark.timeout(120)
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_no_failing_sync_loses_what_was_acknowledged_or_stops_what_follows(
    folder: Path, encrypted: bool
) -> None:
    report = syncs.run(folder, encrypted=encrypted)
    assert report.wrong == []
    assert report.figures["points"] > 20
    assert report.figures["refused"] > 20


def test_the_faults_find_an_acknowledgement_that_comes_early(folder: Path) -> None:
    report = syncs.run(folder, early=True)
    assert any("lost" in what for what in report.wrong)
