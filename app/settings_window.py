"""The settings: every key of loom.toml in words, found by search, changed at once, taken back.

The window knows titles and order; which settings there are, and what is wrong with a value, the
engine says. A setting that it knows and this file does not still shows, on the page "More".
Sections are built one by one while nothing else happens, so that opening it is never slow.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from loom_desktop.errors import LoomError
from loom_desktop.event import Event

from . import autostart, theme
from .controls import Told, hairline, label
from .crossing import Engine
from .drawings import Drawing, drawing
from .field import Field
from .health import Health, Lines, Nevers, mark
from .models_view import Models
from .theme import Theme
from .window import Window
from .words import exact

SEARCH_MS, FOLLOW_MS = 120, 200
Tables = dict[str, dict[str, dict[str, Any]]]
_PAGES: tuple[tuple[str, Drawing, tuple[str, ...]], ...] = (
    ("general", "gear", ("assistant",)),
    ("hotkey", "key", ("sources.hotkey",)),
    ("clipboard", "copy", ("sources.clipboard", "agents.clipboard")),
    ("files", "folder", ("sources.files", "agents.downloads", "grants")),
    ("cards", "inbox", ("attention",)),
    ("models", "chip", ("thinking", "memory", "agents.chat", "router")),
    ("privacy", "lock", ("privacy",)),
    ("storage", "box", ("store",)),
    ("health", "heart", ()),
    ("more", "more", ()),
)
"""Name, drawing, tables. What no page names is on "more"."""


class SettingsWindow(Window):
    """``summon(page)`` shows it."""

    def __init__(self, engine: Engine, look: Theme) -> None:
        super().__init__(engine, look, QSize(860, 640))
        self.fields: list[Field] = []
        self._sections: dict[str, Section] = {}
        self._to_build: list[str] = []
        self._tables: Tables = {}
        self._sources: dict[str, Any] = {}
        self._page = "general"
        self.setWindowTitle(self.tr("Settings of Loom"))
        self.setAccessibleName(self.tr("Settings"))
        self._titles = self._all_titles()
        self._build()
        look.changed.connect(self._restyle)
        self._restyle()

    # ------------------------------------------------------------------ parts

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setMaxLength(100)
        self.search.setPlaceholderText(self.tr("Find a setting"))
        self.search.setAccessibleName(self.tr("Find a setting"))
        self._search_mark = QAction(self.search)
        self.search.addAction(self._search_mark, QLineEdit.ActionPosition.LeadingPosition)
        self.pages = QListWidget()
        self.pages.setAccessibleName(self.tr("Pages"))
        self.pages.setIconSize(QSize(18, 18))
        self.pages.setSpacing(1)
        self.pages.currentItemChanged.connect(self._turned)
        self.pages.itemClicked.connect(self._turned)
        left = QVBoxLayout()
        left.setContentsMargins(12, 14, 12, 12)
        left.setSpacing(10)
        left.addWidget(self.search)
        left.addWidget(self.pages, 1)
        side = QWidget()
        side.setFixedWidth(236)
        side.setLayout(left)
        self.told = Told(self._look)
        self.told.act.clicked.connect(self._load)
        self._content = QWidget()
        self._column = QVBoxLayout(self._content)
        self._column.setContentsMargins(28, 20, 28, 24)
        self._column.setSpacing(0)
        self._column.addWidget(self.told, 1)
        self._column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._content)
        self._line = QFrame()
        self._line.setFixedWidth(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(side)
        row.addWidget(self._line)
        row.addWidget(self._scroll, 1)
        self._rest = self._timer(SEARCH_MS, self._arrange)
        self._follow = self._timer(FOLLOW_MS, self._load)
        self._idle = self._timer(0, self._build_next)
        self.search.textChanged.connect(self._rest.start)
        find = QAction(self)
        find.setShortcut(QKeySequence("Ctrl+F"))
        find.triggered.connect(self.search.setFocus)
        self.addAction(find)
        self.told.say(self.tr("Looking…"))
        for name, _, _ in _PAGES:
            item = QListWidgetItem(self._page_words(name)[0])
            item.setData(Qt.ItemDataRole.UserRole, name)
            self.pages.addItem(item)
            item.setHidden(name == "more")

    def _timer(self, wait_ms: int, slot: Any) -> QTimer:
        made = QTimer(self)
        made.setSingleShot(True)
        made.setTimerType(Qt.TimerType.PreciseTimer)
        made.setInterval(wait_ms)
        made.timeout.connect(slot)
        return made

    # ------------------------------------------------------------------ what is shown

    def summon(self, page: str = "") -> None:
        """Show it, on that page or where it was."""
        super().summon()
        self.show_page(page or self._page)
        self._load()
        self.pages.setFocus()

    def show_page(self, name: str) -> None:
        """By its name, as ``_PAGES`` has it."""
        for number in range(self.pages.count()):
            if self.pages.item(number).data(Qt.ItemDataRole.UserRole) == name:
                self.pages.setCurrentRow(number)

    def hear(self, event: Event) -> None:
        """Somebody may have changed loom.toml, or a source works again."""
        if self.isVisible() and event.topic.startswith(("status.", "settings.")):
            self._follow.start()

    def _turned(self) -> None:
        item = self.pages.currentItem()
        if item is not None:
            self._page = str(item.data(Qt.ItemDataRole.UserRole))
            if self.search.text():
                self.search.clear()
            self._arrange()

    def _arrange(self) -> None:
        """The page, or whatever the search finds on all of them."""
        self._rest.stop()
        words = self.search.text().lower().split()
        if not self._tables:
            return
        self._item(self._page).setSelected(not words)  # what is found lies on many pages
        if words:
            while self._to_build:
                self._build_next()
        else:
            self._build_section(self._page)
        found = False
        for name, section in self._sections.items():
            shown = section.filter(words) if words else section.filter([]) and name == self._page
            section.setVisible(shown)
            found = found or shown
            if shown:
                section.refresh()
        self.told.setVisible(not found)
        if not found:
            self.told.say(self.tr("Nothing found"), self.tr("No setting has all of these words."))
        self._scroll.verticalScrollBar().setValue(0)

    # ------------------------------------------------------------------ from the engine

    def _load(self) -> None:
        self._engine.request("settings", self._loaded, self._not_loaded)
        self._engine.request("status", self._status, self._no_status)

    def _loaded(self, tables: Tables) -> None:
        first = not self._tables
        self._tables = tables
        if first:
            more = bool(self._elsewhere())
            self._item("more").setHidden(not more)
            self._to_build = [name for name, _, _ in _PAGES if name != "more" or more]
            self._arrange()
            self._idle.start()
        for field in self.fields:
            if known := tables.get(field.table, {}).get(field.key):
                field.follow(known)

    def _not_loaded(self, error: LoomError) -> None:
        if not self._tables:
            self.told.say(exact(error.message), exact(error.hint), self.tr("Try again"))

    def _status(self, status: dict[str, Any]) -> None:
        self._sources = status.get("sources") or {}
        for section in self._sections.values():
            section.show_sources(self._sources)

    def _no_status(self, error: LoomError) -> None:
        """The page says already that the engine does not answer."""

    # ------------------------------------------------------------------ sections

    def _build_next(self) -> None:
        if self._to_build:
            self._build_section(self._to_build[0])
            self._idle.start()

    def _build_section(self, name: str) -> None:
        if name not in self._to_build:
            return
        self._to_build.remove(name)
        tables = next(tables for one, _, tables in _PAGES if one == name)
        if name == "more":
            tables = self._elsewhere()
        title, sentence = self._page_words(name)
        section = Section(self._look, title, sentence)
        if name == "models":
            section.add_lines("", Models(self._engine, self._look))
        for table in tables:
            if table.startswith("sources."):
                section.add_report(table.removeprefix("sources."))
        for table in tables:
            for key, known in self._tables.get(table, {}).items():
                field = self._field(table, key, known)
                self.fields.append(field)
                section.add(field)
        if name == "cards":
            section.add_lines(self.tr("Never for this"), Nevers(self._engine, self._look))
        elif name == "health":
            section.add_lines("", Health(self._engine, self._look))
        section.hide()
        section.show_sources(self._sources)
        order = [one for one, _, _ in _PAGES]
        before = sum(1 for one in self._sections if order.index(one) < order.index(name))
        self._sections[name] = section
        self._sections = dict(sorted(self._sections.items(), key=lambda one: order.index(one[0])))
        self._column.insertWidget(before, section)

    def _elsewhere(self) -> tuple[str, ...]:
        """Not what each agent may ask of models: there, unset is a value, and no control has it."""
        named = {table for _, _, tables in _PAGES for table in tables}
        return tuple(
            table for table in self._tables if table not in named and not table.endswith(".routing")
        )

    def _field(self, table: str, key: str, known: dict[str, Any]) -> Field:
        where = f"{table}.{key}"
        title = self._titles.get(where, "") or _readable(key)
        if table not in {one for _, _, tables in _PAGES for one in tables}:
            title = f"{_readable(table.rpartition('.')[2])}: {title[:1].lower()}{title[1:]}"
        field = Field(
            self._engine,
            self._look,
            table,
            key,
            known,
            title,
            choices=self._choices(where),
            shape={
                "assistant.language": "choice",
                "assistant.agents": "names",
                "sources.hotkey.popup": "hotkey",
                "sources.hotkey.push_to_talk": "hotkey",
                "sources.files.folders": "folders",
                "grants.folders": "folders",
                "agents.downloads.destination": "folder",
            }.get(where, ""),
            before=self._start_at_login if where == "assistant.autostart" else None,
        )
        field.changed.connect(self._changed)
        return field

    def _changed(self, table: str, key: str, value: object) -> None:
        if (table, key) == ("assistant", "theme"):
            self._look.choose(str(value))
        if table.startswith("sources."):
            self._follow.start()  # its report is another now

    def _start_at_login(self, on: Any) -> None:
        """The desktop's own entry, before it is written down. Raises Unavailable."""
        if on:
            autostart.enable()
        else:
            autostart.disable()

    def _item(self, name: str) -> QListWidgetItem:
        order = [one for one, _, _ in _PAGES]
        return self.pages.item(order.index(name))

    # ------------------------------------------------------------------ words

    def _page_words(self, name: str) -> tuple[str, str]:
        return {
            "general": (self.tr("General"), ""),
            "hotkey": (self.tr("Hotkey"), self.tr("The keys that bring Loom up from anywhere.")),
            "clipboard": (
                self.tr("Clipboard"),
                self.tr("Passwords are left alone: programs mark them, and Loom obeys."),
            ),
            "files": (
                self.tr("Files"),
                self.tr("Nothing is ever deleted, and every move can be undone."),
            ),
            "cards": (self.tr("Cards"), self.tr("How often Loom may offer something.")),
            "models": (
                self.tr("Models"),
                self.tr("What works without one: summaries, reminders, sums, notes and sorting."),
            ),
            "privacy": (self.tr("Privacy"), self.tr("What may leave this computer.")),
            "storage": (self.tr("Storage"), self.tr("What is kept, and for how long.")),
            "more": (self.tr("More"), ""),
            "health": (self.tr("Health"), self.tr("What works here, and what to do otherwise.")),
        }[name]

    def _choices(self, where: str) -> list[tuple[str, str]] | None:
        return {
            "assistant.theme": [
                ("system", self.tr("As the system")),
                ("light", self.tr("Light")),
                ("dark", self.tr("Dark")),
            ],
            "assistant.language": [
                ("system", self.tr("As the system")),
                ("en", "English"),
                ("de", "Deutsch"),
            ],
            "thinking.way": [
                ("auto", self.tr("Automatic")),
                ("direct", self.tr("One answer")),
                ("thought", self.tr("Reasoning first")),
                ("react", self.tr("With tools")),
                ("plan", self.tr("After a plan")),
            ],
            "thinking.tools": [
                ("auto", self.tr("Automatic")),
                ("always", self.tr("Always")),
                ("never", self.tr("Never")),
            ],
            "router.privacy": [
                ("public", self.tr("Public only")),
                ("sensitive", self.tr("Sensitive")),
                ("private", self.tr("Private")),
                ("local-only", self.tr("Nothing leaves")),
            ],
            "router.unknown_price": [
                ("ask", self.tr("Ask")),
                ("refuse", self.tr("Refuse")),
                ("allow", self.tr("Allow")),
            ],
            "router.learning": [
                ("off", self.tr("Off")),
                ("bandit", self.tr("On")),
                ("ab", self.tr("For half of the conversations")),
            ],
            "router.warm_up": [
                ("off", self.tr("Never")),
                ("popup", self.tr("When Loom is brought up")),
                ("start", self.tr("When Loom starts")),
            ],
            "sources.hotkey.driver": [
                ("auto", self.tr("Automatic")),
                ("x11", "X11"),
                ("portal", self.tr("Portal")),
                ("pynput", "pynput"),
                ("none", self.tr("None")),
            ],
        }.get(where)

    def _all_titles(self) -> dict[str, str]:
        return {
            "assistant.language": self.tr("Language"),
            "assistant.theme": self.tr("Look"),
            "assistant.autostart": self.tr("Start at login"),
            "assistant.agents": self.tr("Agents"),
            "attention.cards_per_hour": self.tr("Suggestions an hour"),
            "attention.quiet_hours": self.tr("Quiet hours"),
            "attention.card_expires_s": self.tr("Seconds that a card stays"),
            "attention.notifications": self.tr("Notifications of the desktop"),
            "privacy.local_only": self.tr("Keep everything on this computer"),
            "privacy.redact": self.tr("Mask secrets"),
            "grants.folders": self.tr("Folders where files may be moved"),
            "memory.recall": self.tr("Show a model what is remembered"),
            "agents.chat.learn": self.tr("Remember what I say of myself"),
            "thinking.persona": self.tr("How to answer you"),
            "thinking.way": self.tr("How a model works on a question"),
            "thinking.tools": self.tr("Whether a model may use tools"),
            "thinking.steps": self.tr("Most steps of one answer"),
            "thinking.tokens": self.tr("Most tokens of one answer"),
            "thinking.seconds": self.tr("Longest answer, in seconds"),
            "router.privacy": self.tr("The most private that may leave"),
            "router.prefer": self.tr("The model to ask first"),
            "router.latency_budget_ms": self.tr("Patience, in milliseconds"),
            "router.cost_cap": self.tr("Most for one answer, in dollars"),
            "router.cost_per_day": self.tr("Most for one day, in dollars"),
            "router.cost_per_agent": self.tr("Most for one agent in a day, in dollars"),
            "router.unknown_price": self.tr("Models whose price is not known"),
            "router.quality_threshold": self.tr("Sureness of a local model"),
            "router.hybrid": self.tr("A quick answer first, then a better one"),
            "router.learning": self.tr("Learn which model to ask"),
            "router.warm_up": self.tr("Load the model ahead"),
            "router.keep_alive_minutes": self.tr("Minutes to keep it loaded"),
            "store.keep_days": self.tr("Days to keep"),
            "store.encrypted": self.tr("Encrypt what is kept"),
            "memory.embed_model": self.tr("Model of the memory"),
            "sources.hotkey.popup": self.tr("Bring Loom up"),
            "sources.hotkey.push_to_talk": self.tr("Hold to speak"),
            "sources.hotkey.driver": self.tr("How the keys are heard"),
            "sources.clipboard.enabled": self.tr("Look at what I copy"),
            "sources.clipboard.max_bytes": self.tr("Longest text, in bytes"),
            "agents.clipboard.offer_from_words": self.tr("Words from which a summary is offered"),
            "sources.files.enabled": self.tr("Watch folders"),
            "sources.files.folders": self.tr("Folders to watch"),
            "sources.files.settle_s": self.tr("Seconds of rest before a file counts as whole"),
            "sources.system.delay_sleep": self.tr("Finish before the computer sleeps"),
            "agents.downloads.destination": self.tr("Where sorted files go"),
            "agents.downloads.gather_s": self.tr("Seconds in which files share a card"),
        }

    # ------------------------------------------------------------------ looks

    def _restyle(self) -> None:
        t = self._look.tokens
        self._search_mark.setIcon(drawing("search", t.soft, 16))
        self._line.setStyleSheet(f"background: {t.line};")
        for name, picture, _ in _PAGES:
            self._item(name).setIcon(drawing(picture, t.soft, 18))


