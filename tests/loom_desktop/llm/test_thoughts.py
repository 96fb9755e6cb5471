from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.llm import Text, Thinking
from loom_desktop.llm.thoughts import Thoughts


def split(text: str, size: int = 10**9) -> tuple[str, str]:
    """What it thought, and what it said."""
    thoughts, pieces = Thoughts(), list[Text | Thinking]()
    for start in range(0, len(text), size):
        pieces += thoughts.feed(text[start : start + size])
    pieces += thoughts.end()
    return (
        "".join(one.text for one in pieces if isinstance(one, Thinking)),
        "".join(one.text for one in pieces if isinstance(one, Text)),
    )


@pytest.mark.parametrize("size", [1, 3, 10**9])
@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("Hello", "", "Hello"),
        ("<think>Hm</think>\n\nHello", "Hm", "Hello"),
        ("  <think>Hm</think>Hello", "Hm", "Hello"),
        ("<think>never ends", "never ends", ""),
        ("Use <think> there", "", "Use <think> there"),
        ("<thin", "", "<thin"),
        ("<think>a < b</think>c < d", "a < b", "c < d"),
        ("", "", ""),
    ],
)
def test_thoughts_stand_at_the_beginning(text: str, thought: str, said: str, size: int) -> None:
    assert split(text, size) == (thought, said)


@given(st.text(alphabet="<>/think a", max_size=40), st.integers(1, 5))
def test_the_pieces_do_not_matter(text: str, size: int) -> None:
    assert split(text, size) == split(text)
