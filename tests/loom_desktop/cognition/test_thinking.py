import logging
from pathlib import Path

import pytest

from loom_desktop import Loom
from loom_desktop.errors import SettingsError, Unavailable
from loom_desktop.llm.router import Router
from loom_desktop.paths import paths
from loom_desktop.settings import Settings
from loom_desktop.testing import ScriptedModel, answer_of, loom_for_tests


async def test_a_skill_answers_and_says_so_even_where_there_is_a_model(tmp_path: Path) -> None:
    model = ScriptedModel(["A poem."])
    async with loom_for_tests(tmp_path, model=model) as loom:
        said = (await answer_of(loom, "What is 15% of 240?")).payload
        assert "36" in said["text"]
        assert said["route"] == "offline · calculator"
        assert said["cost"] == 0
        assert not model.asked
        said = (await answer_of(loom, "Write a poem")).payload
        assert (said["text"], said["route"], said["model"]) == (
            "A poem.", "local · scripted", "scripted",
        )  # fmt: skip


async def test_without_a_model_it_is_said_what_can_be_done(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = (await answer_of(loom, "Write a poem")).payload
        assert said["route"].startswith("offline")
        assert "Remind" in said["text"]
        assert said["model"] == ""


async def test_the_conversation_goes_on(tmp_path: Path) -> None:
    model = ScriptedModel(["Paris.", "In France."])
    async with loom_for_tests(tmp_path, model=model) as loom:
        first = await answer_of(loom, "Which city?")
        await answer_of(loom, "Where is it?", conversation=first.begins)
        assert [one.text for one in model.asked[1]][1:] == [
            "Which city?", "Paris.", "Where is it?",
        ]  # fmt: skip
        kept = await loom.call("conversation", conversation=first.begins)
        assert [(one["role"], one["text"]) for one in kept] == [
            ("user", "Which city?"), ("assistant", "Paris."),
            ("user", "Where is it?"), ("assistant", "In France."),
        ]  # fmt: skip


async def test_a_model_that_is_gone_leaves_the_skill_to_answer(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Rain fell all week. The river rose. People left. " * 3)
    model = ScriptedModel([Unavailable("It is away.")])
    async with loom_for_tests(tmp_path, model=model) as loom:
        said = (await answer_of(loom, "Summarise this", files=[str(tmp_path / "a.txt")])).payload
        assert said["route"] == "offline · summary"
        assert "- " in said["text"]


async def test_a_document_goes_to_the_model_as_data(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The harvest was poor.")
    model = ScriptedModel(["It was poor."])
    async with loom_for_tests(tmp_path, model=model) as loom:
        said = await answer_of(loom, "How was it?", files=[str(tmp_path / "a.txt")])
        assert said.payload["text"] == "It was poor."
        assert said.tainted
        assert "The harvest was poor." in model.asked[0][-1].text
        assert "<data " in model.asked[0][-1].text


async def test_an_error_after_some_words_keeps_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loom_desktop.llm import Text

    class Breaking(ScriptedModel):
        async def stream(self, messages, **more):  # type: ignore[no-untyped-def]
            yield Text("Half ")
            raise Unavailable("The model server hung up.", hint="Try again.")

    async with loom_for_tests(tmp_path, model=Breaking([])) as loom:
        said = (await answer_of(loom, "Write a poem")).payload
        assert said["text"] == "Half "
        assert (said["message"], said["hint"]) == ("The model server hung up.", "Try again.")
        kept = await loom.call("conversations")
        assert len(kept) == 1


async def test_a_bug_is_told_in_words_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = ScriptedModel([ZeroDivisionError("bug")])
    with caplog.at_level(logging.ERROR):
        async with loom_for_tests(tmp_path, model=model) as loom:
            said = (await answer_of(loom, "Write a poem")).payload
    assert "Something went wrong inside Loom." in said["message"]
    assert "ZeroDivisionError" in caplog.text


async def test_an_impossible_sum_is_told_in_words(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = await answer_of(loom, "1 / 0")
        assert said.topic == "chat.failed"
        assert "zero" in said.payload["message"].lower()


async def test_what_failed_is_not_told_to_a_model_as_its_own_words(tmp_path: Path) -> None:
    model = ScriptedModel([Unavailable("There is no credit left."), "Paris."])
    async with loom_for_tests(tmp_path, model=model) as loom:
        first = await answer_of(loom, "Which city?")
        assert first.topic == "chat.failed"
        await answer_of(loom, "And now?", conversation=first.begins)
        assert not any("credit" in one.text for one in model.asked[1])


async def test_a_mistake_about_models_stops_no_skill(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Rain fell all week. The river rose. People left. " * 3)

    def broken(loom: Loom) -> Router:
        raise SettingsError("[llm.x] api_key holds the key itself.")

    place = paths({"LOOM_HOME": str(tmp_path)})
    made = Loom(Settings(), paths=place, key=bytes(32), listening=False, router=broken)
    async with made as loom:
        said = (await answer_of(loom, "Summarise this", files=[str(tmp_path / "a.txt")])).payload
        assert said["route"] == "offline · summary"
        said = (await answer_of(loom, "Write a poem")).payload
        assert "holds the key itself" in said["message"]


async def test_what_nobody_knows_the_price_of_is_not_free(tmp_path: Path) -> None:
    model = ScriptedModel(["A poem."], local=False)
    async with loom_for_tests(tmp_path, model=model) as loom:
        loom.brain.current = None
        router = await loom.brain.router()
        router.net.local_only = False
        said = await answer_of(loom, "Write a poem")
        assert said.payload["cost"] is None
        kept = await loom.call("conversation", conversation=said.begins)
        assert kept[-1]["cost"] < 0
