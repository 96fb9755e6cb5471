"""Plays the main journeys with the real application on a virtual screen: ``make demo``.

    python -m tests.journeys.demo [FOLDER]

Writes numbered pictures, ``readme.png`` and ``transcript.md`` into the folder (``build/demo``).
Needs no desktop. Ends with 1 when anything did not happen; leaves nothing running.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from loom_desktop.version import VERSION
from tests import fake_model_server as says
from tests.journeys.application import Application, ModelServer, download
from tests.journeys.papers import LONG_TEXT, invoice
from tests.screen import Screen

PACE_S = 0.7
"""Between two steps, so that somebody could follow. Waits for the application are not counted."""
MODEL_SAYS = """\
Green tea wants **cooler water** than black tea.

| tea | water | time |
| --- | --- | --- |
| green | 75 °C | 2 min |
| black | 95 °C | 4 min |

A timer for the impatient:

```python
import time
time.sleep(2 * 60)
print("Tea is ready")
```
"""


class Film:
    """Takes the pictures and writes the transcript."""

    def __init__(self, screen: Screen, folder: Path) -> None:
        self._screen, self._folder, self._number = screen, folder, 0
        self._lines = [
            "# Loom Desktop: what `make demo` saw",
            "",
            f"Loom {VERSION} on a virtual screen, driven by keys and clicks. Every line was read"
            " from the application after it happened.",
        ]

    def scene(self, title: str) -> None:
        """A heading."""
        self._lines += ["", f"## {title}", ""]
        self.tell(title)

    def step(self, done: str, seen: str = "", picture: str = "") -> None:
        """What the person did, what was seen then, and a picture of it."""
        self._lines.append(f"- {done}")
        if seen:
            # a screen reader is told of a table by marks that are no letters
            plain = seen.replace("\ufdd0", " | ").replace("\ufdd1", "\n")
            said = [line for line in plain.strip("\n").splitlines() if line.strip()]
            self._lines += ["", *(f"  > {line}  " for line in said), ""]
        if picture:
            time.sleep(PACE_S)  # what fades in is there then
            self._number += 1
            name = f"{self._number:02}-{picture}.png"
            self._screen.screenshot(self._folder / name)
            self._lines += ["", f"  ![{done}]({name})", ""]
        self.tell(f"  {done}")
        time.sleep(PACE_S / 2)

    def picture(self, name: str) -> None:
        """One more, under this name."""
        self._screen.screenshot(self._folder / name)

    def write(self) -> None:
        """Keep the transcript."""
        text = "\n".join(self._lines) + "\n"
        (self._folder / "transcript.md").write_text(text, encoding="utf-8")

    @staticmethod
    def tell(text: str) -> None:
        """A line for whoever waits."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def background(screen: Screen) -> None:
    """A calm picture behind everything; a plain colour where ImageMagick cannot make one."""
    from Xlib import X, display

    x = display.Display(screen.env["DISPLAY"])
    root = x.screen().root
    root.change_attributes(background_pixel=0x4A6480, event_mask=X.NoEventMask)
    root.clear_area()
    x.sync()
    x.close()
    if shutil.which("convert") and shutil.which("display"):
        path = screen.folder / "background.png"
        with contextlib.suppress(Exception):  # the plain colour stays
            screen.run("convert", "-size", "1280x800", "gradient:#3d5a80-#98b4c8", path)
            screen.run("display", "-window", "root", path)


def ask(loom: Application, film: Film) -> None:
    """J1 without a model."""
    film.scene("Press a key, ask, read")
    loom.press_hotkey()
    film.step("Ctrl+Shift+L brings the popup.", picture="popup")
    loom.ask("What is 18 % of 249.90?")
    page = loom.page_has("offline")
    film.step("“What is 18 % of 249.90?” is answered without a model.", page, "answer")
    loom.ask("12 km in miles")
    film.step("So are units.", loom.page_has("7.45").split("12 km in miles")[-1])
    loom.hide()
    film.step("Escape hides it.")


def copy(loom: Application, film: Film, screen: Screen) -> None:
    """J2."""
    film.scene("Copy a long text")
    screen.clipboard_set(LONG_TEXT)
    card = loom.card("Summarise what you copied?")
    loom.screen.accessibility.find("Summarise")
    film.step("A copy of 150 words: a quiet card.", f"{card['title']}\n{card['text']}", "copied")
    loom.click("Summarise")
    loom.until(lambda: loom.popup is not None, "popup")
    film.step("One click gives the summary.", loom.page_has("offline"), "summary")
    loom.hide()
    screen.run("xdotool", "mousemove", "440", "330")  # it comes where the pointer is
    loom.press_hotkey()


