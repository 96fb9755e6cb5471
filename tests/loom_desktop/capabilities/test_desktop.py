from pathlib import Path

from loom_desktop.testing import answer_of, loom_for_tests
from tests.loom_desktop.capabilities.conftest import Call


async def test_help_says_what_can_be_done_and_its_chips_work(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        done = (await call(loom, "desktop.help")).value
        assert "Without any model" in done["text"]
        for chip in done["chips"]:
            assert chip["label"]
            if chip["ask"].endswith(" ") or "copied" in chip["ask"]:
                continue  # the person writes on; there is no clipboard here
            assert (await answer_of(loom, chip["ask"])).topic == "chat.answered"


async def test_thanks_are_answered(tmp_path: Path, call: Call) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert (await call(loom, "desktop.welcome")).value["text"] == "You are welcome."
        assert (await answer_of(loom, "thank you")).payload["text"] == "You are welcome."
