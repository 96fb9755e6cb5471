from __future__ import annotations

from app import resources


def test_the_pictures_of_the_checkout_are_found() -> None:
    assert resources.folder().name in ("resources", "_resources")
    found = resources.find("icons/state-idle.svg")
    assert found is not None
    assert found.read_bytes().startswith(b"<svg")


def test_what_is_not_there_is_none() -> None:
    assert resources.find("icons/nothing.svg") is None
