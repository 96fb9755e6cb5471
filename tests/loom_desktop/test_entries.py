"""What loom.toml says about the parts: loaded once, checked, and told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from loom_desktop import settings as toml
from loom_desktop.entries import Entries, broken
from loom_desktop.errors import NotFound, SettingsError, Unavailable
from loom_desktop.settings import Settings

GREETER = """
from msgspec import Struct

agent = "the greeter"

class Settings(Struct, forbid_unknown_fields=True):
    words: str = "Hello"
"""


class Told(list[tuple[str, str]]):
    """What the person was told: (message, hint)."""

    def __call__(self, message: str, hint: str) -> None:
        self.append((message, hint))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def entries(tmp_path: Path, told: Told) -> Entries:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "greeter.py").write_text(GREETER, "utf-8")
    (tmp_path / "agents" / "broken.py").write_text("1 / 0\n", "utf-8")
    return Entries(tmp_path, tmp_path / "loom.toml", told)


def said(folder: Path, text: str) -> Settings:
    (folder / "loom.toml").write_text(text, "utf-8")
    return toml.read(folder / "loom.toml")


def test_a_part_is_loaded_once_and_has_its_settings(entries: Entries, tmp_path: Path) -> None:
    assert {"chat", "greeter"} <= set(entries.names("agents"))
    assert entries.load("agents", "greeter") is entries.load("agents", "greeter")
    assert entries.settings("agents", "greeter", Settings()).words == "Hello"
    on = said(tmp_path, "[agents.greeter]\nwords = 'Moin'\n")
    assert entries.settings("agents", "greeter", on).words == "Moin"


def test_what_is_said_of_a_broken_part_ends_with_one_full_stop() -> None:
    for words in ("It is dark", "It is dark."):
        message, _ = broken("agents", "lamp", ValueError(words))
        assert message == "The agent lamp cannot be used: ValueError: It is dark."


def test_a_part_that_cannot_be_run_says_what_to_do(entries: Entries, told: Told) -> None:
    with pytest.raises(NotFound, match="nobody"):
        entries.load("agents", "nobody")
    with pytest.raises(Unavailable, match=r"The agent broken cannot be used: ZeroDivisionError"):
        entries.load("agents", "broken")
    entries.check(Settings(assistant=toml.Assistant(agents=("broken",))))
    ((message, hint),) = told
    assert "broken" in message
    assert "Mend its file" in hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[agents.greeter]\nwords = 3\n", r"line 2.*words"),
        ("[agents.greeter]\nword = 'Moin'\n", r"line 2.*word"),
        ("[agents.nobody]\n", r"line 1.*nobody"),
        ("[sources.clipbord]\nenabled = true\n", r"line 1.*clipbord"),
        ("[assistant]\nagents = ['nobody']\n", r"line 2.*nobody"),
        ("[llm.one]\nkind = 'opanai'\n", r"line 2.*opanai"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_line(
    entries: Entries, tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        entries.check(said(tmp_path, text))


def test_what_is_right_is_followed(entries: Entries, tmp_path: Path, told: Told) -> None:
    entries.check(Settings())
    entries.check(said(tmp_path, "[sources.microphone]\nenabled = false\n"))
    entries.check(said(tmp_path, "[agents.greeter]\nwords = 'Moin'\n[sources.clipboard]\n"))
    assert told == []


def test_a_value_is_tried_before_it_is_written(entries: Entries) -> None:
    entries.would_take("agents.greeter", "words", "Moin", Settings())
    entries.would_take("agents.greeter", "words", None, Settings())
    entries.would_take("attention", "cards_per_hour", 3, Settings())
    with pytest.raises(SettingsError):
        entries.would_take("agents.greeter", "words", 3, Settings())
    with pytest.raises(NotFound):
        entries.would_take("agents.nobody", "words", "Moin", Settings())


def test_agents_that_are_not_there_are_left_out_and_told_while_they_are_named(
    entries: Entries, tmp_path: Path, told: Told
) -> None:
    on = said(tmp_path, "[assistant]\nagents = ['chat', 'nobody', 'greeter']\n")
    entries.find_missing(on)
    assert entries.without_missing(on).assistant.agents == ("chat", "greeter")
    entries.check(entries.without_missing(on))
    entries.tell_missing(on)
    ((message, hint),) = told
    assert "line 2" in message
    assert "greeter" in hint, "those that there are"
    told.clear()
    entries.tell_missing(said(tmp_path, "[assistant]\nagents = ['chat']\n"))
    assert told == []


def test_the_table_of_an_agent_that_is_not_there_is_left_out_with_it(
    entries: Entries, tmp_path: Path
) -> None:
    on = said(tmp_path, "[assistant]\nagents = ['chat', 'nobody']\n[agents.nobody]\nwords = 1\n")
    entries.find_missing(on)
    entries.check(entries.without_missing(on))


def test_an_agent_that_has_come_since_is_no_longer_missing(
    entries: Entries, tmp_path: Path, told: Told
) -> None:
    on = said(tmp_path, "[assistant]\nagents = ['nobody']\n")
    entries.find_missing(on)
    (tmp_path / "agents" / "nobody.py").write_text(GREETER, "utf-8")
    assert entries.without_missing(on).assistant.agents == ("nobody",)
    entries.tell_missing(on)
    assert told == []


def test_a_broken_file_is_run_once_until_somebody_looks_again(
    entries: Entries, tmp_path: Path
) -> None:
    path = tmp_path / "agents" / "counts.py"
    count = tmp_path / "count"
    path.write_text(
        f"with open({str(count)!r}, 'a') as file:\n    file.write('x')\n1 / 0\n", "utf-8"
    )
    for _ in range(3):
        with pytest.raises(Unavailable, match="ZeroDivisionError"):
            entries.load("agents", "counts")
    assert count.read_text() == "x"
    path.write_text("agent = 'mended'\n", "utf-8")
    entries.look_again()
    assert entries.load("agents", "counts").agent == "mended"


def test_the_routers_table_of_an_agent_is_checked_and_is_not_the_agents(
    entries: Entries, tmp_path: Path
) -> None:
    on = said(tmp_path, "[agents.greeter]\nwords = 'Moin'\nrouting.privacy = 'local-only'\n")
    entries.check(on)
    assert entries.settings("agents", "greeter", on).words == "Moin"
    assert entries.routing("greeter", on) == toml.Routing(privacy="local-only")
    assert entries.routing("chat", on) == toml.Routing()
    entries.would_take("agents.greeter.routing", "cost_cap", 0.5, on)
    entries.would_take("agents.greeter", "words", "Hi", on)
    for table, key, value in (
        ("agents.greeter.routing", "cost_cap", "much"),
        ("agents.greeter.routing", "words", "Hi"),
        ("agents.greeter", "cost_cap", 0.5),
    ):
        with pytest.raises(SettingsError):
            entries.would_take(table, key, value, on)
    with pytest.raises(NotFound):
        entries.would_take("agents.nobody.routing", "cost_cap", 0.5, on)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[agents.greeter.routing]\nprivcy = 'public'\n", r"line 2: \[agents\.greeter\.routing\]"),
        ("[agents.greeter.routing]\nprivacy = 'secret'\n", "privacy: invalid enum value"),
        ("[agents.greeter]\nrouting = 'public'\n", "routing must be a table"),
    ],
)
def test_a_wrong_routers_table_is_told(
    entries: Entries, tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        entries.check(said(tmp_path, text))
