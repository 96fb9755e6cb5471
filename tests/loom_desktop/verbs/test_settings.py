import asyncio
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loom_desktop import Loom
from loom_desktop.errors import Denied, LoomError, SettingsError, UsageError
from loom_desktop.paths import Paths
from loom_desktop.testing import FakeClock, loom_for_tests, next_event


def loom_at(folder: Path, toml: str = "", **more: Any) -> Loom:
    """A Loom that reads and writes its loom.toml."""
    if toml:
        (folder / "loom.toml").write_text(toml, encoding="utf-8")
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    zone = ZoneInfo("Europe/Berlin")
    return Loom(paths=place, key=bytes(32), clock=FakeClock(), zone=zone, listening=False, **more)


TOML = """# mine
[attention]
cards_per_hour = 4  # enough

[sources.files]
folders = ["~/Downloads"]
"""


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("attention", "cards_per_hour", "many"),
        ("attention", "cards_per_hour", [1]),
        ("attention", "cards_per_day", 5),
        ("attention", "quiet_hours", "25:00-26:00"),
        ("attention", "card_expires_s", float("nan")),
        ("attention.cards_per_hour", "x", 1),
        ("attention", "cards_per_hour", {"a": object()}),
        ("attention", "cards_per_hour", object()),
        ("assistant", "agents", ["chat", "nobody"]),
        ("assistant", "agents", "chat"),
        ("sources.files", "folders", 5),
        ("sources.files", "folder", "~"),
        ("sources.nothing", "enabled", True),
        ("agents.clipboard", "offer_from_words", "eighty"),
        ("nothing", "x", 1),
        ("", "x", 1),
        ("attention", "", 1),
        ("sources", "files", 1),
        ("llm.mine", "model", "\ud800"),
    ],
)
async def test_a_value_that_cannot_be_leaves_the_file_byte_for_byte(
    tmp_path: Path, table: str, key: str, value: Any
) -> None:
    async with loom_at(tmp_path, TOML) as loom:
        before = (tmp_path / "loom.toml").read_bytes()
        with pytest.raises(LoomError):
            await loom.call("change_setting", table=table, key=key, value=value)
        assert (tmp_path / "loom.toml").read_bytes() == before
        assert loom.settings.attention.cards_per_hour == 4
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=3)
        assert loom.settings.attention.cards_per_hour == 3
    assert sorted(os.listdir(tmp_path)) == ["data", "loom.toml"]


async def test_a_change_keeps_comments_and_holds_at_once(tmp_path: Path) -> None:
    async with loom_at(tmp_path, TOML) as loom:
        told = loom.tasks.run("wait", next_event(loom, "settings.changed"))
        await asyncio.sleep(0)
        done = await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)
        assert done == {"applied": True, "restart": False}
        await told
        assert loom.desk.settings.cards_per_hour == 2
        assert (tmp_path / "loom.toml").read_text() == TOML.replace("= 4", "= 2")
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=None)
        assert loom.settings.attention.cards_per_hour == 6


async def test_a_language_holds_at_the_next_start_and_has_to_be_one(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        done = await loom.call("change_setting", table="assistant", key="language", value="de")
        assert done == {"applied": True, "restart": True}
        with pytest.raises(LoomError):
            await loom.call("change_setting", table="assistant", key="language", value="klingon")
        assert loom.settings.assistant.language == "de"


async def test_the_first_change_makes_the_file_and_a_refused_one_does_not(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        with pytest.raises(LoomError):
            await loom.call("change_setting", table="attention", key="x", value=1)
        assert not (tmp_path / "loom.toml").exists()
        await loom.call("change_setting", table="privacy", key="local_only", value=True)
        assert loom.settings.privacy.local_only
        assert (await loom.call("status"))["local_only"]


async def test_changes_at_once_are_all_there(tmp_path: Path) -> None:
    async with loom_at(tmp_path, TOML) as loom:
        changes: list[tuple[str, str, Any]] = [
            ("attention", "cards_per_hour", 1), ("attention", "cards_per_hour", "bad"),
            ("privacy", "redact", False), ("sources.files", "enabled", "bad"),
            ("agents.clipboard", "offer_from_words", 5), ("attention", "nothing", 1),
            ("router", "cost_per_day", 2.5),
        ]  # fmt: skip
        done = await asyncio.gather(
            *(loom.call("change_setting", table=t, key=k, value=v) for t, k, v in changes),
            return_exceptions=True,
        )
        assert [isinstance(one, LoomError) for one in done] == [
            False, True, False, True, False, True, False,
        ]  # fmt: skip
        assert loom.settings.attention.cards_per_hour == 1
        assert not loom.settings.privacy.redact
        assert loom.agents_settings["clipboard"].offer_from_words == 5
        assert loom.settings.router.cost_per_day == 2.5


async def test_a_link_to_somebodys_dotfiles_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/loom.toml").write_text(TOML)
    (tmp_path / "loom.toml").symlink_to(tmp_path / "dotfiles/loom.toml")
    async with loom_at(tmp_path) as loom:
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)
    assert (tmp_path / "loom.toml").is_symlink()
    assert "= 2" in (tmp_path / "dotfiles/loom.toml").read_text()


async def test_a_file_that_cannot_be_followed_is_not_written_into(tmp_path: Path) -> None:
    async with loom_at(tmp_path, "[attention\n", desktop=True) as loom:
        with pytest.raises(SettingsError, match="line 1"):
            await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)
    assert (tmp_path / "loom.toml").read_text() == "[attention\n"


async def test_every_setting_has_a_sentence(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        tables = await loom.call("settings")
    assert {"attention", "privacy", "sources.clipboard", "agents.downloads"} <= tables.keys()
    for table, keys in tables.items():
        for key, one in keys.items():
            assert one["words"].endswith("."), f"{table}.{key}"
            assert one["kind"] in ("bool", "int", "float", "str", "choice", "list"), key
            assert bool(one["choices"]) == (one["kind"] == "choice")


async def test_settings_that_a_program_gave_are_not_written(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(Denied):
            await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)


async def test_the_first_run_is_asked_once(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        assert (await loom.call("status"))["first_run"]
        await loom.call("first_run", clipboard=True)
        assert not (await loom.call("status"))["first_run"]
        assert loom.settings.sources["clipboard"] == {"enabled": True}
        assert "files" not in loom.settings.sources
    async with loom_at(tmp_path) as loom:
        assert not (await loom.call("status"))["first_run"]


async def test_a_secret_is_kept_and_its_value_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setattr(loom.store.secrets, "_use_keyring", False)
        with pytest.raises(UsageError, match="nothing to keep"):
            await loom.call("set_secret", name="openai", value="  \n")
        await loom.call("set_secret", name="openai", value="sk-very-secret")
        assert await loom.call("secrets") == ["openai"]
        assert (await loom.call("remove_secret", name="openai")) == {"removed": True}
        assert await loom.call("secrets") == []
