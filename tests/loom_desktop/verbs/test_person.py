from pathlib import Path

import pytest

from loom_desktop.errors import NotFound, Unavailable
from loom_desktop.testing import loom_for_tests
from loom_desktop.verbs.person import existing, tool


async def test_a_capability_acts_in_the_name_of_the_person(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        made = await tool(loom, "notes.add", text="the key is under the mat")
        assert made
        assert loom.bus.published
        with pytest.raises(Unavailable, match="no reminder 9"):
            await tool(loom, "reminders.done", reminder=9)


def test_a_file_is_named_in_full_or_it_is_said_that_it_is_not_there(tmp_path: Path) -> None:
    there = tmp_path / "a.txt"
    there.write_text("a")
    assert existing(str(there)) == str(there)
    with pytest.raises(NotFound, match="is not there"):
        existing(str(tmp_path / "b.txt"))