class Section(QWidget):
    """A page: its title, its fields with a line between them, what its source reports, a list."""

    def __init__(self, look: Theme, title: str, sentence: str) -> None:
        super().__init__()
        self._look, self._title = look, title
        self._fields: list[tuple[Field, QWidget]] = []
        self._reports: dict[str, Report] = {}
        self._lines: list[tuple[Lines, QLabel]] = []
        self.setAccessibleName(title)
        box = self._box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 20)
        box.setSpacing(0)
        box.addWidget(label(title, px=18, bold=True))
        if sentence:
            box.addSpacing(2)
            box.addWidget(label(sentence, "soft"))
        box.addSpacing(8)

    def add(self, field: Field) -> None:
        """One more setting."""
        line = hairline(self._look)
        if not self._fields:
            line.hide()
        self._fields.append((field, line))
        self._box.addWidget(line)
        self._box.addWidget(field)

    def add_report(self, source: str) -> None:
        """How that source stands, live."""
        self._reports[source] = report = Report(self._look)
        self._box.addWidget(report)
        self._box.addSpacing(4)

    def add_lines(self, title: str, lines: Lines) -> None:
        """A list that is asked of the engine when the page shows."""
        words = label(title, px=15, bold=True)
        if title:
            self._box.addSpacing(12)
        else:
            words.hide()
        self._lines.append((lines, words))
        self._box.addWidget(words)
        self._box.addWidget(lines)

    def filter(self, words: list[str]) -> bool:
        """Show what has all of the words; says whether anything is left."""
        some = False
        for field, line in self._fields:
            text = f"{self._title} {field.title} {field.sentence} {field.table}.{field.key}".lower()
            shown = all(word in text for word in words)
            field.setVisible(shown)
            line.setVisible(shown and some)
            some = some or shown
        listed = all(word in self._title.lower() for word in words)
        for lines, title in self._lines:
            lines.setVisible(listed)
            title.setVisible(listed and bool(title.text()))
        for report in self._reports.values():
            report.setVisible(not words and report.told)
        return some or (listed and bool(self._lines))

    def refresh(self) -> None:
        """Ask for the lists again, those that show."""
        for lines, _ in self._lines:
            if not lines.isHidden():
                lines.refresh()

    def show_sources(self, sources: dict[str, Any]) -> None:
        """What status says of them."""
        for name, report in self._reports.items():
            if name in sources:
                report.say(sources[name])


