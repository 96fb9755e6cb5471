import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.door import client


@contextmanager
def listening(at: Path, answer: Callable[[bytes], bytes | None]) -> Iterator[list[bytes]]:
    """A socket that takes one line and sends what ``answer`` says of it; None: nothing."""
    got: list[bytes] = []
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(at))
    server.listen()
    over = threading.Event()

    def serve() -> None:
        try:
            link, _ = server.accept()
        except OSError:
            return
        with link, link.makefile("rb") as lines:
            got.append(lines.readline())
            said = answer(got[-1])
            if said is None:
                over.wait(10)
            else:
                link.sendall(said)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield got
    finally:
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


def ok(value: object) -> bytes:
    return json.dumps({"ok": True, "value": value}).encode() + b"\n"


def test_one_line_out_and_one_line_back(tmp_path: Path) -> None:
    with listening(tmp_path / "s", lambda line: ok({"n": 1})) as got:
        assert client.call("status", {"a": "ü\n"}, at=tmp_path / "s") == {"n": 1}
    assert json.loads(got[0]) == {
        "v": 1, "verb": "status", "arguments": {"a": "ü\n"}, "stream": False,
    }  # fmt: skip


def test_a_name_that_is_not_text_survives(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.pdf")
    with listening(tmp_path / "s", lambda line: ok(json.loads(line)["arguments"])) as got:
        assert client.call("organize", {"paths": [name]}, at=tmp_path / "s") == {"paths": [name]}
    assert len(got) == 1


def test_events_come_before_the_end(tmp_path: Path) -> None:
    lines = b'{"event": {"topic": "a"}}\n{"event": {"topic": "b"}}\n' + ok(None)
    with listening(tmp_path / "s", lambda line: lines) as got:
        events = list(client.stream("ask", {"text": "x"}, at=tmp_path / "s"))
    assert events == [{"topic": "a"}, {"topic": "b"}]
    assert json.loads(got[0])["stream"] is True


def test_an_error_is_told_as_it_was(tmp_path: Path) -> None:
    said = b'{"ok": false, "error": {"message": "No.", "hint": "Ask.", "code": "DENIED"}}\n'
    with listening(tmp_path / "s", lambda line: said), pytest.raises(client.Failed) as error:
        client.call("undo", {}, at=tmp_path / "s")
    assert (error.value.message, error.value.hint, error.value.code) == ("No.", "Ask.", "DENIED")


@pytest.mark.parametrize(
    "said", [b"", b'{"ok": tr', b"garbage\n", b"[1, 2]\n", b"\xff\xfe\n"], ids=repr
)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_was_asked_and_not_answered_is_never_not_running(
    tmp_path: Path, said: bytes, streamed: bool
) -> None:
    """Whoever hears "not running" does it again elsewhere, and it may have been done."""
    asking = (lambda *a, **k: list(client.stream(*a, **k))) if streamed else client.call
    with (
        listening(tmp_path / "s", lambda line: said),
        pytest.raises(client.Failed, match="ended before it answered") as error,
    ):
        asking("ask", {"text": "x"}, at=tmp_path / "s")
    assert error.value.code == "UNKNOWN"


def test_an_answer_that_does_not_come_is_a_timeout(tmp_path: Path) -> None:
    with (
        listening(tmp_path / "s", lambda line: None),
        pytest.raises(client.Failed, match=r"within 0.05 s") as error,
    ):
        client.call("status", {}, at=tmp_path / "s", timeout_s=0.05)
    assert error.value.code == "ACTION_TIMEOUT"


@pytest.mark.parametrize("what", ["nothing", "file", "dead", "long"])
def test_nobody_there_is_not_running(tmp_path: Path, what: str) -> None:
    at = tmp_path / "s"
    if what == "file":
        at.write_text("no socket")
    elif what == "dead":  # left by a process that was killed
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.bind(str(at))
        link.close()
    elif what == "long":
        at = tmp_path / ("x" * 100) / ("y" * 100)
    with pytest.raises(client.NotRunning):
        client.call("status", {}, at=at)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a socket away")
def test_somebody_elses_socket_is_not_spoken_to(tmp_path: Path) -> None:
    with listening(tmp_path / "s", lambda line: ok(1)) as got:
        os.chown(tmp_path / "s", 65_534, 65_534)
        with pytest.raises(client.NotRunning, match="not the socket of your application"):
            client.call("status", {}, at=tmp_path / "s")
    assert not got


def test_the_address_is_where_the_application_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loom_desktop.paths import paths

    monkeypatch.setenv("LOOM_HOME", str(tmp_path / "a"))
    assert client.address() == str(paths().socket)
    monkeypatch.delenv("LOOM_HOME")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert client.address() == str(paths().socket)
    assert paths().socket == tmp_path / "loom/loom.sock"


def test_showing_a_window_says_whether_there_was_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOM_HOME", str(tmp_path))
    assert client.show("popup") is None
    with listening(tmp_path / "loom.sock", lambda line: ok({})):
        assert client.show("popup") == 0
    (tmp_path / "loom.sock").unlink()
    heard: list[Any] = []

    def hear(line: bytes) -> bytes:
        heard.append(json.loads(line)["arguments"])
        return ok({})

    with listening(tmp_path / "loom.sock", hear):
        client.show("popup", toggle=True)
    assert heard == [{"window": "popup", "toggle": True}]
    (tmp_path / "loom.sock").unlink()
    said = b'{"ok": false, "error": {"message": "No window.", "hint": "", "code": ""}}\n'
    with listening(tmp_path / "loom.sock", lambda line: said):
        assert client.show("popup") == 1
    assert capsys.readouterr().err == "No window.\n"
