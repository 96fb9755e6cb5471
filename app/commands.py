"""What the popup lists: everything that can be done (Ctrl+K), and past conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication, QDate, QDateTime, QLocale

from .markdown import marked
from .picker import Entry
from .words import keys_words


def commands() -> list[Entry]:
    """The keys: ``write:`` puts words into the input, some are the popup's own acts, the rest
    are names that the shell opens or does."""
    translate, keys = QCoreApplication.translate, keys_words
    return [
        Entry("new", translate("Commands", "New conversation"), keys("Ctrl+N")),
        Entry("history", translate("Commands", "History"), keys("Ctrl+H")),
        Entry("clipboard", translate("Commands", "Summarise what I copied")),
        Entry("attach", translate("Commands", "Attach files…"), keys("Ctrl+O")),
        Entry("edit", translate("Commands", "Change the last question"), keys("Ctrl+E")),
        Entry("again", translate("Commands", "Ask the last question again")),
        Entry("branch", translate("Commands", "Branch this conversation")),
        Entry(
            "write:" + translate("Commands", "Remind me "),
            translate("Commands", "Remind me…"),
            translate("Commands", "reminder"),
        ),
        Entry(
            "write:" + translate("Commands", "Note: "),
            translate("Commands", "Take a note…"),
            translate("Commands", "note"),
        ),
        Entry(
            "write:" + translate("Commands", "Calculate "),
            translate("Commands", "Calculate…"),
            translate("Commands", "numbers"),
        ),
        Entry(
            "write:" + translate("Commands", "Convert "),
            translate("Commands", "Convert units…"),
            translate("Commands", "numbers"),
        ),
        Entry("reminders", translate("Commands", "Reminders")),
        Entry("cards", translate("Commands", "Answer the card"), keys("Ctrl+J")),
        Entry("inbox", translate("Commands", "Inbox")),
        Entry("undo", translate("Commands", "Undo the last file change")),
        Entry("pause", translate("Commands", "Pause capture for 10 minutes")),
        Entry("resume", translate("Commands", "Resume capture")),
        Entry("settings", translate("Commands", "Settings"), keys("Ctrl+,")),
        Entry("quit", translate("Commands", "Quit Loom")),
    ]


def past(row: Mapping[str, Any], locale: QLocale) -> Entry:
    """A past conversation: its title, and when, as people say it: the time today, else the date."""
    title = str(row.get("title") or QCoreApplication.translate("Commands", "Without a title"))
    seconds, when = float(row.get("time") or 0), ""
    if seconds > 0:
        moment, short = QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.FormatType.ShortFormat
        today = moment.date() == QDate.currentDate()
        when = locale.toString(moment.time() if today else moment.date(), short)
    return Entry(str(row["conversation"]), marked(title), when)
