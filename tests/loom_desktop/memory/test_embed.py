"""Vectors of letters."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.memory.embed import Letters, bits, folded, grams, likeness, packed


def vector(text: str) -> bytes:
    (found,) = Letters().embed([text])
    return found


@pytest.mark.parametrize(
    ("said", "near", "far"),
    [
        ("dentst apointment", "dentist appointment", "department store"),
        ("Zahnartz", "Zahnarzt", "Zahnrad"),
        ("Grossmutter", "Großmutter", "Grossmarkt"),
        ("vaccinated", "vaccination", "vacation"),
        ("Äpfel", "apfel", "Ampel"),
        ("напоминание", "напоминания", "понимание"),
    ],
)
def test_other_forms_are_nearer_than_other_words(said: str, near: str, far: str) -> None:
    like = likeness(vector(said))
    assert like(vector(near)) > like(vector(far)) + 0.05


@given(st.text(max_size=50))
def test_a_text_is_like_itself_and_no_text_breaks_it(text: str) -> None:
    one = vector(text)
    assert len(one) == len(vector("other"))
    assert likeness(one)(one) == pytest.approx(1.0 if any(one) else 0.0, abs=1e-9)
    assert all(len(gram) == 3 for gram in grams(text))


def test_only_the_beginning_of_a_long_text_counts() -> None:
    assert vector("word " * 400 + "more") == vector("word " * 400 + "other things")


def test_a_vector_has_its_largest_number_and_its_signs() -> None:
    assert packed([3.0, -4.0]) == bytes([95, 256 - 127])
    assert packed([0.0, 0.0]) == bytes(2)
    assert math.isclose(likeness(packed([1, 1]))(packed([1, -1])), 0.0, abs_tol=0.01)
    assert likeness(packed([1, 0]))(packed([1, 0, 0])) == 0.0, "of two models"
    assert bits(packed([1, -1, 1, -1])) == bytes([0b0101])
    assert len(bits(packed([-1.0] * 9))) == 2


def test_words_are_framed_and_punctuation_is_none() -> None:
    assert grams("Ab, ab!") == [" ab", "ab ", "b a"]
    assert grams("") == []
    assert folded("Größe CAFÉ") == "grosse cafe"
