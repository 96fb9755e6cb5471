from pathlib import Path

import pytest

from loom_desktop.testing import loom_for_tests
from tests.loom_desktop.capabilities.conftest import Call


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("evaluate", "15% of 240", "36"),
        ("evaluate", "2 + 2 * 3", "8"),
        ("convert", "10 km in miles", "6.2"),
        ("convert", "72 F to C", "22.2"),
        ("date", "days until 1 May", "162"),
    ],
)
async def test_it_is_exact_and_says_it_in_words(
    tmp_path: Path, call: Call, name: str, text: str, said: str
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        done = await call(loom, f"calculate.{name}", text=text)
        assert done.ok, done
        assert said in done.value["text"]
        assert done.value["value"]


@pytest.mark.parametrize("name", ["evaluate", "convert", "date"])
@pytest.mark.parametrize("text", ["", "hello there", "1 / 0", "9**9**9**9", "x" * 100_000])
async def test_what_it_cannot_do_is_told(tmp_path: Path, call: Call, name: str, text: str) -> None:
    async with loom_for_tests(tmp_path) as loom:
        done = await call(loom, f"calculate.{name}", text=text)
        assert not done.ok
        assert done.code == "INVALID_PARAMS"
        assert "Error" not in done.message
