from pathlib import Path

import pytest

from loom_desktop import Event, Loom
from loom_desktop.event import Privacy
from loom_desktop.settings import Attention, Settings
from loom_desktop.store import Memory
from loom_desktop.testing import answer_of, loom_for_tests, next_event
from tests.loom_desktop.capabilities.conftest import Call

QUIET = Settings(attention=Attention(quiet_hours=""))


async def test_said_asked_and_offered_to_be_forgotten(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = await answer_of(loom, "Remember that Anna lives in Bonn")
        assert said.payload["text"] == "Remembered: Anna lives in Bonn"
        (one,) = await loom.store.memories.listed()
        assert (one.kind, one.agent, one.origin) == ("note", "chat", frozenset({"user-typed"}))
        for question in ("what do you remember about Anna?", "What do you know about Ana?"):
            assert (await answer_of(loom, question)).payload["text"] == "- Anna lives in Bonn"
        offered = (await answer_of(loom, "forget that Anna lives in Bonn")).payload
        assert "Which of these" in offered["text"]
        assert offered["chips"] == [
            {"label": "Forget: Anna lives in Bonn", "ask": f"forget memory {one.id}"}
        ]
        assert await loom.store.memories.count() == 1, "it was only offered"


async def test_nothing_remembered_is_said(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert (await call(loom, "memory.find", query="x")).value["text"] == (
            "I remember nothing about x."
        )
        assert (await call(loom, "memory.find")).value["text"] == "I remember nothing."
        empty = await call(loom, "memory.remember", text=" \n")
        assert empty.message == "There is nothing to remember."


async def test_what_others_wrote_is_marked_where_it_is_shown(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        web = Event(topic="a.b", origin=frozenset({"web"}), privacy=Privacy.PUBLIC)
        await loom.memory.add(Memory(text="Pay at once"), web)
        found = await call(loom, "memory.find", query="pay")
        assert found.value["text"] == "- Pay at once *(from web: others may have written it)*"


@pytest.mark.parametrize("action", ["allow", "deny"])
async def test_it_is_forgotten_when_the_person_allows_it(tmp_path: Path, action: str) -> None:
    """It cannot be undone, so it is asked, and what another agent kept goes as well."""
    async with loom_for_tests(tmp_path, settings=QUIET, desktop=True) as loom:
        number = await kept(loom)
        answered = loom.tasks.run("ask", answer_of(loom, f"forget memory {number}"))
        card = (await next_event(loom, "card.offered")).payload["card"]
        assert card["kind"] == "approval"
        await loom.desk.answer(card["id"], action, bound=card["digest"])
        end = await answered
        allowed = action == "allow"
        assert (end.topic == "chat.answered") is allowed
        assert await loom.store.memories.count() == (0 if allowed else 1)


async def test_where_nobody_can_be_asked_it_is_not_forgotten(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        number = await kept(loom)
        assert (await call(loom, "memory.forget", memory=number)).code == "DENIED"
        assert await loom.store.memories.count() == 1


async def kept(loom: Loom) -> int:
    typed = Event(topic="a.b", origin=frozenset({"user-typed"}), privacy=Privacy.PRIVATE)
    return (await loom.memory.add(Memory(text="a secret", agent="other"), typed)).id
