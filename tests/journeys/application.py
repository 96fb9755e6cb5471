"""The real application on a private screen, driven as a person drives it.

``with Application(screen) as loom:`` starts the ``loom`` command with a home of its own, and
returns when it can be talked to and its hotkey is bound. ``stop`` ends it as the system does and
raises when it did not end well: another exit status than 0, a traceback in the log, a crash report.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from loom_desktop.door import client
from tests.screen import Screen, Timeout, WaylandScreen, Window, wait_for

if TYPE_CHECKING:
    from tests.accessibility import Node

T = TypeVar("T")
LOOM = Path(sys.executable).with_name("loom")
SETTINGS = """\
[attention]
quiet_hours = ""

[sources.clipboard]
enabled = {watching}

[sources.files]
enabled = {watching}
folders = ["{home}/Downloads"]

[agents.downloads]
destination = "{home}/Documents"
gather_s = 0.3

[grants]
folders = ["{home}/Downloads", "{home}/Documents"]
"""
_BAD = re.compile(
    r"Traceback|was never awaited|was destroyed|ResourceWarning|QObject::|QThread|Segmentation|"
    r"CRITICAL|\bAborted\b|libshiboken"
)


class Application:
    """One home and, one after the other, the processes that use it."""

    def __init__(
        self,
        screen: Screen | WaylandScreen,
        *,
        name: str = "a",
        watching: bool = False,
        settings: str = "",
        env: dict[str, str] | None = None,
        first_run: bool = False,
        wrap: Sequence[str] = (),
    ) -> None:
        self.screen = screen
        self.folder = screen.folder / name
        self.home = self.folder / "home"
        self.loom_home = self.folder / "loom"
        self.downloads, self.documents = self.home / "Downloads", self.home / "Documents"
        self.first_run = first_run
        """Whether it is the very first start, which brings up the questions of the first run."""
        for each in (self.loom_home, self.downloads, self.documents):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        on = "true" if watching else "false"
        self.settings_text = SETTINGS.format(home=self.home, watching=on) + settings
        (self.loom_home / "loom.toml").write_text(self.settings_text, encoding="utf-8")
        self.env = {
            "LOOM_HOME": str(self.loom_home),
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "TZ": "Europe/Berlin",
            "PYTHONFAULTHANDLER": "1",
            **(env or {}),
        }
        self.wrap = tuple(wrap)
        """What runs the command: ``unshare -rn`` takes the network away."""
        self.process: subprocess.Popen[bytes] | None = None
        self.socket = self.loom_home / "loom.sock"
        self.may_stumble = False
        """Whether the log may hold a traceback: the test breaks something on purpose."""

    # ---------------------------------------------------------------- from start to end

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            self.stop()
        else:  # it stays for the picture of the failure; the screen ends it
            self._tell_about_failure()

    def start(self, *arguments: str, wait: bool = True, by_hand: bool = False) -> Self:
        """Start it. Unless told not to wait, it can be talked to and hears its key afterwards."""
        usual = () if self.first_run or by_hand else ("--hidden",)  # as at login
        command = [*self.wrap, str(LOOM), *(arguments or usual)]
        with (self.folder / "said").open("ab") as said:
            self.process = self.screen.start(
                *command, env=self.env, stdout=said, stderr=subprocess.STDOUT, cwd=self.home
            )
        if wait:
            self.until(self.answers, "answer on the socket", 20)
            if not self.first_run:
                self.verb("first_run")
            sources = self.status()["sources"]
            for name in ("hotkey", "clipboard", "files"):
                if sources.get(name, {}).get("on"):
                    self.until(partial(self.settled, name), f"{name} watched")
        return self

    def stop(self) -> None:
        """End it as the session does. Raises AssertionError when it did not end well."""
        process = self.process
        assert process is not None, "it was not started"
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # faulthandler tells where it hangs
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
            self.kill()
            raise AssertionError(f"SIGTERM did not end it\n{self.trouble()}") from None
        self.kill()
        trouble = "" if self.may_stumble else self.trouble()
        assert status == 0, f"it ended with {status}\n{self.said()[-3000:]}\n{self.log()[-3000:]}"
        assert not trouble, trouble

    def kill(self) -> None:
        """End it at once, as a power cut does. What it left behind stays."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.screen.end(self.process)
            self.process = None

    def _tell_about_failure(self) -> None:
        """For pytest to show."""
        print(f"{self.log()[-3000:]}\n{self.said()[-3000:]}", file=sys.stderr)  # noqa: T201

    def restart(self) -> None:
        """End it well and start it again in the same home."""
        self.stop()
        self.first_run = False
        self.start()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    # ---------------------------------------------------------------- what it says

    def verb(self, verb: str, /, **arguments: Any) -> Any:
        """Ask it over its socket, as the command line does."""
        return client.call(verb, arguments, at=self.socket, timeout_s=20)

    def loom(self, *arguments: str, ok: bool = True, timeout_s: float = 30, said: str = "") -> str:
        """What the command line prints. With ``ok`` a failure raises, with its words."""
        done = self.command(*arguments, timeout_s=timeout_s, said=said)
        text = done.stdout + done.stderr
        assert (done.returncode == 0) == ok, f"loom {arguments} gave {done.returncode}: {text}"
        return text

    def json(self, *arguments: str) -> Any:
        """What the command line prints with ``--json``."""
        return json.loads(self.loom(*arguments, "--json"))

    def command(
        self, *arguments: str, timeout_s: float = 30, said: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """The command line, whatever comes of it."""
        return subprocess.run(
            [*self.wrap, str(LOOM), *arguments],
            env={**self.screen.env, **self.env},
            cwd=self.home,
            input=said,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def log(self) -> str:
        """All of loom.log."""
        files = sorted((self.loom_home / "logs").glob("loom.log*"))
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def said(self) -> str:
        """What the process wrote to its outputs."""
        path = self.folder / "said"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def trouble(self) -> str:
        """Tracebacks, complaints of Qt and Python, crash reports; empty when all is well."""
        logs = self.loom_home / "logs"
        found = [text[-4000:] for text in (self.log(), self.said()) if _BAD.search(text)]
        found += [path.read_text() for path in logs.glob("crash-*") if logs.exists()]
        found += [path.read_text() for path in logs.glob("native-*") if not self.running]
        return "\n".join(found)

    def status(self) -> dict[str, Any]:
        """The verb of that name."""
        found: dict[str, Any] = self.verb("status")
        return found

    def cards(self, kind: str = "") -> list[dict[str, Any]]:
        """The open ones, oldest first."""
        return [card for card in self.verb("cards") if kind in ("", card["kind"])]

    def card(self, title: str, timeout_s: float = 10) -> dict[str, Any]:
        """The open card whose title holds these words, as soon as there is one."""

        def look() -> dict[str, Any] | None:
            return next((card for card in self.cards() if title in card["title"]), None)

        found = self.until(look, f"card {title!r}", timeout_s)
        assert found is not None
        return found

    def no_cards(self) -> None:
        """Return when none is open."""
        self.until(lambda: not self.cards(), "end of the cards")

    def messages(self) -> list[dict[str, Any]]:
        """What was said in the newest conversation."""
        newest = self.verb("conversations", limit=1)
        if not newest:
            return []
        return list(self.verb("conversation", conversation=newest[0]["conversation"]))

    def answer(self, timeout_s: float = 15) -> dict[str, Any]:
        """The last answer of the newest conversation, when it is whole."""

        def look() -> dict[str, Any] | None:
            said = self.messages()
            whole = said and said[-1]["role"] == "assistant" and said[-1]["state"] != "streaming"
            return said[-1] if whole else None

        found = self.until(look, "answer", timeout_s)
        assert found is not None
        return found

    def kept(self) -> Iterator[tuple[Path, bytes]]:
        """Every file it wrote, and what is in it."""
        for path in self.loom_home.rglob("*"):
            if path.is_file():
                yield path, path.read_bytes()

    def until(self, predicate: Callable[[], T], what: str, timeout_s: float = 10) -> T:
        """Wait for it, but not longer than the process lives."""

        def look() -> T:
            if self.process is not None and (status := self.process.poll()) is not None:
                raise AssertionError(
                    f"it ended with {status} while waiting for {what}\n{self.said()[-3000:]}"
                )
            return predicate()

        return wait_for(look, what, timeout_s)

    # ---------------------------------------------------------------- what a person sees and does

    @property
    def popup(self) -> Window | None:
        """The popup, when it is on the screen."""
        named = [one for one in self.screen.windows("Loom") if one.title == "Loom"]
        return next((one for one in named if one.width > 200), None)  # a tray icon is named so, too

    @property
    def popup_open(self) -> bool:
        """Whether the popup is on the screen and has the keyboard."""
        popup = self.popup
        return popup is not None and popup.focused

    @property
    def popup_gone(self) -> bool:
        """Whether the popup is off the screen."""
        return self.popup is None

    def press_hotkey(self) -> None:
        """Press it and wait for the popup."""
        self._keys.key("ctrl+shift+l")
        self.until(lambda: self.popup_open, "popup with the focus")

    def hide(self) -> None:
        """Escape, and wait until it is gone."""
        self.until(lambda: self.popup_open, "popup with the focus")
        self._keys.key("esc")
        self.until(lambda: self.popup_gone, "popup gone")

    def ask(self, text: str) -> None:
        """Type it into the popup and send it."""
        if not self.popup_open:
            self.press_hotkey()
        self._keys.type(text)
        self._keys.key("enter")

    def sees(self, words: str) -> bool:
        """Whether anything on the screen says these words to a screen reader."""
        return any(
            words in f"{node.name}\n{node.text}"
            for top in self.screen.accessibility.tree()
            for node in top.walk()
            if "showing" in node.states
        )

    def page(self) -> str:
        """The conversation on the screen, as a screen reader reads it."""
        return self.screen.accessibility.text("Conversation")

    def page_has(self, text: str, timeout_s: float = 15) -> str:
        """The page, when it shows this."""
        page = ""

        def look() -> bool:
            nonlocal page
            page = self.page()
            return text in page

        try:
            self.until(look, f"{text!r} on the page", timeout_s)
        except Timeout as error:
            raise Timeout(f"{error}; it reads {page!r}") from None
        return page

    def click(self, name: str, role: str | None = None, timeout_s: float = 10) -> Node:
        """Click with the mouse what has this accessible name."""
        found = self.screen.accessibility.find(name, role, timeout_s)

        def still() -> Node | None:
            nonlocal found
            before, found = found, self.screen.accessibility.find(name, role, timeout_s)
            return found if found.place == before.place and found.place[2] > 0 else None

        at = self.until(still, f"{name!r} in its place", timeout_s)
        assert at is not None
        self._keys.click(*at.middle)
        return at

    @property
    def _keys(self) -> Screen:
        assert isinstance(self.screen, Screen), "nobody can type on a headless Wayland screen"
        return self.screen

    def answers(self) -> bool:
        try:
            self.verb("status")
        except client.NotRunning:
            return False
        return True

    def settled(self, source: str) -> bool:
        """Whether the source works or has said why it does not."""
        report = self.status()["sources"][source]
        listening = report["facts"].get("listening", True) and report["driver"] != "scan"
        told = report["fix"] and not report["working"] and "yet" not in report["detail"]
        return bool(report["working"] and listening) or told


def download(target: Path, content: bytes, *, suffix: str = ".part") -> None:
    """Write a file as a browser does: under another name, in pieces, then renamed. By another
    process, which has ended when this returns."""
    script = (
        "import os, sys; path, part = sys.argv[1:3]; data = sys.stdin.buffer.read()\n"
        "if part == '.part': open(path, 'xb').close()  # Firefox takes the name first\n"
        "with open(path + part, 'wb') as file:\n"
        "    for at in range(0, len(data) or 1, 65536):\n"
        "        file.write(data[at:at + 65536]); file.flush()\n"
        "os.replace(path + part, path)\n"
    )
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, os.fsencode(target), suffix],
        input=content,
        check=True,
        timeout=30,
    )


class ModelServer:
    """The tests' model server in a thread of its own: ``with ModelServer() as server``."""

    def __enter__(self) -> Self:
        import asyncio

        from tests.fake_model_server import FakeModelServer

        self.fake = FakeModelServer()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model server", daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def _run(self) -> None:
        import asyncio

        async def serve() -> None:
            self._over = asyncio.Event()
            async with self.fake:
                self._ready.set()
                await self._over.wait()

        self._loop.run_until_complete(serve())
        self._loop.close()

    @property
    def settings(self) -> str:
        """The tables of loom.toml that lead to it."""
        return (
            f'\n[llm.local]\nkind = "openai"\napi_base = "{self.fake.url}"\n'
            'model = "fake-7b"\ntimeout_s = 5\n'
        )
