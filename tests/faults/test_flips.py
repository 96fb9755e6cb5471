"""Whatever happens to the file, the application starts and no row is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import flips

MORE = {"pages": 20, "cuts": 20, "headers": 5, "empty files": 1}


@pytest.mark.timeout(150)
def test_no_flipped_bit_of_an_encrypted_store_gives_a_wrong_row(folder: Path) -> None:
    report = flips.run(folder, {"flips": 300}, encrypted=True)
    assert report.wrong == []
    assert report.figures["started"] == report.figures["told"] == 300


def test_no_other_harm_to_an_encrypted_store_gives_a_wrong_row(folder: Path) -> None:
    report = flips.run(folder, MORE, encrypted=True)
    assert report.wrong == []
    assert report.figures["started"] == sum(MORE.values())


def test_a_plain_store_that_lost_its_end_or_its_header_starts_and_says_so(folder: Path) -> None:
    some = {kind: MORE[kind] for kind in ("cuts", "headers", "empty files")}
    report = flips.run(folder, some, encrypted=False)
    assert report.wrong == []
    assert report.figures["started"] == report.figures["told"]


@pytest.mark.timeout(120)
def test_no_flipped_bit_of_a_plain_store_gives_a_wrong_event(folder: Path) -> None:
    report = flips.run(folder, {"flips": 300, "pages": 20}, encrypted=False)
    assert report.wrong == []
    assert report.figures["started"] == 320


def test_bare_sqlite_does_not_notice(folder: Path) -> None:
    """The negative control."""
    assert len(flips.unguarded(folder, 100).wrong) > 50
