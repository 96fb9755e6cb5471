import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.cli import talk
from loom_desktop.door import client
from loom_desktop.door.lock import take
from loom_desktop.errors import Denied, LoomError, TimedOut, Unavailable, UsageError
from loom_desktop.paths import paths
from tests.loom_desktop.cli.conftest import Done, application

Run = Callable[..., Done]


@given(st.text())
def test_what_is_cleaned_has_no_character_that_does_something(text: str) -> None:
    cleaned = talk.clean(text)
    assert all(c in "\n\t" or c.isprintable() for c in cleaned)
    assert not {"\x1b", "\u202e", "\u202d", "\x9b"} & set(cleaned)
    if text.isprintable() and not {"\u202e", "\u202d"} & set(text):
        assert cleaned == text


@given(st.text(alphabet=st.characters()), st.sampled_from(["ascii", "latin-1", "utf-8"]))
def test_json_is_exact_in_every_encoding(text: str, encoding: str) -> None:
    raw = io.BytesIO()
    shown = io.TextIOWrapper(raw, encoding=encoding)
    before, sys.stdout = sys.stdout, shown
    try:
        talk.out_json({"text": text, "half": "\udcff", "mark": "\u202e"})
    finally:
        sys.stdout = before
    shown.flush()
    line = raw.getvalue().decode(encoding)
    assert json.loads(line) == {"text": text, "half": "\udcff", "mark": "\u202e"}
    assert line[:-1].isprintable()


@pytest.mark.parametrize(
    ("code", "kind"),
    [("DENIED", Denied), ("INVALID_PARAMS", UsageError), ("PROVIDER_UNAVAILABLE", Unavailable),
     ("ACTION_TIMEOUT", TimedOut), ("UNKNOWN", LoomError), ("", LoomError)],
)  # fmt: skip
def test_an_error_of_the_application_is_the_same_here(
    monkeypatch: pytest.MonkeyPatch, home: Path, code: str, kind: type[LoomError]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise client.Failed("No.", "Ask.", code)

    monkeypatch.setattr(client, "call", fail)
    with pytest.raises(kind, match=r"No\.") as error:
        talk.call("status")
    assert error.value.hint == "Ask."
    assert not (home / "data").exists(), "it was not done again here"


def test_whether_it_runs(home: Path) -> None:
    assert not talk.running()
    with application(home):
        assert talk.running()


def test_another_command_is_waited_for(home: Path) -> None:
    lock = take(home / "loom.lock")
    assert lock is not None
    threading.Timer(0.3, lock.release).start()
    assert talk.call("secrets") == []


def test_whoever_does_not_end_is_waited_for_only_so_long(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "_PATIENCE_S", 0.1)
    lock = take(home / "loom.lock")
    assert lock is not None
    with pytest.raises(Unavailable, match="Another Loom"):
        talk.call("secrets")
    with pytest.raises(Unavailable, match="Another Loom"):
        list(talk.events("ask", text="2 + 2"))
    lock.release()


def test_an_application_that_is_just_starting_is_asked_when_it_is_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = take(home / "loom.lock")
    assert lock is not None
    tries = []

    def later(verb: str, *_: object, **__: object) -> str:
        tries.append(verb)
        if len(tries) < 3:
            raise client.NotRunning("not yet")
        return "from the application"

    monkeypatch.setattr(client, "call", later)
    assert talk.call("status") == "from the application"
    lock.release()


def test_what_was_left_unread_of_an_answer_is_cancelled(home: Path) -> None:
    steps = talk.events("ask", text="2 + 2")
    next(steps)
    steps.close()
    again = take(home / "loom.lock")
    assert again is not None, "nothing of it is left"
    again.release()


def test_talking_to_the_application_imports_no_engine(home: Path) -> None:
    code = (
        "import sys; from loom_desktop.door.client import show; show('popup');"
        "print([m for m in sys.modules if m.startswith('loom_desktop')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loom_desktop.loom" not in done.stdout
    assert "loom_desktop.store" not in done.stdout


def lose_the_key(home: Path) -> None:
    (key,) = home.rglob("store.key")
    key.unlink()


def age(home: Path) -> None:
    """A newer version of Loom was here."""
    import apsw

    connection = apsw.Connection(str(paths().database))
    connection.pragma("user_version", 99)
    connection.close()


@pytest.mark.parametrize(
    ("encrypted", "harm", "words"),
    [("true", lose_the_key, "key"), ("false", age, "newer version of Loom")],
)
def test_what_cannot_be_read_is_not_called_empty(
    loom: Run, home: Path, encrypted: str, harm: Callable[[Path], None], words: str
) -> None:
    (home / "loom.toml").write_text(f"[store]\nencrypted = {encrypted}\n")
    assert loom("inbox").out == "The inbox is empty.\n"
    harm(home)
    for command in ("inbox", "replay", "dead", "restore --list", "reminders"):
        done = loom(*command.split())
        assert (done.code, done.out) == (1, ""), command
        assert words in done.err
        assert done.err.endswith("cannot be read just now.\nSee: loom doctor\n")
    assert "4" in loom("ask", "2 + 2").out, "what needs nothing of it still works"


def test_what_a_loom_of_a_moment_finds_damaged_is_told(loom: Run, home: Path) -> None:
    assert loom("inbox").code == 0
    paths().database.write_bytes(b"no store" * 1_024)
    done = loom("inbox")
    assert (done.code, done.out) == (0, "The inbox is empty.\n")
    assert done.err.startswith("Loom's data was damaged. There was no copy"), "it is empty now"
    assert "some entries could not be read." in done.err
