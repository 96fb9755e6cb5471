"""Finds a model server on this computer by itself: Ollama, LM Studio, llama.cpp.

A look at three ports of the loopback; only where something listens is anything asked. What is found
is remembered, and looked for again at most every half minute, when somebody asks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from loom_desktop import clock as clocks
from loom_desktop.clock import Clock
from loom_desktop.errors import LoomError
from loom_desktop.llm.endpoint import USUAL_PORTS, passes_on
from loom_desktop.net import Net

LOOK_S = 0.3
AGAIN_S = 30.0
_MOST_BYTES = 2_000_000
_MOST_MODELS = 200
_NO_CHAT = re.compile(
    r"embed|rerank|(^|[/_-])(bge|e5|gte|minilm|clip|whisper|tts|siglip|colbert)([._:-]|$)", re.I
)
_NO_CHAT_FAMILIES = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "clip", "xlm-roberta"})


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A model server on this computer."""

    called: str
    """``Ollama`` ..."""
    api_base: str
    models: tuple[str, ...]
    """The models to talk with, the server's first choice first. May be empty."""

    @property
    def name(self) -> str:
        """As a table of loom.toml could be called: ``ollama``, ``lm-studio``."""
        return self.called.lower().replace(" ", "-").replace(".", "-")


class Discovery:
    """Looks for model servers on the loopback of this computer."""

    def __init__(
        self,
        net: Net,
        *,
        ports: Mapping[int, str] | None = None,
        clock: Clock = clocks.monotonic,
        look_s: float = LOOK_S,
    ) -> None:
        """``ports`` says who is expected where; in that order the found ones are preferred."""
        self._net = net
        self._ports = dict(USUAL_PORTS if ports is None else ports)
        self._clock = clock
        self._look_s = look_s
        self._found: tuple[Found, ...] = ()
        self._looked: float | None = None
        self._looking = asyncio.Lock()
        for port in self._ports:
            net.allow_local(f"127.0.0.1:{port}")

    async def find(self) -> tuple[Found, ...]:
        """The servers that answer now, or answered within the last half minute. Never raises."""
        async with self._looking:  # who asks meanwhile gets the same answer
            if self._looked is None or self._clock() - self._looked >= AGAIN_S:
                looks = (self._look(port, called) for port, called in self._ports.items())
                self._found = tuple(one for one in await asyncio.gather(*looks) if one)
                self._looked = self._clock()
            return self._found

    def forget(self) -> None:
        """Look again when asked next: what was found does not answer any more."""
        self._looked = None

    async def _look(self, port: int, called: str) -> Found | None:
        at = f"127.0.0.1:{port}"
        if not await self._net.listens(at, self._look_s):
            return None
        try:
            # the first time the HTTP library is loaded in there
            async with asyncio.timeout(self._look_s + 2.0):
                models = None
                if called == "Ollama":
                    models = _ollama(await self._get(f"http://{at}/api/tags", called))
                if models is None:
                    models = _openai(await self._get(f"http://{at}/v1/models", called))
        except (LoomError, TimeoutError):
            return None
        if models is None:  # something else lives there
            return None
        return Found(called=called, api_base=f"http://{at}/v1", models=models)

    async def _get(self, url: str, called: str) -> Any:
        async with self._net.stream(
            "GET",
            url,
            purpose="models",
            timeout_s=self._look_s + 1.0,
            idle_timeout_s=self._look_s,
            allow_local=True,
            called=called,
        ) as response:
            if response.status != 200:
                return None
            try:
                return msgspec.json.decode(await response.read(_MOST_BYTES))
            except (msgspec.DecodeError, RecursionError):
                return None


def _ollama(body: Any) -> tuple[str, ...] | None:
    """``/api/tags``: the newest first. Left out: models that only embed, and those elsewhere."""
    entries = body.get("models") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return None
    names = []
    for one in entries[:_MOST_MODELS]:
        name = one.get("model") or one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or one.get("remote_host") or one.get("remote_model"):
            continue
        details = one.get("details")
        family = details.get("family") if isinstance(details, dict) else None
        if talks(name) and family not in _NO_CHAT_FAMILIES:
            names.append(name)
    return tuple(names)


def _openai(body: Any) -> tuple[str, ...] | None:
    """``/v1/models``, as LM Studio and llama.cpp answer it."""
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return None
    names = [one.get("id") for one in entries[:_MOST_MODELS] if isinstance(one, dict)]
    return tuple(name for name in names if isinstance(name, str) and talks(name))


def talks(model: str) -> bool:
    """Whether a model of this name is one to talk with, here: no embedding, nothing elsewhere."""
    return bool(model) and not _NO_CHAT.search(model) and not passes_on(model)
