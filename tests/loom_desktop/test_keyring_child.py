"""The program that asks the keyring: one question, one answer, whatever the keyring does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.loom_desktop.store.fake_keyring import FILE, FakeKeyring, Ring

ROOT = Path(__file__).resolve().parents[2]
FAKE = f"{FakeKeyring.__module__}.{FakeKeyring.__name__}"


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path / "kept.json")


def asked(question: object, ring: Ring | None, backend: str = FAKE) -> list[dict[str, Any]]:
    """The lines that it says."""
    done = subprocess.run(
        [sys.executable, "-m", "loom_desktop", "keyring-child"],
        # as the engine writes it: UTF-8, whatever the locale of the program is
        input=question if isinstance(question, bytes) else msgspec.json.encode(question) + b"\n",
        env={
            **os.environ,
            "PYTHON_KEYRING_BACKEND": backend,
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "latin-1",
            FILE: str(ring.path) if ring else "",
        },
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def value(ring: Ring, do: str, value: str = "") -> str | None:
    question = {"do": do, "service": "loom", "name": "key", "value": value}
    loaded, answer = asked(question, ring)
    assert loaded == {"loaded": True}
    found: str | None = answer["value"]
    return found


def test_it_keeps_gives_and_deletes(ring: Ring) -> None:
    assert value(ring, "get") is None
    assert value(ring, "delete") is None
    assert value(ring, "first", "one") == "one"
    assert value(ring, "first", "two") == "one", "what is there stays"
    assert value(ring, "keep", 'ü"\n') == 'ü"\n'
    assert value(ring, "get") == 'ü"\n'
    assert value(ring, "delete") == 'ü"\n'
    assert ring.kept == {}


def test_what_a_keyring_did_not_keep_is_not_said_to_be_kept(ring: Ring) -> None:
    ring.set(forgets=True)
    assert value(ring, "keep", "one") is None


def test_what_a_keyring_raises_is_an_answer_without_its_words(ring: Ring) -> None:
    ring.set(refuses=True)
    question = {"do": "get", "service": "loom", "name": "key", "value": ""}
    assert asked(question, ring)[1] == {"error": "refused", "what": "RuntimeError"}


@pytest.mark.parametrize("question", [b"", b"{", b"[]\n", b'{"do": "get"}\n', b"\xff\n"])
def test_a_question_that_is_none_is_refused(ring: Ring, question: bytes) -> None:
    assert asked(question, ring)[1]["error"] == "refused"


@pytest.mark.parametrize(
    ("backend", "error"),
    [
        ("keyring.backends.fail.Keyring", "none"),
        ("keyring.backends.null.Keyring", "none"),
        ("no.such.Keyring", "refused"),
    ],
)
def test_without_a_keyring_that_keeps_secrets_nothing_is_asked(backend: str, error: str) -> None:
    _, answer = asked({}, None, backend)
    assert answer["error"] == error
