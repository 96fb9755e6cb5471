"""Draws the icons under resources/icons: the woven L, and the states of the tray.

The sign is four threads, two up and two across, woven where they cross: an L. Its free corner is
where a state speaks, so that a state is told by its shape as well as by its colour, and the sign
stays the same. Everything is drawn on a grid of 24, because 22 to 24 px is what a panel gives.

The colours of the states are middle tones: at least 3 : 1 on a white and on a nearly black panel
(tests/scripts/test_make_icons.py computes it).

    python scripts/make_icons.py        writes resources/icons; needs PySide6 for the PNG files
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ICONS = Path(__file__).resolve().parent.parent / "resources" / "icons"
SIZES = (16, 32, 64, 128, 256, 512)

# threads of the sign on a panel
UP, ACROSS = "#5872EA", "#7A86E6"
RESTING_UP, RESTING_ACROSS = "#7C8494", "#858C9B"
DARK = "#17181C"
VIOLET, GREEN, BLUE, AMBER, RED, GREY = (
    "#9B6AE8",
    "#23955A",
    "#1F8FB8",
    "#B97A10",
    "#E05252",
    "#7C8494",
)

# where the threads lie (centres), how wide they are, and the daylight beside one that passes under;
# whole numbers at the edges, so that they are sharp on a panel of 24 px
LEFT, RIGHT, UPPER, LOWER = 4.0, 9.0, 15.0, 20.0
WIDE, DAYLIGHT = 4.0, 1.0
TOP, END = 2.0, 22.0
SHORTER = 4.0
"""How much less the inner threads reach than the outer ones."""


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _upright(x: float, top: float, bottom: float, colour: str, *, loose: str) -> str:
    """One visible piece of a thread that goes up. Its ``loose`` ends, "top" or "bottom", are round;
    where it dives under another it is cut straight."""
    n, r, left = _number, WIDE / 2, x - WIDE / 2
    head = f"a{n(r)} {n(r)} 0 0 1 {n(WIDE)} 0" if loose == "top" else f"h{n(WIDE)}"
    foot = f"a{n(r)} {n(r)} 0 0 1 {n(-WIDE)} 0" if loose == "bottom" else f"h{n(-WIDE)}"
    first = top + (r if loose == "top" else 0)
    last = bottom - (r if loose == "bottom" else 0)
    return f'<path fill="{colour}" d="M{n(left)} {n(first)}{head}V{n(last)}{foot}Z"/>'


def _level(y: float, left: float, right: float, colour: str, *, loose: str) -> str:
    """The same for a thread that goes across; loose is "left" or "right"."""
    n, r, top = _number, WIDE / 2, y - WIDE / 2
    head = f"a{n(r)} {n(r)} 0 0 1 0 {n(WIDE)}" if loose == "right" else f"v{n(WIDE)}"
    foot = f"a{n(r)} {n(r)} 0 0 1 0 {n(-WIDE)}" if loose == "left" else f"v{n(-WIDE)}"
    first = left + (r if loose == "left" else 0)
    last = right - (r if loose == "right" else 0)
    return f'<path fill="{colour}" d="M{n(first)} {n(top)}H{n(last)}{head}H{n(first)}{foot}Z"/>'


def sign(up: str = UP, across: str = ACROSS) -> str:
    """The woven L: each thread passes over one that crosses it and under the other."""
    edge = WIDE / 2
    gap = edge + DAYLIGHT
    return "".join(
        (
            # the outer upright: over the inner level, and ends under the outer one
            _upright(LEFT, TOP, LOWER - gap, up, loose="top"),
            # the inner upright: under the inner level, over the outer one
            _upright(RIGHT, TOP + SHORTER, UPPER - gap, up, loose="top"),
            _upright(RIGHT, UPPER + gap, LOWER + edge, up, loose="bottom"),
            # the inner level: begins under the outer upright, over the inner one
            _level(UPPER, LEFT + gap, END - SHORTER, across, loose="right"),
            # the outer level: over the outer upright, under the inner one
            _level(LOWER, LEFT - edge, RIGHT - gap, across, loose="left"),
            _level(LOWER, RIGHT + gap, END, across, loose="right"),
        )
    )


def _svg(body: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">'
        f"{body}</svg>\n"
    )


def _stroke(path: str, colour: str, wide: float) -> str:
    return (
        f'<path fill="none" stroke="{colour}" stroke-width="{_number(wide)}" '
        f'stroke-linecap="round" stroke-linejoin="round" d="{path}"/>'
    )


def _dot(x: float, y: float, r: float, colour: str) -> str:
    return f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(r)}" fill="{colour}"/>'


def states() -> dict[str, str]:
    """Name of the state, and its picture. The free corner is x 14-23, y 1-11."""
    return {
        "idle": _svg(sign()),
        # three dots that come
        "thinking": _svg(
            sign()
            + _dot(15, 8.4, 1.5, VIOLET)
            + _dot(18.2, 5, 1.8, VIOLET)
            + _dot(21.6, 2.6, 1.3, VIOLET)
        ),
        # a microphone
        "listening": _svg(
            sign()
            + f'<rect x="16.6" y="0.8" width="4" height="6.4" rx="2" fill="{GREEN}"/>'
            + _stroke("M14.6 5.6a4 4 0 0 0 8 0M18.6 9.6v1", GREEN, 1.4)
        ),
        # sound that spreads
        "speaking": _svg(
            sign()
            + _dot(15.2, 6, 1.5, BLUE)
            + _stroke("M17.8 3.6a3.4 3.4 0 0 1 0 4.8M20.2 1.6a6.2 6.2 0 0 1 0 8.8", BLUE, 1.6)
        ),
        # a question waits for you
        "asks": _svg(
            sign()
            + _dot(18.6, 5.6, 5, AMBER)
            + _stroke("M17 4.3a1.7 1.7 0 1 1 2.5 1.5q-.9.4-.9 1.2", "#FFFFFF", 1.3)
            + _dot(18.6, 8.7, 0.8, "#FFFFFF")
        ),
        # two bars, and the sign without colour
        "paused": _svg(
            sign(RESTING_UP, RESTING_ACROSS)
            + f'<rect x="15.2" y="1.4" width="2.6" height="8.4" rx="1" fill="{GREY}"/>'
            + f'<rect x="19.8" y="1.4" width="2.6" height="8.4" rx="1" fill="{GREY}"/>'
        ),
        # a warning triangle
        "trouble": _svg(
            sign(RESTING_UP, RESTING_ACROSS)
            + f'<path fill="{RED}" stroke="{RED}" stroke-width="1.6" stroke-linejoin="round" '
            'd="M18.4 1.6L22.6 9.8H14.2Z"/>'
            + _stroke("M18.4 4.2v2.6", "#FFFFFF", 1.3)
            + _dot(18.4, 9, 0.8, "#FFFFFF")
        ),
    }


def lock() -> str:
    """Laid over any state when nothing may leave the machine: a small lock, lower right.

    White with a dark rim: it reads on the sign and on panels of both kinds.
    """
    shackle = "M17.4 17v-1.4a2.1 2.1 0 0 1 4.2 0v1.4"
    body = '<rect x="15.8" y="16.8" width="7.4" height="6" rx="1.3"'
    return _svg(
        _stroke(shackle, DARK, 3.4)
        + f'{body} fill="{DARK}" stroke="{DARK}" stroke-width="2"/>'
        + _stroke(shackle, "#FFFFFF", 1.5)
        + f'{body} fill="#FFFFFF"/>'
        + _dot(19.5, 19.8, 1.1, DARK)
    )


def application() -> str:
    """The sign on a tile, for launchers and windows."""
    return _svg(
        '<defs><linearGradient id="t" x1="0" y1="0" x2="0.6" y2="1">'
        '<stop offset="0" stop-color="#5B74F5"/><stop offset="1" stop-color="#2F3FA8"/>'
        "</linearGradient></defs>"
        '<rect x="0.5" y="0.5" width="23" height="23" rx="5.4" fill="url(#t)"/>'
        f'<g transform="translate(3.36 3.12) scale(0.72)">{sign("#FFFFFF", "#C3CCFF")}</g>'
    )


def files() -> dict[str, str]:
    """Every SVG file by its name."""
    drawn = {"loom.svg": application(), "lock.svg": lock()}
    return drawn | {f"state-{name}.svg": svg for name, svg in states().items()}


def png(svg: str, size: int) -> bytes:
    """The picture in pixels. Needs a QGuiApplication."""
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
    from PySide6.QtGui import QImage, QImageWriter, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(QByteArray(svg.encode())).render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not QImageWriter(buffer, QByteArray(b"png")).write(image):
        raise RuntimeError("Qt could not write the PNG.")
    return bytes(buffer.data().data())


def main() -> int:
    """Write them all."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication

    application_ = QGuiApplication(["make_icons"])
    ICONS.mkdir(parents=True, exist_ok=True)
    for name, svg in files().items():
        (ICONS / name).write_text(svg, encoding="utf-8")
    for size in SIZES:
        (ICONS / f"loom-{size}.png").write_bytes(png(application(), size))
    del application_
    return 0


if __name__ == "__main__":
    sys.exit(main())
