"""The models that are set or found on this computer, and the form that adds an endpoint.

A key goes to the keyring first; what is written into loom.toml is only where it lies.
"""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from loom_desktop.errors import LoomError

from . import theme
from .controls import button, label
from .crossing import Engine
from .health import Lines, mark
from .theme import Theme
from .words import exact, flat

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Models(Lines):
    """One line for each model; those of loom.toml can be taken away."""

    def __init__(self, engine: Engine, look: Theme) -> None:
        super().__init__(engine, look, "models", "")
        self._nothing = self.tr(
            "No model is set or found. Loom works without one; start Ollama, LM Studio or"
            " llama.cpp and it is found, or add an endpoint below."
        )
        self.form = Endpoint(engine, look)
        self.form.added.connect(self.refresh)
        self.whole.addWidget(self.form)

    def line(self, row: dict[str, Any]) -> QWidget:
        """Sign, name and model, where it is, and what it says when it is asked."""
        made = QFrame()
        box = QHBoxLayout(made)
        box.setContentsMargins(0, 10, 0, 10)
        box.setSpacing(12)
        working = bool(row.get("working"))
        box.addWidget(
            mark(self._look, "ok" if working else "missing"), 0, Qt.AlignmentFlag.AlignTop
        )
        words = QVBoxLayout()
        words.setSpacing(2)
        name, model = flat(str(row.get("name", ""))), flat(str(row.get("model", "")))
        words.addWidget(label("  ·  ".join(filter(None, (name, model))), bold=True))
        place = self.tr("on this computer") if row.get("local") else self.tr("elsewhere")
        found = self.tr("found by itself") if row.get("found") else self.tr("set by you")
        state = self.tr("works") if working else self.tr("does not answer")
        said = (flat(str(row.get("api_base", ""))), place, found, state)
        words.addWidget(label("  ·  ".join(filter(None, said)), "soft", theme.SECONDARY_PX))
        if detail := exact(str(row.get("detail", ""))):
            words.addWidget(label(detail, "" if not working else "soft", theme.SECONDARY_PX))
        box.addLayout(words, 1)
        if not row.get("found") and row.get("kind") != "offline":
            gone = button(self.tr("Remove"), "", self.tr("Remove {0}").format(name))
            gone.clicked.connect(lambda: self._remove(str(row.get("name", ""))))
            box.addWidget(gone, 0, Qt.AlignmentFlag.AlignVCenter)
        return made

    def _remove(self, name: str) -> None:
        self._engine.request(
            "change_setting", self._removed, self._failed, table="llm", key=name, value=None
        )

    def _removed(self, _: object) -> None:
        self.refresh()


class Endpoint(QFrame):
    """A form: name, address, model, key. ``added`` when the engine follows it."""

    added = Signal()

    def __init__(self, engine: Engine, look: Theme) -> None:
        super().__init__()
        self._engine, self._look = engine, look
        self.setProperty("look", "card")
        self.setAccessibleName(self.tr("Add an endpoint"))
        self.name = self._line(self.tr("Name"), self.tr("for example deepseek"))
        self.address = self._line(self.tr("Address"), "https://api.example.com/v1")
        self.model = self._line(self.tr("Model"), self.tr("as the server calls it"))
        self.key = self._line(self.tr("Key"), self.tr("kept in the system's keyring"))
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.trouble = label(look="danger", px=theme.SECONDARY_PX)
        self.trouble.setAccessibleName(self.tr("Why it was not added"))
        self.trouble.hide()
        self.add = button(self.tr("Add"), "primary", self.tr("Add this endpoint"))
        self.add.clicked.connect(self.send)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for number, one in enumerate((self.name, self.address, self.model, self.key)):
            words = label(one.accessibleName(), "soft", wrap=False)
            words.setBuddy(one)
            grid.addWidget(words, number, 0)
            grid.addWidget(one, number, 1)
            one.returnPressed.connect(self.send)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 14, 16, 14)
        box.setSpacing(10)
        box.addWidget(label(self.tr("Add an OpenAI-compatible endpoint"), bold=True))
        box.addLayout(grid)
        box.addWidget(self.trouble)
        box.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeading)

    def send(self) -> None:
        """Check it, keep the key, then write the table in one piece."""
        if not self.add.isEnabled():
            return
        self.trouble.hide()
        name, address = self.name.text().strip(), self.address.text().strip()
        if not _NAME.fullmatch(name):
            self._say(self.tr("A name has letters, digits, - and _ only."), self.name)
        elif not re.match(r"https?://[^\s/]+", address):
            self._say(self.tr("The address begins with http:// or https://."), self.address)
        elif not self.model.text().strip():
            self._say(self.tr("Say which model of that server to use."), self.model)
        else:
            self.add.setEnabled(False)
            if key := self.key.text().strip():
                self._engine.request("set_secret", self._kept, self._failed, name=name, value=key)
            else:
                self._write("")

    def _kept(self, _: object) -> None:
        self._write(f"keyring:{self.name.text().strip()}")

    def _write(self, key: str) -> None:
        value = {
            "kind": "openai",
            "api_base": self.address.text().strip(),
            "model": self.model.text().strip(),
        }
        if key:
            value["api_key"] = key
        name = self.name.text().strip()
        self._engine.request(
            "change_setting", self._added, self._failed, table="llm", key=name, value=value
        )

    def _added(self, _: object) -> None:
        self.add.setEnabled(True)
        for one in (self.name, self.address, self.model, self.key):
            one.clear()
        self.added.emit()

    def _failed(self, error: LoomError) -> None:
        self.add.setEnabled(True)
        self._say(f"{exact(error.message)} {exact(error.hint)}".strip(), self.address)

    def _say(self, text: str, where: QLineEdit) -> None:
        self.trouble.setText(text)
        self.trouble.show()
        where.setFocus()

    def _line(self, name: str, example: str) -> QLineEdit:
        made = QLineEdit()
        made.setMaxLength(500)
        made.setAccessibleName(name)
        made.setPlaceholderText(example)
        return made
