"""The fake server by itself, as the journeys start it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.fake_model_server import ANSWER, tokens

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def started(*arguments: str) -> Iterator[str]:
    """Its address; it is ended afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_model_server", "--port", "0", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def asked(url: str, body: object = None) -> bytes:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
        found: bytes = answer.read()
        return found


def test_it_prints_its_port_and_streams_its_answer_token_by_token(tmp_path: Path) -> None:
    text = tmp_path / "answer.md"
    text.write_text("# Überschrift\n\n- eins\n", encoding="utf-8")
    with started("--delay-ms", "1", "--answer", str(text), "--model", "mine") as url:
        assert b'"mine"' in asked(f"{url}/v1/models")
        assert b'"mine"' in asked(f"{url}/api/tags")
        sent = asked(f"{url}/v1/chat/completions", {"stream": True, "messages": []})
    events = [line[6:] for line in sent.decode().split("\n\n") if line]
    assert events.pop() == "[DONE]"
    pieces = [c["delta"].get("content", "") for e in events for c in json.loads(e)["choices"]]
    assert "".join(pieces) == text.read_text(encoding="utf-8")
    assert len(pieces) > 5


@given(st.text() | st.just(ANSWER))
def test_the_tokens_of_a_text_are_that_text(text: str) -> None:
    assert "".join(tokens(text)) == text