def file(loom: Application, film: Film) -> None:
    """J3, with the popup of J2 still open: the picture of the README."""
    film.scene("A file finishes downloading")
    source, content = loom.downloads / "download (3).pdf", invoice()
    download(source, content)
    card = loom.card("download (3).pdf")
    label = card["actions"][0]["label"]
    loom.screen.accessibility.find(label)
    said = f"{card['title']}\n{card['text']}\n{card['detail']}"
    film.step("“download (3).pdf” arrives, and a card says where it belongs.", said, "download")
    film.picture("readme.png")
    loom.click(label)
    done = loom.card("Moved 1 file")
    (moved,) = [path for path in loom.documents.rglob("*") if path.is_file()]
    if source.exists() or moved.read_bytes() != content:
        raise AssertionError("the file was not moved byte for byte")
    film.step(f"“{label}”.", f"{done['title']}\n{moved.relative_to(loom.home)}", "moved")
    loom.click("Undo")
    loom.until(source.exists, "undo")
    if source.read_bytes() != content:
        raise AssertionError("the file did not come back byte for byte")
    back = loom.card("Moved 1 file back")
    film.step("Undo brings it back, byte for byte.", back["title"], "undone")
    loom.click("Dismiss")
    loom._keys.run("xdotool", "mousemove", "440", "330")


def remind(loom: Application, film: Film) -> None:
    """J4."""
    film.scene("Say when")
    loom.until(lambda: loom.popup_gone or loom.popup_open, "popup gone, or in front")
    if loom.popup_gone:
        loom.press_hotkey()
    loom._keys.key("ctrl+n")
    loom.ask("Remind me every weekday at half past eight to stretch")
    card = loom.card("Reminder set: stretch")
    said = f"{card['title']}\n{card['text']}\n{card['detail']}"
    film.step("“… every weekday at half past eight …”: the card shows the times.", said, "times")
    loom.ask("Remind me in 3 seconds to drink some water")
    loom.page_has("drink some water")
    loom.card("Reminder set: drink some water")
    time.sleep(PACE_S)
    loom.hide()
    due = loom.until(lambda: loom.cards("reminder"), "reminder")[0]
    film.step("Three seconds later.", f"{due['title']}\n{due['text']}", "due")
    loom.click("Done")
    loom.until(lambda: not loom.cards("reminder"), "end of the reminder")
    film.step("Done.", "\n".join(f"{r['text']}: {r['words']}" for r in loom.json("reminders")))


def model(loom: Application, film: Film, server: ModelServer) -> None:
    """J1 with a model; here one of the tests, which says what it was told to."""
    film.scene("The same with a model (here a stand-in that the tests bring)")
    server.fake.play(says.stream(MODEL_SAYS, delay_s=0.04))
    loom.ask("How do I make green tea?")
    loom.page_has("cooler water")
    film.step("The answer streams in.", picture="streaming")
    loom.page_has("Tea is ready")
    loom.until(lambda: "fake-7b" in loom.page(), "who answered")
    film.step("It says who answered, how long it took and what it cost.", loom.page(), "model")
    server.fake.play(says.stream("and so on " * 500, delay_s=0.02))
    loom.ask("And now at length")
    loom.page_has("and so on and so on")
    loom._keys.key("ctrl+period")
    loom.until(server.fake.hung_up.is_set, "hang-up at the model")
    film.step("Ctrl+. stops it, here and at the model.", picture="stopped")
    loom.hide()


def play(folder: Path) -> None:
    """All of it. Raises what went wrong."""
    with (
        ModelServer() as server,
        Screen(tray="trayer", notifications="dunst", accessibility=True) as screen,
    ):
        background(screen)
        film = Film(screen, folder)
        try:
            with Application(screen, watching=True) as loom:
                ask(loom, film)
                copy(loom, film, screen)
                file(loom, film)
                remind(loom, film)
                loom.stop()
                toml = loom.loom_home / "loom.toml"
                toml.write_text(loom.settings_text + server.settings, encoding="utf-8")
                loom.start()
                model(loom, film, server)
                inbox = loom.loom("inbox")
                film.scene("Everything is in the inbox")
                film.step("`loom inbox`", inbox)
        except BaseException:
            with contextlib.suppress(Exception):
                screen.screenshot(folder / "failed.png")
            raise
        finally:
            film.write()


def main(arguments: list[str]) -> int:
    """0, or 1 with what went wrong on stderr."""
    folder = Path(arguments[0] if arguments else "build/demo").resolve()
    if lacking := Screen.missing():
        sys.stderr.write(f"Not installed: {', '.join(lacking)}. `make test` installs them.\n")
        return 1
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit("Stopped.")

    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    try:
        play(folder)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return 130
    except (AssertionError, OSError, RuntimeError) as error:
        sys.stderr.write(f"The demo stopped: {error}\nSee {folder}.\n")
        return 1
    pictures = len(list(folder.glob("*.png")))
    Film.tell(f"\n{pictures} pictures and transcript.md in {folder} ")
    Film.tell(f"({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
