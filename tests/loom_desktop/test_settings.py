from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop import settings
from loom_desktop.errors import SettingsError
from loom_desktop.settings import Settings, fit, line_of, parse, quiet_hours, read, sentences, write


def test_no_file_means_as_usual(tmp_path: Path) -> None:
    assert read(tmp_path / "none.toml") == Settings()


def test_what_is_not_said_is_as_usual() -> None:
    found = parse('[attention]\ncards_per_hour = 2\n\n[llm.local]\nkind = "openai"\n')
    assert found.attention.cards_per_hour == 2
    assert found.attention.card_expires_s == 90
    assert found.llm == {"local": {"kind": "openai"}}


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[atention]\n", "loom.toml, line 1: loom.toml does not know 'atention'", "attention"),
        (
            "\n\n[attention]\ncards_per_hor = 3",
            "line 4: [attention] does not know",
            "cards_per_hour",
        ),
        ('[privacy]\nlocal_only = "yes"', "line 2: [privacy] local_only: expected `bool`", ""),
        ("[privacy]\nlocal_only = yes", "line 2: invalid value", "true or false"),
        ("[privacy\n", "line 1:", "brackets"),
        ("[router]\nprivacy = 'secret'", "line 2: [router] privacy: invalid enum value", ""),
        ("[attention]\nquiet_hours = 'night'", "is not a span of time", "22:00-07:00"),
        ("[attention]\nquiet_hours = '25:00-07:00'", "is not a span of time", "22:00-07:00"),
        ("attention = 3", "line 1: 'attention' must be a table", "[attention]"),
        ("[sources]\nclipboard = true", "line 2: [sources] holds tables", "[sources.clipboard]"),
        ("[a]\n[a]\n", "line 2", ""),
    ],
)
def test_what_cannot_be_followed_is_told_with_line_and_hint(
    text: str, said: str, hint: str
) -> None:
    with pytest.raises(SettingsError) as error:
        parse(text)
    assert said.lower() in error.value.message.lower()
    assert hint in error.value.hint


def test_a_file_that_is_no_text_or_too_large_is_told(tmp_path: Path) -> None:
    path = tmp_path / "loom.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(SettingsError, match="too large"):
        read(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("22:00-07:00", (1320, 420)), ("", None), ("  ", None), ("8:30-8:30", None),
     ("00:00-24:00", None), ("13:05-14:00", (785, 840))],
)  # fmt: skip
def test_quiet_hours(text: str, minutes: tuple[int, int] | None) -> None:
    assert quiet_hours(text) == minutes


def test_a_key_is_found_in_its_own_table() -> None:
    text = '[a]\nkey = 1\n[b.c]\n"key" = 2\n[b]\nkey = 3\n'
    assert line_of(text, "a", "key") == 2
    assert line_of(text, "b.c", "key") == 4
    assert line_of(text, "b", "key") == 6
    assert line_of(text, "d", "key") == 0


class Entry(msgspec.Struct, frozen=True):
    """[sources.entry]"""

    folders: tuple[str, ...] = ()
    """Which folders."""
    size: int = 3
    """How large,
    in pieces."""


def test_the_table_of_an_entry_fits_its_own_struct() -> None:
    assert fit({"folders": ["a"]}, Entry, where="sources.entry") == Entry(("a",))
    with pytest.raises(SettingsError, match="does not know 'folder'"):
        fit({"folder": []}, Entry, where="sources.entry")


def test_the_string_under_a_field_is_what_the_person_reads() -> None:
    assert sentences(Entry) == {"folders": "Which folders.", "size": "How large, in pieces."}


@pytest.mark.parametrize("kind", settings.SECTIONS.values())
def test_every_setting_has_a_sentence_and_a_default(kind: type[msgspec.Struct]) -> None:
    said = sentences(kind)
    for field in msgspec.structs.fields(kind):
        assert said[field.name].endswith(".")
        assert field.default is not msgspec.NODEFAULT


def test_a_written_key_keeps_comments_and_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "loom.toml"
    path.write_text("# mine\n[attention]  # how much\ncards_per_hour = 6 # few\n")
    write(path, "attention", "cards_per_hour", 2)
    write(path, "sources.clipboard", "enabled", True)
    write(path, "grants", "folders", ("~/a", "~/b"))
    assert "# mine" in path.read_text()
    assert "# few" in path.read_text()
    found = read(path)
    assert found.attention.cards_per_hour == 2
    assert found.sources == {"clipboard": {"enabled": True}}
    assert found.grants.folders == ("~/a", "~/b")
    write(path, "attention", "cards_per_hour", None)
    assert read(path).attention.cards_per_hour == 6


def test_what_could_not_be_read_again_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "loom.toml"
    path.write_text("[attention]\ncards_per_hour = 6\n")
    with pytest.raises(SettingsError):
        write(path, "attention", "cards_per_hour", "many")
    assert path.read_text() == "[attention]\ncards_per_hour = 6\n"
    assert list(tmp_path.iterdir()) == [path]


@given(st.text(max_size=200))
def test_any_text_is_read_or_told(text: str) -> None:
    told = ""
    try:
        told = str(parse(text))
    except SettingsError as error:
        told = error.message
    assert told


def test_a_table_is_described_for_a_window_with_its_sentences_or_without() -> None:
    told = settings.described(settings.Attention, settings.Attention(cards_per_hour=4))[
        "cards_per_hour"
    ]
    assert (told["value"], told["kind"]) == (4, "int")
    assert told["default"] == settings.Attention().cards_per_hour
    assert told["words"]
    plain = settings.described(settings.Attention, settings.Attention(), words=False)
    assert {one["words"] for one in plain.values()} == {""}
