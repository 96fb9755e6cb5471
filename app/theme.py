"""How Loom looks: colours, type, spacing and the style sheet, light and dark.

The tokens are the whole palette; no other file names a colour. ``Theme`` follows the system's
light or dark, or the choice in settings, and dresses each window that asks for it. Style sheets
pick a look by a dynamic property: ``button.setProperty("look", "chip")``.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QWidget


@dataclass(frozen=True, slots=True)
class Tokens:
    """One palette. Contrast of text, soft and faint on every ground is at least 7, 4.5 and 3."""

    dark: bool
    surface: str
    """The window's ground."""
    raised: str
    """Chips and the input."""
    sunken: str
    """Code."""
    text: str
    soft: str
    faint: str
    line: str
    accent: str
    accent_soft: str
    """The person's own messages, and what is selected."""
    on_accent: str
    good: str
    warn: str
    danger: str


LIGHT = Tokens(
    dark=False,
    surface="#FFFFFF",
    raised="#F6F7FA",
    sunken="#EEEFF4",
    text="#14161C",
    soft="#5B6272",
    faint="#808899",
    line="#E1E4EC",
    accent="#3F5BD9",
    accent_soft="#E4E9FF",
    on_accent="#FFFFFF",
    good="#1F8A4C",
    warn="#A86400",
    danger="#C23434",
)
DARK = Tokens(
    dark=True,
    surface="#17181C",
    raised="#1F2127",
    sunken="#10131A",
    text="#EDEEF2",
    soft="#A4ABBA",
    faint="#6E7687",
    line="#2B2E37",
    accent="#7C93FF",
    accent_soft="#2A3150",
    on_accent="#10131A",
    good="#4CC38A",
    warn="#F0B34A",
    danger="#FF7B72",
)

BODY_PX, SECONDARY_PX, INPUT_PX, MONO = 13.5, 12.0, 15.0, 0.95
LINE_HEIGHT = 1.45
PAD, CARD_PAD = 16, 12
RADIUS_WINDOW, RADIUS_CARD, RADIUS_CHIP = 12, 10, 8
MOTION_MS = 120


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2 computes it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def font(px: float = BODY_PX, *, bold: bool = False) -> QFont:
    """The system's UI font at that size. In points, so that the person's own scaling applies."""
    made = QFont(QApplication.font())
    made.setPointSizeF(px * 0.75)
    if bold:
        made.setWeight(QFont.Weight.DemiBold)
    return made


@cache
def mono_family() -> str:
    """The system's font for code."""
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()


def mono(px: float = BODY_PX) -> QFont:
    """The system's font for code, a little smaller than the text around it."""
    made = QFont(mono_family())
    made.setStyleHint(QFont.StyleHint.Monospace)
    made.setPointSizeF(px * MONO * 0.75)
    return made


def motion_ms() -> int:
    """How long something may move, in ms: 0 where the person asked for stillness."""
    style = QApplication.style()
    asked = style.styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) if style else 0
    return min(MOTION_MS, asked) if asked > 0 else 0


class Theme(QObject):
    """The palette in force. One per application; windows ask it to dress them."""

    changed = Signal()

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice
        self._dressed: weakref.WeakSet[QWidget] = weakref.WeakSet()
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._refresh)
        self.tokens = self._wanted()
        QApplication.setFont(font())
        self._paint_application()

    def choose(self, choice: str) -> None:
        """``system``, ``light`` or ``dark``; anything else counts as ``system``."""
        self._choice = choice
        self._refresh()

    def dress(self, window: QWidget) -> None:
        """Give a top-level window the look, now and whenever it changes."""
        self._dressed.add(window)
        window.setFont(font())
        window.setStyleSheet(stylesheet(self.tokens))

    def _wanted(self) -> Tokens:
        if self._choice in ("light", "dark"):
            return DARK if self._choice == "dark" else LIGHT
        scheme = QGuiApplication.styleHints().colorScheme()
        return DARK if scheme == Qt.ColorScheme.Dark else LIGHT

    def _refresh(self) -> None:
        wanted = self._wanted()
        if wanted is self.tokens:
            return
        self.tokens = wanted
        self._paint_application()
        for window in list(self._dressed):
            window.setStyleSheet(stylesheet(wanted))
        self.changed.emit()

    def _paint_application(self) -> None:
        QApplication.setPalette(palette(self.tokens))


def palette(t: Tokens) -> QPalette:
    """The tokens for widgets that no style sheet reaches: dialogs, menus, tooltips."""
    made = QPalette()
    role = QPalette.ColorRole
    for which, color in (
        (role.Window, t.surface),
        (role.Base, t.surface),
        (role.AlternateBase, t.raised),
        (role.Button, t.raised),
        (role.ToolTipBase, t.raised),
        (role.WindowText, t.text),
        (role.Text, t.text),
        (role.ButtonText, t.text),
        (role.ToolTipText, t.text),
        (role.BrightText, t.danger),
        (role.PlaceholderText, t.faint),
        (role.Highlight, t.accent),
        (role.HighlightedText, t.on_accent),
        (role.Link, t.accent),
        (role.LinkVisited, t.accent),
        (role.Accent, t.accent),
        (role.Mid, t.line),
        (role.Midlight, t.line),
        (role.Dark, t.line),
        (role.Light, t.raised),
        (role.Shadow, t.line),
    ):
        made.setColor(which, QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(t.faint))
    return made


