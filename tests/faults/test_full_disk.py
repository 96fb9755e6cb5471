"""A full disk costs nothing that was acknowledged, and is over when there is room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import full_disk

HOW = ("limit", "tmpfs") if full_disk.namespaces() else ("limit",)
"""Where no disk can be mounted, the limit alone."""


@pytest.mark.parametrize("how", HOW)
def test_a_full_disk_loses_nothing_is_told_and_is_over_when_there_is_room(
    tmp_path: Path, how: str
) -> None:
    report = full_disk.run(tmp_path / how, how=how)
    assert report.wrong == []
    assert report.figures["acknowledged"] > 500


@pytest.mark.parametrize("how", HOW)
def test_without_ballast_nothing_more_is_taken(tmp_path: Path, how: str) -> None:
    """The negative control. Under a limit there is no ballast to be missed: it takes no more."""
    report = full_disk.run(tmp_path / how, how=how, ballast_bytes=0)
    assert report.figures["after the ballast"] == 0
    assert (report.wrong == []) is (how == "limit")
