"""What a screen reader sees of the applications on a private screen, for tests to use.

``gi`` lives in the system's own Python, not in a virtual environment, so this file is two things:
imported, it is ``Accessibility``; run by /usr/bin/python3, it is the child that walks the tree
and speaks one JSON object per line. It uses nothing but the standard library and AT-SPI.

Find things by their accessible name, rarely by role: under Qt a tool window is a ``filler`` and a
text browser may be a ``label``.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, slots=True)
class Node:
    """One thing on the screen, as a screen reader tells it."""

    name: str
    role: str
    description: str = ""
    states: tuple[str, ...] = ()
    """``focused``, ``showing``, ``checked``, ``sensitive`` ..."""
    actions: tuple[str, ...] = ()
    text: str = ""
    place: tuple[int, int, int, int] = (0, 0, 0, 0)
    """x, y, width, height on the screen."""
    depth: int = 0
    children: tuple[Node, ...] = field(default=(), repr=False)

    @property
    def middle(self) -> tuple[int, int]:
        """Where to click it."""
        x, y, width, height = self.place
        return x + width // 2, y + height // 2

    def walk(self) -> Iterator[Node]:
        """This and everything in it."""
        yield self
        for child in self.children:
            yield from child.walk()


class Accessibility:
    """Finds, presses, fills in and reads by accessible name; each call waits up to its deadline."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [PYTHON, str(Path(__file__).resolve())],
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def missing() -> list[str]:
        """The Debian packages that this machine lacks for it."""
        probe = "import gi; gi.require_version('Atspi', '2.0'); from gi.repository import Atspi"
        try:
            subprocess.run([PYTHON, "-W", "ignore", "-c", probe], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return ["at-spi2-core", "python3-pyatspi", "gir1.2-atspi-2.0"]
        return []

    def find(
        self, name: str, role: str | None = None, timeout_s: float = 10, *, hidden: bool = False
    ) -> Node:
        """The thing with this name, as soon as it shows (with ``hidden``: exists)."""
        return _node(self._until(timeout_s, do="find", name=name, role=role, hidden=hidden))

    def gone(self, name: str, role: str | None = None, timeout_s: float = 10) -> None:
        """Return when nothing of this name shows any more."""
        deadline = time.monotonic() + timeout_s
        while self._ask(do="find", name=name, role=role, hidden=False) is not None:
            if time.monotonic() > deadline:
                raise AssertionError(f"{name!r} still shows after {timeout_s:g} s")
            time.sleep(0.05)

    def press(self, name: str, role: str | None = None, timeout_s: float = 10) -> None:
        """Press, toggle or open it: its first action."""
        self._until(timeout_s, do="press", name=name, role=role, hidden=False)

    def focus(self, name: str, role: str | None = None, timeout_s: float = 10) -> None:
        """Give it the keyboard."""
        self._until(timeout_s, do="focus", name=name, role=role, hidden=False)

    def set_text(
        self, name: str, text: str, role: str | None = None, timeout_s: float = 10
    ) -> None:
        """Replace what is written in it."""
        self._until(timeout_s, do="set_text", name=name, role=role, hidden=False, text=text)

    def text(self, name: str, role: str | None = None, timeout_s: float = 10) -> str:
        """What is written in it."""
        return str(self.find(name, role, timeout_s).text)

    def tree(self) -> list[Node]:
        """The applications, with everything in them."""
        return [_node(each) for each in self._ask(do="tree")]

    def close(self) -> None:
        """End the child."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(3)
        self._process.stdout.close()

    def _until(self, timeout_s: float, **question: Any) -> Any:
        deadline = time.monotonic() + timeout_s
        while (answer := self._ask(**question)) is None:
            if time.monotonic() > deadline:
                there = [f"{node.role} {node.name!r}" for top in self.tree() for node in top.walk()]
                raise AssertionError(
                    f"nothing accessible is named {question['name']!r} after {timeout_s:g} s; "
                    f"there are {', '.join(there)[:2000]}"
                )
            time.sleep(0.05)
        return answer

    def _ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the accessibility child ended, with {self._process.wait(3)}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


def _node(plain: dict[str, Any]) -> Node:
    children = tuple(_node(child) for child in plain.pop("children", ()))
    plain |= {key: tuple(plain[key]) for key in ("states", "actions", "place")}
    return Node(**plain, children=children)


# ---- the child, run by the system's Python


def _child() -> None:
    import warnings

    warnings.simplefilter("ignore")  # newer bindings renamed the getters that older ones have
    import gi

    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi, GLib

    Atspi.init()
    Atspi.set_timeout(1500, 3000)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"value": _do(Atspi, **question)}
        except GLib.Error as error:
            # the thing went away while it was looked at: not there, ask again
            answer = {"value": [] if question["do"] == "tree" else None, "said": str(error)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)  # noqa: T201


def _do(
    atspi: Any,
    do: str,
    name: str = "",
    role: str | None = None,
    hidden: bool = False,
    text: str = "",
) -> Any:
    desktop = atspi.get_desktop(0)
    desktop.clear_cache()
    if do == "tree":
        return [_plain(atspi, top, 0, deep=True) for top in _children(desktop)]
    found = _search(atspi, desktop, name, role, hidden)
    if found is None:
        return None
    if do == "press":
        # asked later than answered: an action that opens a dialog would keep us waiting for it
        found.get_action_iface().do_action(0)
    elif do == "focus":
        found.get_component_iface().grab_focus()
    elif do == "set_text":
        found.get_editable_text_iface().set_text_contents(text)
    return _plain(atspi, found, 0, deep=do == "find")


def _children(node: Any) -> list[Any]:
    children = (node.get_child_at_index(i) for i in range(node.get_child_count()))
    return [child for child in children if child is not None]


def _search(atspi: Any, node: Any, name: str, role: str | None, hidden: bool) -> Any:
    for child in _children(node):
        if (
            child.get_name() == name
            and (role is None or child.get_role_name() == role)
            and (hidden or child.get_state_set().contains(atspi.StateType.SHOWING))
        ):
            return child
        found = _search(atspi, child, name, role, hidden)
        if found is not None:
            return found
    return None


def _plain(atspi: Any, node: Any, depth: int, *, deep: bool) -> dict[str, Any]:
    actions, content, place = node.get_action_iface(), node.get_text_iface(), (0, 0, 0, 0)
    component = node.get_component_iface()
    if component is not None:
        box = component.get_extents(atspi.CoordType.SCREEN)
        place = (box.x, box.y, box.width, box.height)
    states = [state.value_nick for state in node.get_state_set().get_states()]
    return {
        "name": node.get_name() or "",
        "role": node.get_role_name() or "",
        "description": node.get_description() or "",
        "states": states,
        "actions": [
            atspi.Action.get_action_name(actions, i)
            for i in range(actions.get_n_actions() if actions is not None else 0)
        ],
        "text": atspi.Text.get_text(content, 0, -1) if content is not None else "",
        "place": place,
        "depth": depth,
        "children": [_plain(atspi, c, depth + 1, deep=True) for c in _children(node)]
        if deep and depth < 40
        else [],
    }


if __name__ == "__main__":
    _child()
