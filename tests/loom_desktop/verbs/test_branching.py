import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loom_desktop.errors import LoomError, NotFound, UsageError
from loom_desktop.event import Event, Privacy
from loom_desktop.llm import Facts
from loom_desktop.loom import Loom
from loom_desktop.settings import Settings
from loom_desktop.store.conversations import Message
from loom_desktop.testing import ScriptedModel, answer_of, loom_for_tests, next_event
from tests.loom_desktop.verbs.test_asking import NOBODY, hanging
from tests.loom_desktop.verbs.test_conversations import GPT, exported


async def answered(loom: Loom, verb: str, **arguments: Any) -> Event:
    """The event that ends the answer."""
    last: Event | None = None
    async with asyncio.timeout(20):
        async for event in loom.talk(verb, **arguments):
            last = event
    assert last is not None
    return last


async def asked_in(loom: Loom, said: Event) -> Event:
    """The question of an answer."""
    event = await loom.store.journal.event(said.payload["turn"])
    assert event is not None
    return event


async def texts(loom: Loom, conversation: int) -> list[str]:
    return [one["text"] for one in await loom.call("conversation", conversation=conversation)]


async def test_a_branch_goes_on_by_itself_and_the_first_one_stays(tmp_path: Path) -> None:
    model = ScriptedModel(["Green.", "It is mild.", "Black then."])
    async with loom_for_tests(tmp_path, model=model) as loom:
        first = await answer_of(loom, "Which tea is best?")
        await answer_of(loom, "And why that one?", conversation=first.begins)
        told = loom.tasks.run("wait", next_event(loom, "conversation.branched"))
        made = await loom.call("branch", conversation=first.begins, turn=first.payload["turn"])
        event = await told
        assert event.payload == {
            "conversation": made["conversation"], "parent": first.begins,
            "turn": first.payload["turn"],
        }  # fmt: skip
        await answer_of(loom, "I dislike green", conversation=made["conversation"])
        heard = [one.text for one in model.asked[-1]]
        assert any("Green." in one for one in heard)
        assert not any("mild" in one for one in heard)
        assert await texts(loom, made["conversation"]) == [
            "Which tea is best?", "Green.", "I dislike green", "Black then.",
        ]  # fmt: skip
        assert len(await texts(loom, first.begins)) == 4


async def test_a_question_is_asked_in_other_words(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, says=["Green.", "Because.", "Cake."]) as loom:
        first = await answer_of(loom, "Which tea is best?")
        await answer_of(loom, "And why that one?", conversation=first.begins)
        said = await answered(
            loom, "edit", conversation=first.begins, text="Which cake goes with it?"
        )
        assert await texts(loom, said.begins) == [
            "Which tea is best?", "Green.", "Which cake goes with it?", "Cake.",
        ]  # fmt: skip
        lines = await loom.call("conversations")
        assert [one["parent"] for one in lines] == [first.begins, 0]


