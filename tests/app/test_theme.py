from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QApplication, QWidget

import app
from app import theme
from app.theme import DARK, LIGHT, Theme, Tokens, contrast

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

GROUNDS = ("surface", "raised", "sunken")
LEAST = {"text": 7.0, "soft": 4.5, "faint": 3.0, "accent": 4.5, "good": 3.0, "warn": 3.0,
         "danger": 4.5}  # fmt: skip


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", LEAST)
def test_every_token_can_be_read_on_every_ground(tokens: Tokens, ground: str, name: str) -> None:
    assert contrast(getattr(tokens, name), getattr(tokens, ground)) >= LEAST[name]


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_buttons_and_bubbles_can_be_read(tokens: Tokens) -> None:
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert contrast(tokens.text, tokens.accent_soft) >= 7
    assert contrast(tokens.soft, tokens.accent_soft) >= 4.5


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#FFFFFF", 21.0), ("#14161C", "#FFFFFF", 18.08), ("#FFFFFF", "#7C93FF", 2.81)],
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)


def test_no_other_file_names_a_colour() -> None:
    folder = Path(app.__file__).parent
    named = {
        path.name
        for path in folder.glob("*.py")
        if path.name != "theme.py" and re.search(r'"#[0-9A-Fa-f]{6}"', path.read_text("utf-8"))
    }
    assert named == set()


def test_the_style_sheet_is_understood(qtbot: QtBot, recwarn: pytest.WarningsRecorder) -> None:
    with qtbot.captureExceptions() as caught:
        window = QWidget()
        qtbot.addWidget(window)
        window.setStyleSheet(theme.stylesheet(LIGHT))
        window.show()
    assert not caught


def test_a_choice_overrides_the_system_and_windows_follow(qtbot: QtBot) -> None:
    look, window = Theme("light"), QWidget()
    qtbot.addWidget(window)
    look.dress(window)
    with qtbot.waitSignal(look.changed, timeout=1000):
        look.choose("dark")
    assert look.tokens is DARK
    assert DARK.text in window.styleSheet()
    assert QApplication.palette().window().color().name().upper() == DARK.surface
    with qtbot.assertNotEmitted(look.changed):
        look.choose("dark")


def test_type_has_the_sizes_of_the_design(qtbot: QtBot) -> None:
    assert theme.font().pointSizeF() == pytest.approx(13.5 * 0.75)
    assert theme.mono().pointSizeF() == pytest.approx(13.5 * 0.95 * 0.75)
    assert theme.font(theme.INPUT_PX).pointSizeF() == pytest.approx(11.25)
