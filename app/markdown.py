"""Markdown from a model, written at the end of a document: only what is on our own list gets in.

Qt parses each piece in a document of its own that is never laid out; from there text, emphasis,
lists, headings, quotes, code, tables and http links are copied over and nothing else, so an image,
a piece of HTML or a link to a file cannot arrive. An answer that streams is written block by
block: what is finished stays, only the open tail is written again, so that the cost of a flush
does not grow with the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, cast

import shiboken6
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextList,
    QTextListFormat,
    QTextTable,
    QTextTableFormat,
)

from . import theme
from .theme import Tokens

Kind = Literal["code", "bubble", "error", "rule", "quote"]

GAP = 10
"""Air between two blocks, in px."""
CODE_PAD = 11
BUBBLE_PAD = 8
_FILLER: Final = 0  # state of an empty block that the next one may take over
_PLAIN: Final = -1
_ALT = 0x5002  # QTextFormat::ImageAltText, not named in PySide6
_QUOTE = 0x1080  # QTextFormat::BlockQuoteLevel
_CODE_LANGUAGE = 0x1090
_RULE = 0x1060  # QTextFormat::BlockTrailingHorizontalRulerWidth
_MOST_ROWS, _DEEPEST = 200, 6

_FEATURES = QTextDocument.MarkdownFeature(
    QTextDocument.MarkdownFeature.MarkdownDialectGitHub.value
    | QTextDocument.MarkdownFeature.MarkdownNoHTML.value
)
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})[ \t]*([^\n]*)")
_BULLET = re.compile(r"[-*+][ \t]+\S")
_NUMBER = re.compile(r"(\d{1,9})[.)][ \t]+\S")
_HIDDEN = re.compile("[\u200b-\u200d\u2060\ufeff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_OVERRIDE = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Card:
    """A run of blocks that the transcript draws a shape behind."""

    kind: Kind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that may be opened after a click."""

    url: QUrl
    host: str


def link(href: str) -> Link | None:
    """Only http and https to a named host; everything else stays plain text."""
    url = QUrl(href, QUrl.ParsingMode.StrictMode)
    if not url.isValid() or url.scheme().lower() not in ("http", "https") or not url.host():
        return None
    host = url.host(QUrl.ComponentFormattingOption.FullyEncoded)  # a look-alike shows as xn--
    return Link(url, host)


def marked(text: str) -> str:
    """Signs that cannot be seen become marks that can: for code, names and exact effects."""
    return _HIDDEN.sub(lambda sign: f"⟨{ord(sign[0]):04X}⟩", text)


def finished(text: str) -> int:
    """How much of an answer's open end can stay as it is: 0, or where a new block begins.

    A block begins after a blank line outside a fence when the line is not indented, and at a
    fence or at the next list item at the very left.
    """
    cut, at, fence, blank = 0, 0, "", False
    numbered = bool(_NUMBER.match(text))
    for line in text.splitlines(keepends=True):
        opening = _FENCE.match(line.rstrip("\r\n"))
        if not fence and at:
            number = _NUMBER.match(line)
            begins = (blank and not line[0].isspace()) or (
                line.endswith("\n") and opening is not None and line[0] in "`~"
            )
            if begins or _BULLET.match(line) or (number and (numbered or number[1] == "1")):
                cut = at
                numbered = bool(number)
        if opening and not fence:
            fence = opening[1]
        elif fence and closes(line, fence):
            fence = ""
        blank = not fence and line.endswith("\n") and not line.strip()
        at += len(line)
    return cut


def closes(line: str, fence: str) -> bool:
    """Whether the line ends the code that this fence began."""
    bare = line.strip()
    return len(bare) >= len(fence) and not bare.strip(fence[0]) and line[:4].strip() != ""


def completed(tail: str) -> str:
    """The open tail as it will probably end, so that marks do not flicker while it streams."""
    last = tail.rsplit("\n\n", 1)[-1]
    if re.search(r"\[[^\[\]\n]*\]\([^()\n]*$", last):
        tail = re.sub(r"\[([^\[\]\n]*)\]\([^()\n]*$", r"\1", tail)
    if last.count("`") % 2:
        return tail + "`" if not tail.endswith("`") else tail[:-1]
    for mark in ("**", "~~"):
        if last.count(mark) % 2:
            bare = tail.rstrip()
            if bare.endswith(mark):
                tail = bare[: -len(mark)]
            elif not bare.endswith(mark[0]):
                tail = bare + mark
            else:
                tail = bare[:-1] + mark
    return tail


