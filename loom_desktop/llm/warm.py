"""Has a model loaded before it is asked: Ollama alone knows how to be told, so no other is.

Only on this computer: a server elsewhere would learn that somebody is about to ask.
"""

from __future__ import annotations

import re

import msgspec

from loom_desktop.errors import LoomError
from loom_desktop.llm import Facts
from loom_desktop.llm.endpoint import endpoint
from loom_desktop.net import Net

_LOOK_S = 2.0
_LOAD_S = 120.0


class Warmth:
    """Keeps models of Ollama in memory."""

    def __init__(self, net: Net, *, keep_alive_s: float) -> None:
        self._net, self._keep_alive_s = net, keep_alive_s
        self._ollama: dict[str, bool] = {}

    async def warm(self, facts: Facts) -> bool:
        """Have it loaded and kept; returns when it is there. Whether it was done; never raises
        LoomError, because nobody waits for it."""
        if not facts.local or not facts.api_base or not facts.model:
            return False
        where = endpoint(facts.api_base, f"llm.{facts.name}")
        if not where.local:
            return False
        root = re.match(r"\w+://[^/]+", where.base)
        assert root, "an endpoint has one"
        try:
            if not await self._is_ollama(root[0], where.at, where.called):
                return False
            body = {"model": facts.model, "keep_alive": f"{self._keep_alive_s:.0f}s"}
            async with self._net.stream(
                "POST",
                f"{root[0]}/api/generate",
                json=body,
                purpose="warm-up",
                timeout_s=_LOAD_S,
                idle_timeout_s=_LOAD_S,
                allow_local=True,
                called=where.called,
            ) as response:
                await response.read(100_000)
                return response.status == 200
        except LoomError:
            return False

    async def _is_ollama(self, root: str, at: str, called: str) -> bool:
        """It says its version where no other server has anything; asked once."""
        if at not in self._ollama:
            async with self._net.stream(
                "GET",
                f"{root}/api/version",
                purpose="models",
                timeout_s=_LOOK_S,
                idle_timeout_s=_LOOK_S,
                allow_local=True,
                called=called,
            ) as response:
                said = await response.read(10_000) if response.status == 200 else b""
            try:
                found = msgspec.json.decode(said or b"null")
            except (msgspec.DecodeError, RecursionError):
                found = None
            self._ollama[at] = isinstance(found, dict) and isinstance(found.get("version"), str)
        return self._ollama[at]
