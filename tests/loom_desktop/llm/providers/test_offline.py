from __future__ import annotations

from loom_desktop.llm import Finish, Message, Text
from loom_desktop.llm.providers.offline import CAN_DO, Offline


async def test_it_says_what_can_be_done_without_a_model() -> None:
    pieces = [one async for one in Offline().stream([Message("user", "who are you?")])]
    assert pieces[0] == Text(CAN_DO)
    assert pieces[-1] == Finish("stop")
    for skill in ("Summarise", "Remind", "Calculate", "Notes", "Tidy up"):
        assert skill in CAN_DO


async def test_it_is_local_and_has_no_models() -> None:
    assert Offline().facts.local
    assert await Offline().models() == []
