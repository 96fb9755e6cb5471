"""The windows in the languages that are shipped: nothing is left out, nothing is older."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import PySide6
import pytest
from PySide6.QtCore import QCoreApplication, Qt, QTranslator
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QWidget

from app import language, resources
from app.controls import Elided
from app.crossing import Engine
from app.theme import Theme
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

ROOT = Path(__file__).resolve().parents[2]
TRANSLATIONS = ROOT / "resources" / "translations"
QT_CONTEXTS = {"QShortcut"}
"""Qt's own file has these."""
# those that look their words up in a table, and are held against that table below
LOOKED_UP = {("engine_words.py", "text"), ("words.py", "one")}
PLACES = re.compile(r"\{\w*\}|%L?(?:n|\d+)")


@dataclass(frozen=True)
class Said:
    """One text of the code, as lupdate and Qt name it."""

    context: str
    source: str
    comment: str = ""
    plural: bool = False


@dataclass(frozen=True)
class Message:
    """One text of a .ts and what became of it."""

    said: Said
    forms: tuple[str, ...]
    finished: bool


class Reader(ast.NodeVisitor):
    """Finds what a file says through ``tr`` and ``translate``, and what lupdate would miss."""

    def __init__(self, name: str) -> None:
        self.said: set[Said] = set()
        self.missed: list[str] = []
        self._name = name
        self._classes: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        if any(_asks(one) for one in ast.walk(node) if isinstance(one, ast.Call)):
            self.missed.append(f"{self._name}:{node.lineno}: lupdate does not look into f-strings")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        kind = _asks(node)
        if not kind:
            return
        where = f"{self._name}:{node.lineno}"
        words = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
        if kind == "tr":
            on = node.func.value if isinstance(node.func, ast.Attribute) else None
            if not (isinstance(on, ast.Name) and on.id == "self" and self._classes):
                self.missed.append(f"{where}: only self.tr() gets the right context")
                return
            words.insert(0, self._classes[-1])
        context, source, *more = words
        if isinstance(context, str) and isinstance(source, str):
            comment = str(more[0]) if more and more[0] else ""
            self.said.add(Said(context, source, comment, len(more) > 1))
        elif (self._name, getattr(node.args[-1], "id", "")) not in LOOKED_UP:
            self.missed.append(f"{where}: the text is not written there")


def _asks(node: ast.Call) -> str:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "tr":
        return "tr"
    texts = [one for one in node.args if not isinstance(one, ast.Constant | ast.Name)]
    numbers = [one for one in node.args if isinstance(one, ast.Constant) and one.value == 0]
    if name == "translate" and not texts and not numbers:  # else it moves a painter
        return "translate"
    return "translate" if name == "QT_TRANSLATE_NOOP" else ""


@functools.cache
def code() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "app").glob("*.py")}


def read(files: dict[str, str]) -> tuple[set[Said], list[str]]:
    """All that the files say, and what cannot be translated."""
    said: set[Said] = set()
    missed: list[str] = []
    for name, text in files.items():
        reader = Reader(name)
        reader.visit(ast.parse(text))
        said |= reader.said
        missed += reader.missed
    return said, missed


@functools.cache
def messages(code: str) -> tuple[Message, ...]:
    found = []
    for context in ET.parse(TRANSLATIONS / f"loom_{code}.ts").getroot().iter("context"):
        for one in context.iter("message"):
            made = one.find("translation")
            assert made is not None
            forms = [form.text or "" for form in made.iter("numerusform")] or [made.text or ""]
            said = Said(
                context.findtext("name", ""),
                one.findtext("source", ""),
                one.findtext("comment", ""),
                one.get("numerus") == "yes",
            )
            found.append(Message(said, tuple(forms), made.get("type") is None and all(forms)))
    return tuple(found)


def untranslated(files: dict[str, str]) -> set[Said]:
    """What the files say and German does not."""
    finished = {one.said for one in messages("de") if one.finished}
    said, _ = read(files)
    return {one for one in said if one.context not in QT_CONTEXTS} - finished


# ---------------------------------------------------------------- the files


def test_every_text_of_the_windows_can_be_translated() -> None:
    said, missed = read(code())
    assert missed == []
    assert len(said) > 300


def test_every_text_of_the_windows_is_finished_in_german() -> None:
    assert untranslated(code()) == set(), "run `make translations`, then translate what is new"


def test_an_english_text_that_was_changed_is_found() -> None:
    files = dict(code())
    assert '"Ask Loom"' in files["prompt.py"]
    files["prompt.py"] = files["prompt.py"].replace('"Ask Loom"', '"Ask Loom now"')
    assert untranslated(files) == {Said("Prompt", "Ask Loom now")}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("class A:\n def a(self): return f\"{self.tr('b')} c\"", "f-strings"),
        ("class A:\n def a(self, view): return view.tr('b')", "only self.tr"),
        ("def a(self): return self.tr('b')", "only self.tr"),
        ("class A:\n def a(self, b): return self.tr(b)", "not written there"),
        ("def a(b): return translate('A', b)", "not written there"),
    ],
)
def test_a_text_that_lupdate_would_miss_is_found(text: str, complaint: str) -> None:
    _, missed = read({"a.py": text})
    assert any(complaint in one for one in missed)


