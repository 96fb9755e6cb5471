from __future__ import annotations

import pytest

from loom_desktop.llm import Usage
from loom_desktop.llm.answer import Answer, Route


@pytest.mark.parametrize(
    ("name", "local", "words"),
    [("big", False, "cloud · m"), ("mine", True, "local · m"), ("offline", True, "offline · m")],
)
def test_a_route_says_where_the_answer_comes_from(name: str, local: bool, words: str) -> None:
    assert Route(name=name, model="m", local=local, reason="").words == words


def test_two_models_for_one_answer_are_counted_together() -> None:
    answer = Answer()
    answer.add(Usage(5, 2), 0.25)
    assert (answer.usage, answer.cost) == (Usage(5, 2), 0.25)
    answer.add(Usage(1, 1, estimated=True), 0.5)
    assert (answer.usage, answer.cost) == (Usage(6, 3, estimated=True), 0.75)
    answer.add(Usage(1, 1), None)
    assert answer.cost is None, "a part of unknown price makes the whole unknown"


def test_nothing_comes_from_an_answer_that_no_router_gave() -> None:
    with pytest.raises(AssertionError, match=r"Router\.answer"):
        aiter(Answer())
