"""Where the person writes: grows with the text, sends on Enter, takes files and long pastes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from . import theme
from .flow import Flow
from .glyphs import glyph
from .markdown import marked
from .theme import Theme
from .words import keys_words

MOST_LINES = 8
FOLD_CHARACTERS, FOLD_LINES = 1_500, 25
"""A paste longer than this becomes a chip."""
MOST_FILES = 20
MOST_CHARACTERS = 1_000_000


class Prompt(QFrame):
    """The input with what is attached to it. ``sent`` when the person wants an answer."""

    sent = Signal()
    stopped = Signal()
    refused = Signal(str, str)
    """Something could not be attached: message, hint."""
    resized = Signal()
    browse = Signal()

    def __init__(self, look: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._past: list[str] = []
        self._at = -1
        self._files: list[str] = []
        self._pastes: list[str] = []
        self.setProperty("look", "input")
        self.edit = _Edit(self)
        self.edit.setFont(theme.font(theme.INPUT_PX))
        self.edit.setAccessibleName(self.tr("Ask Loom"))
        self.edit.setPlaceholderText(self.tr("Ask anything…   Enter to send · Esc to hide"))
        self.edit.setFrameShape(QFrame.Shape.NoFrame)
        self.edit.setTabChangesFocus(True)
        self.edit.setViewportMargins(0, 2, 0, 0)
        self.edit.document().setDocumentMargin(0)
        self.edit.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.edit.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.edit.installEventFilter(self)
        self.edit.textChanged.connect(self._changed)
        self.edit.document().documentLayout().documentSizeChanged.connect(lambda _: self._fit())
        self.edit.files.connect(self.attach)
        self.edit.long_paste.connect(self._fold)
        self.attach_button = self._icon_button(self.tr("Attach files"), "Ctrl+O")
        self.attach_button.clicked.connect(self.browse)
        self.send_button = self._icon_button(self.tr("Send"), "Enter")
        self.send_button.setProperty("look", "primary")
        self.send_button.clicked.connect(self.sent)
        self.stop_button = self._icon_button(self.tr("Stop"), "Ctrl+.")
        self.stop_button.setProperty("look", "quiet")
        self.stop_button.setText(self.tr("Stop"))
        self.stop_button.setFont(theme.font(theme.SECONDARY_PX))
        self.stop_button.setMinimumWidth(28)
        self.stop_button.setMaximumWidth(200)
        self.stop_button.clicked.connect(self.stopped)
        self.stop_button.hide()
        self._chips = QWidget(self)
        self._flow = Flow(self._chips, gap=6)
        self._chips.hide()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        bottom = Qt.AlignmentFlag.AlignBottom
        row.addWidget(self.attach_button, 0, bottom)
        row.addSpacing(2)
        row.addWidget(self.edit, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.stop_button, 0, bottom)
        row.addWidget(self.send_button, 0, bottom)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 6, 6, 6)
        box.setSpacing(6)
        box.addWidget(self._chips)
        box.addLayout(row)
        look.changed.connect(self._restyle)
        self._restyle()
        self._fit()

    # ------------------------------------------------------------------ what is in it

    @property
    def text(self) -> str:
        """What is typed, and after it what was pasted and folded."""
        return "\n\n".join(
            part for part in (self.edit.toPlainText().strip(), *self._pastes) if part
        )

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of what is attached."""
        return tuple(self._files)

    def put(self, text: str) -> None:
        """Write this, the cursor behind it."""
        self.edit.setPlainText(text)
        self.edit.moveCursor(QTextCursor.MoveOperation.End)
        self.edit.setFocus()

    def take(self) -> tuple[str, tuple[str, ...]]:
        """What is in it; it is empty afterwards, and Up brings the text back."""
        text, files, typed = self.text, self.files, self.edit.toPlainText().strip()
        self.remember(typed)
        self.clear()
        return text, files

    def clear(self) -> None:
        """Empty."""
        self._files.clear()
        self._pastes.clear()
        self._at = -1
        self.edit.clear()
        self._show_chips()

    def remember(self, text: str) -> None:
        """Up brings it back."""
        if text and (not self._past or self._past[-1] != text):
            self._past.append(text)
            del self._past[:-100]

    def set_streaming(self, streaming: bool) -> None:
        """An answer comes: Stop stands where Send was."""
        had = self.stop_button.hasFocus() or self.send_button.hasFocus()
        self.stop_button.setVisible(streaming)
        self.send_button.setVisible(not streaming)
        if had:
            self.edit.setFocus()

    def attach(self, paths: list[str]) -> None:
        """These files go with the question. Folders and what is not there are refused."""
        for path in paths:
            if not Path(path).is_file():
                self.refused.emit(
                    self.tr("“{0}” cannot be attached.").format(marked(Path(path).name)[:80]),
                    self.tr("Only files can be attached. Choose the files in the folder."),
                )
            elif len(self._files) >= MOST_FILES:
                self.refused.emit(
                    self.tr("More than %n files cannot be attached.", "", MOST_FILES),
                    self.tr("Send these first, then the others."),
                )
                break
            elif path not in self._files:
                self._files.append(path)
        self._show_chips()
        self.edit.setFocus()

    def _fold(self, text: str) -> None:
        if sum(map(len, self._pastes)) + len(text) > MOST_CHARACTERS:
            self.refused.emit(
                self.tr("That text is too long to paste."),
                self.tr("Save it to a file and attach the file."),
            )
            return
        self._pastes.append(text)
        self._show_chips()

    # ------------------------------------------------------------------ how it looks

    def _show_chips(self) -> None:
        while self._flow.count():
            item = self._flow.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for at, path in enumerate(self._files):
            self._chip(marked(Path(path).name), lambda at=at: self._drop(self._files, at))
        for at, paste in enumerate(self._pastes):
            words = self.tr("Pasted text · {0} characters").format(
                self.locale().toString(len(paste))
            )
            self._chip(words, lambda at=at: self._drop(self._pastes, at))
        self._chips.setVisible(bool(self._files or self._pastes))
        self._changed()
        self.resized.emit()

    def _chip(self, words: str, remove: object) -> None:
        font = theme.font(theme.SECONDARY_PX)
        shown = QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideMiddle, 220)
        chip = QPushButton(shown.replace("&", "&&"), self._chips)
        chip.setFont(font)
        chip.setIcon(glyph("close", self._look.tokens.soft, 12))
        chip.setProperty("look", "quiet")
        chip.setAccessibleName(self.tr("Remove {0}").format(words))
        chip.setToolTip(self.tr("Remove"))
        chip.setLayoutDirection(
            Qt.LayoutDirection.LeftToRight
            if self.layoutDirection() == Qt.LayoutDirection.RightToLeft
            else Qt.LayoutDirection.RightToLeft
        )  # the cross stands behind the name
        chip.clicked.connect(remove)
        self._flow.addWidget(chip)
        chip.show()

    def _drop(self, where: list[str], at: int) -> None:
        del where[at]
        self._show_chips()
        self.edit.setFocus()

    def _icon_button(self, name: str, keys: str) -> QPushButton:
        button = QPushButton(self)
        button.setProperty("look", "icon")
        button.setAccessibleName(name)
        button.setToolTip(f"{name}  {keys_words(keys)}")
        button.setFixedSize(28, 28)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        return button

    def _restyle(self) -> None:
        t = self._look.tokens
        self.attach_button.setIcon(glyph("clip", t.soft, 18))
        self.stop_button.setIcon(glyph("stop", t.text, 16))
        self.send_button.setStyleSheet("padding: 0;")
        self._changed()

    def _changed(self) -> None:
        some = bool(self.edit.toPlainText().strip() or self._files or self._pastes)
        self.send_button.setEnabled(some)
        t = self._look.tokens
        self.send_button.setIcon(glyph("send", t.on_accent if some else t.faint, 18))

    def _fit(self) -> None:
        line = QFontMetricsF(self.edit.font()).lineSpacing()
        lines = max(1.0, min(float(MOST_LINES), self.edit.document().size().height()))
        height = int(lines * line + 4)  # and 2 px above, where the eye puts the middle
        if height != self.edit.height() or self.edit.minimumHeight() != height:
            self.edit.setFixedHeight(height)
            self.resized.emit()
        bar = self.edit.document().size().height() > MOST_LINES
        policy = Qt.ScrollBarPolicy
        self.edit.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if bar else policy.ScrollBarAlwaysOff
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter, Up and Down where they mean more than moving the cursor; the focus ring."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.setProperty("focused", event.type() == QEvent.Type.FocusIn)
            self.style().unpolish(self)
            self.style().polish(self)
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return super().eventFilter(watched, event)
        key, shift = event.key(), Qt.KeyboardModifier.ShiftModifier
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & shift:
            if self.send_button.isEnabled() and self.send_button.isVisibleTo(self):
                self.sent.emit()
            return True
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(key), 0)
        return bool(step and not event.modifiers() & shift and self._recall(step)) or (
            super().eventFilter(watched, event)
        )

    def _recall(self, step: int) -> bool:
        """Up from an empty input goes back through what was asked, Down comes forward again."""
        recalled = 0 <= self._at < len(self._past) and (
            self.edit.toPlainText() == self._past[self._at]
        )
        if not recalled:
            if self.edit.toPlainText() or step > 0 or not self._past:
                return False
            self._at = len(self._past)
        self._at = max(0, self._at + step)
        self.put(self._past[self._at] if self._at < len(self._past) else "")
        return True


class _Edit(QPlainTextEdit):
    """Plain text; files and long texts that are pasted or dropped go elsewhere."""

    files = Signal(list)
    long_paste = Signal(str)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text and files."""
        return source.hasUrls() or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """A paste or a drop."""
        if source.hasUrls() and (paths := local_files(source)):
            self.files.emit(paths)
            return
        text = source.text()
        if len(text) > FOLD_CHARACTERS or text.count("\n") > FOLD_LINES:
            self.long_paste.emit(text)
        else:
            self.insertPlainText(text)


def local_files(source: QMimeData) -> list[str]:
    """Paths of the files in a drop."""
    return [url.toLocalFile() for url in source.urls() if url.isLocalFile()]
