"""The fake desktop in a process of its own: the same methods, waiting."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class FakeDesktopProcess:
    """The fake desktop in a process of its own; each method waits for the answer.

    Raises LookupError when there is no such icon, entry, notification or button.
    """

    def __init__(self, env: Mapping[str, str], *parts: str) -> None:
        command = [sys.executable, "-m", "tests.fake_desktop", *parts]
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lock = threading.Lock()
        self._answer()

    def start_tray(self) -> None:
        """A tray host comes."""
        self._ask("start_tray")

    def stop_tray(self) -> None:
        """The tray host goes away."""
        self._ask("stop_tray")

    def items(self) -> list[dict[str, Any]]:
        """The icons in the tray (see ``FakeDesktop.items``)."""
        return list(self._ask("items"))

    def activate(self, index: int = -1) -> None:
        """Click the icon."""
        self._ask("activate", index=index)

    def menu(self, index: int = -1) -> list[dict[str, Any]]:
        """Entries of the icon's menu (see ``FakeDesktop.menu``)."""
        return list(self._ask("menu", index=index))

    def click(self, *labels: str, index: int = -1) -> None:
        """Choose an entry of the menu, by its label, or labels on the way down."""
        self._ask("click", *labels, index=index)

    def notifications(self, *, closed: bool = False) -> list[dict[str, Any]]:
        """What is shown (see ``FakeDesktop.notifications``)."""
        return list(self._ask("notifications", closed=closed))

    def press(self, button: str, number: int = 0) -> None:
        """Press a button of a notification, by its label or key."""
        self._ask("press", button, number)

    def dismiss(self, number: int) -> None:
        """The person closes the notification."""
        self._ask("dismiss", number)

    def expire(self, number: int) -> None:
        """The notification goes away by itself."""
        self._ask("expire", number)

    def show_buttons(self, on: bool) -> None:
        """Whether the daemon says that it shows buttons."""
        self._ask("show_buttons", on)

    def shortcuts(self) -> dict[str, dict[str, Any]]:
        """What an application asked the portal to bind."""
        return dict(self._ask("shortcuts"))

    def shortcut_answer(self, answer: str = "bind", trigger: str = "") -> None:
        """How the person answers the portal's question."""
        self._ask("shortcut_answer", answer, trigger)

    def shortcut_down(self, name: str) -> None:
        """The key that is bound to this goes down."""
        self._ask("shortcut_down", name)

    def shortcut_up(self, name: str) -> None:
        """The key that is bound to this is let go."""
        self._ask("shortcut_up", name)

    def sleep_locks(self) -> int:
        """How many delay locks are held."""
        return int(self._ask("sleep_locks"))

    def sleep(self) -> None:
        """The computer is about to sleep."""
        self._ask("sleep")

    def resume(self) -> None:
        """The computer is awake again."""
        self._ask("resume")

    def lock(self, by: str = "logind") -> None:
        """The screen is locked, as ``logind`` or the ``screensaver`` says."""
        self._ask("lock", by)

    def unlock(self, by: str = "logind") -> None:
        """The screen is unlocked."""
        self._ask("unlock", by)

    def close(self) -> None:
        """End the process. All the fakes are gone from the bus then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # end of input is how it is asked to end
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(3)
        self._process.stdout.close()

    def _ask(self, do: str, *arguments: Any, **named: Any) -> Any:
        assert self._process.stdin is not None
        with self._lock:
            question = {"do": do, "arguments": arguments, "named": named}
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fake desktop ended, with {self._process.wait(3)}")
        answer = json.loads(line)
        if "error" in answer:
            kind = LookupError if answer["kind"] in ("LookupError", "IndexError") else RuntimeError
            raise kind(answer["error"])
        return answer["value"]
