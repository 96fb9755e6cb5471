from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from loom_desktop.errors import Denied, LoomError, TimedOut, Unavailable, UsageError
from loom_desktop.event import Privacy
from loom_desktop.net import Net, Unreachable, is_public
from loom_desktop.tasks import Tasks
from tests.fake_model_server import FakeModelServer, Reply, Request, events, silent_after, status
from tests.loom_desktop.net.test_address import INTERNAL


class Lines:
    """A ledger in a list."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.finished: dict[int, dict[str, Any]] = {}
        self.fails: Exception | None = None

    async def begin(self, host: str, port: int, **about: Any) -> int:
        if self.fails:
            raise self.fails
        self.begun.append({"host": host, "port": port, **about})
        return len(self.begun)

    def finish(self, id: int, **outcome: Any) -> None:  # noqa: A002
        self.finished[id] = outcome


class Names:
    """A name server that answers as the test says; a list of lists changes its mind."""

    def __init__(self, **names: Any) -> None:
        self.names = names
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        found = self.names.get(host.replace(".", "_"))
        if found is None:
            raise OSError("no such name")
        if found and isinstance(found[0], list):
            return list(found.pop(0) if len(found) > 1 else found[0])
        return list(found)


@pytest.fixture
async def nets() -> AsyncIterator[Callable[..., tuple[Net, Lines]]]:
    made: list[Net] = []

    def make(**how: Any) -> tuple[Net, Lines]:
        lines = Lines()
        made.append(Net(lines, **how))
        return made[-1], lines

    yield make
    for net in made:
        await net.close()


@pytest.fixture
async def server() -> AsyncIterator[FakeModelServer]:
    async with FakeModelServer() as running:
        yield running


async def ask(net: Net, url: str, **how: Any) -> bytes:
    how = {"allow_local": True, "json": {}, "purpose": "answer", **how}
    async with net.stream("POST", f"{url}/chat/completions", **how) as response:
        return await response.read()


SPELLINGS = [
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0x7f.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:0:0:1]",
    "\uff11\uff12\uff17.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
]


# ------------------------------------------------------------------------------ the guard


@pytest.mark.parametrize("address", INTERNAL)
async def test_a_name_that_leads_inside_is_refused(
    address: str, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, lines = nets(resolve=Names(example_org=[address]))
    with pytest.raises(Denied, match="inside this computer or its network"):
        await net.fetch("http://example.org/")
    assert lines.finished[1]["outcome"].startswith("example.org is an address inside")


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_loopback_passes(
    host: str, server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    with pytest.raises((Denied, UsageError, Unreachable)):
        await net.fetch(f"http://{host}:{server.port}/v1/models")
    assert server.connections == 0


async def test_one_private_answer_among_public_ones_refuses_all(
    nets: Callable[..., tuple[Net, Lines]],
) -> None:
    net, _ = nets(resolve=Names(example_org=["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(Denied):
        await net.fetch("http://example.org/")


async def test_a_name_without_addresses_is_refused(nets: Callable[..., tuple[Net, Lines]]) -> None:
    net, _ = nets(resolve=Names(example_org=[]))
    with pytest.raises(Denied):
        await net.fetch("http://example.org/")


async def test_the_name_is_resolved_once_and_that_answer_is_connected_to(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    """Rebinding: the second answer of the name server would lead elsewhere."""
    names = Names(model_example=[["127.0.0.1"], ["10.9.9.9"]])
    net, lines = nets(resolve=names, allowed_local=[f"model.example:{server.port}"])
    url = f"http://model.example:{server.port}/v1"
    await ask(net, url)
    assert names.asked == ["model.example"]
    assert lines.finished[1]["outcome"] == "200 from 127.0.0.1"
    assert server.requests[0].headers["host"] == f"model.example:{server.port}"


async def test_a_name_that_turns_private_is_refused_the_second_time(
    server: FakeModelServer,
    nets: Callable[..., tuple[Net, Lines]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """127.0.0.1 plays the public server here."""
    monkeypatch.setattr(
        "loom_desktop.net.is_public", lambda one: one == "127.0.0.1" or is_public(one)
    )
    names = Names(rebind_example=[["127.0.0.1"], ["192.168.0.1"]])
    net, _ = nets(resolve=names)
    url = f"http://rebind.example:{server.port}/v1/models"
    assert (await net.fetch(url)).status == 200
    await net.close()  # the kept connection is to the checked address; a new one asks again
    net, _ = nets(resolve=names)
    with pytest.raises(Denied):
        await net.fetch(url)


async def test_an_allowed_server_is_allowed_only_at_its_port_and_only_to_who_asks_for_it(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, _ = nets(allowed_local=["127.0.0.1:1"])
    with pytest.raises(Denied):
        await ask(net, server.url)
    net.allow_local(f"127.0.0.1:{server.port}")
    with pytest.raises(Denied):
        await ask(net, server.url, allow_local=False)
    with pytest.raises(Denied):
        await ask(net, server.url.replace("127.0.0.1", "127.0.0.2"))
    assert await ask(net, server.url)


async def test_localhost_is_never_asked_from_a_name_server(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    names = Names(localhost=["10.0.0.1"])
    net, _ = nets(resolve=names, allowed_local=[f"localhost:{server.port}"])
    assert await ask(net, server.url.replace("127.0.0.1", "localhost"))
    assert names.asked == []


@pytest.mark.parametrize("target", ["http://10.0.0.1/x", "http://inner.example/x", "//127.0.0.1/x"])
async def test_a_redirect_inside_is_refused(
    target: str,
    server: FakeModelServer,
    nets: Callable[..., tuple[Net, Lines]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outer = f"http://outer.example:{server.port}/v1/chat/completions"
    monkeypatch.setattr("loom_desktop.net.is_public", lambda one: one == "127.0.0.1")
    server.play(status(302, b"", location=target.replace("//127.0.0.1", "//[::1]")))
    net, lines = nets(resolve=Names(outer_example=["127.0.0.1"], inner_example=["10.0.0.1"]))
    with pytest.raises(Denied, match="inside this computer"):
        await net.fetch(outer)
    assert lines.begun[0]["host"] == "outer.example"
    assert len(lines.begun) == 2


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/", "gopher://x/"])
async def test_a_redirect_out_of_the_web_is_refused(
    target: str,
    server: FakeModelServer,
    nets: Callable[..., tuple[Net, Lines]],
) -> None:
    server.play(status(302, b"", location=target))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    with pytest.raises(UsageError):
        await net.fetch(f"{server.url}/chat/completions", allow_local=True)


async def test_a_redirect_to_somebody_else_does_not_carry_the_headers(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    async with FakeModelServer() as other:
        server.play(status(307, b"", location=f"{other.url}/models"))
        net, _ = nets(allowed_local=[f"127.0.0.1:{one.port}" for one in (server, other)])
        url = f"{server.url}/chat/completions"
        page = await net.fetch(url, headers={"authorization": "Bearer k"}, allow_local=True)
        assert page.url == f"{other.url}/models"
        assert server.requests[0].headers["authorization"] == "Bearer k"
        assert "authorization" not in other.requests[0].headers


async def test_redirects_in_a_circle_end(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(status(302, b"", location="/v1/chat/completions"))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    with pytest.raises(Unavailable, match="without end"):
        await net.fetch(f"{server.url}/chat/completions", allow_local=True)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://user:password@example.org/", Denied),
        ("http://@example.org/", Denied),
        ("file:///etc/passwd", UsageError),
        ("example.org", UsageError),
        ("http://", UsageError),
        ("http://[::1", UsageError),
        ("http://example.org:99999/", UsageError),
        ("", UsageError),
    ],
)
async def test_an_address_that_is_none_is_refused_before_anything_happens(
    url: str, error: type[LoomError], nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, lines = nets(resolve=Names())
    with pytest.raises(error) as caught:
        await net.fetch(url)
    assert not lines.begun
    assert caught.value.hint or error is UsageError


# ------------------------------------------------------------------------------ local only


async def test_local_only_still_reaches_a_model_server_of_this_computer(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, _ = nets(local_only=True, allowed_local=[f"127.0.0.1:{server.port}"])
    assert await ask(net, server.url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.org/v1",
        "http://192.168.1.5:11434/v1",
        "http://127.1:80/v1",
        "http://127.0.0.1:9/v1",
        "http://[::1]:9/v1",
        "http://localhost.example.org/v1",
    ],
)
async def test_local_only_refuses_everything_else_without_looking_up_a_name(
    url: str, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    names = Names(api_example_org=["93.184.216.34"])
    net, lines = nets(local_only=True, resolve=names, allowed_local=["192.168.1.5:11434"])
    with pytest.raises(Denied, match="Local only is on"):
        await ask(net, url)
    assert names.asked == []
    assert not lines.begun


async def test_local_only_switched_on_later_stops_a_kept_connection(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    names = Names(model_example=["127.0.0.1"])
    net, _ = nets(resolve=names, allowed_local=[f"model.example:{server.port}"])
    url = f"http://model.example:{server.port}/v1"
    await ask(net, url)
    net.local_only = True
    with pytest.raises(Denied):
        await ask(net, url)
    assert len(server.requests) == 1


# ------------------------------------------------------------------------------ the ledger


async def test_the_line_is_written_before_the_connection_is_opened(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, lines = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    lines.fails = Unavailable("The disk is full.")
    with pytest.raises(Unavailable, match="disk is full"):
        await ask(net, server.url)
    assert server.connections == 0


async def test_the_line_says_where_why_and_how_much_and_never_what(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, lines = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    sent = {"text": "a secret" * 100}
    got = await ask(net, server.url, json=sent, agent="chat", thread=7, privacy=Privacy.PRIVATE)
    assert lines.begun == [
        {
            "host": "127.0.0.1",
            "port": server.port,
            "purpose": "answer",
            "agent": "chat",
            "thread": 7,
            "privacy": Privacy.PRIVATE,
        }
    ]
    outcome = lines.finished[1]
    assert outcome["outcome"] == "200 from 127.0.0.1"
    assert outcome["bytes_out"] > len(server.requests[0].body)
    assert outcome["bytes_in"] > len(got)
    assert "secret" not in str(lines.begun) + str(lines.finished)


# ------------------------------------------------------------------------------ what goes wrong


async def test_refused_in_words(nets: Callable[..., tuple[Net, Lines]]) -> None:
    async with FakeModelServer() as gone:
        port = gone.port
    net, lines = nets(allowed_local=[f"127.0.0.1:{port}"])
    with pytest.raises(Unreachable) as caught:
        await ask(net, f"http://127.0.0.1:{port}/v1", called="Ollama")
    said = f"Ollama at 127.0.0.1:{port} did not answer (connection refused)."
    assert caught.value.message == said
    assert caught.value.why == "refused"
    assert lines.finished[1]["outcome"] == said


async def test_an_unknown_name_in_words(nets: Callable[..., tuple[Net, Lines]]) -> None:
    net, _ = nets(resolve=Names())
    with pytest.raises(Unreachable, match=r"no computer called nowhere\.example") as caught:
        await net.fetch("http://nowhere.example/")
    assert caught.value.why == "name"


async def test_a_name_server_that_never_answers_is_given_up(
    nets: Callable[..., tuple[Net, Lines]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr("loom_desktop.net._RESOLVE_S", 0.05)
    net, _ = nets(resolve=never)
    with pytest.raises(Unreachable, match="could not be looked up in time"):
        await net.fetch("http://slow.example/")


async def test_no_head_in_time(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(silent_after(head=False))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    with pytest.raises(TimedOut, match=r"did not answer within 0\.05 seconds"):
        await ask(net, server.url, timeout_s=0.05)
    await _eventually(lambda: server.open == 0)


async def test_silence_in_the_middle(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(silent_after("x"))
    net, lines = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    with pytest.raises(TimedOut, match="went silent"):
        await ask(net, server.url, idle_timeout_s=0.05)
    assert "200 from 127.0.0.1, " in lines.finished[1]["outcome"]
    await _eventually(lambda: server.open == 0)


async def test_a_server_that_hangs_up_in_the_middle(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    async def cut(request: Request, reply: Reply) -> None:
        await reply.head(200)
        await reply.send(b"half")
        await asyncio.sleep(0.02)
        reply.cut()

    server.play(cut)
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    with pytest.raises(Unreachable, match="hung up in the middle") as caught:
        await ask(net, server.url)
    assert caught.value.why == "broken"


async def test_a_server_that_speaks_something_else(nets: Callable[..., tuple[Net, Lines]]) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    other = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        net, _ = nets(allowed_local=[f"127.0.0.1:{port}"])
        with pytest.raises(Unreachable, match="hung up before it answered"):
            await ask(net, f"http://127.0.0.1:{port}/v1")
        with pytest.raises(Unreachable, match="encrypted protocol") as caught:
            await ask(net, f"https://127.0.0.1:{port}/v1")
        assert caught.value.why == "tls"


async def test_cancelling_hangs_up_within_milliseconds(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(silent_after("x"))
    net, lines = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    async with Tasks() as tasks:
        tasks.start("asking", _forget(ask(net, server.url)))
        await _eventually(lambda: len(server.questions) == 1)
        begun = time.perf_counter()
    assert time.perf_counter() - begun < 0.25
    await _eventually(lambda: server.open == 0)
    assert "cancelled" in lines.finished[1]["outcome"]


async def test_leaving_early_hangs_up(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(silent_after("x"))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    url = f"{server.url}/chat/completions"
    async with net.stream("POST", url, json={}, purpose="a", allow_local=True) as response:
        assert response.status == 200
    await _eventually(lambda: server.open == 0)


async def test_a_connection_is_kept_for_the_next_question(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    for _ in range(3):
        await ask(net, server.url)
    assert server.connections == 1


async def test_after_close_nothing_is_opened(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    await ask(net, server.url)
    await net.close()
    with pytest.raises(Unavailable, match="closing"):
        await ask(net, server.url)
    await _eventually(lambda: server.open == 0)


# ------------------------------------------------------------------------------ what comes


def whole(body: bytes, **headers: str) -> Callable[[Request, Reply], Awaitable[None]]:
    return status(200, body, "text/plain", **headers)


async def test_lines_are_cut_wherever_the_pieces_are(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(events(b"on", b"e\r", b"\ntw\xc3", b"\xa4\n\nlast"))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    url = f"{server.url}/chat/completions"
    async with net.stream("POST", url, json={}, purpose="a", allow_local=True) as response:
        got = [line async for line in response.lines()]
    assert got == [b"one", "twä".encode(), b"", b"last"]


async def test_a_line_without_end_is_refused(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(events(b"x" * 5000))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    url = f"{server.url}/chat/completions"
    async with net.stream("POST", url, json={}, purpose="a", allow_local=True) as response:
        with pytest.raises(Unavailable, match="line without end"):
            _ = [line async for line in response.lines(1000)]


async def test_more_than_the_cap_is_refused(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(whole(b"x" * 20_000))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    url = f"{server.url}/chat/completions"
    with pytest.raises(Unavailable, match="sent more than"):
        await net.fetch(url, allow_local=True, most_bytes=10_000)


async def test_a_packed_page_is_unpacked_up_to_the_cap(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(
        whole(gzip.compress(b"hello" * 100), content_encoding="gzip"),
        whole(gzip.compress(b"\0" * 50_000_000), content_encoding="gzip"),
        whole(b"no gzip at all", content_encoding="gzip"),
        whole(b"?", content_encoding="br"),
    )
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    url = f"{server.url}/chat/completions"
    page = await net.fetch(url, allow_local=True)
    assert page.content == b"hello" * 100
    for said in ("sent more than", "cannot be unpacked", "packed as 'br'"):
        with pytest.raises(Unavailable, match=said):
            await net.fetch(url, allow_local=True)


async def test_cookies_are_not_kept(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    server.play(whole(b"", set_cookie="who=you"))
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    for _ in range(2):
        await net.fetch(f"{server.url}/chat/completions", allow_local=True)
    assert all("cookie" not in one.headers for one in server.requests)


async def test_proxies_of_the_environment_are_not_used(
    server: FakeModelServer,
    nets: Callable[..., tuple[Net, Lines]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    assert await ask(net, server.url)


async def test_a_key_with_a_line_break_adds_no_header(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    net, _ = nets(allowed_local=[f"127.0.0.1:{server.port}"])
    with pytest.raises(LoomError) as caught:
        await ask(net, server.url, headers={"authorization": "Bearer a\r\nx-evil: 1"})
    assert "x-evil" not in caught.value.message
    assert not server.requests


async def test_listens_says_whether_somebody_does_and_sends_nothing(
    server: FakeModelServer, nets: Callable[..., tuple[Net, Lines]]
) -> None:
    async with FakeModelServer() as gone:
        port = gone.port
    net, lines = nets(allowed_local=[f"127.0.0.1:{server.port}", f"127.0.0.1:{port}"])
    assert await net.listens(f"127.0.0.1:{server.port}")
    assert not await net.listens(f"127.0.0.1:{port}")
    with pytest.raises(Denied):
        await net.listens("127.0.0.1:9")
    with pytest.raises(Denied):
        await net.listens("93.184.216.34:80")
    assert not server.requests
    assert not lines.begun


def test_importing_the_door_loads_no_library() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, loom_desktop.net; print('httpx2' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"


async def _forget(work: Awaitable[Any]) -> None:
    await work


async def _eventually(what: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not what():
            await asyncio.sleep(0.005)
