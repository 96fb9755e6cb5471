"""From the press of the hotkey to the popup's pixels on the screen, and off it again.

One pixel is looked at from outside, several times a millisecond, until it shows something else than
what is behind the popup, or that again. The press is stamped before it is sent.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.measures.figures import Figure, Target, figure, p50, p99
from tests.measures.outside import Eye, Place, wait
from tests.measures.process import FLOORS, CannotRun, environment, loom, python, running
from tests.measures.run import Run, lacking
from tests.screen import Screen

SHOWS, SESSIONS = 50, 2
"""Of each program; every show is followed by a hide, so there are 200 presses in all."""
QUICK_SHOWS = 3
LOOK_S = 0.0002
PAUSE_S = (0.03, 0.06)
"""Between presses, by chance, so that they do not fall into step with anything."""
SETTLE_S, QUICK_SETTLE_S = 2.0, 0.5
STILL_S = 0.15
MISSED_S = 2.0


@dataclass(slots=True)
class Presses:
    """ms from the press to the pixel, one by one."""

    first: list[float] = field(default_factory=list)
    shows: list[float] = field(default_factory=list)
    hides: list[float] = field(default_factory=list)
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Spot:
    """A pixel, and what is behind the popup there.

    What the popup itself shows may change: a button under the pointer has another colour.
    """

    x: int
    y: int
    behind: bytes


def measure(run: Run) -> list[Figure]:
    if missing := lacking():
        raise CannotRun(f"not installed: {', '.join(missing)}")
    home = run.home("paint")
    shows, settle_s = (QUICK_SHOWS, QUICK_SETTLE_S) if run.quick else (SHOWS, SETTLE_S)
    with Screen() as screen, Eye(screen) as eye:
        env = environment(screen.env, LOOM_HOME=str(home))

        def cell(command: list[str]) -> Callable[[], Presses]:
            spots: list[Spot] = []

            def session() -> Presses:
                with running(command, env, home / "log"):
                    wait(eye.grabbed, "grab of the hotkey")
                    time.sleep(settle_s)
                    if not spots:  # the session that is thrown away learns where to look
                        spots.append(learn(eye))
                        return Presses()
                    return presses(eye, spots[0], shows)

            return session

        took = run.calm.interleave(
            {"popup floor": cell(python(FLOORS / "popup.py")), "popup": cell(loom("--hidden"))},
            rounds=1 if run.quick else SESSIONS,
            repeats=1,
        )

    def values(cell: str, what: str) -> list[float]:
        return [one for session in took[cell] for one in getattr(session, what)]

    missed = sum(session.missed for session in took["popup"])
    count = len(values("popup", "shows"))
    figures = []
    for name, what, pick, target in (
        ("key to painted popup, p99", "shows", p99, Target("value", 16)),
        ("key to painted popup, p50", "shows", p50, None),
        ("key to painted popup, the very first", "first", p50, None),
        ("key to popup gone, p99", "hides", p99, None),
        ("key to popup gone, p50", "hides", p50, None),
    ):
        note = f"{count} presses; {missed} had no effect" if target else ""
        ours, floor = values("popup", what), values("popup floor", what)
        figures.append(figure(name, "ms", ours, floor, target=target, pick=pick, note=note))
    return figures


def presses(eye: Eye, spot: Spot, shows: int) -> Presses:
    """Show and hide it so many times, after a first time that is told apart."""
    found = Presses()
    for number in range(shows + 1):
        into = found.shows if number else found.first
        for visible, times in ((True, into), (False, found.hides)):
            pause()
            took = press(eye, spot, visible)
            if took is None:
                found.missed += 1
            else:
                times.append(took)
    return found


def learn(eye: Eye) -> Spot:
    """Find a pixel that tells whether the popup is there. The pointer stays, so it comes again."""
    eye.watch_windows()
    eye.press()
    found = eye.appeared(10.0)
    eye.release()
    if found is None:
        raise CannotRun("the hotkey brought up no popup within 10 s")
    place: Place = found[1]
    spots = [
        (place.x + place.width * across // 8, place.y + place.height * down // 8)
        for across in range(1, 8)
        for down in range(1, 8)
    ]
    shown = still(eye, spots)
    toggle(eye)
    hidden = still(eye, spots)
    toggle(eye)
    again = still(eye, spots)
    toggle(eye)
    last = still(eye, spots)
    for number, (x, y) in enumerate(spots):
        if shown[number] == again[number] != hidden[number] == last[number]:
            return Spot(x, y, hidden[number])
    raise CannotRun("no pixel tells whether the popup is there")


def still(eye: Eye, spots: list[tuple[int, int]]) -> list[bytes]:
    """What these pixels show when they have stopped changing."""
    before: list[bytes] = []
    for _ in range(20):
        time.sleep(STILL_S)
        now = [eye.pixel(x, y) for x, y in spots]
        if now == before:
            break
        before = now
    return before


def toggle(eye: Eye) -> None:
    eye.press()
    time.sleep(0.1)
    eye.release()


def press(eye: Eye, spot: Spot, visible: bool) -> float | None:
    """ms until the popup is there, or is not; None when that does not come in time."""
    at = eye.press()
    end = at + MISSED_S
    took = None
    while took is None and time.monotonic() < end:
        if (eye.pixel(spot.x, spot.y) != spot.behind) is visible:
            took = (time.monotonic() - at) * 1000
        else:
            time.sleep(LOOK_S)
    eye.release()
    return took


def pause() -> None:
    time.sleep(random.uniform(*PAUSE_S))