def test_no_translation_is_left_of_what_is_not_said_any_more() -> None:
    said, _ = read(code())
    assert {one.said for one in messages("de")} - said == set(), "run `make translations`"


@pytest.mark.parametrize("shipped", ["de", "en"])
def test_what_is_filled_in_later_is_in_both_texts(shipped: str) -> None:
    for one in messages(shipped):
        wanted = sorted(PLACES.findall(one.said.source))
        for form in one.forms:
            assert sorted(PLACES.findall(form)) == wanted, one


def test_each_plural_has_its_forms_in_german_and_in_english() -> None:
    said, _ = read(code())
    plural = {one for one in said if one.plural}
    assert plural
    for shipped in ("de", "en"):
        forms = {one.said: one.forms for one in messages(shipped) if one.said.plural}
        assert set(forms) == plural
        assert all(len(both) == 2 and all(both) for both in forms.values())


def test_room_at_the_ends_and_dots_are_kept() -> None:
    for one in messages("de"):
        source, german = one.said.source, one.forms[0]
        assert source.endswith(" ") == german.endswith(" "), one
        assert source.endswith("…") == german.endswith("…"), one
        assert source.endswith(".") == german.endswith("."), one
        assert "!" not in german, one
        assert not re.search(r"\bKI\b|\bSie\b|\bIhr\b", german.partition(" ")[2]), one


def test_the_compiled_files_say_the_same_as_their_sources(tmp_path: Path) -> None:
    suffix = ".exe" if sys.platform == "win32" else ""
    folder = Path(PySide6.__file__).parent
    tool = next((one for one in (folder / f"lrelease{suffix}", folder / "Qt/libexec/lrelease")
                 if one.is_file()), None)  # fmt: skip
    for shipped in language.SHIPPED:
        kept = TRANSLATIONS / f"loom_{shipped}.qm"
        files = [kept]
        if tool:
            fresh = tmp_path / kept.name
            subprocess.run(
                [tool, "-silent", TRANSLATIONS / f"loom_{shipped}.ts", "-qm", fresh],
                check=True,
                timeout=30,
            )
            files.append(fresh)
        for file in files:
            translator = QTranslator()
            assert translator.load(str(file))
            for one in messages(shipped):
                said = one.said
                for number, form in zip((1, 2) if said.plural else (-1,), one.forms, strict=True):
                    told = translator.translate(said.context, said.source, said.comment, number)
                    assert told == form, f"{file}: run `make translations`"