async def test_the_first_question_can_be_edited_too(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        first = await answer_of(loom, "2 + 2")
        said = await answered(loom, "edit", conversation=first.begins, text="2 + 3")
        assert "5" in said.payload["text"]
        assert (await texts(loom, said.begins))[0] == "2 + 3"
        assert (await loom.store.conversations.provenance(said.begins)).parent == first.begins


async def test_a_retry_has_its_files_and_its_way_also_out_of_a_branch(tmp_path: Path) -> None:
    paper = tmp_path / "plan.txt"
    paper.write_text("The bridge is closed on Friday. " * 20)
    async with loom_for_tests(tmp_path, says=["One.", "Two.", "Three."]) as loom:
        first = await answer_of(loom, "What does it say?", files=[str(paper)], way="direct")
        before = await asked_in(loom, first)
        branch = await loom.call("branch", conversation=first.begins)
        for conversation in (first.begins, branch["conversation"]):
            said = await answered(loom, "retry", conversation=conversation)
            assert said.topic == "chat.answered", said.payload
            event = await asked_in(loom, said)
            assert event.payload | {"conversation": 0} == before.payload
            assert event.origin == before.origin == {"file", "user-typed"}
            assert said.begins not in (first.begins, branch["conversation"])
        paper.unlink()
        with pytest.raises(NotFound, match=r"plan\.txt"):
            await loom.call("retry", conversation=first.begins)
        assert len(await loom.call("conversations")) == 4, "no branch without a question"


async def test_an_edited_question_keeps_its_files_and_takes_more(tmp_path: Path) -> None:
    papers = [tmp_path / "plan.txt", tmp_path / "more.txt"]
    for one in papers:
        one.write_text("The bridge is closed on Friday. " * 20)
    old, new = map(str, papers)
    async with loom_for_tests(tmp_path, says=["One.", "Two."]) as loom:
        first = await answer_of(loom, "What does it say?", files=[old])
        said = await answered(
            loom, "edit", conversation=first.begins, text="What do they say?", files=[new]
        )
        assert (await asked_in(loom, said)).payload["files"] == [old, new]
        with pytest.raises(NotFound, match="none"):
            await loom.call("edit", conversation=first.begins, text="And?", files=["none"])


AGAIN: list[tuple[str, dict[str, Any]]] = [("retry", {}), ("edit", {"text": "2 + 2"})]


@pytest.mark.parametrize(("verb", "words"), AGAIN)
async def test_a_strangers_question_stays_one_when_it_is_asked_again(
    tmp_path: Path, verb: str, words: dict[str, Any]
) -> None:
    async with loom_for_tests(tmp_path, says=["Green."]) as loom:
        done = await loom.call("import_conversations", path=exported(tmp_path, GPT))
        said = await answered(loom, verb, conversation=done["conversations"][0], **words)
        asked = await asked_in(loom, said)
        assert asked.tainted
        assert asked.origin == {"file", "user-typed"}


@pytest.mark.parametrize(("verb", "words"), AGAIN)
async def test_a_question_that_stays_here_stays_here_when_it_is_asked_again(
    tmp_path: Path, verb: str, words: dict[str, Any]
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        kept = Message(
            conversation=5, turn=5, role="user", text="2 + 2", time=1.0,
            origin=frozenset({"user-typed"}), privacy=Privacy.LOCAL_ONLY,
        )  # fmt: skip
        await loom.store.conversations.put(kept)
        said = await answered(loom, verb, conversation=5, **words)
        assert said.privacy is Privacy.LOCAL_ONLY


TWO = Settings(llm={"scripted": {"kind": "openai"}, "other": {"kind": "openai"}})


async def test_a_model_that_is_named_answers_or_nobody(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, says=["A model's four."], settings=TWO) as loom:
        first = await answer_of(loom, "2 + 2")
        assert first.payload["route"] == "offline · calculator"
        said = await answered(loom, "retry", conversation=first.begins, model="scripted")
        assert said.payload["text"] == "A model's four.", "the one that was named, and no skill"
        said = await answered(loom, "retry", conversation=first.begins, model="other")
        assert said.topic == "chat.failed"
        assert said.payload["message"] == "There is no model called 'other', here or in loom.toml."
        turn = said.payload["turn"]
        said = await answered(loom, "retry", conversation=said.begins, turn=turn)
        assert said.topic == "chat.answered", "what failed is asked again, too"
        with pytest.raises(NotFound, match="no model 'gpt'") as error:
            await loom.call("retry", conversation=first.begins, model="gpt")
        assert "scripted, other" in error.value.hint


class Other(ScriptedModel):
    @property
    def facts(self) -> Facts:
        return msgspec.structs.replace(super().facts, name="other", model="other")


async def test_a_question_is_asked_again_of_another_model(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, says=["Prose."], settings=TWO) as loom:
        router = await loom.brain.router()
        router._models.append(Other(["A poem."]))
        first = await answer_of(loom, "Write a poem")
        assert (first.payload["text"], first.payload["model"]) == ("Prose.", "scripted")
        again = await answered(loom, "retry", conversation=first.begins, model="other")
        assert (again.payload["text"], again.payload["model"]) == ("A poem.", "other")
        assert again.begins != first.begins, "in a branch: what was said before stays"


async def test_what_was_only_said_in_between_is_not_asked_again(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        first = await answer_of(loom, "2 + 2")
        steered = Message(
            conversation=first.begins, turn=first.id + 1_000, role="user", text="shorter", time=1.0
        )
        await loom.store.conversations.put(steered)
        said = await answered(loom, "retry", conversation=first.begins)
        assert (await texts(loom, said.begins))[0] == "2 + 2"


async def test_what_cannot_be_branched_is_told(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        first = await answer_of(loom, "2 + 2")
        alone = Message(conversation=3, turn=3, role="assistant", text="Hi", time=1.0)
        await loom.store.conversations.put(alone)
        for verb, arguments, told in (
            ("branch", {"conversation": 7}, "no conversation 7"),
            ("retry", {"conversation": 7}, "no conversation 7"),
            ("branch", {"conversation": first.begins, "turn": 7}, "no turn 7"),
            ("edit", {"conversation": first.begins, "turn": 7, "text": "x"}, "no turn 7"),
            ("edit", {"conversation": first.begins, "text": " "}, "nothing to answer"),
            ("retry", {"conversation": 3}, "Nothing was asked in that conversation"),
            ("retry", {"conversation": 3, "turn": 3}, "Nothing was asked in that turn"),
        ):
            with pytest.raises(LoomError, match=told) as error:
                await loom.call(verb, **arguments)
            assert error.value.hint
        assert len(await loom.call("conversations")) == 2


async def test_an_answer_on_its_way_is_not_branched(tmp_path: Path) -> None:
    agent, _ = hanging()
    async with loom_for_tests(tmp_path, agent, settings=NOBODY) as loom:
        streamed = loom.tasks.run("wait", next_event(loom, "chat.streamed"))
        await asyncio.sleep(0)
        asked = await loom.call("ask", text="Tell me a story")
        await streamed
        with pytest.raises(UsageError, match="still being answered"):
            await loom.call("branch", conversation=asked["conversation"])