class Report(QFrame):
    """A source in one line: whether it works, by what, and what to do."""

    def __init__(self, look: Theme) -> None:
        super().__init__()
        self._look = look
        self.told = False
        self._mark: QWidget | None = None
        self.words = label(px=theme.SECONDARY_PX)
        self.fix = label(look="soft", px=theme.SECONDARY_PX)
        self.setProperty("look", "card")
        inside = QVBoxLayout()
        inside.setSpacing(2)
        inside.addWidget(self.words)
        inside.addWidget(self.fix)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 10, 12, 10)
        self._row.setSpacing(10)
        self._row.addLayout(inside, 1)
        self.hide()

    def say(self, report: dict[str, Any]) -> None:
        """As verb ``status`` has it."""
        working, on = bool(report.get("working")), bool(report.get("on", True))
        state = "off" if not on else "ok" if working else "warn"
        if self._mark is not None:
            self._mark.hide()
            self._mark.deleteLater()
        self._mark = mark(self._look, state)
        self._row.insertWidget(0, self._mark, 0, Qt.AlignmentFlag.AlignTop)
        usual = self.tr("It works.") if working else self.tr("It does not work.")
        detail = exact(str(report.get("detail", ""))) or (usual if on else self.tr("It is off."))
        driver = exact(str(report.get("driver", "")))
        self.words.setText(f"{detail}  ({driver})" if driver else detail)
        fix = exact(str(report.get("fix", ""))) if not working else ""
        self.fix.setText(fix)
        self.fix.setVisible(bool(fix))
        self.told = True
        self.show()


def _readable(key: str) -> str:
    words = key.replace("_", " ").replace(".", " ")
    return words[:1].upper() + words[1:]
