from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.number import counted, read_number, write_number


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1250.50", "1250.5"),
        ("1,250.50", "1250.5"),
        ("1.250,50", "1250.5"),
        ("1 250,50", "1250.5"),
        ("1\u202f250,50", "1250.5"),
        ("1'250.50", "1250.5"),
        ("3,14", "3.14"),
        ("1,250", "1250"),
        ("0,125", "0.125"),
        ("1.250", "1.25"),
        ("1.250.000", "1250000"),
        ("1,250,000", "1250000"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("2.5e-3", "0.0025"),
        ("007", "7"),
    ],
)
def test_a_number_is_read_the_way_people_write_it(written: str, value: str) -> None:
    assert read_number(written) == Fraction(value)


@pytest.mark.parametrize(
    "written", ["", "abc", "1.2.3", "1,25,3", "1e9999", "9" * 500, "1.2,3.4", "--1", "٣"]
)
def test_what_is_no_number_raises_value_error(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_number(written)


@pytest.mark.parametrize(
    ("value", "written", "exact"),
    [
        (Fraction(3, 10), "0.3", True),
        (Fraction(1, 3), "0.333333333333", False),
        (Fraction(2, 3), "0.666666666667", False),
        (Fraction(-5), "-5", True),
        (Fraction(0), "0", True),
        (Fraction(10) ** 60, "1e+60", True),
        (Fraction(10) ** 30, "1" + "0" * 30, True),
        (Fraction(1, 10**12), "1e-12", True),
        (Fraction(1250, 100), "12.5", True),
    ],
)
def test_a_number_is_written_without_noise(value: Fraction, written: str, exact: bool) -> None:
    assert write_number(value) == (written, exact)


@given(st.decimals(-(10**9), 10**9, places=4))
def test_what_was_written_exactly_reads_back(value: object) -> None:
    number = Fraction(str(value))
    written, exact = write_number(abs(number))
    assert exact
    assert read_number(written) == abs(number)


@given(st.fractions())
def test_writing_any_number_ends_and_is_short(value: Fraction) -> None:
    written, _ = write_number(value)
    assert len(written) < 70
    assert not written.endswith(".")


def test_one_is_told_from_several() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
