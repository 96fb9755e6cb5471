"""No model at all: says what Loom can do without one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from loom_desktop.llm import Asker, Delta, Facts, Finish, Message, Text, Tool, Usage
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.keys import Secrets

CAN_DO = """\
There is no language model at hand, so I cannot answer this freely. I can do this without one:

- **Summarise** a text or a document: copy it, or drop it here, and ask for a summary
- **Remind** you: *remind me tomorrow at 8:30 to call Anna*
- **Calculate and convert**: *12% of 840*, *5 miles in km*, *days until 24 December*
- **Notes**: *note: the spare key is with Tom*, *find notes about key*
- **Tidy up files**: *organise my downloads*

For free conversation, start Ollama, LM Studio or llama.cpp on this computer, or connect a model \
in Settings.
"""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """[llm.NAME]"""

    kind: str = "offline"
    """No model."""


class Offline:
    """Always there, always local, knows nothing."""

    def __init__(
        self,
        name: str = "offline",
        settings: Settings = Settings(),  # noqa: B008 - frozen
        attempts: Attempts | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self._name = name

    @property
    def facts(self) -> Facts:
        """Nothing leaves."""
        return Facts(name=self._name, kind="offline", model="skill", local=True)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: dict[str, Any] | None = None,
        asker: Asker = Asker(),  # noqa: B008 - frozen
    ) -> AsyncGenerator[Delta, None]:
        """The same text for every question."""
        yield Text(CAN_DO)
        yield Usage(0, 0)
        yield Finish("stop")

    async def models(self) -> list[str]:
        """None."""
        return []


provider = Offline