def test_the_translations_are_part_of_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    targets = project["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["force-include"]["resources"] == "loom_desktop/_resources"
    assert "resources" in targets["sdist"]["include"]
    spec = (ROOT / "installers" / "linux" / "loom.spec").read_text(encoding="utf-8")
    kept = re.search(r"^KEEP = (\(.*\))", spec, re.M)
    assert kept
    assert set(ast.literal_eval(kept[1])) == {
        f"qtbase_{one}.qm" for one in language.SHIPPED if one != "en"
    }
    for one in language.SHIPPED:
        assert resources.find(f"translations/loom_{one}.qm")


# ---------------------------------------------------------------- the windows


@pytest.fixture
def german(speak: Callable[[str], str]) -> None:
    speak("de")


@pytest.mark.usefixtures("german")
def test_the_popup_in_german_shows_german(
    run: Callable[[FakeEngine], Engine], look: Theme, qtbot: QtBot
) -> None:
    from app.popup import Popup

    popup = Popup(run(FakeEngine()), look)
    qtbot.addWidget(popup)
    popup.prebuild()
    assert popup.prompt.edit.placeholderText().startswith("Frag etwas …")
    shown = {one.text().strip() for one in popup.findChildren(QPushButton)}
    assert "Erinnere mich morgen um 8:30 daran, Ana anzurufen" in shown
    assert "Was kann ich für dich tun?" in {one.text() for one in popup.findChildren(QLabel)}
    tips = {one.toolTip() for one in popup.findChildren(QPushButton)}
    assert "Neues Gespräch  Strg+N" in tips


@pytest.mark.usefixtures("german")
def test_a_class_finds_the_words_of_the_class_it_comes_from(
    run: Callable[[FakeEngine], Engine], look: Theme, qtbot: QtBot
) -> None:
    from app.models_view import Models

    models = Models(run(FakeEngine({"models": list})), look)
    qtbot.addWidget(models)
    assert "Wird geprüft …" in {one.text() for one in models.findChildren(QLabel)}


@pytest.mark.parametrize(
    ("words", "capability"),
    [
        (("Welcome", "Remind me tomorrow at 8:30 to call Ana"), "reminders.add"),
        (("Welcome", "What is 18 % of 249.90?"), "calculate.evaluate"),
        (("Welcome", "Summarise what I copied"), "text.summarize_clipboard"),
        (("Popup", "Summarise what I copied"), "text.summarize_clipboard"),
        (("Commands", "Remind me ", "morgen um 9 an den Müll"), "reminders.add"),
        (("Commands", "Note: ", "Milch"), "notes.add"),
        (("Commands", "Calculate ", "3 * 7"), "calculate.evaluate"),
        (("Commands", "Convert ", "5 km in Meilen?"), "calculate.convert"),
    ],
)
@pytest.mark.usefixtures("german")
def test_loom_understands_the_german_that_it_proposes(
    words: tuple[str, ...], capability: str
) -> None:
    from loom_desktop.cognition.skills import Phrase, understand

    context, source, *more = words
    text = "".join((QCoreApplication.translate(context, source), *more))
    assert text != source
    wish = understand(Phrase(text, (), "", datetime(2026, 11, 16, 10)))
    assert wish is not None
    assert wish.capability == capability


@pytest.mark.usefixtures("german")
def test_the_german_example_is_a_reminder_for_tomorrow_morning() -> None:
    from loom_desktop.text.when import understand

    text = QCoreApplication.translate("Welcome", "Remind me tomorrow at 8:30 to call Ana")
    found = understand(text, datetime(2026, 11, 16, 10, tzinfo=UTC))
    assert found.at == datetime(2026, 11, 17, 8, 30, tzinfo=UTC)
    assert found.text == "Ana anzurufen"


def cut(window: QWidget) -> list[str]:
    """The buttons and lines that have less room than their words need."""
    found = []
    words: list[QPushButton | QLabel] = [*window.findChildren(QPushButton)]
    for one in (*words, *window.findChildren(QLabel)):
        if not one.isVisible() or not one.text() or isinstance(one, Elided):
            continue
        free = isinstance(one, QLabel) and one.wordWrap()
        high = one.heightForWidth(one.width()) if free else one.minimumSizeHint().height()
        if one.height() < high or (not free and one.width() < one.minimumSizeHint().width()):
            found.append(f"{one.text()}: {one.width()} x {one.height()}")
    return found


def whole(window: QWidget) -> None:
    """For ``waitUntil``: a layout takes its turn."""
    assert cut(window) == []


@pytest.mark.parametrize("side", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
@pytest.mark.usefixtures("german")
def test_no_german_word_of_the_first_start_and_of_the_popup_is_cut(
    run: Callable[[FakeEngine], Engine],
    look: Theme,
    qtbot: QtBot,
    qapp: QApplication,
    side: Qt.LayoutDirection,
) -> None:
    from app.first_run import FirstRun
    from app.popup import Popup

    fake = FakeEngine(
        {
            "models": list,
            "doctor": list,
            "status": lambda: {"sources": {"hotkey": {"working": True}}},
            "settings": lambda: {"sources.hotkey": {"popup": {"value": "Ctrl+Shift+Space"}}},
        }
    )
    before = qapp.layoutDirection()
    qapp.setLayoutDirection(side)
    try:
        engine = run(fake)
        popup, first = Popup(engine, look), FirstRun(engine, look)
        for window in (popup, first):
            qtbot.addWidget(window)
            window.summon()
            qtbot.waitExposed(window)
        qtbot.waitUntil(lambda: bool(fake.asked("doctor")), timeout=2000)
        qtbot.waitUntil(lambda: first.keys.accessibleName() != "", timeout=2000)
        qtbot.waitUntil(lambda: whole(popup))
        for page in range(first.pages.count()):
            qtbot.waitUntil(lambda: whole(first))
            if page + 1 < first.pages.count():
                first.go_on.click()
        title = next(one for one in popup.findChildren(QLabel) if one.text().startswith("Was kann"))
        right = title.alignment() & Qt.AlignmentFlag.AlignRight
        assert bool(right) == (side == Qt.LayoutDirection.RightToLeft)
    finally:
        qapp.setLayoutDirection(before)


@pytest.mark.usefixtures("german")
def test_numbers_are_written_and_read_with_a_comma(
    run: Callable[[FakeEngine], Engine], look: Theme, qtbot: QtBot
) -> None:
    from app.field import Field

    known = {"value": 0.5, "default": 0.5, "kind": "float", "choices": [], "words": ""}
    fake = FakeEngine({"change_setting": lambda **_: {}})
    field = Field(run(fake), look, "router", "cost_cap", known, "Preis")
    qtbot.addWidget(field)
    assert isinstance(field.control, QLineEdit)
    assert field.control.text() == "0,5"
    field.control.setText("1,25")
    field.control.setModified(True)
    field.control.editingFinished.emit()
    qtbot.waitUntil(lambda: bool(fake.asked("change_setting")), timeout=2000)
    assert fake.asked("change_setting")[0]["value"] == 1.25
