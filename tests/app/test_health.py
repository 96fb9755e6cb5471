from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from app.health import Health, Lines, Nevers
from loom_desktop.errors import Unavailable
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run

FOUND = [
    {"name": "display", "state": "ok", "detail": "X11 at :0", "fix": ""},
    {"name": "message bus", "state": "missing", "detail": "There is none.", "fix": "Start one."},
]


def words(lines: Lines) -> str:
    return "\n".join(one.text() for one in lines.findChildren(QLabel) if not one.isHidden())


def wait_for_rows(qtbot: QtBot, lines: Lines, count: int) -> None:
    qtbot.waitUntil(lambda: len(lines.rows) == count, timeout=2000)


def test_each_finding_says_its_state_in_words_and_what_to_do(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    health = Health(run(FakeEngine({"doctor": lambda: FOUND})), look)
    qtbot.addWidget(health)
    health.refresh()
    qtbot.waitUntil(lambda: len(health.rows) == 2, timeout=2000)
    for said in ("Message bus", "missing", "There is none.", "Start one.", "works"):
        assert said in words(health)
    QTest.mouseClick(health.copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied.splitlines()[1] == "missing  message bus  There is none.  Start one."


def test_a_problem_that_was_read_goes_away(qtbot: QtBot, run: Run, look: Theme) -> None:
    found = [*FOUND, {"name": "problem", "state": "warn", "detail": "Disk.", "fix": "Free it."}]

    def dismiss(message: str) -> dict[str, Any]:
        found[:] = [one for one in found if one["detail"] != message]
        return {}

    health = Health(run(FakeEngine({"doctor": lambda: list(found), "dismiss_problem": dismiss})),
                    look)  # fmt: skip
    qtbot.addWidget(health)
    health.refresh()
    wait_for_rows(qtbot, health, 3)
    named = [one for one in health.findChildren(QPushButton) if one.text() == "Dismiss"]
    assert [one.accessibleName() for one in named] == ["Dismiss: Disk."]
    QTest.mouseClick(named[0], Qt.MouseButton.LeftButton)
    wait_for_rows(qtbot, health, 2)
    assert "Disk." not in words(health)


def test_a_doctor_that_does_not_answer_says_so(qtbot: QtBot, run: Run, look: Theme) -> None:
    def fail() -> None:
        raise Unavailable("The engine is busy.", hint="Wait.")

    health = Health(run(FakeEngine({"doctor": fail})), look)
    qtbot.addWidget(health)
    health.refresh()
    qtbot.waitUntil(lambda: health.said.text() == "The engine is busy. Wait.", timeout=2000)


def test_never_for_this_is_taken_back(qtbot: QtBot, run: Run, look: Theme) -> None:
    rules: list[dict[str, Any]] = [
        {"agent": "downloads", "what": "arrived", "time": 1.0},
        {"agent": "mine", "what": "<b>x</b>", "time": 1.0},
    ]

    def again(agent: str, what: str) -> dict[str, bool]:
        rules[:] = [one for one in rules if (one["agent"], one["what"]) != (agent, what)]
        return {"removed": True}

    fake = FakeEngine({"nevers": lambda: list(rules), "offer_again": again})
    nevers = Nevers(run(fake), look)
    qtbot.addWidget(nevers)
    nevers.refresh()
    qtbot.waitUntil(lambda: len(nevers.rows) == 2, timeout=2000)
    assert "Sorting what was downloaded" in words(nevers)
    assert "mine: <b>x</b>" in words(nevers)
    for left in (1, 0):
        QTest.mouseClick(
            next(one for one in nevers.findChildren(QPushButton) if not one.isHidden()),
            Qt.MouseButton.LeftButton,
        )
        wait_for_rows(qtbot, nevers, left)
    assert "Nothing." in nevers.said.text()
