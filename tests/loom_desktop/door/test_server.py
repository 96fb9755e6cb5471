import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loom_desktop import Agent, Context, Event, Loom, Offer
from loom_desktop.door import client, server
from loom_desktop.door.server import Door
from loom_desktop.errors import Unavailable
from loom_desktop.event import QoS
from loom_desktop.settings import Assistant, Attention, Settings
from loom_desktop.testing import loom_for_tests, next_event

CAUSE = Event(topic="file.created", origin=frozenset({"file"}))


@asynccontextmanager
async def door(folder: Path, *agents: Agent, **more: Any) -> AsyncIterator[Loom]:
    async with loom_for_tests(folder, *agents, **more) as loom, Door(loom):
        yield loom


async def said(folder: Path, *lines: bytes) -> list[dict[str, Any]]:
    """What comes back for these lines, on one connection."""
    reader, writer = await asyncio.open_unix_connection(str(folder / "loom.sock"))
    try:
        answers = []
        async with asyncio.timeout(20):
            for line in lines:
                writer.write(line)
                await writer.drain()
                answers.append(json.loads(await reader.readline()))
        return answers
    finally:
        writer.close()
        await writer.wait_closed()


def request(verb: str, *, stream: bool = False, **arguments: Any) -> bytes:
    asked = {"v": 1, "verb": verb, "arguments": arguments, "stream": stream}
    return json.dumps(asked).encode() + b"\n"


async def test_a_client_asks_and_is_answered(tmp_path: Path) -> None:
    async with door(tmp_path):
        at = tmp_path / "loom.sock"
        status = await asyncio.to_thread(client.call, "status", {}, at=at)
        assert status["state"] == "idle"
        events = await asyncio.to_thread(
            lambda: list(client.stream("ask", {"text": "What is 15% of 240?"}, at=at))
        )
        assert events[-1]["topic"] == "chat.answered"
        assert "36" in events[-1]["payload"]["text"]
        assert int(events[-1]["trace"], 16)


async def test_the_socket_is_the_persons_alone(tmp_path: Path) -> None:
    async with door(tmp_path):
        assert (tmp_path / "loom.sock").stat().st_mode & 0o777 == 0o600
        assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "loom.sock").exists()


async def test_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with door(tmp_path):
        monkeypatch.setattr(server.os, "getuid", lambda: os.geteuid() + 1)  # type: ignore[attr-defined]
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "loom.sock"))
        writer.write(request("status"))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
async def test_another_user_cannot_even_connect(tmp_path: Path) -> None:
    code = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534);"
        "s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
        "try: s.connect(sys.argv[1])\n"
        "except OSError as error: print(type(error).__name__)\n"
        "else: print(s.recv(1))"
    )
    async with door(tmp_path):
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code, str(tmp_path / "loom.sock")],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    assert done.stdout.strip() in ("PermissionError", "b''")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"hello\n", "no request"),
        (b"\n", "no request"),
        (b"\xff\xfe\x00\n", "no request"),
        (b'{"verb": "\xff"}\n', "no request"),
        (b"[]\n", "no request"),
        (b"{}\n", "no request"),
        (b'{"verb": 5}\n', "no request"),
        (b'{"verb": "status", "arguments": []}\n', "no request"),
        (b'{"verb": "status", "more": 1}\n', "no request"),
        (b'{"v": 2, "verb": "status", "more": 1}\n', "version 1, not 2"),
        (b'{"v": "x", "verb": "status"}\n', "no request"),
        (b"[" * 100_000 + b"\n", "no request"),
        (request("no_such_verb"), "no_such_verb"),
        (request("status", more=1), "more"),
        (request("ask", text=5), "text"),
        (request("ask", text="x", files="a.pdf"), "files"),
        (request("why", card="1"), "card"),
        (request("__init__"), "__init__"),
        (request("status", stream=True), "status"),
        (request("answer", stream=True, card=1, action="x"), "answer"),
    ],
    ids=lambda one: repr(one)[:40],
)
async def test_what_is_no_request_is_told_and_the_next_one_is_answered(
    tmp_path: Path, line: bytes, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(tmp_path):
        refused, fine = await said(tmp_path, line, request("secrets"))
    assert refused["ok"] is False
    assert told in refused["error"]["message"]
    assert refused["error"]["code"] == "INVALID_PARAMS"
    assert fine["ok"] is True
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_a_line_that_is_too_long_is_told_and_costs_only_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MOST_BYTES", 10_000)
    async with door(tmp_path):
        (refused,) = await said(tmp_path, b"x" * 30_000 + b"\n")
        assert "too long" in refused["error"]["message"]
        (fine,) = await said(tmp_path, request("status"))
        assert fine["ok"] is True


async def test_a_million_characters_of_any_script_go_through_the_door(tmp_path: Path) -> None:
    async with door(tmp_path):
        with pytest.raises(client.Failed, match="too long"):
            await asyncio.to_thread(
                client.call, "ask", {"text": "字" * 1_000_001}, at=tmp_path / "loom.sock"
            )


async def test_names_that_are_not_text_go_through_the_door_both_ways(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path / "in") + b"/\xff.pdf")
    (tmp_path / "in").mkdir()
    Path(name).write_bytes(b"%PDF-1.4 nothing")
    async with door(tmp_path):
        done = await asyncio.to_thread(
            client.call, "organize", {"paths": [name]}, at=tmp_path / "loom.sock"
        )
    assert done["plan"][0]["source"] == name


