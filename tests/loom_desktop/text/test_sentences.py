from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.sentences import LONGEST, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("   \n ", []),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith met J. R. Miller at 3.5 km.", ["Dr. Smith met J. R. Miller at 3.5 km."]),
        ("He paid $4.50, i.e. too much. Yes.", ["He paid $4.50, i.e. too much.", "Yes."]),
        ("Die Fa. liefert im Okt. noch.", ["Die Fa. liefert im Okt. noch."]),
        ('"Really?" she asked. Yes!', ['"Really?" she asked.', "Yes!"]),
        ("Am 3. März ist z. B. frei. Gut.", ["Am 3. März ist z. B. frei.", "Gut."]),
        ("Der Preis betrug 5. Das war gut.", ["Der Preis betrug 5.", "Das war gut."]),
        ("M. Dupont arrive. Il part.", ["M. Dupont arrive.", "Il part."]),
        ("今日は晴れ。明日は雨です！", ["今日は晴れ。", "明日は雨です！"]),
        ("「はい。」と言った。次。", ["「はい。」と言った。", "次。"]),
        ("यह एक है। यह दो है।", ["यह एक है।", "यह दो है।"]),
        ("- one\n- two\n* three\n1. four", ["one", "two", "three", "four"]),
        ("# Heading\n\nText wraps here\n\nEnd", ["Heading", "Text wraps here", "End"]),
        ("U.S. Steel rose. Good.", ["U.S. Steel rose.", "Good."]),
        ("Version 4.2 is out... and so on. Fine.", ["Version 4.2 is out... and so on.", "Fine."]),
    ],
)  # fmt: skip
def test_a_sentence_ends_where_a_reader_would_end_it(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_wrapped_lines_belong_together() -> None:
    text = ("This line is wrapped by the mail program at about seventy characters\n"
            "and it goes on here for another good while until it ends at last. Next.")  # fmt: skip
    assert len(sentences(text)) == 2


@given(st.text(max_size=400))
def test_no_sentence_is_empty_or_endless_and_no_letter_is_invented(text: str) -> None:
    parts = sentences(text)
    assert all(part.strip() and len(part) <= LONGEST for part in parts)
    assert set("".join(parts)) <= {*text, " "}


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "evil",
    [". " * 100_000, "." * 300_000 + "x", "a" * 300_000, "- x\n" * 50_000, "\n" * 300_000],
)
def test_hostile_text_costs_linear_time(evil: str) -> None:
    sentences(evil)
