from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QDate, QLocale, QTime

from app import language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "system"),
        ("", "system"),
        ('[assistant]\nlanguage = "de"\n', "de"),
        ('[assistant]\nlanguage = "en"\n', "en"),
        ("[assistant\n", "system"),
        ("[assistant]\nlanguage = 7\n", "system"),
        ('[assistant]\nlanguage = "\xff"\n', "system"),
        ('assistant = "language"\n', "system"),
        ("language = " + "[" * 100_000, "system"),
        ('[assistant]\ntheme = "dark"\n', "system"),
    ],
)
def test_the_language_is_read_from_the_settings(
    tmp_path: Path, text: str | None, expected: str
) -> None:
    file = tmp_path / "loom.toml"
    if text is not None:
        file.write_text(text, encoding="latin-1")
    assert language.wanted(file) == expected


@pytest.mark.parametrize(
    ("languages", "chosen", "expected"),
    [
        (["de-AT", "de"], "system", "de"),
        (["de_DE"], "system", "de"),
        (["en-GB", "de"], "system", "en"),
        (["fr-FR", "fr", "de-DE"], "system", "de"),
        (["fr-FR"], "system", "en"),
        ([], "system", "en"),
        (["den-CA"], "system", "en"),
        (["de-DE"], "en", "en"),
        (["en-US"], "de", "de"),
        (["de-DE"], "klingon", "de"),
    ],
)
def test_the_first_language_that_is_there_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    speak: Callable[[str], str],
    languages: list[str],
    chosen: str,
    expected: str,
) -> None:
    monkeypatch.setattr(QLocale, "uiLanguages", lambda _: languages)
    assert speak(chosen) == expected
    assert QCoreApplication.translate("Words", "Today") == (
        "Heute" if expected == "de" else "Today"
    )


def test_days_and_keys_are_said_in_the_chosen_language(speak: Callable[[str], str]) -> None:
    from app.words import day_words, keys_words

    speak("de")
    day = QDate(2026, 11, 16)
    assert day_words(day, day.addDays(3)) == "Montag, 16. November"
    assert day_words(day, day.addDays(400)) == "16. November 2026"
    assert keys_words("Ctrl+Alt+Space") == "Strg+Alt+Leertaste"
    assert keys_words("Ctrl+,") == "Strg+,"
    assert keys_words("") == ""


def test_plurals_are_right_in_both(speak: Callable[[str], str]) -> None:
    def more(number: int) -> str:
        return QCoreApplication.translate("Transcript", "%n more characters", None, number)

    speak("en")
    assert (more(1), more(2)) == ("1 more character", "2 more characters")
    speak("de")
    assert (more(1), more(2)) == ("noch 1 Zeichen", "noch 2 Zeichen")


def test_the_buttons_of_qt_are_german_too(speak: Callable[[str], str]) -> None:
    speak("de")
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Abbrechen"


@pytest.mark.parametrize(
    ("system", "chosen", "expected"),
    [
        ("de_DE", "en", ("Monday", "14:30")),
        ("en_US", "de", ("Montag", "14:30")),
        ("de_AT", "de", ("untouched", "untouched")),
        ("fr_FR", "system", ("untouched", "untouched")),
    ],
)
def test_days_follow_the_chosen_language_and_times_the_country(
    monkeypatch: pytest.MonkeyPatch,
    speak: Callable[[str], str],
    system: str,
    chosen: str,
    expected: tuple[str, str],
) -> None:
    monkeypatch.setattr(QLocale, "system", staticmethod(lambda: QLocale(system)))
    before = QLocale().name()
    speak(chosen)
    locale, at = QLocale(), QTime(14, 30)
    if expected[0] == "untouched":
        assert locale.name() == before
    else:
        said = (locale.dayName(1), locale.toString(at, QLocale.FormatType.ShortFormat))
        assert said == expected
