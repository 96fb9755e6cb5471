"""A model of Ollama is loaded when the popup opens or at the start, and only where that was set."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from loom_desktop import Loom
from loom_desktop.event import QoS
from loom_desktop.runtime import warm_up
from tests.fake_model_server import FakeModelServer
from tests.loom_desktop.verbs.test_settings import loom_at


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_up, "PAINTED_S", 0.0)


def toml(server: FakeModelServer, when: str) -> str:
    return (
        f'[router]\nwarm_up = "{when}"\n[llm.far]\napi_base = "https://api.example.org/v1"\n'
        f'model = "big"\n[llm.mine]\napi_base = "{server.url}"\nmodel = "fake-7b"\n'
    )


async def warmed(loom: Loom) -> None:
    """What was begun is over."""
    warm = [one for one in asyncio.all_tasks() if one.get_name() == "warm up"]
    await asyncio.gather(*warm)


def bring_up(loom: Loom, topic: str) -> None:
    loom.publisher("door", origin="user-typed")(topic, qos=QoS.REALTIME, name="popup")


@pytest.mark.parametrize(
    ("when", "topic", "loads"),
    [("popup", "hotkey.pressed", 1), ("popup", "popup.requested", 1), ("popup", "", 0),
     ("start", "", 1), ("start", "popup.requested", 1), ("off", "popup.requested", 0)],
)  # fmt: skip
async def test_it_is_loaded_when_it_was_set(
    tmp_path: Path, when: str, topic: str, loads: int
) -> None:
    async with FakeModelServer(ollama=True) as server:
        async with loom_at(tmp_path, toml(server, when), desktop=True) as loom:
            warm_up.warm_up(loom)
            if topic:
                bring_up(loom, topic)
                await asyncio.sleep(0)
                bring_up(loom, topic)
            await asyncio.sleep(0)
            await warmed(loom)
        loaded = [one.json for one in server.requests if one.path == "/api/generate"]
        assert loaded == [{"model": "fake-7b", "keep_alive": "600s"}] * loads


async def test_without_a_window_nothing_is_loaded(tmp_path: Path) -> None:
    async with FakeModelServer(ollama=True) as server:
        async with loom_at(tmp_path, toml(server, "start")) as loom:
            warm_up.warm_up(loom)
            await warmed(loom)
        assert not server.requests


async def test_a_mistake_in_loom_toml_is_left_to_whoever_asks(tmp_path: Path) -> None:
    wrong = '[router]\nwarm_up = "start"\n[llm.x]\napi_key = "sk-the-key-itself"\n'
    async with loom_at(tmp_path, wrong, desktop=True) as loom:
        warm_up.warm_up(loom)
        await warmed(loom)
        assert not [one for one in loom.status.problems if "warm" in one[0]]
