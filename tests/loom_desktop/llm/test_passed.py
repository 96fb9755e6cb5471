"""What is stored of an error names who and what kind, and quotes nobody."""

from __future__ import annotations

import pytest

from loom_desktop.errors import (
    Denied,
    LoomError,
    NotFound,
    SettingsError,
    TimedOut,
    Unavailable,
    UsageError,
)
from loom_desktop.llm import Facts
from loom_desktop.llm.passed import joined, left_alone, why
from loom_desktop.llm.refusals import Failed, refusal

FACTS = Facts(name="cl", kind="openai", model="big")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unavailable("x did not answer (connection refused)."), "did not answer"),
        (Unavailable("x:1 answered: MY WORDS (400)."), "did not answer"),
        (TimedOut("MY WORDS"), "took too long"),
        (NotFound("x has no model called 'MY WORDS'."), "has no such model"),
        (SettingsError("MY WORDS"), "is not set up as it should be"),
        (UsageError("MY WORDS"), "failed"),
    ],
)
def test_the_kind_is_said_in_our_words(error: LoomError, words: str) -> None:
    assert why(FACTS, error) == f"cl (big) {words}"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "did not answer"),
        (401, "wants another key"),
        (402, "has no credit left"),
        (403, "refused the request"),
        (404, "has no such model"),
        (429, "has too many requests at the moment"),
        (500, "had an error of its own"),
        (529, "is overloaded at the moment"),
    ],
)
def test_the_status_is_said_and_nothing_that_the_server_says(status: int, words: str) -> None:
    failed = Failed(status, "bad input (418): MY PRIVATE WORDS")
    told = why(FACTS, refusal(failed, FACTS, "http://host:1", key="env:KEY"))
    assert told == f"cl (big) {words} ({status})"


def test_what_was_refused_here_is_told_as_it_is() -> None:
    assert why(FACTS, Denied("cl was not asked: you said no.")) == "cl was not asked: you said no"
    assert why(FACTS, left_alone(FACTS)) == left_alone(FACTS).message.rstrip(".")


def test_several_errors_are_one_and_each_is_told_once() -> None:
    errors = [TimedOut("Slow.", hint="Wait."), NotFound("None."), NotFound("None.")]
    one = joined(errors)
    assert (type(one), one.message, one.hint) == (TimedOut, "Slow. None.", "Wait.")
