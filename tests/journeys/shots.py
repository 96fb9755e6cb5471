"""Takes a picture of every window in its states, to be looked at: ``make shots``.

    python -m tests.journeys.shots [FOLDER]

Needs no screen: the windows are drawn off-screen, on the real engine with things in it, each look
in a process of its own. ``index.html`` in the folder (``build/shots``) shows them side by side.
"""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.crossing import Engine
    from app.theme import Theme
    from loom_desktop.event import Event

LOOKS = {
    "light-100": ("light", "1", False),
    "dark-100": ("dark", "1", False),
    "light-150": ("light", "1.5", False),
    "dark-200": ("dark", "2", False),
    "light-100-right-to-left": ("light", "1", True),
}
"""name: theme, scale, whether it is read from right to left."""
MARKDOWN = """\
Green tea wants **cooler water** than black tea.

1. Boil the water and let it stand for *three minutes*.
2. Pour it over the leaves.

| tea | water | time |
| --- | --- | --- |
| green | 75 °C | 2 min |
| black | 95 °C | 4 min |

```python
time.sleep(2 * 60)
print("Tea is ready")
```

> Never pour boiling water on green leaves.
"""


def main(arguments: list[str]) -> int:
    """0, or 1 when a look could not be taken."""
    if arguments[:1] == ["--look"]:
        return take(arguments[1], Path(arguments[2]))
    folder = Path(arguments[0] if arguments else "build/shots").resolve()
    if folder.exists():
        shutil.rmtree(folder)
    failed = 0
    for name, (_, scale, _) in LOOKS.items():
        (folder / name).mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="loom-shots-") as home:
            more = {
                "QT_QPA_PLATFORM": "offscreen",
                "QT_SCALE_FACTOR": scale,
                "QT_LOGGING_RULES": "*.warning=false",  # of what no off-screen window can do
                "HOME": home,
                "LOOM_HOME": f"{home}/loom",
                "TZ": "Europe/Berlin",
            }
            done = subprocess.run(
                [sys.executable, "-m", __spec__.name, "--look", name, str(folder / name)],
                env={**os.environ, **more},
                timeout=120,
                check=False,
            )
        failed += done.returncode != 0
        sys.stdout.write(f"{name}: {len(list((folder / name).glob('*.png')))} pictures\n")
    index(folder)
    sys.stdout.write(f"Look at {folder / 'index.html'}\n")
    return 1 if failed else 0


