from pathlib import Path
from typing import Any

import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.runtime import doctor
from loom_desktop.settings import Memory, Settings, StoreSettings
from loom_desktop.testing import ScriptedModel, loom_for_tests

OFF: dict[str, Any] = {"on": False, "working": False, "driver": "", "detail": "", "fix": ""}


async def findings(folder: Path, **more: Any) -> dict[str, dict[str, str]]:
    async with loom_for_tests(folder, **more) as loom:
        return {one["name"]: one for one in await loom.call("doctor")}


@pytest.mark.parametrize(
    ("environ", "state", "said"),
    [
        ({}, "missing", "no display"),
        ({"DISPLAY": ":7"}, "ok", "X11 at :7"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "ok", "Wayland"),
    ],
)
async def test_the_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], state: str, said: str
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    found = (await findings(tmp_path))["display"]
    assert found["state"] == state
    assert said in found["detail"]
    assert bool(found["fix"]) == (state == "missing")


async def test_no_message_bus_is_said_with_what_it_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    found = (await findings(tmp_path))["message bus"]
    assert found["state"] == "missing"
    assert "no notifications" in found["detail"]
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x")
    assert (await findings(tmp_path))["message bus"]["state"] == "ok"


async def test_an_agent_that_failed_has_a_line(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        loom.supervisor.failed["downloads"] = "The disk is full."
        found = {one["name"]: one for one in await loom.call("doctor")}["agent downloads"]
    assert (found["state"], found["detail"]) == ("warn", "The disk is full.")
    assert found["fix"]


@pytest.mark.parametrize(
    ("report", "state", "fix"),
    [
        (OFF, "off", "loom settings sources.files.enabled true"),
        (OFF | {"on": True, "working": True, "driver": "inotify"}, "ok", ""),
        (OFF | {"on": True, "detail": "No folder.", "fix": "Make it."}, "missing", "Make it."),
    ],
)
def test_a_source(report: dict[str, Any], state: str, fix: str) -> None:
    found = doctor._source("files", report)
    assert found["state"] == state
    assert found["fix"].endswith(fix)


async def test_the_store_says_where_it_is_and_whether_it_is_safe(tmp_path: Path) -> None:
    found = (await findings(tmp_path))["store"]
    assert (found["state"], str(tmp_path) in found["detail"]) == ("ok", True)
    open_ = Settings(store=StoreSettings(encrypted=False))
    (tmp_path / "open").mkdir()
    found = (await findings(tmp_path / "open", settings=open_))["store"]
    assert (found["state"], "not encrypted" in found["detail"]) == ("warn", True)
    (tmp_path / "none").mkdir()
    (tmp_path / "none/data").touch()
    all_ = await findings(tmp_path / "none")
    assert all_["store"]["state"] == "missing"
    assert "problem" in all_


@pytest.mark.parametrize(
    ("model", "state", "said"),
    [(None, "off", "the skills answer"), (ScriptedModel(["x"]), "ok", "scripted")],
)
async def test_models(tmp_path: Path, model: Any, state: str, said: str) -> None:
    found = (await findings(tmp_path, model=model))["models"]
    assert found["state"] == state
    assert said in found["detail"]


async def test_the_memory_says_how_it_finds(tmp_path: Path) -> None:
    found = (await findings(tmp_path))["memory"]
    assert (found["state"], found["detail"][:10]) == ("ok", "0 memories")
    model = Settings(memory=Memory(embed_model=str(tmp_path / "nowhere")))
    found = (await findings(tmp_path, settings=model))["memory"]
    assert found["state"] == "warn"
    assert "words and letters meanwhile" in found["detail"]
    assert found["fix"]


async def test_a_router_that_cannot_be_made_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_for_tests(tmp_path) as loom:

        async def fail() -> None:
            raise Unavailable("The key is locked.", hint="Unlock it.")

        monkeypatch.setattr(loom.brain, "router", fail)
        found = {one["name"]: one for one in await loom.call("doctor")}["models"]
        assert (found["state"], found["detail"], found["fix"]) == (
            "missing", "The key is locked.", "Unlock it.",
        )  # fmt: skip


async def test_every_part_that_can_say_how_it_stands_has_a_line(tmp_path: Path) -> None:
    found = await findings(tmp_path, listening=True, desktop=True)
    for name in (
        "upkeep", "key", "bus", "broker", "agents", "durable", "recorder", "cards",
        "notifications", "door", "shell", "timers", "loop", "load", "network",
    ):  # fmt: skip
        assert (name, found[name]["state"]) == (name, "ok")
        assert found[name]["detail"]
