"""Where a model server lives: what a person calls it, and whether what is said to it stays here."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

import msgspec

from loom_desktop.errors import SettingsError
from loom_desktop.net import is_loopback, is_public

USUAL_PORTS = {11434: "Ollama", 1234: "LM Studio", 8080: "llama.cpp"}
"""Where the known model servers listen on this computer when nobody said otherwise."""
_HOME = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localhost")


_PASSED_ON = re.compile(r"[:-]cloud$")


def passes_on(model: str) -> bool:
    """Whether a server on this computer (Ollama) passes what is said to this model on to others."""
    return _PASSED_ON.search(model.strip().casefold()) is not None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An ``api_base``, read once."""

    base: str
    """Without a slash at the end; paths are put behind it."""
    host: str
    port: int
    secure: bool

    @property
    def at(self) -> str:
        """``host:port``, as ``Net`` wants it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local(self) -> bool:
        """On this computer: what is said to it does not leave."""
        return is_loopback(self.host)

    @property
    def near(self) -> bool:
        """On this computer or in the home network, going by how it is written.

        These are what the person may open for ``Net`` by naming them; a public name may not lead
        inside, whoever answers for it.
        """
        if self.local or "." not in self.host.strip("."):
            return True
        try:
            return not is_public(str(ipaddress.ip_address(self.host)))
        except ValueError:
            return self.host.rstrip(".").endswith(_HOME)

    @property
    def called(self) -> str:
        """``Ollama`` when it is the usual port of this computer, else empty."""
        return USUAL_PORTS.get(self.port, "") if self.local else ""

    @property
    def words(self) -> str:
        """For a sentence: ``Ollama at 127.0.0.1:11434``, ``api.deepseek.com``."""
        if self.called:
            return f"{self.called} at {self.at}"
        return self.at if self.near else self.host


def endpoint(api_base: str, setting: str, *, path: str = "/v1") -> Endpoint:
    """Read an ``api_base``; without a path it gets this one. Raises SettingsError that names
    ``setting`` when it is no address."""
    text = api_base.strip().rstrip("/")
    for end in ("/chat/completions", "/messages"):
        text = text.removesuffix(end).rstrip("/")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    strange = not host or re.search(r"[^\w.:-]", host) or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not host or strange:
        raise SettingsError(
            f"[{setting}] api_base: {api_base!r} is not the address of a model server.",
            hint='Write it like "http://127.0.0.1:11434/v1" or "https://api.deepseek.com/v1".',
        )
    if parts.username is not None or parts.password is not None:
        raise SettingsError(
            f"[{setting}] api_base holds a user name or password.",
            hint="Take out what stands before the @ and use api_key.",
        )
    secure = parts.scheme == "https"
    return Endpoint(
        base=text if parts.path else f"{text}{path}",  # what every one of them means
        host=host.lower(),
        port=port or (443 if secure else 80),
        secure=secure,
    )
