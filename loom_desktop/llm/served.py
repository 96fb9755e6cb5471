"""A model behind an endpoint: everything that the wire formats have in common.

A provider is this class with a format: how a question is written, and who reads the answer. Where
the key comes from, what may be asked again and what a person is told are the same for all.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, ClassVar

import msgspec

from loom_desktop.llm import Asker, Delta, Facts, Message, Tool
from loom_desktop.llm.attempts import Ask, Attempts, Reader
from loom_desktop.llm.endpoint import endpoint, passes_on
from loom_desktop.llm.keys import Secrets, check, resolve
from loom_desktop.llm.refusals import Failed

ELSEWHERE = 100_000
"""Tokens that a model of a provider can read when nobody says how many: all of today's do."""
_MODELS_S = 3.0
_MOST_MODELS = 500


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What ``[llm.NAME]`` says in every format."""

    kind: str
    """The wire format."""
    api_base: str
    """Address of the server."""
    model: str = ""
    """Name of the model as the server knows it."""
    api_key: str = ""
    """Where the key is: keyring:NAME, env:NAME or cmd:PROGRAM. Never the key itself."""
    temperature: float | None = None
    """How free the wording is, 0 to 2. Not set: as the server likes it."""
    max_tokens: int | None = None
    """The longest answer. Not set: as the server likes it."""
    context: int = 0
    """How many tokens the model can read. Not set: 8,192 here, 100,000 elsewhere."""
    timeout_s: float = 60.0
    """How long to wait for the first word."""
    timeout_sec: float | None = None
    """The same, by its older name."""
    images: bool | None = None
    """Whether it reads images. Not set: it is tried."""
    tools: bool | None = None
    """Whether it uses tools. Not set: it is tried."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, before it is written in any format."""

    messages: Sequence[Message]
    tools: Sequence[Tool] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    schema: dict[str, Any] | None = None
    """JSON schema that the answer must follow; then the text is JSON."""


class Served:
    """One model behind one endpoint. A wire format fills in what is marked as its own."""

    kind: ClassVar[str]
    default_path: ClassVar[str] = "/v1"
    """What an ``api_base`` without a path means."""

    def __init__(
        self, name: str, settings: Connection, attempts: Attempts, secrets: Secrets
    ) -> None:
        """Nothing is connected and no key is looked up yet. Raises SettingsError."""
        where = endpoint(settings.api_base, f"llm.{name}", path=self.default_path)
        check(settings.api_key, f"llm.{name}")
        if where.near:
            attempts.net.allow_local(where.at)
        self.where = where
        self.settings = settings
        self._attempts, self._secrets = attempts, secrets
        self._facts = Facts(
            name=name,
            kind=self.kind,
            model=settings.model,
            endpoint=where.at,
            api_base=where.base,
            local=where.local and not passes_on(settings.model),
            context=settings.context or (0 if where.local else ELSEWHERE),
            images=settings.images,
            tools=settings.tools,
        )

    @property
    def facts(self) -> Facts:
        """Known without asking anybody."""
        return self._facts

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
        """The answer as it comes; see ``loom_desktop.llm.Provider``."""
        url, set_ = self.url(), self.settings
        self._attempts.net.check(url, allow_local=True)  # before a key is even looked up
        secret = await self._secret()
        body = self.body(
            Question(
                messages=messages,
                tools=tools,
                max_tokens=set_.max_tokens if max_tokens is None else max_tokens,
                temperature=set_.temperature if temperature is None else temperature,
                schema=schema,
            )
        )
        ask = Ask(
            facts=self._facts,
            where=self.where,
            url=url,
            headers={"accept": "text/event-stream, application/json"} | self.headers(secret),
            body=body,
            reader=self.reader,
            timeout_s=set_.timeout_sec or set_.timeout_s,
            asker=asker,
            secret=secret,
            key=set_.api_key,
            amend=self.amended,
            probe=self.probe(body),
            models=self.models,
        )
        async with aclosing(self._attempts.stream(ask)) as pieces:
            async for piece in pieces:
                yield piece

    async def models(self) -> list[str]:
        """The models that the server lists, in its order. Raises what ``stream`` raises."""
        async with self._attempts.net.stream(
            "GET",
            f"{self.where.base}/models",
            headers=self.headers(await self._secret()),
            purpose="models",
            timeout_s=_MODELS_S,
            idle_timeout_s=_MODELS_S,
            allow_local=True,
            called=self.where.called,
        ) as response:
            if response.status != 200:
                return []
            try:
                found = msgspec.json.decode(await response.read())
            except (msgspec.DecodeError, RecursionError):
                return []
        return [name for name in self.listed(found) if name][:_MOST_MODELS]

    async def _secret(self) -> str:
        return await resolve(self.settings.api_key, f"llm.{self._facts.name}", self._secrets)

    # ------------------------------------------------------------------ of the format

    def url(self) -> str:
        """Where a question goes."""
        raise NotImplementedError

    def headers(self, secret: str) -> dict[str, str]:
        """With the key, when there is one."""
        raise NotImplementedError

    def body(self, question: Question) -> dict[str, Any]:
        """The question, to be answered in a stream."""
        raise NotImplementedError

    def reader(self) -> Reader:
        """Reads one answer."""
        raise NotImplementedError

    def probe(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The body to ask with, not streamed, why a stream was empty; None: there is none."""
        return None

    def amended(self, body: dict[str, Any], failed: Failed) -> dict[str, Any] | None:
        """A body that the server may like better after it refused this one, or None."""
        return None

    def listed(self, found: Any) -> list[str]:
        """The names in an answer to ``GET /models``; whatever has another shape is left out."""
        return names(found, "data", "id")


def names(found: Any, entries: str, key: str) -> list[str]:
    """The texts under ``key`` in the list under ``entries``."""
    listed = found.get(entries) if isinstance(found, dict) else None
    there = (
        [one.get(key) for one in listed if isinstance(one, dict)]
        if isinstance(listed, list)
        else []
    )
    return [one for one in there if isinstance(one, str)]
