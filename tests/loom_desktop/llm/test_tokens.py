from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.llm import Call, Image, Message, Tool
from loom_desktop.llm.tokens import PER_IMAGE, PER_MESSAGE, Counter, estimate


@pytest.mark.parametrize(
    ("text", "real"),
    [  # counted once with the vocabulary of GPT-4o
        ("The quick brown fox jumps over the lazy dog. " * 20, 200),
        ("今天天气很好，我们去公园散步吧。" * 10, 110),
        ('{"name": "value", "list": [1, 2, 3]}' * 10, 180),
    ],
)
def test_the_guess_is_near_the_real_count(text: str, real: int) -> None:
    assert 0.7 * real <= estimate(text) <= 1.6 * real


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_is_never_fewer_tokens(one: str, two: str) -> None:
    assert estimate(one) >= 0
    assert estimate(one + "\n" + two) >= estimate(one) - 1e-9


_RUN = re.compile(
    r"(?P<latin>[A-Za-z]+)|(?P<digits>\d+)|(?P<cjk>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)"
    r"|(?P<letters>[^\W\d_]+)|(?P<space>\s+)|(?P<signs>[\W_])"
)


def slowly(text: str) -> float:
    """The rule as it is written down: run by run."""
    tokens = 0.0
    for run in _RUN.finditer(text):
        length = run.end() - run.start()
        tokens += {
            "latin": max(1.0, length / 5.5),
            "digits": -(-length // 3),
            "cjk": length * 0.95,
            "letters": max(1.0, length / 2.9),
            "space": 0.0 if run[0] == " " else 0.8,
            "signs": 0.72,
        }[run.lastgroup or ""]
    return tokens


@given(st.text(max_size=60) | st.text(alphabet="aZé你ß1_ .\n\t\xa0٣", max_size=60))
def test_it_counts_as_the_rule_says(text: str) -> None:
    assert estimate(text) == pytest.approx(slowly(text))


def test_an_empty_text_is_nothing() -> None:
    assert (estimate(""), Counter().count("")) == (0, 0)


def test_it_learns_from_what_the_server_counted() -> None:
    counter, text = Counter(), "The quick brown fox jumps over the lazy dog. " * 20
    for _ in range(30):
        counter.learn(text, 170)
    assert abs(counter.count(text) - 170) <= 3


@pytest.mark.parametrize(("text", "counted"), [("short", 900), ("long text " * 50, 0)])
def test_it_learns_nothing_from_short_texts_and_from_nothing(text: str, counted: int) -> None:
    counter = Counter()
    counter.learn(text, counted)
    assert counter.factor == 1.0


def test_one_odd_count_does_not_throw_it_off() -> None:
    counter = Counter()
    counter.learn("long text " * 50, 10_000_000)
    assert counter.factor <= 1.4


def test_a_conversation_counts_its_turns_and_pictures() -> None:
    messages = [Message("user", "hi", images=(Image("image/png", b""),)), Message("assistant", "")]
    assert Counter().prompt(messages) == 1 + 2 * PER_MESSAGE + PER_IMAGE


def test_calls_and_tools_are_read_as_well() -> None:
    call = Call(id="1", name="look", arguments='{"at": "' + "word " * 100 + '"}')
    assert Counter().prompt([Message("assistant", "", calls=(call,))]) > 100
    tool = Tool(name="look", description="word " * 50, parameters={"at": "word " * 50})
    assert Counter().prompt([], [tool]) > 100


def test_a_large_text_is_counted_in_a_frame() -> None:
    import time

    begun = time.perf_counter()
    estimate("word and 123 more, 你好 " * 500)  # 11 kB
    assert time.perf_counter() - begun < 0.1
