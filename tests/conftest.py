"""What every test may ask for: a private screen; and a picture of it when the test fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.screen import Screen, WaylandScreen

NEEDS: dict[str, type[Screen | WaylandScreen]] = {
    "x11": Screen,
    "journey": Screen,
    "wayland": WaylandScreen,
}
"""Which desktop a mark asks for."""


@pytest.fixture
def screen(request: pytest.FixtureRequest) -> Iterator[Screen]:
    """An X11 desktop with an XEmbed tray and a notification daemon, or with what is asked for:
    ``@pytest.mark.parametrize("screen", [{"tray": "sni"}], indirect=True)``."""
    wanted: dict[str, Any] = {"tray": "trayer", "notifications": "dunst"}
    with Screen(**getattr(request, "param", wanted)) as screen:
        yield screen


@pytest.fixture
def sni_screen() -> Iterator[Screen]:
    """An X11 desktop with the fake StatusNotifier host and the fake notification daemon."""
    with Screen(tray="sni", notifications="fake", accessibility=True) as screen:
        yield screen


@pytest.fixture
def bare_screen() -> Iterator[Screen]:
    """An X11 desktop with a window manager and nothing else."""
    with Screen() as screen:
        yield screen


@pytest.fixture
def wayland_screen() -> Iterator[WaylandScreen]:
    """A headless Wayland desktop with nothing else."""
    with WaylandScreen() as screen:
        yield screen


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine has no programs for, and say which."""
    for mark, desktop in NEEDS.items():
        if item.get_closest_marker(mark) and (lacking := desktop.missing()):
            pytest.skip(f"this machine lacks {', '.join(lacking)}: `make setup` installs them")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """Keep a picture of a failure; with LOOM_TEST_STRICT=1 a skipped desktop test is one."""
    report: pytest.TestReport = yield  # type: ignore[misc,assignment]  # pluggy sends it in
    marked = any(item.get_closest_marker(mark) for mark in NEEDS)
    if (
        marked
        and report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("LOOM_TEST_STRICT") == "1"
    ):
        report.outcome = "failed"
        report.longrepr = f"LOOM_TEST_STRICT=1 and this was skipped: {call.excinfo}"
    if report.failed and call.when == "call":
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Screen | WaylandScreen) and value.running:
                report.sections.append(("screen", f"kept in {value.keep(item.nodeid)}"))
    return report  # type: ignore[return-value]  # what pluggy takes as the result