def index(folder: Path) -> None:
    """A page with all of them, a row for each window."""
    names = sorted({path.name for path in folder.glob("*/*.png")})
    rows = [
        "<tr><th>{}</th>{}</tr>".format(
            html.escape(name.removesuffix(".png")),
            "".join(
                f'<td><a href="{look}/{name}"><img src="{look}/{name}" width="360"></a></td>'
                for look in LOOKS
            ),
        )
        for name in names
    ]
    heads = "".join(f"<th>{look}</th>" for look in LOOKS)
    style = "body{font:14px sans-serif;background:#889}td,th{padding:8px;vertical-align:top}"
    page = (
        f"<!doctype html><meta charset=utf-8><title>Loom</title><style>{style}</style>"
        f"<table><tr><th></th>{heads}</tr>{''.join(rows)}</table>"
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


# ---------------------------------------------------------------- one look, in its own process


class Camera:
    """Waits for what is to be seen, then keeps it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked = 0

    def watch(self, engine: Engine) -> None:
        """From now on a picture waits for what was asked of this engine."""
        request = engine.request

        def counted(verb: str, done: Any = None, failed: Any = None, /, **arguments: Any) -> Any:
            self._asked += 1

            def over(call: Any) -> Callable[[Any], None]:
                def settle(answer: Any) -> None:
                    self._asked -= 1
                    if call is not None:
                        call(answer)

                return settle

            return request(verb, over(done), over(failed), **arguments)

        engine.request = counted  # type: ignore[method-assign]

    def until(self, ready: Callable[[], object], what: str, timeout_s: float = 15) -> None:
        """Let the windows live until then. Raises TimeoutError."""
        from PySide6.QtTest import QTest

        deadline = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {what}")
            QTest.qWait(10)

    def take(self, name: str, window: QWidget) -> None:
        """After what was asked for is there and what fades in has done so."""
        from PySide6.QtTest import QTest

        QTest.qWait(300)
        self.until(lambda: self._asked == 0, "answer of the engine")
        QTest.qWait(100)
        if not window.grab().save(str(self._folder / f"{name}.png")):
            raise OSError(f"{name}.png cannot be written")


def card(number: int, kind: str, title: str, *actions: str, **more: Any) -> dict[str, Any]:
    """A card as the engine tells of it."""
    ids = ("deny", "allow") if kind == "approval" else actions
    return {
        "id": number,
        "kind": kind,
        "agent": "downloads",
        "title": title,
        "text": "",
        "detail": "",
        "actions": [{"id": i, "label": w} for i, w in zip(ids, actions, strict=True)],
        "state": "open",
        "created": time.time(),  # noqa: TID251 - this is no test
        "expires": 0.0 if kind in ("reminder", "approval") else time.time() + 60,  # noqa: TID251
        "origin": ["file"],
        "why": "These files finished downloading, and you let Loom look at that folder.",
        "digest": "",
        "data": {},
        **more,
    }


SUGGESTION = ("Move download (3).pdf to Invoices/2026?", "Move to Invoices/2026")
DETAIL = "download (3).pdf → Invoices/2026/2026-03-03 Northwind Traders invoice 4711.pdf"
REASON = "It reads like an invoice from Northwind Traders dated 3 March 2026."


def take(name: str, folder: Path) -> int:
    """All windows in one look."""
    theme, _, mirrored = LOOKS[name]
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QApplication

    from app.crossing import Engine
    from app.theme import Theme

    app = QApplication(["loom"])
    app.setStyle("Fusion")
    if mirrored:
        app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    look = Theme(theme)
    camera = Camera(folder)
    engine = Engine(furnished)
    engine.start()
    camera.until(lambda: engine.running, "engine")
    camera.watch(engine)
    try:
        popup(camera, engine, look)
        cards(camera, look)
        tray(camera)
        windows(camera, engine, look)
    finally:
        engine.stop()
    return 0


@asynccontextmanager
async def furnished() -> AsyncIterator[Any]:
    """The real engine, in which something has happened."""
    from loom_desktop.loom import Loom
    from loom_desktop.runtime.attention import Offer

    async with Loom(desktop=True, listening=False, key=bytes(32)) as loom:
        for text in ("What is 18 % of 249.90?", "Remind me every weekday at 8:30 to stretch"):
            async for _ in loom.talk("ask", text=text):
                pass
        newest, *_ = await loom.call("conversations")
        await loom.call("branch", conversation=newest["conversation"])
        await loom.call("remind", text="tomorrow at 9 to call Ana")
        paper = Path.home() / "Downloads/scan0001.txt"
        paper.parent.mkdir()
        paper.write_text("Invoice\nInvoice number: 7\nInvoice date: 3 March 2026\nTotal 9 EUR\n")
        await loom.call("organize", paths=[str(paper.parent)], apply=True)
        await loom.desk.offer(
            Offer(
                title=SUGGESTION[0], text=REASON, detail=DETAIL, actions=(("move", SUGGESTION[1]),)
            ),
            agent="downloads",
            cause=loom.publisher("shots")("shots.taken"),
        )
        yield loom


def popup(camera: Camera, engine: Engine, look: Theme) -> None:
    """Empty, thinking, an answer, an error, many, commands, history, a notice."""
    from app.popup import Popup
    from app.transcript import Message, Meta

    made = Popup(engine, look)

    def hear(events: list[Event]) -> None:
        for event in events:
            if event.topic.startswith("chat."):
                made.hear(event)

    engine.posted.connect(hear)
    made.summon()
    camera.take("popup-empty", made)
    made.tell("warn", "Loom's data was damaged.", "The damaged file is kept as loom.db.corrupt.")
    camera.take("popup-notice", made)
    made.notice.hide()
    made.ask("What is 18 % of 249.90?")
    camera.until(lambda: not made.transcript.streaming, "answer")
    camera.take("popup-answer", made)
    made._again.edit()
    camera.take("popup-changing", made)
    made.prompt.clear()
    made.new_conversation()
    meta = Meta("local", "llama3.2", 2.9, 0.0)
    made._page_for_talk()
    talk = [Message("user", "How do I make green tea?"), Message("assistant", MARKDOWN, meta)]
    made.transcript.load(talk)
    made._fit()
    camera.take("popup-markdown", made)
    error = Message(
        "error", "Ollama did not answer.", hint="Start it, or pick another model in Settings."
    )
    made.transcript.load([talk[0], error])
    camera.take("popup-error", made)
    made.transcript.load(talk * 6)
    camera.take("popup-many", made)
    made.show_commands()
    camera.take("popup-commands", made)
    made.show_history()
    camera.until(lambda: made.picker.isVisible(), "history")
    camera.take("popup-history", made)
    made.hide()
    engine.posted.disconnect(hear)


def cards(camera: Camera, look: Theme) -> None:
    """Each kind, and many."""
    from app.cards import Cards
    from app.crossing import Engine
    from loom_desktop.event import Event
    from tests.app.fake_engine import FakeEngine

    moves = [{"source": "/home/ana/Downloads/a.pdf", "target": "/srv/shared/a.pdf"}]
    kinds = {
        "suggestion": card(901, "suggestion", *SUGGESTION, text=REASON, detail=DETAIL),
        "approval": card(
            902, "approval", "Move 1 file to /srv/shared", "Do not", "Move",
            text="The folder is not one of those that Loom may use by itself.",
            data={"capability": "files.move", "arguments": {"moves": moves},
                  "effect": "write-reversible"},
        ),
        "reminder": card(
            903, "reminder", "Call Ana", "Done", "In 10 minutes", "In an hour",
            text="It was due yesterday at 18:00.",
        ),
        "notice": card(904, "notice", "Moved 1 file", "Undo",
                       text="You can take it back for 30 days."),
    }  # fmt: skip
    engine = Engine(lambda: FakeEngine({"cards": list}))
    engine.start()
    camera.until(lambda: engine.running, "engine without cards")
    for name, shown in {
        **{kind: [one] for kind, one in kinds.items()},
        "many": kinds.values(),
    }.items():
        made = Cards(engine, look)
        for one in shown:
            made.hear(Event(topic="card.offered", payload={"card": one}))
        camera.until(made.isVisible, "card")
        time.sleep(0.5 if name == "approval" else 0)  # its button is armed then
        camera.take(f"card-{name}", made)
        made.hide()
    engine.stop()


def tray(camera: Camera) -> None:
    """The menu of the icon."""
    from PySide6.QtCore import QPoint

    from app.tray import Tray

    made = Tray()
    made.show_status({"state": "asks", "words": "Asks you something", "open_cards": 2})
    made.menu.popup(QPoint(20, 20))
    camera.take("tray-menu", made.menu)
    made.menu.hide()


def windows(camera: Camera, engine: Engine, look: Theme) -> None:
    """Inbox, settings and first run, page by page."""
    from app.first_run import FirstRun
    from app.inbox import Inbox
    from app.settings_window import SettingsWindow

    inbox = Inbox(engine, look)
    inbox.summon()
    camera.until(lambda: inbox.left_today.text(), "inbox")
    camera.take("inbox-many", inbox)
    inbox.search.setText("there is no such thing")
    camera.take("inbox-empty", inbox)
    inbox.search.clear()
    inbox.summon(kind="reminder")
    camera.take("inbox-reminders", inbox)
    inbox.show_view("conversations")
    camera.take("inbox-conversations", inbox)
    inbox.hide()
    settings = SettingsWindow(engine, look)
    settings.summon()
    camera.until(lambda: settings.fields, "settings")
    for row in range(settings.pages.count()):
        settings.pages.setCurrentRow(row)
        camera.take(f"settings-{row + 1}", settings)
    settings.search.setText("clipboard")
    camera.take("settings-found", settings)
    settings.hide()
    first = FirstRun(engine, look)
    first.summon()
    for page in range(first.pages.count()):
        camera.take(f"first-run-{page + 1}", first)
        if page + 1 < first.pages.count():
            first.go_on.click()
    first.hide()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
