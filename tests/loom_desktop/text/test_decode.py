from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.decode import clean, decode

TEXT = "Grüße, 1 € – “quoted” 今日は"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_recognised(encoding: str) -> None:
    assert decode(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised_by_its_zeros(encoding: str) -> None:
    assert decode("Plain enough text".encode(encoding)) == "Plain enough text"


@pytest.mark.parametrize(
    ("text", "encoding"), [("Grüße aus Köln", "latin-1"), ("“Fünf €”", "cp1252")]
)
def test_older_encodings_are_the_fallback(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_character_cut_at_the_end_is_left_out() -> None:
    assert decode("Grüße ü".encode()[:-1]) == "Grüße "


def test_controls_and_direction_marks_are_removed() -> None:
    assert clean("a\x00b\x1b[31mc\u202ed\r\ne\rf") == "ab[31mcd\ne\nf"


@given(st.binary(max_size=300))
def test_any_bytes_become_clean_text(data: bytes) -> None:
    text = decode(data)
    text.encode("utf-8")
    assert "\r" not in text
    assert "\x00" not in text
