"""What was acknowledged survives a power cut at every I/O operation; the simulator has teeth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.powercut import Cuts
from tests.faults.report import Report

SEEDS = 3


def check(report: Report) -> None:
    assert report.wrong == []
    assert report.figures["acknowledged"] > 100


@pytest.mark.timeout(120)
def test_no_cut_loses_what_was_acknowledged(folder: Path) -> None:
    plain = Cuts(folder / "plain").run(range(SEEDS))
    encrypted = Cuts(folder / "encrypted", encrypted=True).run(range(SEEDS), step=3)
    check(plain)
    check(encrypted)
    assert plain.figures["cuts"] + encrypted.figures["cuts"] >= 400


def test_no_cut_in_the_first_start_ends_it_or_loses_anything(folder: Path) -> None:
    check(Cuts(folder).run([0], step=5, first_start=True))


@pytest.mark.parametrize(
    "disk", [{"sync": "normal"}, {"sync": "off"}, {"honest": False}], ids=["normal", "off", "lies"]
)
def test_a_disk_that_syncs_less_loses(folder: Path, disk: dict[str, Any]) -> None:
    report = Cuts(folder, **disk).run([0], step=3)
    assert any("lost" in what for what in report.wrong)
