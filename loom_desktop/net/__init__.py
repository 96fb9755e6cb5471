"""The one door to the network: what leaves, where to and why is written down before it leaves.

Four rules, and each holds for every request, redirect and retry because they sit where the
connection is made: a line in the ledger first; in local-only mode nothing but model servers on
this computer; never an address inside this computer or its network, unless the person named that
exact host and port as a model server; no proxy or certificate from the environment.

Names are not filtered, addresses are: ``127.1``, ``2130706433`` and full-width digits are all
127.0.0.1 to the resolver, and a name may answer differently the second time. So every answer of the
resolver is checked, one that is not public refuses all, and the connection goes to a checked
address with the original name for TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin, urlsplit

import msgspec

from loom_desktop.errors import Denied, LoomError, TimedOut, Unavailable, UsageError
from loom_desktop.event import Privacy
from loom_desktop.net import transport
from loom_desktop.net.address import (
    LOCALHOST,
    host_and_port,
    is_literal,
    is_localhost,
    is_loopback,
    is_public,
    resolve_name,
)
from loom_desktop.net.transport import CHECK, Unreachable

if TYPE_CHECKING:
    import httpx2

__all__ = [
    "Ledger",
    "Net",
    "Page",
    "Resolve",
    "Response",
    "Unreachable",
    "is_loopback",
    "is_public",
]

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, as text. Raises OSError when there are none."""

FETCH_MOST_BYTES = 10_000_000
FETCH_MOST_SECONDS = 30.0
FETCH_MOST_REDIRECTS = 5
_RESOLVE_S = 5.0
_LEDGER_S = 5.0


class Ledger(Protocol):
    """Where requests are written down. The store implements it."""

    async def begin(
        self,
        host: str,
        port: int,
        *,
        purpose: str,
        agent: str = "",
        thread: int = 0,
        privacy: Privacy = Privacy.LOCAL_ONLY,
    ) -> int:
        """Write the line and return its number when it is safe. When it raises, nothing is sent."""

    def finish(self, id: int, *, bytes_out: int, bytes_in: int, outcome: str) -> None:  # noqa: A002
        """Add how it ended, without waiting: the status and address, or what went wrong."""


class Page(msgspec.Struct, frozen=True):
    """What ``fetch`` brought."""

    url: str
    """Where it came from in the end, redirects followed."""
    status: int
    headers: dict[str, str]
    content: bytes


