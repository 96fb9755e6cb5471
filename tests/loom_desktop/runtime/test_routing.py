"""The router of a whole Loom: what it tells the bus, and the question about an unknown price."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from loom_desktop import Event
from loom_desktop.errors import Denied
from loom_desktop.event import Privacy
from loom_desktop.runtime.routing import midnight
from loom_desktop.testing import answer_of, next_event
from tests.fake_model_server import FakeModelServer
from tests.loom_desktop.verbs.test_settings import loom_at
from tests.paid import paid_model

FREE = "Tell me something about mountains"


async def test_a_decision_is_an_event_of_its_thread_and_says_nothing_of_the_content(
    tmp_path: Path,
) -> None:
    async with FakeModelServer() as server:
        toml = f'[llm.mine]\napi_base = "{server.url}"\nmodel = "fake-7b"\n'
        async with loom_at(tmp_path, toml) as loom:
            heard: list[Event] = []
            loom.bus.subscribe("routing.*", heard.append)
            answer = await answer_of(loom, FREE)
        assert [one.topic for one in heard] == ["routing.decided", "routing.ended"]
        before, after = (one.payload for one in heard)
        assert {one.thread for one in heard} == {answer.begins}
        assert {one.privacy for one in heard} == {Privacy.LOCAL_ONLY}
        fields = {"name", "rule", "reason", "confidence", "estimated_s", "estimated_cost",
                  "privacy", "latency_budget_ms", "cost_cap", "quality_threshold"}  # fmt: skip
        assert fields <= before.keys()
        assert (before["outcome"], after["outcome"]) == ("", "worked")
        assert after["first_s"] >= 0 > before["first_s"]
        assert "mountains" not in str(before) + str(after)


async def test_an_agents_policy_in_loom_toml_is_followed(tmp_path: Path) -> None:
    paid_model(tmp_path, toml='[agents.chat]\nrouting.privacy = "local-only"\n')
    async with loom_at(tmp_path) as loom:
        said = await answer_of(loom, FREE)
        assert said.payload["route"].startswith("offline")
        assert "keeps private content here" in said.payload["reason"]


@pytest.mark.parametrize("action", ["allow", "deny"])
async def test_an_unknown_price_is_a_card_and_the_answer_waits_for_it(
    tmp_path: Path, action: str
) -> None:
    paid_model(tmp_path, known=False)
    async with loom_at(tmp_path, desktop=True) as loom:
        asked = loom.tasks.run("card", next_event(loom, "card.offered"))
        answer = loom.tasks.run("answer", answer_of(loom, FREE))
        card = (await asked).payload["card"]
        assert card["kind"] == "approval"
        assert card["title"] == "Ask far (big), whose price is not known"
        assert not answer.done()
        with pytest.raises(Denied, match="own window alone"):
            await loom.call("answer", card=card["id"], action="allow")
        await loom.call(
            "answer", card=card["id"], action=action, door="window", digest=card["digest"]
        )
        said = (await answer).payload
        if action == "allow":
            assert (said["text"], said["cost"]) == ("From far away.", None)
            assert (await answer_of(loom, FREE)).payload["text"] == "From far away.", "asked once"
        else:
            assert "you said no" in said["message"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"])
async def test_the_day_is_the_persons(tmp_path: Path, zone: str) -> None:
    async with loom_at(tmp_path) as loom:
        loom._fixed_zone = loom._zone = ZoneInfo(zone)
        begun = datetime.fromtimestamp(midnight(loom), ZoneInfo(zone))
        assert f"{begun:%H:%M:%S}" == "00:00:00"
        assert 0 <= loom.clock() - midnight(loom) < 86_400


async def test_a_new_setting_is_a_new_router(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        first = await loom.brain.router()
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)
        assert await loom.brain.router() is first
        await loom.call(
            "change_setting", table="agents.chat.routing", key="privacy", value="public"
        )
        assert await loom.brain.router() is not first
        await asyncio.sleep(0)
