"""What the documents show works as it stands there."""

import re
from pathlib import Path
from typing import Any

from loom_desktop import Agent

DOCS = Path(__file__).parent.parent / "docs"


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)


async def test_the_agent_and_its_test_of_write_an_agent(tmp_path: Path) -> None:
    file, test = blocks("write-an-agent.md")
    made: dict[str, Any] = {"__name__": "shelf"}
    exec(compile(file, "shelf.py", "exec"), made)
    assert isinstance(made["agent"], Agent)
    written: dict[str, Any] = {"__name__": "test_shelf"}
    exec(compile(test, "test_shelf.py", "exec"), written)
    await written["test_it"](tmp_path)
