"""Conversations out into a file and in from one: the dialogs of the inbox, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from loom_desktop.errors import LoomError

from .crossing import Engine
from .words import exact, flat

Tell = Callable[..., None]
"""``tell(level, message, hint)``: a line in the window."""


class Exchange(QObject):
    """Of one window."""

    def __init__(self, window: QWidget, engine: Engine, tell: Tell) -> None:
        super().__init__(window)
        self._window, self._engine, self._tell = window, engine, tell

    def take_out(self, conversation: int, title: str) -> None:
        """Ask where to, and write the conversation there."""
        dialog = self._dialog(self.tr("Export the conversation"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        forms = {
            self.tr("Markdown (*.md)"): "md",
            self.tr("JSON, with everything (*.json)"): "json",
        }
        dialog.setNameFilters([*forms])
        dialog.setDefaultSuffix("md")
        dialog.filterSelected.connect(lambda form: dialog.setDefaultSuffix(forms.get(form, "md")))
        name = _file_name(title) or self.tr("Conversation")
        dialog.selectFile(f"{name}.md")
        dialog.fileSelected.connect(lambda path: self.write(conversation, path))
        dialog.open()

    def bring_in(self) -> None:
        """Ask what from, and import it."""
        dialog = self._dialog(self.tr("Import conversations of Loom, ChatGPT or Claude"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(
            [self.tr("Exported conversations (*.zip *.json *.md)"), self.tr("All files (*)")]
        )
        dialog.fileSelected.connect(self.read)
        dialog.open()

    def write(self, conversation: int, path: str) -> None:
        """Into this file; the dialog asked already whether it may be replaced."""

        def written(done: dict[str, Any]) -> None:
            self._tell("info", self.tr("The conversation is exported."), flat(str(done["path"])))

        self._engine.request(
            "export_conversations", written, self._failed,
            conversations=[conversation], to=path, replace=True,
        )  # fmt: skip

    def read(self, path: str) -> None:
        """From this file."""

        def taken(done: dict[str, Any]) -> None:
            known = int(done["known"])
            hint = self.tr("Here already: {0}").format(known) if known else ""
            self._tell(
                "info", self.tr("Conversations imported: {0}").format(int(done["imported"])), hint
            )

        self._tell("info", self.tr("Reading…"))
        self._engine.request("import_conversations", taken, self._failed, path=path)

    def _dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def _failed(self, error: LoomError) -> None:
        self._tell("error", exact(error.message), exact(error.hint))


def _file_name(title: str) -> str:
    """Of the title what every system takes for a name."""
    return " ".join(re.sub(r'[\x00-\x1f<>:"/\\|?*]', " ", title).split()).strip(". ")[:60]
