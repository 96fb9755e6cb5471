"""What was said: the person's messages, and answers that stream in block by block.

One document holds the whole conversation, so that text can be selected across it and read by a
screen reader as one. The shapes behind it (bubbles, code cards, errors) are drawn for what is
visible only; buttons on them are real buttons, laid over. Flushes come at most 30 times a second,
and less often when one is dear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QMimeData, QPointF, QRectF, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QDesktopServices,
    QFontMetricsF,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
)
from PySide6.QtWidgets import QFrame, QPushButton, QScrollBar, QTextBrowser, QWidget

from loom_desktop.clock import Clock, monotonic

from . import theme
from .markdown import BUBBLE_PAD, CODE_PAD, GAP, Card, Ink, Stream, Writer, link
from .theme import Theme

FLUSH_MS = 33
LONGEST_SHOWN = 1_200
"""Characters of one's own message that are shown; the rest is folded."""
AT_ONCE = 40
"""Messages of an old conversation that are written when it is opened."""
_EARLIER = "loom:earlier"
_BUBBLE_SHARE = 0.8
_BUBBLE_X = 13


@dataclass(frozen=True, slots=True)
class Meta:
    """Who gave an answer: the small line under it."""

    route: str = ""
    model: str = ""
    seconds: float = -1.0
    cost: float = -1.0

    @staticmethod
    def of(data: Mapping[str, Any]) -> Meta:
        """From an event's payload or a row; what is missing or odd is left out."""
        return Meta(
            str(data.get("route") or ""),
            str(data.get("model") or ""),
            _number(data.get("seconds")),
            _number(data.get("cost")),
        )


@dataclass(slots=True)
class Message:
    """One part of a conversation."""

    role: str
    """``user``, ``assistant`` or ``error``."""
    text: str
    meta: Meta = Meta()
    hint: str = ""
    files: tuple[str, ...] = ()