class Ink:
    """The formats of one palette."""

    def __init__(self, t: Tokens) -> None:
        self.tokens = t
        body, small, code = theme.font(), theme.font(theme.SECONDARY_PX), theme.mono()
        self.body = _char(body, t.text)
        self.soft = _char(body, t.soft)
        self.small = _char(small, t.soft)
        self.code = _char(code, t.text)
        self.title = _char(theme.font(bold=True), t.text)
        self.headings = tuple(_char(theme.font(px, bold=True), t.text) for px in (18, 16, 14.5))
        self._body_height = _line_height(body, theme.LINE_HEIGHT)
        self._small_height = _line_height(small, 1.4)
        self._code_height = _line_height(code, 1.4)
        self._mono = theme.mono().families()
        self._code_size = theme.mono().pointSizeF()
        self._link = QBrush(QColor(t.accent))
        self._made: dict[tuple[int, bool, bool, bool, bool], QTextCharFormat] = {}

    def block(self, top: float = 0, bottom: float = GAP) -> QTextBlockFormat:
        """A paragraph of body text."""
        return self._block(self._body_height, top, bottom)

    def small_block(self, top: float = 0, bottom: float = GAP) -> QTextBlockFormat:
        """A line of small type."""
        return self._block(self._small_height, top, bottom)

    def code_block(self, top: float = 0, bottom: float = 0) -> QTextBlockFormat:
        """A line of code inside its card."""
        made = self._block(self._code_height, top, bottom)
        made.setLeftMargin(theme.CARD_PAD)
        made.setRightMargin(theme.CARD_PAD)
        made.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        return made

    def inline(self, base: QTextCharFormat, found: QTextCharFormat) -> QTextCharFormat:
        """The base with what is allowed of the parsed format: bold, italic, struck, code."""
        bold = found.fontWeight() >= QFont.Weight.DemiBold > base.fontWeight()
        code = found.fontFixedPitch() or bool(found.fontFamilies())
        key = (id(base), bold, found.fontItalic(), found.fontStrikeOut(), code)
        made = self._made.get(key)
        if made is None:
            made = QTextCharFormat(base)
            if bold:
                made.setFontWeight(QFont.Weight.Bold)
            made.setFontItalic(key[2])
            made.setFontStrikeOut(key[3])
            if code:
                made.setFontFamilies(self._mono)
                made.setFontFixedPitch(True)
                made.setFontPointSize(self._code_size)
            self._made[key] = made
        return made

    def anchor(self, base: QTextCharFormat, to: Link) -> QTextCharFormat:
        """Something to click on."""
        made = QTextCharFormat(base)
        made.setAnchor(True)
        made.setAnchorHref(to.url.toString(QUrl.ComponentFormattingOption.FullyEncoded))
        made.setForeground(self._link)
        made.setFontUnderline(True)
        made.setToolTip(made.anchorHref())
        return made

    def _block(self, height: float, top: float, bottom: float) -> QTextBlockFormat:
        made = QTextBlockFormat()
        made.setLineHeight(height, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        made.setTopMargin(top)
        made.setBottomMargin(bottom)
        return made


class Writer:
    """Writes at the end of one document, and takes back to a place it was told to remember."""

    def __init__(self, document: QTextDocument, ink: Ink) -> None:
        self._document, self.ink = document, ink
        self.cards: dict[int, Card] = {}
        self._next = 1
        self._code: tuple[int, list[str]] | None = None
        self._above: tuple[int, QTextTable] | None = None  # the last table, what begins below it
        self.full = False
        """Whether a table ends the document that shows all the rows it may: more change nothing."""
        self.clear()

    def clear(self) -> None:
        """Empty, ready for the first block."""
        self._document.clear()
        self._document.setUndoRedoEnabled(False)
        self._document.setIndentWidth(28)
        self._document.setDocumentMargin(0)
        self._document.begin().setUserState(_FILLER)
        self.cards.clear()
        self._code = None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is written inside is laid out once, at the end."""
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        try:
            yield
        finally:
            cursor.endEditBlock()

    def place(self) -> tuple[int, bool, int]:
        """Where the document ends now, for ``back_to``."""
        last = self._document.lastBlock()
        return last.position() + last.length() - 1, last.userState() == _FILLER, self._next

    def back_to(self, place: tuple[int, bool, int]) -> None:
        """Remove what was written since."""
        position, filler, card = place
        cursor = self._end()
        if cursor.position() != position:
            cursor.setPosition(position, QTextCursor.MoveMode.KeepAnchor)
            state = self._document.findBlock(position).userState()
            cursor.removeSelectedText()
            self._document.lastBlock().setUserState(state)  # lost where blocks are joined
        if filler:
            cursor.setBlockFormat(QTextBlockFormat())
            self._document.lastBlock().setUserState(_FILLER)
        for known in [one for one in self.cards if one >= card]:
            del self.cards[known]

    def line(
        self, parts: list[tuple[str, QTextCharFormat]], block: QTextBlockFormat, card: int = _PLAIN
    ) -> QTextBlock:
        """One block of plain text; ``\\n`` breaks the line within it."""
        cursor = self._begin(block, card)
        for text, form in parts:
            cursor.insertText(text.replace("\n", "\u2028"), form)
        return cursor.block()

    def card(self, kind: Kind, text: str = "") -> int:
        """A number for the blocks that belong to a new card."""
        made, self._next = self._next, self._next + 1
        self.cards[made] = Card(kind, text)
        return made

    def open_code(self) -> None:
        """What ``add_code`` brings from now on stands in one card."""
        card = self.card("code")
        self._code = (card, [])
        self._begin(self.ink.code_block(top=GAP + CODE_PAD), card)

    def add_code(self, text: str) -> None:
        """More code. Costs what it brings, however much is there already."""
        if self._code is None:
            self.open_code()
        card, written = self._code or (0, [])
        written.append(text)
        cursor = self._end()
        first, *rest = marked(text).split("\n")
        cursor.insertText(first, self.ink.code)
        for more in rest:
            cursor.insertBlock(self.ink.code_block(), self.ink.code)
            cursor.block().setUserState(card)
            cursor.insertText(more, self.ink.code)

    def close_code(self) -> None:
        """The card is complete."""
        if self._code is None:
            return
        card, written = self._code
        self._code = None
        self.cards[card] = Card("code", "".join(written))
        last = self._document.lastBlock()
        form = last.blockFormat()
        form.setBottomMargin(GAP + CODE_PAD)
        QTextCursor(last).setBlockFormat(form)

    def code_text(self, card: int) -> str:
        """The code in a card as it was written, also while it still grows."""
        if self._code is not None and self._code[0] == card:
            return "".join(self._code[1])
        return self.cards[card].text

    def prose(self, markdown: str) -> None:
        """Blocks of markdown, whole. Raises nothing, whatever the text is."""
        parsed = QTextDocument()
        parsed.setUndoRedoEnabled(False)
        parsed.setMarkdown(_OVERRIDE.sub("", markdown.replace("\x00", "")), _FEATURES)
        lists: dict[int, QTextList] = {}
        quote = 0
        self.full = False
        block = parsed.begin()
        while block.isValid():
            table = cast("QTextTable | None", QTextCursor(block).currentTable())
            if table is not None:
                self._table(table)
                last = table.lastCursorPosition().block()
                block = last.next()
                self.full = table.rows() > _MOST_ROWS
                continue
            form = block.blockFormat()
            level = min(int(form.property(_QUOTE) or 0), _DEEPEST)
            quote = (quote or self.card("quote")) if level else 0
            if form.hasProperty(_CODE_LANGUAGE):
                lines = []
                while block.isValid() and block.blockFormat().hasProperty(_CODE_LANGUAGE):
                    lines.append(block.text())
                    block = block.next()
                self.open_code()
                self.add_code("\n".join(lines))
                self.close_code()
                continue
            self._paragraph(block, form, lists, level, quote)
            block = block.next()

    def _paragraph(
        self,
        block: QTextBlock,
        form: QTextBlockFormat,
        lists: dict[int, QTextList],
        level: int,
        quote: int,
    ) -> None:
        ink = self.ink
        listed = cast("QTextList | None", block.textList())
        if form.hasProperty(_RULE):
            self._begin(ink.block(top=GAP, bottom=GAP), self.card("rule"))
            return
        if block.length() <= 1 and listed is None:
            return  # the empty paragraphs that the parser leaves around tables
        self.full = False
        if heading := form.headingLevel():
            base, target = ink.headings[min(heading, 3) - 1], ink.block(top=GAP + 6, bottom=6)
        elif level:
            again = self._document.lastBlock().userState() == quote
            base, target = ink.soft, ink.block(top=0 if again else GAP, bottom=4)
            if block.textDirection() == Qt.LayoutDirection.RightToLeft:
                self.cards[quote] = Card("quote", "rtl")
                target.setRightMargin(14 * level)
            else:
                target.setLeftMargin(14 * level)
        elif listed is not None:
            base, target = ink.body, ink.block(top=0, bottom=6)
            target.setMarker(form.marker())
        else:
            base, target = ink.body, ink.block(top=GAP, bottom=GAP)
            target.setIndent(min(form.indent(), _DEEPEST))
        cursor = self._begin(target, quote or _PLAIN)
        if listed is not None:
            mine = lists.get(form.objectIndex())
            if mine is None:
                style = listed.format()
                wanted = QTextListFormat()
                wanted.setStyle(style.style())
                wanted.setIndent(min(style.indent(), _DEEPEST))
                wanted.setStart(style.start())
                lists[form.objectIndex()] = cursor.createList(wanted)
            else:
                mine.add(cursor.block())
        self._inline(cursor, block, base)

    def _inline(self, cursor: QTextCursor, block: QTextBlock, base: QTextCharFormat) -> None:
        ink = self.ink
        target: Link | None = None
        shown, href = "", ""
        it = block.begin()
        while not it.atEnd():
            fragment = it.fragment()
            found = fragment.charFormat()
            if target is not None and found.anchorHref() != href:
                self._host(cursor, target, shown, base)
                target = None
            if found.isImageFormat():
                words = str(found.property(_ALT) or "").strip()
                cursor.insertText(f"[{words}]" if words else "[…]", ink.soft)
            else:
                text = fragment.text().replace("\ufffc", "")
                form = ink.inline(base, found)
                if found.anchorHref():
                    if target is None and (target := link(found.anchorHref())) is not None:
                        shown, href = "", found.anchorHref()
                    if target is not None:
                        form = ink.anchor(form, target)
                        shown += text
                cursor.insertText(text, form)
            it += 1
        if target is not None:
            self._host(cursor, target, shown, base)

    def _host(self, cursor: QTextCursor, to: Link, shown: str, base: QTextCharFormat) -> None:
        """Where a link leads, unless its own words begin with exactly that."""
        bare = re.sub(r"^https?://", "", shown.strip().lower())
        if re.split(r"[/?#]", bare, maxsplit=1)[0] != to.host:
            soft = QTextCharFormat(base)
            soft.setForeground(QBrush(QColor(self.ink.tokens.soft)))
            cursor.insertText(f" ({to.host})", soft)

    def _table(self, table: QTextTable) -> None:
        rows, columns = min(table.rows(), _MOST_ROWS), table.columns()
        form = QTextTableFormat()
        form.setBorder(1)
        form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        form.setBorderBrush(QBrush(QColor(self.ink.tokens.line)))
        form.setBorderCollapse(True)
        form.setCellPadding(6)
        form.setCellSpacing(0)
        form.setTopMargin(GAP)
        form.setBottomMargin(GAP)
        form.setWidth(QTextLength(QTextLength.Type.VariableLength, 0))
        before = self._end()
        state, position = before.block().userState(), before.block().position()
        made = before.insertTable(rows, columns, form)
        self._document.findBlock(position).setUserState(state)  # lost where a block is split
        for row in range(rows):
            for column in range(columns):
                source = table.cellAt(row, column).firstCursorPosition().block()
                last = table.cellAt(row, column).lastCursorPosition().block()
                while source.length() <= 1 and source != last:  # the parser leaves empty ones
                    source = source.next()
                target = made.cellAt(row, column).firstCursorPosition()
                block = self.ink.block(bottom=0)
                if rows > 1:  # the first row does not carry the column's alignment
                    below = table.cellAt(1, column).firstCursorPosition().block()
                    block.setAlignment(below.blockFormat().alignment())
                target.setBlockFormat(block)
                self._inline(target, source, self.ink.title if row == 0 else self.ink.body)
        last_block = self._document.lastBlock()
        last_block.setUserState(_FILLER)
        self._above = last_block.position(), made

    def _begin(self, block: QTextBlockFormat, card: int) -> QTextCursor:
        cursor = self._end()
        last = self._document.lastBlock()
        above = self.cards.get(last.userState())
        if above is not None and above.kind == "bubble":  # whose shape is larger than its text
            block.setTopMargin(max(block.topMargin(), GAP) + BUBBLE_PAD)
        if last.userState() == _FILLER and last.length() <= 1:
            self._clear_of_table(last, block.topMargin())
            cursor.setBlockFormat(block)
            cursor.setBlockCharFormat(self.ink.body)
        else:
            cursor.insertBlock(block, self.ink.body)
        cursor.block().setUserState(card)
        return cursor

    def _clear_of_table(self, below: QTextBlock, air: float) -> None:
        """Qt leaves the air above a block out when a table is there: the table has it then."""
        position, table = self._above or (-1, None)
        if position != below.position() or table is None or not shiboken6.isValid(table):
            return
        form = table.format().toTableFormat()
        if form.bottomMargin() != max(GAP, air):
            form.setBottomMargin(max(GAP, air))
            table.setFormat(form)

    def _end(self) -> QTextCursor:
        cursor = QTextCursor(self._document)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        return cursor


class Stream:
    """One answer as it comes. ``feed`` is free; ``flush`` writes what came since."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._begun = self._kept = writer.place()
        self._open = ""
        self._fence = ""
        self._heard: list[str] = []
        self._changed = False
        self._first_line = self._line_begun = False
        self._rows_to = -1  # the line of the open tail from which a full table only grows

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self._heard)

    def feed(self, piece: str) -> None:
        """More of the answer."""
        self._heard.append(piece)
        self._open += piece
        self._changed = True

    def flush(self) -> None:
        """Bring the document up to date. The cost depends on the open block, not on the answer."""
        if not self._changed:
            return
        self._changed = False
        if self._only_rows():
            return
        self._rows_to = -1
        with self._writer.at_once():
            if not self._fence:
                self._writer.back_to(self._kept)
            while self._step():
                pass
            if not self._fence:
                self._kept = self._writer.place()
                if self._open.strip():
                    self._writer.prose(completed(_without_half_fence(self._open)))
                    if self._writer.full:
                        self._rows_to = self._open.rfind("\n") + 1

    def _only_rows(self) -> bool:
        """Whether all that came belongs to a table that shows no more rows."""
        if self._rows_to < 0 or not all(
            line.startswith("|") for line in self._open[self._rows_to :].splitlines()
        ):
            return False
        self._rows_to = self._open.rfind("\n") + 1
        return True

    def finish(self, whole: str = "") -> None:
        """The end. ``whole`` replaces what streamed when the two differ."""
        with self._writer.at_once():
            self._finish(whole)

    def _finish(self, whole: str) -> None:
        if whole and whole != self.text:
            self._writer.close_code()
            self._writer.back_to(self._begun)
            self._kept = self._writer.place()
            self._open, self._fence, self._heard = whole, "", [whole]
        elif not self._fence:
            self._writer.back_to(self._kept)
        while self._step():
            pass
        if self._fence:
            if self._open and not closes(self._open, self._fence):
                self._put([self._joined(self._open)])
            self._writer.close_code()
        elif self._open.strip():
            self._writer.prose(self._open)
        self._open, self._fence, self._changed = "", "", False

    def _step(self) -> bool:
        """Settle one more block; whether there may be another."""
        if self._fence:
            return self._code_step()
        if cut := finished(self._open):
            self._writer.prose(self._open[:cut])
            self._open = self._open[cut:]
            return True
        head, newline, rest = self._open.lstrip("\n").partition("\n")
        opening = _FENCE.match(head)
        if not newline or opening is None or head[0] not in "`~":
            return False
        self._fence, self._open = opening[1], rest
        self._writer.open_code()
        self._first_line, self._line_begun = True, False
        return True

    def _code_step(self) -> bool:
        """Whole lines go into the card; an unfinished one too, unless it may become the fence."""
        *lines, rest = self._open.split("\n")
        out: list[str] = []
        for at, line in enumerate(lines):
            if not self._line_begun and closes(line, self._fence):
                self._put(out)
                self._writer.close_code()
                self._fence = ""
                self._open = "\n".join([*lines[at + 1 :], rest])
                self._kept = self._writer.place()
                return True
            out.append(self._joined(line))
            self._line_begun = False
        if not self._line_begun and not rest.strip().strip(self._fence[0]):
            self._open = rest  # nothing yet, or the beginning of the closing fence
        else:
            out.append(self._joined(rest))
            self._open = ""
        self._put(out)
        return False

    def _joined(self, text: str) -> str:
        """The text with the line break that stands before it, when it begins a line."""
        begins = not self._line_begun and not self._first_line
        self._first_line, self._line_begun = False, True
        return "\n" + text if begins else text

    def _put(self, parts: list[str]) -> None:
        if text := "".join(parts):
            self._writer.add_code(text)


def _without_half_fence(tail: str) -> str:
    """Without a last line that may be the beginning of a fence."""
    before, newline, last = tail.rpartition("\n")
    return before + newline if re.fullmatch(r"(`|[`~]{2,})[\w+-]*", last) else tail


def _char(font: QFont, color: str) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setFont(font)
    made.setForeground(QBrush(QColor(color)))
    return made


def _line_height(font: QFont, wanted: float) -> float:
    """Per cent of the font's own spacing that makes lines ``wanted`` times the size of the type."""
    metrics = QFontMetricsF(font)
    size = font.pointSizeF() / 0.75
    return max(100.0, 100 * wanted * size / max(1.0, metrics.lineSpacing()))