async def test_a_bug_is_told_in_words_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with door(tmp_path) as loom:
        monkeypatch.setattr(loom, "store", None)
        (answer,) = await said(tmp_path, request("secrets"))
        monkeypatch.undo()
    assert answer["error"]["message"] == "Something went wrong inside Loom."
    assert "AttributeError" in caplog.text


async def test_through_the_socket_nobody_is_our_own_window(tmp_path: Path) -> None:
    quiet = Settings(attention=Attention(quiet_hours=""))
    async with door(tmp_path, settings=quiet, desktop=True) as loom:
        asked = loom.tasks.run("wait", next_event(loom, "card.offered"))
        await asyncio.sleep(0)
        ctx = Context("downloads", CAUSE, loom.supervisor.parts, loom.tasks, {})
        path = str(tmp_path / "x")
        work = loom.tasks.run(
            "move", ctx.tool("files.move", moves=[{"source": path, "target": path}])
        )
        card = (await asked).payload["card"]
        for named in ("cli", "window", "notification"):
            allow = {"card": card["id"], "action": "allow", "digest": card["digest"]}
            (refused,) = await said(tmp_path, request("answer", door=named, **allow))
            assert refused["error"]["code"] == "DENIED"
        assert not work.done()
        (declined,) = await said(tmp_path, request("answer", card=card["id"], action="deny"))
        assert declined["value"] == {"state": "declined"}
        assert (await work).code == "DENIED"


async def test_a_card_answered_through_the_socket_allows_no_call(tmp_path: Path) -> None:
    quiet = Settings(attention=Attention(quiet_hours=""))
    offer = Offer(
        title="Move?", actions=(("go", "Go"),), calls={"go": ("files.move", {"moves": []})}
    )
    async with door(tmp_path, settings=quiet) as loom:
        from loom_desktop.actions.consent import digest

        number = await loom.desk.offer(offer, agent="downloads", cause=CAUSE)
        (done,) = await said(tmp_path, request("answer", card=number, action="go", door="window"))
        assert not done["ok"], "who says window through the socket is not the window"
        assert (await loom.store.cards.get(number)).state == "open"
        assert not loom.broker.consent.take(digest("files.move", {"moves": []}))


def endless() -> tuple[Agent, asyncio.Event, asyncio.Event]:
    agent, begun, ended = Agent("chat"), asyncio.Event(), asyncio.Event()

    @agent.on("chat.asked")
    async def answer(ctx: Context, event: Event) -> None:
        await ctx.emit("chat.streamed", qos=QoS.REALTIME, turn=event.id, text="Well")
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    return agent, begun, ended


