"""The right side of the inbox for what is no card: a title, its words, and what can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from . import theme
from .controls import button, label
from .exact import Exact
from .flow import Flow
from .theme import Theme

Act = tuple[str, str, Callable[[], object]]
"""Words of the button, its look, what it does."""


class Detail(QWidget):
    """Made anew for each thing that is chosen."""

    def __init__(
        self,
        look: Theme,
        title: str,
        *,
        eyebrow: str = "",
        text: str = "",
        exact: str = "",
        acts: Sequence[Act] = (),
    ) -> None:
        super().__init__()
        self.setAccessibleName(title)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        if eyebrow:
            box.addWidget(label(eyebrow, "soft", theme.SECONDARY_PX))
        box.addWidget(label(title, px=16, bold=True))
        if text:
            words = label(text, "soft")
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            box.addWidget(words)
        if exact:
            box.addWidget(Exact(look, exact, title, most=14))
        self.buttons: list[QPushButton] = []
        holder = QWidget()
        flow = Flow(holder)
        for words_, kind, act in acts:
            made = button(words_, kind)
            made.clicked.connect(lambda _=False, do=act: do())
            self.buttons.append(made)
            flow.addWidget(made)
        box.addSpacing(4)
        box.addWidget(holder)

    def focus(self) -> None:
        """The keyboard to its first button."""
        if self.buttons:
            self.buttons[0].setFocus(Qt.FocusReason.OtherFocusReason)
