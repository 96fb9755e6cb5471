from __future__ import annotations

import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import NotUnderstood
from loom_desktop.text import places
from loom_desktop.text.places import zone_of


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("東京", "Asia/Tokyo"),
        ("new york", "America/New_York"),
        ("München", "Europe/Berlin"),
        ("Munchen", "Europe/Berlin"),
        ("São Paulo", "America/Sao_Paulo"),
        ("London, UK", "Europe/London"),
        ("Port Moresby", "Pacific/Port_Moresby"),
        ("Japan", "Asia/Tokyo"),
        ("UTC", "UTC"),
        ("Asia/Dubai", "Asia/Dubai"),
    ],
)
def test_a_place_has_its_zone(place: str, key: str) -> None:
    assert str(zone_of(place)[1]) == key


def test_every_zone_of_the_table_exists() -> None:
    assert set(places._KNOWN.values()) <= zoneinfo.available_timezones()


@pytest.mark.parametrize("country", ["USA", "Canada", "Australien", "États-Unis"])
def test_a_country_with_several_zones_wants_a_city(country: str) -> None:
    with pytest.raises(NotUnderstood, match="more than one"):
        zone_of(country)


@given(st.text(min_size=1, max_size=40))
def test_any_other_name_is_refused_in_words(place: str) -> None:
    try:
        name, zone = zone_of(place)
    except NotUnderstood as error:
        assert error.hint  # noqa: PT017 - both ways out are fine
    else:
        assert name
        assert zone
