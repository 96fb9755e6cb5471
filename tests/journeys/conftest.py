"""The desktops that the stories are played on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.application import Application, ModelServer
from tests.screen import Screen

TRAYS = ("trayer", "sni")
"""The old protocol (XEmbed) with a real tray, and the new one (StatusNotifier) with a fake host."""


@pytest.fixture(params=TRAYS)
def desktop(request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A desktop with either kind of tray; its notification daemon writes down what it shows."""
    with Screen(tray=request.param, notifications="fake", accessibility=True) as screen:
        yield screen


@pytest.fixture
def plain_desktop() -> Iterator[Screen]:
    """One desktop, for stories that no tray has a part in."""
    with Screen(tray="sni", notifications="fake", accessibility=True) as screen:
        yield screen


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model server that says what it is told to."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def loom(desktop: Screen) -> Iterator[Application]:
    """The application on it, with everything that watches switched off."""
    with Application(desktop) as application:
        yield application


@pytest.fixture
def watching(desktop: Screen) -> Iterator[Application]:
    """The application on it, looking at the clipboard and at Downloads."""
    with Application(desktop, watching=True) as application:
        yield application
