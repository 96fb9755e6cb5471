"""Small parts that several windows are made of: labels, switches, chips and tips for foreign text.

Every label is plain text, whoever wrote it. Tooltips of Qt would read HTML: ``tip`` prevents it.
"""

from __future__ import annotations

import html

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from . import theme
from .theme import Theme
from .words import reads_right


def label(
    text: str = "", look: str = "", px: float = 0.0, *, bold: bool = False, wrap: bool = True
) -> QLabel:
    """Plain text in one of the looks of the style sheet: soft, faint, good, warn, danger."""
    made = _Label()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    made.setWordWrap(wrap)
    if look:
        made.setProperty("look", look)
    if px or bold:
        made.setFont(theme.font(px or theme.BODY_PX, bold=bold))
    return made


class _Label(QLabel):
    """Begins at the side that the window begins at, whatever language the text is in."""

    def __init__(self) -> None:
        super().__init__()
        self._side()

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.LayoutDirectionChange, QEvent.Type.Polish):
            self._side()
        return super().event(event)

    def _side(self) -> None:
        if self.alignment() & Qt.AlignmentFlag.AlignHCenter:
            return
        right = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        self.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter)


def button(text: str, look: str = "", name: str = "") -> QPushButton:
    """A button that Enter presses too. ``name`` is what a screen reader says, else the text."""
    made = QPushButton(text.replace("&", "&&"))
    if look:
        made.setProperty("look", look)
    made.setAutoDefault(True)
    made.setAccessibleName(name or text)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made


def tip(text: str) -> str:
    """For ``setToolTip``: shown as it is, never read as HTML."""
    return f"<qt>{html.escape(text)}</qt>" if text else ""


def relook(widget: QWidget, look: str) -> None:
    """Another look of the style sheet for a widget that is shown already."""
    if widget.property("look") != look:
        widget.setProperty("look", look)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def hairline(look: Theme) -> QFrame:
    """A line of one pixel between two parts."""
    return _Hairline(look)


class _Hairline(QFrame):
    def __init__(self, look: Theme) -> None:
        super().__init__()
        self._look = look
        self.setFixedHeight(1)
        look.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._look.tokens.line))
        painter.end()


