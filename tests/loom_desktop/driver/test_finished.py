from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loom_desktop.driver.finished import being_written, held_back, sort_of, target_of


@pytest.mark.parametrize(
    ("name", "sort"),
    [
        ("a.pdf", "file"),
        ("no ending", "file"),
        ("departure", "file"),
        ("a.part.pdf", "file"),
        ("a.pdf.part", "partial"),
        ("A.PDF.CRDOWNLOAD", "partial"),
        ("Unconfirmed 12.crdownload", "partial"),
        ("a.opdownload", "partial"),
        ("a.iso.aria2", "partial"),
        ("a.tmp", "partial"),
        (".a.pdf", "ignored"),
        (".com.google.Chrome.1x", "ignored"),
        ("~$a.docx", "ignored"),
        (".~lock.a.odt#", "ignored"),
        (".goutputstream-1", "ignored"),
        ("a.txt~", "ignored"),
        ("Thumbs.db", "ignored"),
    ],
)
def test_a_name_says_what_to_do_with_it(name: str, sort: str) -> None:
    assert sort_of(name) == sort


@pytest.mark.parametrize(
    ("name", "size", "partials", "held"),
    [
        ("a.pdf", 0, {"a.pdf.part"}, True),
        ("a.pdf", 0, {"a.Xy12.pdf.part"}, True),
        ("a.pdf", 0, {"b.pdf.part"}, False),
        ("a.pdf", 0, set(), False),
        ("a.pdf", 5, {"a.pdf.part"}, False),
        ("a.iso", 5, {"a.iso.aria2"}, True),
        ("a.iso", 5, {"b.iso.aria2"}, False),
    ],
)
def test_a_download_holds_back_what_belongs_to_it(
    name: str, size: int, partials: set[str], held: bool
) -> None:
    assert held_back(name, size, partials) is held


@example(".")
@given(st.text(min_size=1))
def test_any_name_is_sorted_and_a_partial_has_a_target(name: str) -> None:
    assert sort_of(name) in ("file", "partial", "ignored")
    assert target_of(name + ".part") == name


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_kernel_tells_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("w") as file:
        file.write("x")
        assert being_written(str(path))
        with path.open() as reader:
            assert reader.fileno()
            assert being_written(str(path))
    if being_written(str(path)) is None:
        pytest.skip("this file system knows no leases")
    assert being_written(str(path)) is False
    with path.open():
        assert being_written(str(path)) is False, "a reader does not matter"


def test_what_cannot_be_opened_is_not_known(tmp_path: Path) -> None:
    assert being_written(str(tmp_path / "none")) is None
    (tmp_path / "link").symlink_to(tmp_path)
    assert being_written(str(tmp_path / "link")) is None
    os.mkfifo(tmp_path / "pipe")
    assert being_written(str(tmp_path / "pipe")) is None
