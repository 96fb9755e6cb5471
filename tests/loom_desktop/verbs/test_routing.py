"""Models, routes, money and thumbs, as every door gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Loom
from loom_desktop.errors import Denied, NotFound, UsageError
from loom_desktop.testing import FakeClock, answer_of
from tests.fake_model_server import FakeModelServer, status, stream
from tests.loom_desktop.verbs.test_settings import loom_at
from tests.paid import PRICE, paid_model

FREE = "Tell me something about mountains"


def mine(server: FakeModelServer, more: str = "") -> str:
    return f'# mine\n{more}\n[llm.mine]  # the one\napi_base = "{server.url}"\nmodel = "fake-7b"\n'


async def said(loom: Loom, **how: Any) -> dict[str, Any]:
    event = await answer_of(loom, FREE, **how)
    assert isinstance(loom.clock, FakeClock)
    loom.clock.forward(60)
    return {**event.payload, "thread": event.begins}


# ------------------------------------------------------------------------------ routes and thumbs


async def test_what_was_asked_is_listed_with_its_reason_and_can_be_rated(tmp_path: Path) -> None:
    async with FakeModelServer() as server, loom_at(tmp_path, mine(server)) as loom:
        first = await said(loom)
        second = await said(loom, conversation=first["thread"])
        rated = await loom.call("rate", thumb="up", turn=first["turn"])
        assert rated == {"turn": first["turn"], "name": "mine", "model": "fake-7b", "thumb": 1}
        assert (await loom.call("rate", thumb="down"))["turn"] == second["turn"]
        told = await loom.call("routes")
        newest, oldest = told["decisions"]
        assert (newest["thumb"], oldest["thumb"]) == (-1, 1)
        assert (newest["name"], newest["outcome"], newest["agent"]) == ("mine", "worked", "chat")
        assert newest["reason"] == "It is the first in loom.toml."
        (model,) = told["models"]
        assert (model["up"], model["down"], model["worked"]) == (1, 1, 2)
        assert model["confidence"] == 0.5
        assert told["compared"] is None
        assert len((await loom.call("routes", limit=1))["decisions"]) == 1
        assert not (await loom.call("routes", agent="nobody"))["decisions"]
        await loom.call("rate", thumb="none", turn=first["turn"])
        assert (await loom.call("routes"))["models"][0]["up"] == 0
        with pytest.raises(UsageError):
            await loom.call("routes", limit=0)
        with pytest.raises(UsageError):
            await loom.call("rate", thumb="sideways")


async def test_the_past_of_a_model_survives_a_restart(tmp_path: Path) -> None:
    async with FakeModelServer() as server:
        async with loom_at(tmp_path, mine(server)) as loom:
            await said(loom)
            await loom.call("rate", thumb="up")
        async with loom_at(tmp_path) as loom:
            told = await loom.call("routes")
            assert [one["up"] for one in told["models"]] == [1]


async def test_a_skill_is_not_rated(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        with pytest.raises(NotFound, match="no answer yet"):
            await loom.call("rate", thumb="up")
        await answer_of(loom, "What is 15% of 240?")
        with pytest.raises(NotFound, match="No model gave that answer"):
            await loom.call("rate", thumb="up")


# ------------------------------------------------------------------------------ money


async def test_what_an_answer_cost_is_told_by_day_agent_and_answer(tmp_path: Path) -> None:
    paid_model(tmp_path)
    async with loom_at(tmp_path) as loom:
        assert (await said(loom))["cost"] == pytest.approx(PRICE)
        await said(loom)
        told = await loom.call("money")
        assert told["today"]["total"] == told["today"]["asked"] == pytest.approx(2 * PRICE)
        assert told["today"]["agents"] == {"chat": pytest.approx(2 * PRICE)}
        assert told["today"]["background"] == 0
        assert [one["cost"] for one in told["answers"]] == [pytest.approx(PRICE)] * 2
        assert told["caps"]["day"] == 1.0
        assert isinstance(loom.clock, FakeClock)
        loom.clock.forward(86_400)
        assert (await loom.call("money"))["today"]["total"] == 0


async def test_a_cap_stops_the_next_answer_in_words_also_after_a_restart(tmp_path: Path) -> None:
    paid_model(tmp_path, toml="[router]\ncost_per_day = 0.015\n")
    async with loom_at(tmp_path) as loom:
        await said(loom)
    async with loom_at(tmp_path) as loom:
        failed = await said(loom)
        assert "a day may cost $0.01, today it is $0.01, and this is" in failed["message"]
        assert "loom settings router.cost_per_day" in failed["hint"]
        await loom.call("change_setting", table="router", key="cost_per_day", value=5.0)
        assert (await said(loom))["text"] == "From far away."


async def test_an_agent_has_a_cap_of_its_own(tmp_path: Path) -> None:
    paid_model(tmp_path, toml="[agents.chat.routing]\ncost_per_day = 0.01\n")
    async with loom_at(tmp_path) as loom:
        await said(loom)
        failed = await said(loom)
        assert "chat in a day may cost" in failed["message"]
        assert "agents.chat.routing.cost_per_day" in failed["hint"]
        await loom.call(
            "change_setting", table="agents.chat.routing", key="cost_per_day", value=1.0
        )
        assert (await said(loom))["text"] == "From far away."


async def test_an_unknown_price_is_refused_where_nobody_can_be_asked(tmp_path: Path) -> None:
    paid_model(tmp_path, known=False)
    async with loom_at(tmp_path) as loom:
        failed = await said(loom)
        assert failed["message"] == (
            "far (big) was not asked: its price is not known, and nobody is there to ask."
        )
        assert "prices.toml" in failed["hint"]
        await loom.call("change_setting", table="router", key="unknown_price", value="allow")
        assert (await said(loom))["cost"] is None
        assert (await loom.call("money"))["today"]["unknown"] == 1


# ------------------------------------------------------------------------------ models


async def test_a_model_is_tested_with_one_short_question(tmp_path: Path) -> None:
    async with FakeModelServer() as server:
        server.play(stream("ready", first_s=0.05))
        async with loom_at(tmp_path, mine(server)) as loom:
            told = await loom.call("test_model", name="mine")
            assert (told["works"], told["model"], told["text"]) == (True, "fake-7b", "ready")
            assert told["seconds"] >= told["first_s"] >= 0.0
            assert told["cost"] == 0
            assert len(server.questions) == 1
            assert (await loom.call("routes"))["decisions"][0]["agent"] == "person"


async def test_why_a_model_does_not_answer_is_told_in_words(tmp_path: Path) -> None:
    async with FakeModelServer() as server:
        server.play(status(401))
        async with loom_at(tmp_path, mine(server)) as loom:
            told = await loom.call("test_model", name="mine")
            assert not told["works"]
            assert "wants a key" in told["message"]
            assert told["hint"]
            nobody = await loom.call("test_model", name="nobody")
            assert "no model called 'nobody'" in nobody["message"]
    paid_model(tmp_path, toml="[privacy]\nlocal_only = true\n")
    async with loom_at(tmp_path) as loom:
        told = await loom.call("test_model", name="far")
        assert "local only is on" in told["message"]


async def test_the_model_to_use_is_written_into_loom_toml_and_comments_stay(
    tmp_path: Path,
) -> None:
    async with FakeModelServer(models=("fake-7b", "fake-70b")) as server:
        toml = mine(server) + '\n[llm.other]\nkind = "offline"\n'
        async with loom_at(tmp_path, toml) as loom:
            told = await loom.call("use_model", name="mine", model="fake-70b")
            assert told == {"name": "mine", "model": "fake-70b"}
            written = (tmp_path / "loom.toml").read_text()
            assert written.startswith("# mine\n")
            assert "[llm.mine]  # the one" in written
            assert 'model = "fake-70b"' in written
            assert loom.settings.router.prefer == "mine"
            await said(loom)
            assert server.questions[-1].json["model"] == "fake-70b"
            for name, model in (("nobody", ""), ("mine", "fake-7000b")):
                with pytest.raises(NotFound):
                    await loom.call("use_model", name=name, model=model)
            assert (tmp_path / "loom.toml").read_text() == written
            await loom.call("use_model", name="other")
            assert loom.settings.router.prefer == "other"


async def test_a_found_server_gets_its_table_when_it_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeModelServer(models=("a-7b", "b-7b")) as server:
        monkeypatch.setattr("loom_desktop.llm.discovery.USUAL_PORTS", {server.port: "LM Studio"})
        async with loom_at(tmp_path, "# mine\n") as loom:
            assert [one["found"] for one in await loom.call("models")] == [True]
            await loom.call("use_model", name="lm-studio", model="b-7b")
            assert loom.settings.llm == {
                "lm-studio": {"api_base": server.url, "model": "b-7b"},
            }
            assert (tmp_path / "loom.toml").read_text().startswith("# mine\n")
            assert [one["found"] for one in await loom.call("models")] == [False]


async def test_settings_given_by_a_program_are_not_written(tmp_path: Path) -> None:
    from loom_desktop.settings import Settings
    from loom_desktop.testing import loom_for_tests

    on = Settings(llm={"mine": {"kind": "offline"}})
    async with loom_for_tests(tmp_path, says=["x"], settings=on) as loom:
        with pytest.raises(Denied):
            await loom.call("use_model", name="scripted")