class Elided(QLabel):
    """Text of at most some lines; what does not fit ends in an ellipsis, and is in the tip."""

    def __init__(self, text: str = "", *, lines: int = 1) -> None:
        super().__init__()
        self._lines = lines
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def shown(self, width: int) -> tuple[list[str], bool]:
        """The lines at that width, and whether something was left out."""
        text = " ".join(self.text().split())
        layout = QTextLayout(text, self.font())
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        found: list[str] = []
        cut = False
        while len(found) < self._lines:
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(max(1, width))
            start, length = line.textStart(), line.textLength()
            piece = text[start : start + length].rstrip()
            last = len(found) == self._lines - 1
            rest = text[start:] if last else piece
            if last or QFontMetrics(self.font()).horizontalAdvance(piece) > width:
                metrics = QFontMetrics(self.font())
                piece = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
                cut = cut or piece != rest
            found.append(piece)
        layout.endLayout()
        return found, cut

    def hasHeightForWidth(self) -> bool:
        """Narrower may be higher, up to the lines it has."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Of the lines that it will paint."""
        return max(1, len(self.shown(width)[0])) * self._line_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rows beside other widgets ask nobody for a height that goes with the width: set it."""
        super().resizeEvent(event)
        height = self.heightForWidth(self.width())
        if height != self.minimumHeight():
            self.setFixedHeight(height)

    def sizeHint(self) -> QSize:
        """Wide enough for all of it on one line, up to what a card has."""
        wide = QFontMetrics(self.font()).horizontalAdvance(self.text())
        return QSize(min(wide + 2, 360), self.heightForWidth(max(self.width(), 80)))

    def minimumSizeHint(self) -> QSize:
        """One word is enough."""
        return QSize(40, self._line_height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Line by line, from the side that the layout begins at."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        right = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        painter.setLayoutDirection(  # a full stop stays at the end of its sentence
            Qt.LayoutDirection.RightToLeft
            if reads_right(self.text())
            else Qt.LayoutDirection.LeftToRight
        )
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        flags = side | Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute
        height = self._line_height()
        for number, line in enumerate(self.shown(self.width())[0]):
            painter.drawText(QRect(0, number * height, self.width(), height), int(flags), line)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """The tip is the whole text, only where it was cut."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            if self.shown(self.width())[1]:
                QToolTip.showText(event.globalPos(), tip(self.text()), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def _line_height(self) -> int:
        return round(QFontMetrics(self.font()).height() * 1.15)


class Switch(QCheckBox):
    """On or off, drawn as a switch. Its name is for the screen reader; the label is elsewhere."""

    def __init__(self, look: Theme, name: str) -> None:
        super().__init__()
        self._look = look
        self.setAccessibleName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedSize(40, 24)
        look.changed.connect(self.update)

    def hitButton(self, pos: object) -> bool:
        """All of it."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """A pill and a knob; the side of the knob tells as well as the colour."""
        t = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pill = QRectF(2, 3, 36, 18)
        on, live = self.isChecked(), self.isEnabled()
        ground = t.accent if on else t.faint
        painter.setOpacity(1.0 if live else 0.45)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(pill, 9, 9)
        right = on != (self.layoutDirection() == Qt.LayoutDirection.RightToLeft)
        painter.setBrush(QColor(t.on_accent if on else t.surface))
        painter.drawEllipse(QPointF(pill.right() - 9 if right else pill.left() + 9, 12), 6.5, 6.5)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(t.text if on else t.accent), 1.5))
            painter.drawRoundedRect(pill.adjusted(-1.2, -1.2, 1.2, 1.2), 10, 10)
        painter.end()


class Chip(QPushButton):
    """A button that stays down while it is chosen."""

    def __init__(self, look: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text.replace("&", "&&"), parent)
        self._look = look
        self.setCheckable(True)
        self.setAutoDefault(True)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFont(theme.font(theme.SECONDARY_PX))
        look.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        t = self._look.tokens
        self.setStyleSheet(
            f"QPushButton {{ background: transparent; color: {t.soft}; padding: 4px 10px; }}"
            f"QPushButton:hover {{ background: {t.raised}; color: {t.text}; }}"
            f"QPushButton:checked {{ background: {t.accent_soft}; color: {t.text};"
            f" border-color: {t.accent_soft}; }}"
            f"QPushButton:focus {{ border-color: {t.accent}; }}"
        )


class Choice(QWidget):
    """One of a few, side by side. Arrows move, as in any group of buttons that exclude another."""

    def __init__(self, look: Theme, name: str, options: list[tuple[str, str]]) -> None:
        """``options`` are keys and what they are called."""
        super().__init__()
        self.setAccessibleName(name)
        self.group = QButtonGroup(self)
        self.chips: dict[str, Chip] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for key, text in options:
            chip = Chip(look, text)
            chip.setAccessibleName(f"{name}: {text}" if name else text)
            self.group.addButton(chip)
            self.chips[key] = chip
            row.addWidget(chip)
        row.addStretch(1)

    def choose(self, key: str) -> None:
        """Mark it; says nothing to anybody."""
        if key in self.chips:
            self.chips[key].setChecked(True)

    def chosen(self) -> str:
        """The key that is marked."""
        return next((key for key, chip in self.chips.items() if chip.isChecked()), "")


class Told(QWidget):
    """In the place of content: a title, one sentence, and perhaps one button."""

    def __init__(self, look: Theme) -> None:
        super().__init__()
        self._look = look
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title = label(px=15, bold=True)
        self.sentence = label(look="soft")
        self.act = button("")
        for one in (self.title, self.sentence):
            one.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(32, 16, 32, 32)
        box.setSpacing(8)
        box.addStretch(2)
        box.addWidget(self.picture)
        box.addSpacing(4)
        box.addWidget(self.title)
        box.addWidget(self.sentence)
        box.addSpacing(8)
        box.addWidget(self.act, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(3)

    def say(self, title: str, sentence: str = "", act: str = "") -> None:
        """These words; a button only with ``act``."""
        self.title.setText(title)
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
        self.act.setText(act)
        self.act.setAccessibleName(act)
        self.act.setVisible(bool(act))
        self.setAccessibleName(f"{title} {sentence}".strip())