class Response:
    """An answer whose body still comes. Read it inside the ``async with`` that gave it."""

    def __init__(self, raw: httpx2.Response, idle_timeout_s: float, who: str) -> None:
        self.status = raw.status_code
        self.headers: dict[str, str] = {k.lower(): v for k, v in raw.headers.items()}
        self._raw = raw
        self._idle_timeout_s = idle_timeout_s
        self._who = who

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body in pieces as they come. Raises TimedOut after a silence, Unreachable."""
        decode = transport.decoder(self.headers.get("content-encoding", ""), self._who)
        raw = self._raw.aiter_raw()
        try:
            while True:
                try:
                    async with asyncio.timeout(self._idle_timeout_s):
                        piece = await anext(raw)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise TimedOut(
                        f"{self._who} went silent for {_seconds(self._idle_timeout_s)} "
                        "in the middle of its answer.",
                        hint="Try again.",
                    ) from error
                except Exception as error:
                    raise transport.unreachable(error, self._who, started=True) from error
                for part in decode(piece):
                    yield part
        finally:
            await _close_quietly(raw)

    async def lines(self, most_bytes: int = 1_000_000) -> AsyncGenerator[bytes, None]:
        """The body in lines, without their ends. A longer line raises Unavailable."""
        rest = b""
        async with contextlib.aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield line.removesuffix(b"\r")
                if len(rest) > most_bytes:
                    raise Unavailable(f"{self._who} sent a line without end.")
        if rest:
            yield rest

    async def read(self, most_bytes: int = FETCH_MOST_BYTES) -> bytes:
        """The whole body. Raises Unavailable when it is larger than ``most_bytes``."""
        got = bytearray()
        async with contextlib.aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                got += chunk
                if len(got) > most_bytes:
                    raise Unavailable(
                        f"{self._who} sent more than {most_bytes // 1_000_000} MB.",
                        hint="Loom does not read answers of that size.",
                    )
        return bytes(got)

    async def close(self) -> None:
        """Hang up now. Leaving the ``async with`` does it too."""
        await self._raw.aclose()

    @property
    def bytes_in(self) -> int:
        """What came so far, as it was on the wire."""
        return self._raw.num_bytes_downloaded + sum(
            len(k) + len(v) + 4 for k, v in self._raw.headers.raw
        )


class Net:
    """The door. One per engine; it lives on the engine's loop."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        local_only: bool = False,
        allowed_local: Iterable[str] = (),
        resolve: Resolve | None = None,
    ) -> None:
        """``allowed_local`` holds ``host:port`` of model servers that the person named."""
        self.local_only = local_only
        """Nothing leaves this computer. May be switched at any time; connections kept for later
        are checked again before they are used."""
        self._ledger = ledger
        self._resolve = resolve or resolve_name
        self._allowed = {host_and_port(one) for one in allowed_local}
        self._clients: dict[tuple[str, bool], httpx2.AsyncClient] = {}
        self._addresses: dict[tuple[str, int], str] = {}
        self._loading = asyncio.Lock()
        self._closed = False

    def allow_local(self, host_port: str) -> None:
        """From now on requests with ``allow_local`` may go to this exact host and port."""
        self._allowed.add(host_and_port(host_port))

    def check(self, url: str, *, allow_local: bool = False) -> None:
        """Raise Denied or UsageError when ``url`` would be refused before anything is resolved."""
        self._checked(url, allow_local)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        purpose: str,
        agent: str = "",
        thread: int = 0,
        privacy: Privacy = Privacy.LOCAL_ONLY,
        timeout_s: float = FETCH_MOST_SECONDS,
        idle_timeout_s: float = FETCH_MOST_SECONDS,
        allow_local: bool = False,
        called: str = "",
    ) -> AsyncIterator[Response]:
        """Send a request; the body of the answer is read as it comes. No redirect is followed.

        ``timeout_s`` is for the head of the answer, ``idle_timeout_s`` for each silence after it.
        ``called`` is what a person calls the other side. Cancelling closes the connection at once.
        Raises Denied (nothing was sent), Unreachable, TimedOut.
        """
        host, port = self._checked(url, allow_local)
        at = host if port in (80, 443) else f"{host}:{port}"
        who = f"{called} at {at}" if called else at
        client = await self._client(purpose, allow_local)
        body = msgspec.json.encode(json) if json is not None else content
        head = {"accept-encoding": "identity", **(headers or {})}
        if json is not None:
            head.setdefault("content-type", "application/json")
        request = transport.built(client, method, url, head, body, who)
        host, port = self._same(request, host, port, allow_local)
        row = await self._begin(
            host, port, purpose=purpose, agent=agent, thread=thread, privacy=privacy
        )
        raw: httpx2.Response | None = None
        response: Response | None = None
        wrong = ""
        try:
            try:
                async with asyncio.timeout(timeout_s):
                    raw = await client.send(request, stream=True)
            except TimeoutError as error:
                raise TimedOut(
                    f"{who} did not answer within {_seconds(timeout_s)}.", hint="Try again."
                ) from error
            except LoomError:
                raise
            except Exception as error:
                raise transport.unreachable(error, who) from error
            response = Response(raw, idle_timeout_s, who)
            yield response
        except LoomError as error:
            wrong = error.message
            raise
        except BaseException as error:
            wrong = "cancelled" if isinstance(error, asyncio.CancelledError) else "given up"
            raise
        finally:
            if raw is not None:
                await raw.aclose()
            address = self._addresses.get((host, port), "")
            status = f"{response.status} from {address}" if response else ""
            self._ledger.finish(
                row,
                bytes_out=transport.size(request, body),
                bytes_in=response.bytes_in if response else 0,
                outcome=", ".join(one for one in (status, wrong) if one),
            )

    async def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        purpose: str = "web",
        agent: str = "",
        thread: int = 0,
        privacy: Privacy = Privacy.LOCAL_ONLY,
        allow_local: bool = False,
        timeout_s: float = FETCH_MOST_SECONDS,
        most_bytes: int = FETCH_MOST_BYTES,
    ) -> Page:
        """GET a page: at most 10 MB, 30 s and 5 redirects, each checked like the first address.

        Any status is an answer; it is the caller who judges it. Headers go to the first host only.
        Raises Denied, Unreachable, TimedOut, Unavailable (too large, too many redirects).
        """
        whom = self._checked(url, allow_local)
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(FETCH_MOST_REDIRECTS + 1):
                    head = {"accept-encoding": "gzip, deflate"}
                    if self._checked(url, allow_local) == whom:
                        head |= headers or {}
                    async with self.stream(
                        "GET",
                        url,
                        headers=head,
                        purpose=purpose,
                        agent=agent,
                        thread=thread,
                        privacy=privacy,
                        timeout_s=timeout_s,
                        idle_timeout_s=timeout_s,
                        allow_local=allow_local,
                    ) as response:
                        target = response.headers.get("location", "")
                        if response.status not in (301, 302, 303, 307, 308) or not target:
                            body = await response.read(most_bytes)
                            return Page(url, response.status, response.headers, body)
                    url = _joined(url, target)
        except TimeoutError as error:
            raise TimedOut(
                f"{whom[0]} took longer than {_seconds(timeout_s)}.", hint="Try again later."
            ) from error
        raise Unavailable(
            f"{whom[0]} sends one from page to page without end.",
            hint="Open the page in a browser.",
        )

    async def listens(self, host_port: str, timeout_s: float = 0.3) -> bool:
        """Whether something listens on this allowed port of this computer.

        Nothing is sent and no library is loaded: a look that costs nothing where there is nothing.
        """
        host, port = host_and_port(host_port)
        if (host, port) not in self._allowed or not is_loopback(host):
            raise Denied(f"{host_port} is not a model server of this computer.")
        for address in LOCALHOST if is_localhost(host) else [host]:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(timeout_s):
                    _, writer = await asyncio.open_connection(address, port)
                writer.transport.abort()
                return True
        return False

    async def close(self) -> None:
        """Hang up everywhere. Requests after it raise Unavailable."""
        self._closed = True
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    def _checked(self, url: str, allow_local: bool) -> tuple[str, int]:
        """Host and port of a URL that may be asked, by what can be known without resolving."""
        if self._closed:
            raise Unavailable("Loom is closing and opens no more connections.")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise UsageError(f"{url[:200]!r} is not a web address.") from error
        if parts.scheme not in ("http", "https") or not host:
            raise UsageError(
                f"{url[:200]!r} is not a web address.",
                hint="Write it with http:// or https:// in front.",
            )
        if parts.username is not None or parts.password is not None:
            raise Denied(
                f"The address of {host} holds a user name or password.",
                hint="Take out what stands before the @.",
            )
        port = port or (443 if parts.scheme == "https" else 80)
        if self.local_only:
            self._check_local_only(host, port, allow_local)
        return host, port

    def _same(
        self, request: httpx2.Request, host: str, port: int, allow_local: bool
    ) -> tuple[str, int]:
        """Host and port as the library reads them: two readers of one URL may disagree."""
        read = request.url.raw_host.decode("ascii").lower()
        read_port = request.url.port or (443 if request.url.scheme == "https" else 80)
        if self.local_only and (read, read_port) != (host, port):
            self._check_local_only(read, read_port, allow_local)
        return read, read_port

    def _check_local_only(self, host: str, port: int, allow_local: bool) -> None:
        if not is_loopback(host):
            raise Denied(
                f"Local only is on, so nothing was sent to {host}.",
                hint="Switch it off in Settings, Privacy, or use a model on this computer.",
            )
        if not (allow_local and (host, port) in self._allowed):
            raise Denied(
                f"Local only is on, and {host}:{port} is not one of your model servers.",
                hint="Name it in loom.toml under [llm.NAME] api_base.",
            )

    async def _addresses_of(self, host: str, port: int, allow_local: bool) -> list[str]:
        """Addresses that may be connected to. Raises Denied, Unreachable."""
        if self.local_only:  # once more: the pool connects later than the request was checked
            self._check_local_only(host, port, allow_local)
        if is_localhost(host):
            found = list(LOCALHOST)  # never asked from a name server (RFC 6761)
        elif is_literal(host):
            found = [host]
        else:
            try:
                async with asyncio.timeout(_RESOLVE_S):
                    found = await self._resolve(host, port)
            except TimeoutError as error:
                raise Unreachable(
                    f"The name {host} could not be looked up in time.", hint=CHECK, why="name"
                ) from error
            except (OSError, UnicodeError) as error:
                raise Unreachable(
                    f"There is no computer called {host} that can be found from here.",
                    hint="Check the address and the network connection.",
                    why="name",
                ) from error
        named = allow_local and (host, port) in self._allowed
        if not found or not (named or all(is_public(one) for one in found)):
            raise Denied(
                f"{host} is an address inside this computer or its network, so nothing was sent.",
                hint="If it is a model server of yours, name it in loom.toml under [llm.NAME].",
            )
        return found

    async def _client(self, purpose: str, allow_local: bool) -> httpx2.AsyncClient:
        key = (purpose, allow_local)
        async with self._loading:
            if key not in self._clients:
                # 40 ms of imports and certificates: not on the loop
                make = await asyncio.to_thread(transport.load)
                if self._closed:
                    raise Unavailable("Loom is closing and opens no more connections.")
                self._clients[key] = make(self._connector(allow_local))
            return self._clients[key]

    def _connector(self, allow_local: bool) -> transport.Connect:
        async def connect(host: str, port: int) -> list[str]:
            return await self._addresses_of(host, port, allow_local)

        def connected(host: str, port: int, address: str) -> None:
            self._addresses[host, port] = address
            if len(self._addresses) > 1000:
                self._addresses.pop(next(iter(self._addresses)))

        return connect, connected

    async def _begin(self, host: str, port: int, **about: Any) -> int:
        try:
            async with asyncio.timeout(_LEDGER_S):
                return await self._ledger.begin(host, port, **about)
        except TimeoutError as error:
            raise Unavailable(
                "The list of connections could not be written, so nothing was sent.",
                hint="Check that the disk is not full, then try again.",
            ) from error


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError as error:
        raise Unavailable(f"{urlsplit(url).hostname} leads to an address that is none.") from error


def _seconds(amount: float) -> str:
    return "1 second" if amount == 1 else f"{amount:g} seconds"


async def _close_quietly(pieces: AsyncIterator[bytes]) -> None:
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()
