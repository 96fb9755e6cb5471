from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.text.facts import PERSON, Fact, facts_in, only_facts, to_the_person

SAID = [
    ("My name is Anna.", "is called", "Anna"),
    ("Hi, my name is Anna-Lena van der Berg!", "is called", "Anna-Lena van der Berg"),
    ("call me Al", "is called", "Al"),
    ("Ich heiße Jürgen.", "is called", "Jürgen"),
    ("By the way, I live in Bad Godesberg.", "lives in", "Bad Godesberg"),
    ("Wir wohnen in Köln", "lives in", "Köln"),
    ("I was born in St. Gallen.", "comes from", "St. Gallen"),
    ("Ich komme aus Wien.", "comes from", "Wien"),
    ("I work at the Museum of Modern Art.", "works at", "the Museum of Modern Art"),
    ("Ich arbeite bei der Post.", "works at", "der Post"),
    ("I work as a nurse.", "works as", "nurse"),
    ("Ich arbeite als Lehrerin.", "works as", "Lehrerin"),
    ("My birthday is on 3 May.", "has their birthday on", "3 May"),
    ("Ich habe am 3. Mai Geburtstag.", "has their birthday on", "3. Mai"),
    ("My wife is called Ruth.", "wife is called", "Ruth"),
    ("My mom's name is Eva", "mother is called", "Eva"),
    ("Meine Tochter heißt Mia.", "daughter is called", "Mia"),
    ("Mein Hund heißt Rex.", "dog is called", "Rex"),
    ("Meine Muttersprache ist Polnisch.", "speaks since childhood", "Polnisch"),
]


@pytest.mark.parametrize(("text", "relation", "said"), SAID)
def test_what_a_person_says_of_themselves(text: str, relation: str, said: str) -> None:
    assert facts_in(text) == [(PERSON, relation, said)]


@pytest.mark.parametrize(
    "text",
    [
        "", "What is my name?", "My name is what?", "my name is not important", "call me later",
        "Call me back.", "He said my name is mud, but whatever.", "Do I live in Bonn?",
        "I live in fear of spiders, and of the dark", "Write a poem about a man who says: I live",
        "My wife is called away tomorrow and I need help, please", "ich heiße nicht Otto",
        "My friend works at the post.", "If I work as a nurse, what do I earn?", "I like tea.",
        "Translate: my name is", "my name is", "I live in",
    ],
)  # fmt: skip
def test_what_is_no_plain_statement_is_no_fact(text: str) -> None:
    assert facts_in(text) == []


def test_several_in_one_text_and_the_last_word_counts() -> None:
    found = facts_in("My name is Anna. I live in Bonn. What is 2 + 2? Hello, I live in Köln.")
    assert {one.relation: one.object for one in found} == {"is called": "Anna", "lives in": "Köln"}
    assert len(found) == 2


@given(st.text(max_size=400))
def test_any_text_is_read_and_never_more_than_a_few(text: str) -> None:
    found = facts_in(text)
    assert len(found) <= 5
    assert all(one.subject and one.relation and one.object for one in found)


def test_a_long_text_is_looked_at_in_its_beginning_alone() -> None:
    assert facts_in("x" * 3_000 + ". My name is Anna.") == []


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("My name is Anna.", True),
        ("My name is Anna. I live in Bonn!", True),
        ("My name is Anna. What is yours?", False),
        ("My name is Anna. Write a poem.", False),
        ("", False),
    ],
)
def test_whether_nothing_is_asked(text: str, only: bool) -> None:
    assert only_facts(text) is only


@pytest.mark.parametrize(("text", "relation", "said"), SAID)
def test_every_fact_can_be_said_to_the_person(text: str, relation: str, said: str) -> None:
    (fact,) = facts_in(text)
    words = to_the_person(fact)
    assert words.startswith("You")
    assert words.endswith(said)


def test_whose_it_is() -> None:
    assert to_the_person(Fact(PERSON, "dog is called", "Rex")) == "Your dog is called Rex"
