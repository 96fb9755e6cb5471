from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import NotFound, Unavailable
from loom_desktop.llm import Facts
from loom_desktop.llm.refusals import Failed, plain, refusal, said

FACTS = Facts(name="x", kind="openai", model="m:7b", api_base="http://127.0.0.1:11434")
WHO = "Ollama at 127.0.0.1:11434"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "No such thing", "type": "x"}}, "No such thing"),
        ({"error": "No such thing"}, "No such thing"),
        ({"message": "No such thing"}, "No such thing"),
        ({"detail": "No such thing"}, "No such thing"),
        ({"detail": [{"loc": ["a"], "msg": "No such thing"}]}, "No such thing"),
        ([{"error": {"message": "No such thing"}}], "No such thing"),
        ({"error": {"message": {"error": {"message": "No such thing"}}}}, "No such thing"),
        ({"error": {"error": {"error": {"error": {"error": "Deep"}}}}}, ""),
        ({"error": {}}, ""),
        ({"error": 7}, ""),
        ([], ""),
        ("No such thing", "No such thing"),
    ],
)
def test_the_sentence_is_found_however_it_is_wrapped(body: Any, words: str) -> None:
    assert said(json.dumps(body).encode()) == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"No such\nthing\x00\x1b[31m", "No such thing [31m"),
        (b" <html><body>No</body></html>", ""),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * 199 + "…"),
    ],
)
def test_what_is_no_json_is_one_plain_line_or_nothing(body: bytes, words: str) -> None:
    assert said(body) == words


@given(st.text(max_size=500))
def test_a_quoted_sentence_is_short_and_holds_nothing_that_does_harm(text: str) -> None:
    line = plain(text)
    assert len(line) <= 200
    assert line.isprintable()


def test_a_secret_is_taken_out_even_in_pieces_of_a_sentence() -> None:
    assert "sk-1234" not in plain("a sk-1234, b sk-1234", "sk-1234")


def test_a_model_that_is_not_there_is_told_with_what_is() -> None:
    error = refusal(Failed(404, ""), FACTS, WHO, there=[f"m{n}" for n in range(20)])
    assert isinstance(error, NotFound)
    assert "There are: m0, m1," in error.message
    assert error.message.endswith("m11, ….")
    assert "ollama pull m:7b" in error.hint


def test_a_server_without_any_model_says_how_to_get_one() -> None:
    error = refusal(Failed(404, ""), FACTS, WHO, there=[])
    assert "ollama pull m:7b" in error.hint


def test_a_model_that_is_there_and_a_404_is_a_wrong_address() -> None:
    error = refusal(Failed(404, ""), FACTS, WHO, there=["m:7b"])
    assert "There is no chat at http://127.0.0.1:11434" in error.message


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("keyring:deep", "loom secrets set deep"),
        ("env:DEEP_KEY", "environment variable DEEP_KEY"),
        ("cmd:pass show deep", "what the command in api_key prints"),
        ("", 'api_key = "keyring:x"'),
    ],
)
def test_a_key_that_is_not_accepted_is_named_by_where_it_is_kept(key: str, says: str) -> None:
    error = refusal(Failed(401, "Incorrect API key provided: sk-abc"), FACTS, WHO, key=key)
    assert isinstance(error, Unavailable)
    assert says in error.hint
    assert "sk-abc" not in error.message


@pytest.mark.parametrize(
    ("status", "words", "passing"),
    [
        (408, "", True),
        (409, "", True),
        (429, "slow down", True),
        (500, "", True),
        (529, "", True),
        (599, "", True),
        (429, "insufficient_quota", False),
        (500, "the context length is exceeded", False),
        (400, "", False),
        (401, "", False),
        (404, "", False),
        (302, "", False),
    ],
)
def test_what_may_work_in_a_moment(status: int, words: str, passing: bool) -> None:
    assert Failed(status, words).passing is passing


@given(st.integers(300, 599), st.text(max_size=60))
def test_every_refusal_has_a_message_and_a_hint(status: int, words: str) -> None:
    error = refusal(Failed(status, plain(words)), FACTS, WHO)
    assert error.message
    assert error.hint
