"""One setting in the settings window: its name, its sentence, a control, a reset, and what went
wrong when it could not be changed. A control never keeps a value that the engine refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from loom_desktop.errors import LoomError

from . import theme
from .controls import Chip, Choice, Elided, Switch, button, label
from .crossing import Engine
from .engine_words import engine_words
from .glyphs import glyph
from .recorder import Recorder
from .theme import Theme
from .words import exact

Known = dict[str, Any]
"""``value``, ``default``, ``kind``, ``choices``, ``words`` as verb ``settings`` tells them."""


class Field(QFrame):
    """Shows one setting and changes it at once. ``changed`` says so when it is done."""

    changed = Signal(str, str, object)
    """Table, key, the value from now on."""

    def __init__(
        self,
        engine: Engine,
        look: Theme,
        table: str,
        key: str,
        known: Known,
        title: str,
        *,
        choices: list[tuple[str, str]] | None = None,
        shape: str = "",
        before: Callable[[Any], None] | None = None,
    ) -> None:
        """``shape`` is folder, folders, hotkey or names where the kind alone does not tell.

        ``before`` is called with the value first, and may refuse it with a LoomError; it is called
        with the old value when the engine refuses.
        """
        super().__init__()
        self._engine, self._look = engine, look
        self.table, self.key, self.title = table, key, title
        self.value, self.default = known.get("value"), known.get("default")
        self.sentence = engine_words(str(known.get("words", "")))
        self._before, self._wanted, self._busy = before, self.value, False
        self._shape = shape or _shape(known)
        self._choices = choices or [(str(one), str(one)) for one in known.get("choices") or ()]
        self.setAccessibleName(title)
        self._build()
        self.show_value(self.value)

    # ------------------------------------------------------------------ parts

    def _build(self) -> None:
        self.control = self._control()
        self.reset = button(self.tr("Reset"), "link", self.tr("Reset {0}").format(self.title))
        self.reset.setFont(theme.font(theme.SECONDARY_PX))
        self.reset.clicked.connect(lambda: self.change(None))
        keeps = self.reset.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(keeps)
        self.trouble = label(look="danger", px=theme.SECONDARY_PX)
        self.trouble.setAccessibleName(self.tr("Why {0} was not changed").format(self.title))
        self.trouble.hide()
        self.after = label(look="soft", px=theme.SECONDARY_PX)
        self.after.hide()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(self.title, bold=True))
        if self.sentence:
            words.addWidget(label(self.sentence, "soft", theme.SECONDARY_PX))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 12, 0, 12)
        box.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addLayout(words, 1)
        row.addWidget(self.reset, 0, Qt.AlignmentFlag.AlignVCenter)
        wide = self._shape in ("choice", "folders", "folder", "names", "hotkey")
        if not wide:
            row.addWidget(self.control, 0, Qt.AlignmentFlag.AlignVCenter)
        box.addLayout(row)
        if wide:
            box.addWidget(self.control)
        box.addWidget(self.trouble)
        box.addWidget(self.after)

    def _control(self) -> QWidget:
        shape = self._shape
        if shape == "bool":
            switch = Switch(self._look, self.title)
            switch.clicked.connect(lambda on: self.change(on))
            return switch
        if shape == "choice":
            choice = Choice(self._look, self.title, self._choices)
            choice.group.idClicked.connect(lambda _: self.change(choice.chosen()))
            return choice
        if shape == "folders":
            folders = Folders(self._look, self.title)
            folders.changed.connect(self.change)
            return folders
        if shape == "folder":
            folder = Folder(self.title)
            folder.changed.connect(self.change)
            return folder
        if shape == "names":
            names = Names(self._look, self.title, list(self.default or ()))
            names.changed.connect(self.change)
            return names
        if shape == "hotkey":
            recorder = Recorder(self._look, self.title)
            recorder.recorded.connect(self.change)
            recorder.refused.connect(self._say)
            return recorder
        line = QLineEdit()
        line.setMaxLength(500)
        line.setFixedWidth(110 if shape in ("int", "float") else 150)
        line.setAccessibleName(self.title)
        line.editingFinished.connect(self._typed)
        return line

    # ------------------------------------------------------------------ the value

    def show_value(self, value: Any) -> None:
        """This is what holds now. A line that is being written in is left alone."""
        self.value = value
        control = self.control
        if isinstance(control, Switch):
            control.setChecked(bool(value))
        elif isinstance(control, Choice):
            control.choose(str(value))
        elif isinstance(control, (Folders, Names)):
            control.show_value([str(one) for one in value or ()])
        elif isinstance(control, (Folder, Recorder)):
            control.show_value(str(value or ""))
        elif isinstance(control, QLineEdit) and not (control.hasFocus() and control.isModified()):
            control.setText(_written(value, self.locale().decimalPoint()))
            control.setModified(False)
        self.reset.setVisible(value != self.default)

    def follow(self, known: Known) -> None:
        """The engine's settings, read again: somebody else may have changed them."""
        if not self._busy:
            self.show_value(known.get("value"))

    def change(self, value: Any) -> None:
        """Write it down and follow it; ``None`` is the default."""
        if self._busy or (value is not None and value == self.value):
            return
        self._wanted = self.default if value is None else value
        self.trouble.hide()
        try:
            if self._before is not None:
                self._before(self._wanted)
        except LoomError as error:
            self._refused(error)
            return
        self._busy = True
        self._engine.request(
            "change_setting",
            self._applied,
            self._not_applied,
            table=self.table,
            key=self.key,
            value=value,
        )

    def _applied(self, answer: dict[str, Any]) -> None:
        self._busy = False
        if isinstance(self.control, QLineEdit):
            self.control.setModified(False)
        self.show_value(self._wanted)
        self.after.setText(self.tr("This takes effect when Loom starts the next time."))
        self.after.setVisible(bool(answer.get("restart")))
        self.changed.emit(self.table, self.key, self._wanted)

    def _not_applied(self, error: LoomError) -> None:
        self._busy = False
        if self._before is not None:
            try:
                self._before(self.value)
            except LoomError as second:
                error = second
        self._refused(error)

    def _refused(self, error: LoomError) -> None:
        if isinstance(self.control, QLineEdit):
            self.control.setModified(False)
        self.show_value(self.value)
        self._say(error.message, error.hint)

    def _say(self, message: str, hint: str = "") -> None:
        self.trouble.setText(f"{exact(message)} {exact(hint)}".strip())
        self.trouble.show()

    def _typed(self) -> None:
        line = self.control
        assert isinstance(line, QLineEdit)
        if not line.isModified():
            return
        text = line.text().strip()
        if self._shape not in ("int", "float"):
            self.change(text)
            return
        try:
            number = int(text) if self._shape == "int" else float(text.replace(",", "."))
        except ValueError:
            line.setModified(False)
            self.show_value(self.value)
            self._say(self.tr("“{0}” is not a number.").format(text[:40]))
            return
        if number == self.value:
            line.setModified(False)
            self.show_value(self.value)
        else:
            self.change(number)


