"""From the start of the process to an icon in the tray, and to the first hotkey that is answered.

Both are seen from outside: a window of the program docked in the panel of a real tray host, and
after one press of the key a popup on the screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.measures.figures import Figure, Target, figure
from tests.measures.outside import Eye, wait
from tests.measures.process import FLOORS, CannotRun, environment, loom, python, running
from tests.measures.run import Run, lacking
from tests.screen import Screen

START = Target("ratio", 1.3)


@dataclass(frozen=True, slots=True)
class Start:
    """ms since the process was started."""

    icon: float = 0.0
    hotkey: float = 0.0


def measure(run: Run) -> list[Figure]:
    if missing := lacking():
        raise CannotRun(f"not installed: {', '.join(missing)}")
    home = run.home("tray")
    with Screen(tray="trayer") as screen, Eye(screen) as eye:
        env = environment(screen.env, LOOM_HOME=str(home))
        log = home / "log"

        def cell(command: list[str], *, icon: bool, hotkey: bool) -> Callable[[], Start]:
            def start() -> Start:
                with running(command, env, log) as (_, began):
                    shown = wait(eye.icon_shown, "icon in the tray") if icon else began
                    answered = first_hotkey(eye) if hotkey else began
                if icon:
                    wait(lambda: not eye.icon_shown(), "end of the icon")
                return Start((shown - began) * 1000, (answered - began) * 1000)

            return start

        took = run.calm.interleave(
            {
                "tray floor": cell(python(FLOORS / "tray.py"), icon=True, hotkey=False),
                "popup floor": cell(python(FLOORS / "popup.py"), icon=False, hotkey=True),
                "loom --hidden": cell(loom("--hidden"), icon=True, hotkey=True),
            }
        )
    return [
        figure(
            "start to visible tray icon",
            "ms",
            [one.icon for one in took["loom --hidden"]],
            [one.icon for one in took["tray floor"]],
            target=START,
        ),
        figure(
            "start to first hotkey answered",
            "ms",
            [one.hotkey for one in took["loom --hidden"]],
            [one.hotkey for one in took["popup floor"]],
            note="store opened and key grabbed; the floor has no tray and no store",
        ),
    ]


def first_hotkey(eye: Eye) -> float:
    """Wait until the key is grabbed, press it once; when the popup was on the screen.

    Afterwards the popup is put away again.
    """
    wait(eye.grabbed, "grab of the hotkey")
    eye.watch_windows()
    eye.press()
    found = eye.appeared(10.0)
    eye.release()
    if found is None:
        raise CannotRun("the hotkey brought up no popup within 10 s")
    eye.press()
    eye.went(5.0)
    eye.release()
    return found[0]
