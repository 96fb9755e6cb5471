"""A system call that fails is told or survived: nothing lost, no ghosts, nothing stuck."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import syscalls


@pytest.mark.timeout(120)
def test_no_failing_call_loses_what_was_acknowledged_or_stops_what_follows(folder: Path) -> None:
    plain = syscalls.run(folder / "plain", step=3)
    encrypted = syscalls.run(folder / "encrypted", errors=["EIO"], encrypted=True, step=3)
    assert plain.wrong == []
    assert encrypted.wrong == []
    assert plain.figures["points"] + encrypted.figures["points"] >= 390
    assert plain.figures["reported"] > 50


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_no_failing_call_in_a_start_ends_it_or_takes_the_file_for_damaged(
    folder: Path, encrypted: bool
) -> None:
    report = syscalls.run(folder, when="starting", encrypted=encrypted, errors=["EIO"], step=4)
    assert report.wrong == []
    assert report.figures["points"] > 50


def test_the_faults_find_an_acknowledgement_that_comes_early(folder: Path) -> None:
    report = syscalls.run(folder, errors=["ENOSPC"], step=8, early=True)
    assert any("lost" in what for what in report.wrong)