class Folder(QWidget):
    """One folder, chosen in the system's dialog."""

    changed = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.path = Elided()
        self.browse = button(self.tr("Choose…"), "", self.tr("Choose {0}").format(name))
        self.browse.clicked.connect(self._browse)
        self._name, self._value = name, ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.path, 1)
        row.addWidget(self.browse)

    def show_value(self, value: str) -> None:
        """This folder."""
        self._value = value
        self.path.setText(exact(value))

    def _browse(self) -> None:
        _pick(self, self._name, self._value, self.changed.emit)


class Folders(QWidget):
    """A list of folders: add by the system's dialog, take away with a button."""

    changed = Signal(object)

    def __init__(self, look: Theme, name: str) -> None:
        super().__init__()
        self._look, self._name = look, name
        self.values: list[str] = []
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(4)
        self.add = button(self.tr("Add a folder…"), "", self.tr("Add a folder to {0}").format(name))
        self.add.clicked.connect(self._browse)
        self._box.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeading)
        self._lines: list[QWidget] = []
        look.changed.connect(self._recolor)

    def _recolor(self) -> None:
        values, self.values = self.values, []
        self.show_value(values)

    def show_value(self, values: list[str]) -> None:
        """These folders."""
        if values == self.values and self._lines:
            return
        self.values = list(values)
        for gone in self._lines:
            gone.hide()
            self._box.removeWidget(gone)
            gone.deleteLater()
        self._lines = [self._line(value) for value in values]
        for number, line in enumerate(self._lines):
            self._box.insertWidget(number, line)

    def _line(self, value: str) -> QWidget:
        line = QFrame()
        line.setProperty("look", "card")
        row = QHBoxLayout(line)
        row.setContentsMargins(12, 4, 6, 4)
        row.addWidget(Elided(exact(value)), 1)
        gone = button("", "icon", self.tr("Take {0} away").format(exact(value)))
        gone.setFixedSize(24, 24)
        gone.setIcon(glyph("close", self._look.tokens.soft, 14))
        gone.setToolTip(self.tr("Take it away"))
        gone.clicked.connect(
            lambda: self.changed.emit([one for one in self.values if one != value])
        )
        row.addWidget(gone)
        return line

    def _without(self, value: str) -> None:
        self.changed.emit([one for one in self.values if one != value])

    def _browse(self) -> None:
        _pick(self, self._name, self.values[-1] if self.values else "~", self._picked)

    def _picked(self, path: str) -> None:
        if path not in self.values:
            self.changed.emit([*self.values, path])


class Names(QWidget):
    """Which of some named things are on."""

    changed = Signal(object)

    def __init__(self, look: Theme, name: str, known: list[str]) -> None:
        super().__init__()
        self._look, self._name = look, name
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self.chips: dict[str, Chip] = {}
        self._row.addStretch(1)
        for one in known:
            self._chip(one)

    def show_value(self, values: list[str]) -> None:
        """These are on."""
        for one in values:
            if one not in self.chips:
                self._chip(one)
        for one, chip in self.chips.items():
            chip.setChecked(one in values)

    def _chip(self, one: str) -> None:
        chip = Chip(self._look, exact(one))
        chip.setAccessibleName(f"{self._name}: {one}")
        chip.clicked.connect(self._clicked)
        self.chips[one] = chip
        self._row.insertWidget(len(self.chips) - 1, chip)

    def _clicked(self) -> None:
        self.changed.emit([one for one, chip in self.chips.items() if chip.isChecked()])


def _pick(parent: QWidget, name: str, at: str, done: Callable[[str], Any]) -> None:
    dialog = QFileDialog(parent, name, str(Path(at).expanduser()))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: done(_short(path)))
    dialog.open()


def _short(path: str) -> str:
    """With ``~`` for the home folder, as people write it."""
    try:
        return f"~/{Path(path).relative_to(Path.home()).as_posix()}".removesuffix("/.")
    except ValueError:
        return path


def _shape(known: Known) -> str:
    """The kind, by what the default is where the engine is not exact about it."""
    kind, default = str(known.get("kind", "")), known.get("default")
    if kind == "list" and isinstance(default, (bool, int, float, str)):
        return type(default).__name__
    return "names" if kind == "list" else kind


def _written(value: Any, point: str) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value).replace(".", point)
    return "" if value is None else str(value)