async def test_a_client_that_goes_away_ends_what_it_asked(tmp_path: Path) -> None:
    agent, begun, ended = endless()
    mine = Settings(assistant=Assistant(agents=()))
    async with door(tmp_path, agent, settings=mine) as loom:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "loom.sock"))
        writer.write(request("ask", stream=True, text="Tell me a story"))
        async with asyncio.timeout(5):
            while b"chat.streamed" not in await reader.readline():
                pass
            await begun.wait()
            writer.close()
            await writer.wait_closed()
            await ended.wait()
        assert loom.status.state == "idle"
        (fine,) = await said(tmp_path, request("status"))
        assert fine["ok"]


async def test_a_hundred_clients_are_answered_at_once(tmp_path: Path) -> None:
    async with door(tmp_path), asyncio.timeout(30):
        answers = await asyncio.gather(
                *(said(tmp_path, request("when", text="tomorrow at 9"), request("secrets"))
                  for _ in range(100))
            )  # fmt: skip
    assert all(one["ok"] for pair in answers for one in pair)


async def test_the_end_does_not_wait_for_clients(tmp_path: Path) -> None:
    agent, begun, _ = endless()
    mine = Settings(assistant=Assistant(agents=()))
    async with asyncio.timeout(10):
        async with door(tmp_path, agent, settings=mine):
            idle = await asyncio.open_unix_connection(str(tmp_path / "loom.sock"))
            busy = await asyncio.open_unix_connection(str(tmp_path / "loom.sock"))
            busy[1].write(request("ask", stream=True, text="x"))
            await begun.wait()
        for reader, writer in (idle, busy):
            await reader.read()
            writer.close()
            await writer.wait_closed()


async def test_what_a_killed_process_left_is_no_obstacle(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "loom.sock"))
    left.close()
    async with door(tmp_path):
        (fine,) = await said(tmp_path, request("status"))
    assert fine["ok"]


async def test_a_path_that_is_too_long_for_a_socket_is_said_in_words(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    async with loom_for_tests(folder) as loom:
        with pytest.raises(Unavailable) as error:
            async with Door(loom):
                pass
    assert "LOOM_HOME" in error.value.hint
    assert "107" in error.value.hint


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Path]:
    async with door(tmp_path):
        yield tmp_path


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(max_size=300))
def test_no_garbage_ends_it(garbage: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "garbage"
    folder.mkdir(exist_ok=True)
    line = garbage.replace(b"\n", b" ") + b"\n"

    async def try_it() -> None:
        async with door(folder):
            refused, fine = await said(folder, line, request("secrets"))
            assert refused["ok"] is False
            assert fine["ok"] is True

    asyncio.run(try_it())


async def test_the_door_says_whether_others_can_come_in(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        async with Door(loom):
            (before,) = [one for one in (await loom.health.look()).parts if one.name == "door"]
            assert (before.state, before.facts["answered"]) == ("ok", 0)
            assert (await said(tmp_path, request("status")))[0]["ok"]
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "loom.sock"))
            writer.write(request("status"))
            assert await reader.readline()
            (door,) = [one for one in (await loom.health.look()).parts if one.name == "door"]
            assert (door.facts["clients"], door.facts["answered"]) == (1, 2)
            writer.close()
            await writer.wait_closed()
            (tmp_path / "loom.sock").unlink()
            (door,) = [one for one in (await loom.health.look()).parts if one.name == "door"]
            assert door.state == "failed"
            assert "Nobody can reach this Loom" in door.words
            assert door.hint
            (tmp_path / "loom.sock").write_text("somebody else's")
            (door,) = [one for one in (await loom.health.look()).parts if one.name == "door"]
            assert door.state == "failed"
        (door,) = [one for one in (await loom.health.look()).parts if one.name == "door"]
        assert (door.state, door.words) == ("ok", "There is none in this run.")
