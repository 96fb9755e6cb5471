from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import NotUnderstood, Unavailable
from loom_desktop.text.units import convert


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("10 km in miles", "6.21371"),
        ("72 F to C", "22.22"),
        ("5 ft 11 in cm", "180.34"),
        ("5 ft 11 in in cm", "180.34"),
        ("5 ft 11 into cm", "180.34"),
        ("5'11\" to cm", "180.34"),
        ("3 cups in ml", "709.7647095"),
        ("100 km/h in mph", "62.1371"),
        ("2 GiB in MB", "2147.483648"),
        ("90 min in hours", "1.5"),
        ("10 in cm", "25.4"),
        ("how many miles is 10 km", "6.21371"),
        ("how many ml in 3 cups", "709.7647095"),
        ("how many feet are in a mile", "5280"),
        ("convert 100 kg to lbs", "220.462"),
        ("-40 C in F", "-40"),
        ("0 K in C", "-273.15"),
        ("100 Mbit/s in MB/s", "12.5"),
        ("8 Mb in MB", "1"),
        ("1 kWh in kJ", "3600"),
        ("30 mpg in l/100km", "7.84049"),
        ("8 l/100 km in mpg", "29.4018"),
        ("180 degrees in radians", "3.14159"),
        ("2 bar in psi", "29.0075"),
        ("1 hp in kW", "0.7457"),
        ("2 h 30 min in minutes", "150"),
        ("2 hours and 30 minutes in minutes", "150"),
        ("1 lb 4 oz in g", "566.9904625"),
        ("1,5 Liter in ml", "1500"),
        ("10 Meilen in Kilometer", "16.09344"),
        ("10 Meilen in Kilometern", "16.09344"),
        ("wie viel sind 10 Zoll in cm?", "25.4"),
        ("10 pouces en cm", "25.4"),
        ("cuánto es 10 millas en kilómetros", "16.09344"),
        ("37 °C in °F", "98.6"),
        ("37 degrees celsius in fahrenheit", "98.6"),
        ("a mile in km", "1.609344"),
        ("half a mile in km", "0.804672"),
        ("1 acre in m²", "4046.8564224"),
        ("10 m2 in sq ft", "107.639"),
        ("1 year in days", "365.2425"),
        ("1 TB in GB", "1000"),
        ("500 g to oz", "17.637"),
        ("what's 20 C in F?", "68"),
        ("6 feet 2 to cm", "187.96"),
        ("1 000 m in km", "1"),
        ("10km to mi", "6.21371"),
        ("how many seconds are in a day?", "86400"),
        ("1 knot in km/h", "1.852"),
        ("3 Tbsp in ml", "44.3603"),
        ("1 light year in km", "9460730472581"),
        ("20 inches in feet", "1.66667"),
        ("60 mph in km/h", "96.56064"),
        ("5 lbs to kg", "2.26796185"),
        ("100 m in feet", "328.084"),
        ("350 F in C", "176.67"),
        ("1e6 m in km", "1000"),
        ("12 stone 5 in kg", "78.47148001"),
        ("10 километров в мили", "6.21371"),
    ],
)
def test_units_are_converted(question: str, value: str) -> None:
    answer = convert(question)
    assert answer is not None
    assert answer.value == value


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("5 ft 11 in cm", "5 feet 11 inches = 180.34 cm"),
        ("10 km in miles", "10 km ≈ 6.21371 miles"),
        ("a mile in feet", "1 mile = 5280 feet"),
        ("12 inches in feet", "12 inches = 1 foot"),
    ],
)
def test_the_answer_names_both_units(question: str, text: str) -> None:
    answer = convert(question)
    assert answer is not None
    assert answer.text == text


@pytest.mark.parametrize(
    "text",
    [
        "", "hello in there", "10 km", "5 in the morning", "10 apples in oranges", "a in b",
        "remind me in 10 minutes", "meet in 2 hours to talk", "20 minutes to go", "from 5 to 7",
        "in in in", "what is love in german", "what time is it in tokyo", "5 min to", "x" * 5000,
        "summarize the text in english", "10 € in my pocket", "how many days until christmas",
    ],
)  # fmt: skip
def test_what_asks_for_no_conversion_is_left_alone(text: str) -> None:
    assert convert(text) is None


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("10 km in kg", "km is a length and kg is a mass"),
        ("-300 C in F", "absolute zero"),
        ("0 mpg in l/100km", "Zero"),
    ],
)
def test_what_cannot_be_converted_says_why(question: str, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words) as raised:
        convert(question)
    assert raised.value.hint


@pytest.mark.parametrize(
    "question",
    ["10 dollars in euros", "$10 in EUR", "10 EUR to USD", "5 pounds in dollars", "100 CHF in yen"],
)
def test_a_currency_needs_the_network_and_says_so(question: str) -> None:
    with pytest.raises(Unavailable, match="network"):
        convert(question)


def test_pounds_are_a_mass_when_the_goal_is_one() -> None:
    answer = convert("5 pounds in kg")
    assert answer is not None
    assert answer.value == "2.26796185"


@given(
    st.integers(1, 10**6),
    st.sampled_from([("m", "km"), ("feet", "inches"), ("hours", "s"), ("GiB", "MiB"), ("kg", "g")]),
)
def test_there_and_back_is_the_same(number: int, pair: tuple[str, str]) -> None:
    there = convert(f"{number} {pair[0]} to {pair[1]}")
    assert there is not None
    back = convert(f"{there.value} {pair[1]} to {pair[0]}")
    assert back is not None
    assert Fraction(back.value) == number


@given(st.text(max_size=80))
def test_any_text_is_safe(text: str) -> None:
    with contextlib.suppress(NotUnderstood, Unavailable):
        convert(f"{text} in km")
        convert(f"5 {text} to {text}")