class Transcript(QTextBrowser):
    """The conversation. Text from a model can bring neither pictures nor files nor actions."""

    retry = Signal()
    grown = Signal()
    copying = Signal(str)
    """What is about to be copied from here."""
    """Its content has another height."""

    def __init__(
        self, look: Theme, parent: QWidget | None = None, *, clock: Clock = monotonic
    ) -> None:
        super().__init__(parent)
        self._look, self._clock = look, clock
        self.setProperty("look", "transcript")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(self.tr("Conversation"))
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.anchorClicked.connect(self._open)
        self._messages: list[Message] = []
        self._from = 0
        self._writer = Writer(self.document(), Ink(look.tokens))
        self._stream: Stream | None = None
        self._bubbles: list[tuple[QTextCursor, float]] = []
        self._buttons: dict[int, QPushButton] = {}
        self._gap_ms = FLUSH_MS
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.flush)
        self._bar = _OverlayBar(self)
        self.document().documentLayout().documentSizeChanged.connect(lambda _: self.grown.emit())
        look.changed.connect(self._restyle)
        self.clear_all()

    # ------------------------------------------------------------------ content

    @property
    def messages(self) -> Sequence[Message]:
        """What is shown, oldest first."""
        return self._messages

    @property
    def streaming(self) -> bool:
        """Whether an answer is on its way."""
        return self._stream is not None

    @property
    def begun(self) -> bool:
        """Whether something of the coming answer is there."""
        return self._stream is not None and bool(self._stream.text)

    def last_answer(self) -> str:
        """The newest answer as it was written, or nothing."""
        return next((m.text for m in reversed(self._messages) if m.role == "assistant"), "")

    def clear_all(self) -> None:
        """A new conversation."""
        self._timer.stop()
        self._stream = None
        self._messages.clear()
        self._from = 0
        self._clear_page()

    def load(self, messages: Sequence[Message]) -> None:
        """An old conversation, its end visible; what is long ago comes when asked for."""
        self.clear_all()
        self._messages = list(messages)
        self._from = max(0, len(self._messages) - AT_ONCE)
        self._write_page()
        self._to_end()

    def add(self, message: Message) -> None:
        """One more message, whole."""
        self._end_stream()
        self._messages.append(message)
        follow = self._at_end() or message.role == "user"
        self._write(message)
        self._after(follow)

    def stream(self, piece: str) -> None:
        """A piece of the answer that is coming."""
        if self._stream is None:
            self.begin()
        if self._stream is not None:
            self._stream.feed(piece)
        if not self._timer.isActive():
            self._timer.start(self._gap_ms if self._stream_shown else 0)

    def begin(self) -> None:
        """An answer will come: a caret shows where."""
        self._stream = Stream(self._writer)
        self._stream_shown, self._gap_ms = False, FLUSH_MS
        ink = self._writer.ink
        self._writer.line([("", ink.body)], ink.block(top=GAP))  # where the caret waits
        self._after(True)

    def finish(self, text: str = "", meta: Meta | None = None) -> None:
        """The answer is complete. ``text`` counts when it differs from what streamed."""
        stream, follow = self._stream, self._at_end()
        self._timer.stop()
        if stream is None:
            if text:
                self.add(Message("assistant", text, meta or Meta()))
            return
        self._stream = None
        stream.finish(text)
        message = Message("assistant", text or stream.text, meta or Meta())
        if message.text:
            self._messages.append(message)
            self._write_meta(message.meta)
        self._after(follow)

    def flush(self) -> None:
        """Write what came since the last time."""
        if self._stream is None:
            return
        began, follow = self._clock(), self._at_end()
        self._stream.flush()
        self._stream_shown = True
        self._after(follow)
        spent_ms = (self._clock() - began) * 1000
        self._gap_ms = max(FLUSH_MS, int(spent_ms * 10))
        if self._timer.isActive():
            self._timer.start(self._gap_ms)

    def announce(self, text: str) -> None:
        """Let a screen reader say it, where one listens."""
        if QAccessible.isActive() and text:
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text[:2000]))

    def content_height(self) -> int:
        """The height in px that would show all of it."""
        return int(self.document().documentLayout().documentSize().height()) + 1

    def _end_stream(self) -> None:
        if self._stream is not None:
            self.finish()

    def _clear_page(self) -> None:
        self._bubbles.clear()
        for button in self._buttons.values():
            button.hide()
            button.deleteLater()
        self._buttons.clear()
        self._writer.clear()
        frame = self.document().rootFrame()
        form = frame.frameFormat()
        form.setLeftMargin(theme.PAD)
        form.setRightMargin(theme.PAD)
        form.setTopMargin(2 + BUBBLE_PAD)
        form.setBottomMargin(CODE_PAD + 3)
        frame.setFrameFormat(form)

    def _write_page(self) -> None:
        if self._from:
            ink = self._writer.ink
            form = type(ink.small)(ink.small)
            form.setAnchor(True)
            form.setAnchorHref(_EARLIER)
            form.setForeground(QColor(self._look.tokens.accent))
            block = ink.small_block(bottom=GAP)
            block.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._writer.line([(self.tr("Earlier messages"), form)], block)
        with self._writer.at_once():
            for message in self._messages[self._from :]:
                self._write(message)
        self._place_buttons()

    def _write(self, message: Message) -> None:
        if message.role == "user":
            self._write_own(message)
        elif message.role == "error":
            self._write_error(message)
        else:
            stream = Stream(self._writer)
            stream.finish(message.text)
            self._write_meta(message.meta)

    def _write_own(self, message: Message) -> None:
        ink, text = self._writer.ink, message.text.strip()
        if len(text) > LONGEST_SHOWN:
            rest = len(text) - LONGEST_SHOWN
            text = text[:LONGEST_SHOWN].rstrip() + " …\n" + self.tr("%n more characters", "", rest)
        parts = [(text, ink.body)]
        if message.files:
            names = ", ".join(one.rsplit("/", 1)[-1] for one in message.files)
            parts.append((("\n" if text else "") + names, ink.small))
        widths = (
            QFontMetricsF(form.font()).horizontalAdvance(line)
            for chunk, form in parts
            for line in chunk.split("\n")
        )
        first = not self._bubbles and self._writer.place()[1]
        block = ink.block(top=0 if first else GAP * 2, bottom=GAP * 2)
        made = self._writer.line(parts, block, self._writer.card("bubble"))
        self._bubbles.append((QTextCursor(made), max(widths, default=0.0) + 2))
        self._fit(*self._bubbles[-1])

    def _write_error(self, message: Message) -> None:
        ink = self._writer.ink
        card = self._writer.card("error")
        title = type(ink.title)(ink.title)
        parts = [("⚠  ", self._danger()), (message.text, title)]
        for lines, top, bottom in (
            (parts, GAP + 12.0, 2.0 if message.hint else GAP + 12.0),
            ([(message.hint, ink.soft)], 0.0, GAP + 12.0),
        ):
            if lines[0][0]:
                block = ink.block(top=top, bottom=bottom)
                near, far = theme.CARD_PAD, theme.CARD_PAD + 90  # the button stands there
                block.setLeftMargin(far if self._mirrored() else near)
                block.setRightMargin(near if self._mirrored() else far)
                block.setLayoutDirection(self.layoutDirection())
                self._writer.line(lines, block, card)

    def _write_meta(self, meta: Meta) -> None:
        if words := self.words(meta):
            ink = self._writer.ink
            block = ink.small_block(top=4, bottom=GAP)
            block.setLayoutDirection(self.layoutDirection())
            self._writer.line([(words, ink.small)], block)

    def _danger(self) -> Any:
        form = type(self._writer.ink.title)(self._writer.ink.title)
        form.setForeground(QColor(self._look.tokens.danger))
        return form

    def words(self, meta: Meta) -> str:
        """Route, model, seconds and money, as far as they are known."""
        parts = [meta.route, meta.model if meta.model not in meta.route else ""]
        if meta.seconds >= 0:
            parts.append(self._seconds(meta.seconds))
        if meta.cost == 0:
            parts.append(self.tr("free"))
        elif meta.cost > 0:
            digits = 4 if meta.cost < 0.01 else 2
            parts.append("$" + self.locale().toString(float(meta.cost), "f", digits))
        return " · ".join(part for part in parts if part)

    def _seconds(self, seconds: float) -> str:
        if seconds < 0.1:
            return self.tr("< {0} s").format(self.locale().toString(0.1, "f", 1))
        digits = 1 if seconds < 10 else 0
        return self.tr("{0} s").format(self.locale().toString(float(seconds), "f", digits))

    def _restyle(self) -> None:
        open_text = self._stream.text if self._stream is not None else None
        follow, at = self._at_end(), self.verticalScrollBar().value()
        self._writer.ink = Ink(self._look.tokens)
        self._stream = None
        self._clear_page()
        self._write_page()
        if open_text is not None:
            self.begin()
            self.stream(open_text)
            self.flush()
        self._after(follow)
        if not follow:
            self.verticalScrollBar().setValue(at)
        self._bar.restyle(self._look)

    # ------------------------------------------------------------------ where the reader is

    def _at_end(self) -> bool:
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - 4

    def _to_end(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _after(self, follow: bool) -> None:
        if follow:
            self._to_end()
        self._place_buttons()
        self.viewport().update()

    # ------------------------------------------------------------------ links, pictures, copying

    def loadResource(self, _kind: int, _name: QUrl | str) -> object:
        """Nothing: no text in here may bring a picture, a style sheet or a file."""
        return None

    def createMimeDataFromSelection(self) -> QMimeData:
        """Plain text: what is pasted elsewhere does not bring our colours."""
        data = QMimeData()
        text = self.textCursor().selection().toPlainText()
        self.copying.emit(text)
        data.setText(text)
        return data

    def _open(self, url: QUrl) -> None:
        if url.toString() == _EARLIER:
            self._from = max(0, self._from - 2 * AT_ONCE)
            before = self.content_height()
            self._clear_page()
            self._write_page()
            self.verticalScrollBar().setValue(self.content_height() - before)
        elif to := link(url.toString(QUrl.ComponentFormattingOption.FullyEncoded)):
            QDesktopServices.openUrl(to.url)

    # ------------------------------------------------------------------ shapes and buttons

    def paintEvent(self, event: QPaintEvent) -> None:
        """Shapes first, the text over them, the caret last."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for _, card, rect in self._visible(event.rect().top(), event.rect().bottom()):
            self._shape(painter, card, rect)
        painter.end()
        super().paintEvent(event)
        if self._stream is not None:
            end = QTextCursor(self.document())
            end.movePosition(QTextCursor.MoveOperation.End)
            where = QRectF(self.cursorRect(end))
            painter = QPainter(self.viewport())
            backwards = end.block().textDirection() == Qt.LayoutDirection.RightToLeft
            caret = QRectF(
                where.x() + (-3 if backwards else 2),
                where.y() + 1,
                2,
                max(12.0, where.height() - 2),
            )
            painter.fillRect(caret, QColor(self._look.tokens.accent))
            painter.end()

    def _visible(self, top: int, bottom: int) -> list[tuple[int, Card, QRectF]]:
        """Cards that stand between these two lines of the viewport, in its coordinates."""
        document, layout = self.document(), self.document().documentLayout()
        scrolled = self.verticalScrollBar().value()
        position = layout.hitTest(QPointF(0, top + scrolled - 40), Qt.HitTestAccuracy.FuzzyHit)
        block = document.findBlock(max(0, position))
        found: list[tuple[int, Card, QRectF]] = []
        state, rect, first = -1, QRectF(), block
        while block.isValid():
            box = layout.blockBoundingRect(block)
            if box.top() > bottom + scrolled + 40:
                break
            if block.userState() == state:
                rect = rect.united(box)
            else:
                self._found(found, state, rect, first)
                state, rect, first = block.userState(), QRectF(box), block
            block = block.next()
        self._found(found, state, rect, first)
        return [(one, card, where.translated(0, -scrolled)) for one, card, where in found]

    def _found(
        self, found: list[tuple[int, Card, QRectF]], state: int, rect: QRectF, first: QTextBlock
    ) -> None:
        card = self._writer.cards.get(state)
        if card is None:
            return
        width = self.viewport().width()
        left, right = float(theme.PAD), float(width - theme.PAD)
        if card.kind == "bubble":
            form = first.blockFormat()
            rect = QRectF(
                left + form.leftMargin() - _BUBBLE_X,
                rect.top() - BUBBLE_PAD,
                right - form.rightMargin() - left - form.leftMargin() + 2 * _BUBBLE_X,
                rect.height() + 2 * BUBBLE_PAD,
            )
        else:
            pad = {"code": CODE_PAD - 1, "error": 12}.get(card.kind, 0)
            rect = QRectF(left, rect.top() - pad, right - left, rect.height() + 2 * pad)
            before = first.previous()
            if before.isValid() and before.userState() == state:
                rect.setTop(rect.top() - 40)  # it begins further up, out of sight
        found.append((state, card, rect))

    def _shape(self, painter: QPainter, card: Card, rect: QRectF) -> None:
        t = self._look.tokens
        painter.setPen(Qt.PenStyle.NoPen)
        if card.kind == "rule":
            painter.fillRect(
                QRectF(rect.left(), rect.center().y(), rect.width(), 1), QColor(t.line)
            )
        elif card.kind == "quote":
            painter.setBrush(QColor(t.accent))
            x = rect.right() - 3 if card.text == "rtl" else rect.left()
            painter.drawRoundedRect(QRectF(x, rect.top() + 1, 3, rect.height() - 2), 1.5, 1.5)
        elif card.kind == "bubble":
            painter.setBrush(QColor(t.accent_soft))
            painter.drawRoundedRect(rect, theme.RADIUS_CARD, theme.RADIUS_CARD)
        else:
            painter.setPen(QPen(QColor(t.line), 1))
            painter.setBrush(QColor(t.sunken if card.kind == "code" else t.raised))
            inside = rect.adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(inside, theme.RADIUS_CARD, theme.RADIUS_CARD)
            if card.kind == "error":
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(t.danger))
                x = rect.right() - 3 if self._mirrored() else rect.left()
                bar = QRectF(x, rect.top() + 10, 3, rect.height() - 20)
                painter.drawRoundedRect(bar, 1.5, 1.5)

    def _place_buttons(self) -> None:
        height = self.viewport().height()
        wanted: set[int] = set()
        errors = [one for one, card in self._writer.cards.items() if card.kind == "error"]
        for state, card, rect in self._visible(0, height):
            if card.kind == "error" and (state != errors[-1] or not self._last_failed()):
                continue
            if card.kind not in ("code", "error") or rect.bottom() < 24:
                continue
            wanted.add(state)
            button = self._buttons.get(state) or self._button(state, card)
            size = button.sizeHint()
            if self._mirrored() and card.kind == "error":
                x = int(rect.left()) + 10
            else:
                x = int(rect.right()) - size.width() - (5 if card.kind == "code" else 10)
            y = rect.center().y() - size.height() / 2 if card.kind == "error" else rect.top() + 5
            if card.kind == "code" and rect.height() < size.height() + 12:
                y = rect.center().y() - size.height() / 2
            button.setGeometry(x, int(max(2.0, y)), size.width(), size.height())
            button.show()
        for state, button in list(self._buttons.items()):
            if state not in wanted:
                button.hide()
            if state not in self._writer.cards:
                button.deleteLater()
                del self._buttons[state]

    def _last_failed(self) -> bool:
        return bool(self._messages) and self._messages[-1].role == "error"

    def _button(self, state: int, card: Card) -> QPushButton:
        code = card.kind == "code"
        button = QPushButton(self.tr("Copy") if code else self.tr("Try again"), self.viewport())
        button.setAccessibleName(self.tr("Copy code") if code else self.tr("Try again"))
        button.setProperty("look", "quiet")
        button.setFont(theme.font(theme.SECONDARY_PX))
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        if code:
            button.clicked.connect(lambda: self._copy(state, button))
        else:
            button.clicked.connect(self.retry)
        self._buttons[state] = button
        return button

    def _copy(self, state: int, button: QPushButton) -> None:
        text = self._writer.code_text(state)
        self.copying.emit(text)
        QGuiApplication.clipboard().setText(text)
        button.setText(self.tr("Copied"))
        QTimer.singleShot(1500, button, lambda: button.setText(self.tr("Copy")))

    # ------------------------------------------------------------------ size

    def _fit(self, cursor: QTextCursor, natural: float) -> None:
        """The person's words stand at the far side, as wide as they are."""
        inner = self.viewport().width() - 2 * theme.PAD
        width = min(natural, inner * _BUBBLE_SHARE - 2 * _BUBBLE_X)
        near = _BUBBLE_X
        far = max(near, inner - width - near)
        form = cursor.blockFormat()
        mirrored = self._mirrored()
        form.setLeftMargin(near if mirrored else far)
        form.setRightMargin(far if mirrored else near)
        cursor.setBlockFormat(form)

    def _mirrored(self) -> bool:
        return self.layoutDirection() == Qt.LayoutDirection.RightToLeft

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Bubbles hug their words at every width; the end stays in view."""
        follow = self._at_end()
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            for cursor, natural in self._bubbles:
                self._fit(cursor, natural)
        self._bar.place()
        self._after(follow)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Buttons follow their cards."""
        super().scrollContentsBy(dx, dy)
        self._place_buttons()

    def sizeHint(self) -> QSize:
        """As high as its content."""
        return QSize(super().sizeHint().width(), self.content_height())

    _stream_shown = False


class _OverlayBar(QScrollBar):
    """A thin scroll bar over the text: it comes and goes without moving a line."""

    def __init__(self, view: Transcript) -> None:
        super().__init__(Qt.Orientation.Vertical, view)
        self._view = view
        self.setAccessibleName(self.tr("Scroll the conversation"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        hidden = view.verticalScrollBar()
        hidden.rangeChanged.connect(self._follow)
        hidden.valueChanged.connect(self.setValue)
        self.valueChanged.connect(hidden.setValue)
        self.hide()

    def place(self) -> None:
        """At the edge where a scroll bar belongs."""
        mirrored = self._view.layoutDirection() == Qt.LayoutDirection.RightToLeft
        x = 2 if mirrored else self._view.width() - 10
        self.setGeometry(x, 0, 8, self._view.height())

    def restyle(self, _look: Theme) -> None:
        """Nothing of its own: the window's style sheet says it all."""
        self.update()

    def _follow(self, low: int, high: int) -> None:
        self.setRange(low, high)
        self.setPageStep(self._view.verticalScrollBar().pageStep())
        self.setVisible(high > low)
        self.raise_()


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value == value else -1.0
