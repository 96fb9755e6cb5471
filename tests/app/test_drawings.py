from __future__ import annotations

from typing import get_args

import pytest

from app.drawings import Drawing, drawing


@pytest.mark.parametrize("name", get_args(Drawing))
def test_every_drawing_draws_something_in_its_colour(qapp: object, name: Drawing) -> None:
    image = drawing(name, "#FF0000", 24).pixmap(24, 24).toImage()
    inked = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 200
    ]
    assert len(inked) > 8
    assert all(one.red() > 200 and one.green() < 60 for one in inked)
