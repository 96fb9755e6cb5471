from __future__ import annotations

import pytest

from loom_desktop.errors import SettingsError
from loom_desktop.llm.endpoint import endpoint


@pytest.mark.parametrize(
    ("text", "base", "at", "kind", "words"),
    [
        ("http://127.0.0.1:11434/v1", "", "127.0.0.1:11434", "here", "Ollama at 127.0.0.1:11434"),
        ("http://localhost:1234/v1/", "", "localhost:1234", "here", "LM Studio at localhost:1234"),
        ("http://[::1]:8080", "/v1", "[::1]:8080", "here", "llama.cpp at [::1]:8080"),
        ("http://127.0.0.1:9999/v1", "", "127.0.0.1:9999", "here", "127.0.0.1:9999"),
        ("http://192.168.1.5:11434/v1", "", "192.168.1.5:11434", "near", "192.168.1.5:11434"),
        ("http://box.lan:8000/v1", "", "box.lan:8000", "near", "box.lan:8000"),
        ("http://box:8000", "/v1", "box:8000", "near", "box:8000"),
        ("https://api.deepseek.com", "/v1", "api.deepseek.com:443", "far", "api.deepseek.com"),
        ("https://EXAMPLE.org/v1/chat/completions", "", "example.org:443", "far", "example.org"),
        ("http://8.8.8.8/v1", "", "8.8.8.8:80", "far", "8.8.8.8"),
        ("https://127.0.0.1.nip.io/v1", "", "127.0.0.1.nip.io:443", "far", "127.0.0.1.nip.io"),
    ],
)
def test_an_address_is_read_once(text: str, base: str, at: str, kind: str, words: str) -> None:
    read = endpoint(text, "llm.x")
    assert read.base == text.rstrip("/").removesuffix("/chat/completions") + base
    assert (read.at, read.words) == (at, words)
    assert (read.local, read.near) == (kind == "here", kind in ("here", "near"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:11434",
        "ftp://x/v1",
        "http://",
        "http://[::1/v1",
        "http://u:p@x/v1",
        "http://x:99999/v1",
        "http://x/v1?key=1",
        "http://exa mple/v1",
        "http://x%20y/v1",
        "http://x/v1#f",
    ],
)
def test_what_is_no_address_is_refused_with_its_setting(text: str) -> None:
    with pytest.raises(SettingsError, match=r"\[llm\.x\] api_base") as caught:
        endpoint(text, "llm.x")
    assert caught.value.hint
