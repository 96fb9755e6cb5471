import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loom_desktop.cli.conftest import Done, application

Run = Callable[..., Done]


def test_they_are_listed_with_a_sentence_each(loom: Run) -> None:
    out = loom("settings").out
    assert "attention.cards_per_hour = 6\n    At most so many" in out
    tables = loom("settings", "--json").json
    assert tables["attention"]["cards_per_hour"]["value"] == 6


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("attention.cards_per_hour", "3", "3"),
        ("attention.quiet_hours", "", '""'),
        ("attention.notifications", "off", "false"),
        ("attention.card_expires_s", "2.5", "2.5"),
        ("assistant.theme", "dark", '"dark"'),
        ("grants.folders", "~/a, ~/b", '["~/a", "~/b"]'),
        ("sources.clipboard.enabled", "yes", "true"),
        ("agents.clipboard.offer_from_words", "5", "5"),
    ],
)
def test_one_is_changed_and_shown(loom: Run, name: str, value: str, shown: str) -> None:
    assert loom("settings", name, value).out == "Changed.\n"
    assert loom("settings", name).out == f"{shown}\n"
    assert loom("settings", name, "--reset").out == "Changed.\n"
    assert loom("settings", name).out != f"{shown}\n"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("attention.cards_per_hour", "many", 2),
        ("attention.notifications", "perhaps", 2),
        ("assistant.theme", "pink", 1),
        ("attention.nothing", "1", 2),
        ("nothing", "1", 2),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    loom: Run, home: Path, name: str, value: str, code: int
) -> None:
    before = (home / "loom.toml").read_bytes()
    done = loom("settings", name, value)
    assert (done.code, done.out) == (code, "")
    assert done.err
    assert (home / "loom.toml").read_bytes() == before


def test_what_is_asked_for_is_said(loom: Run) -> None:
    assert "whole number" in loom("settings", "attention.cards_per_hour", "many").err
    assert "light" in loom("settings", "assistant.theme", "pink").err


@pytest.mark.parametrize("value", ['["~/a", "~/b"]', "~/a, ~/b"])
def test_several_values_are_read_as_they_are_printed_or_with_commas(loom: Run, value: str) -> None:
    assert loom("settings", "sources.files.folders", value).code == 0
    assert loom("settings", "sources.files.folders").out == '["~/a", "~/b"]\n'


def test_a_change_reaches_the_running_application(loom: Run, home: Path) -> None:
    with application(home):
        assert loom("settings", "attention.cards_per_hour", "3").code == 0
        assert loom("settings", "attention.cards_per_hour").out == "3\n"
        done = loom("settings", "assistant.agents", "chat")
        assert done.out == "Changed. It holds after a restart.\n"
        assert loom("pause", "1").out == "Capture is paused for 1 minute.\n"
        assert loom("pause").out == "Capture is paused for 10 minutes.\n"
        assert loom("resume").code == 0


def test_a_pause_without_an_application_holds_at_the_next_start(loom: Run, home: Path) -> None:
    from loom_desktop.door import client

    assert loom("pause", "--until-told").out == "Capture is paused.\n"
    with application(home):
        assert client.call("status", {})["state"] == "paused"
        loom("resume")
        assert client.call("status", {})["state"] != "paused"
    assert loom("pause", "99999999").code == 2
    for minutes in ("0", "-5", "nan"):
        done = loom("pause", "--", minutes)
        assert (done.code, done.out, "--until-told" in done.err) == (2, "", True)


def test_a_secret_is_read_kept_listed_and_never_shown(
    loom: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk-very-secret\r\n"))
    assert 'Name it in loom.toml as "keyring:openai".' in loom("secrets", "set", "openai").out
    assert loom("secrets", "list").out == "openai\n"
    assert loom("secrets", "list", "--json").json == ["openai"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    assert loom("secrets", "set", "empty").code == 2
    assert loom("secrets", "remove", "openai").out == "Removed.\n"
    gone = loom("secrets", "remove", "openai")
    assert (gone.code, gone.out) == (1, "")
    assert "no secret called openai" in gone.err
    assert loom("secrets", "list").out == "There are no secrets.\n"