@cache
def stylesheet(t: Tokens) -> str:
    """For a whole window. Sizes of type are fonts, set by ``font``, never here."""
    return f"""
QWidget {{ color: {t.text}; }}
QDialog, QMainWindow, QMessageBox {{ background: {t.surface}; }}
QLabel {{ background: transparent; }}
QLabel[look="soft"] {{ color: {t.soft}; }}
QLabel[look="faint"] {{ color: {t.faint}; }}
QLabel[look="good"] {{ color: {t.good}; }}
QLabel[look="warn"] {{ color: {t.warn}; }}
QLabel[look="danger"] {{ color: {t.danger}; }}
QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 4px; }}

QPushButton {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
    border-radius: {RADIUS_CHIP}px; padding: 6px 12px; outline: none;
}}
QPushButton:hover {{ background: {t.sunken}; }}
QPushButton:pressed {{ background: {t.line}; }}
QPushButton:focus {{ border-color: {t.accent}; }}
QPushButton:disabled {{ color: {t.faint}; }}
QPushButton[look="primary"] {{
    background: {t.accent}; color: {t.on_accent}; border-color: {t.accent};
}}
QPushButton[look="primary"]:hover, QPushButton[look="primary"]:pressed {{
    background: {_mix(t.accent, t.text, 0.12)};
}}
QPushButton[look="primary"]:focus {{ border-color: {t.text}; }}
QPushButton[look="primary"]:disabled {{
    background: {t.sunken}; color: {t.faint}; border-color: {t.line};
}}
QPushButton[look="danger"] {{ color: {t.danger}; }}
QPushButton[look="row"] {{
    text-align: left; padding: 10px 12px; border-radius: {RADIUS_CARD}px;
}}
QPushButton[look="icon"] {{
    background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 0;
}}
QPushButton[look="icon"]:hover {{ background: {t.sunken}; }}
QPushButton[look="icon"]:focus {{ border-color: {t.accent}; }}
QPushButton[look="quiet"] {{
    background: {t.raised}; color: {t.soft}; border: 1px solid {t.line}; border-radius: 6px;
    padding: 2px 8px;
}}
QPushButton[look="quiet"]:hover {{ color: {t.text}; background: {t.surface}; }}
QPushButton[look="quiet"]:focus {{ border-color: {t.accent}; }}
QPushButton[look="link"] {{
    background: transparent; border: none; color: {t.accent}; padding: 2px 0;
}}
QPushButton[look="link"]:hover, QPushButton[look="link"]:focus {{ text-decoration: underline; }}

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox {{
    background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
    border-radius: {RADIUS_CARD}px; padding: 8px 12px;
    selection-background-color: {t.accent}; selection-color: {t.on_accent};
    placeholder-text-color: {t.faint};
}}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus {{
    border-color: {t.accent};
}}
QFrame[look="input"] {{
    background: {t.raised}; border: 1px solid {t.line}; border-radius: {RADIUS_CARD}px;
}}
QFrame[look="input"][focused="true"] {{ border-color: {t.accent}; }}
QFrame[look="input"] QPlainTextEdit {{ background: transparent; border: none; padding: 0; }}
QTextBrowser[look="transcript"] {{
    background: transparent; border: none; border-radius: 0; padding: 0;
}}
QFrame[look="card"] {{
    background: {t.raised}; border: 1px solid {t.line}; border-radius: {RADIUS_CARD}px;
}}

QListView {{
    background: transparent; border: none; outline: none; padding: 0;
}}
QListView::item {{ border-radius: {RADIUS_CHIP}px; padding: 8px 10px; color: {t.text}; }}
QListView::item:hover {{ background: {t.raised}; }}
QListView::item:selected {{ background: {t.accent_soft}; color: {t.text}; }}

QMenu {{
    background: {t.surface}; border: 1px solid {t.line}; border-radius: {RADIUS_CHIP}px;
    padding: 4px;
}}
QMenu::item {{ padding: 6px 24px 6px 12px; border-radius: 6px; }}
QMenu::item:selected {{ background: {t.accent_soft}; }}
QMenu::item:disabled {{ color: {t.soft}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}

QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
QScrollBar::handle:vertical {{
    background: {_mix(t.surface, t.text, 0.22)}; border-radius: 3px; min-height: 28px; margin: 1px;
}}
QScrollBar::handle:vertical:hover {{ background: {_mix(t.surface, t.text, 0.4)}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


def _mix(one: str, other: str, share: float) -> str:
    """``share`` of the other colour in the first."""
    parts = (
        round(int(one[at : at + 2], 16) * (1 - share) + int(other[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02X}" for part in parts)
