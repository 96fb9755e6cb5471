from __future__ import annotations

from typing import Any

import pytest

from loom_desktop.actions import Capability, Effect, Result, capability
from loom_desktop.cognition.toolbox import BrokerTools, called, fitting, in_words


def one(name: str, words: str, effect: Effect = "none") -> Capability:
    async def run(path: str, deep: bool = False) -> None: ...

    run.__doc__ = words
    return capability(name, effect=effect)(run)


FILES = one("files.find", "Find files by a word in their name.", "read-local")
REMIND = one("reminders.add", "Remind the person of something at a time.", "write-own")
TUNE = one("desk.tune", "Change a setting.", "settings")


def box(*there: Capability, result: Result | None = None) -> tuple[BrokerTools, list[Any]]:
    calls: list[Any] = []

    async def invoke(name: str, arguments: dict[str, Any]) -> Result:
        calls.append((name, arguments))
        return result or Result({"text": "Found."})

    return BrokerTools(there, invoke), calls


def test_a_model_is_told_name_words_and_schema_and_nothing_of_what_it_may_never_do() -> None:
    tools, _ = box(FILES, TUNE)
    (tool,) = tools.tools
    assert (tool.name, tool.description) == ("files-find", "Find files by a word in their name.")
    assert tool.parameters["required"] == ["path"]
    assert set(tool.parameters["properties"]) == {"path", "deep"}


async def test_it_calls_by_its_own_name() -> None:
    tools, calls = box(FILES)
    outcome = await tools.call("files-find", {"path": "a"})
    assert (outcome.ok, outcome.text) == (True, "Found.")
    assert calls == [("files.find", {"path": "a"})]


async def test_what_failed_is_told_with_what_to_do() -> None:
    refused = Result(code="DENIED", message="It reads outside.", hint="Grant the folder.")
    tools, _ = box(FILES, result=refused)
    outcome = await tools.call("files-find", {"path": "a"})
    assert (outcome.ok, outcome.text) == (False, "It reads outside. Grant the folder.")


@pytest.mark.parametrize(
    ("value", "words"),
    [("a", "a"), ({"text": "a", "chips": []}, "a"), (None, ""), ([1, {"b": 2}], '[1,{"b":2}]')],
)
def test_results_in_words(value: Any, words: str) -> None:
    assert in_words(value) == words


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Which file has that name?", ["files.find"]),
        ("What was I reminded of, and in which files?", ["files.find", "reminders.add"]),
        ("Erzähl mir einen Witz", []),
        ("the and for with", []),
        ("", []),
    ],
)
def test_what_fits_the_question(question: str, names: list[str]) -> None:
    found = fitting([REMIND, FILES, TUNE], question, 6)
    assert sorted(one.name for one in found) == names
    assert len(fitting([REMIND, FILES, TUNE], question, 1)) == min(1, len(names))


def test_names_have_no_dot_in_any_format() -> None:
    assert called("files.find_all") == "files-find_all"
