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
import errno
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import msgspec

from loom_desktop.errors import Denied, LoomError, TimedOut, Unavailable, UsageError
from loom_desktop.event import Privacy

if TYPE_CHECKING:
    import httpcore2
    import httpx2

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, as text. Raises OSError when there are none."""

FETCH_MOST_BYTES = 10_000_000
FETCH_MOST_SECONDS = 30.0
FETCH_MOST_REDIRECTS = 5
_CONNECT_S = 10.0
_NEXT_ADDRESS_S = 2.0  # a dead address among several must not eat the whole wait
_RESOLVE_S = 5.0
_LEDGER_S = 5.0
_STEP = 65_536
_CHECK = "Check the network connection and try again."


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


class Unreachable(Unavailable):
    """The other side could not be reached, or hung up."""

    def __init__(self, message: str, *, hint: str = "", why: str = "") -> None:
        super().__init__(message, hint=hint)
        self.why = why
        """``refused``, ``name``, ``route``, ``tls``, ``broken``, or empty."""


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
        decode = _decoder(self.headers.get("content-encoding", ""), self._who)
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
                    raise _unreachable(error, self._who, started=True) from error
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
        self._resolve = resolve or _resolve
        self._allowed = {_host_port(one) for one in allowed_local}
        self._clients: dict[tuple[str, bool], httpx2.AsyncClient] = {}
        self._addresses: dict[tuple[str, int], str] = {}
        self._loading = asyncio.Lock()
        self._closed = False

    def allow_local(self, host_port: str) -> None:
        """From now on requests with ``allow_local`` may go to this exact host and port."""
        self._allowed.add(_host_port(host_port))

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
        who = f"{called} at {host}:{port}" if called else host
        client = await self._client(purpose, allow_local)
        body = msgspec.json.encode(json) if json is not None else content
        head = {"accept-encoding": "identity", **(headers or {})}
        if json is not None:
            head.setdefault("content-type", "application/json")
        try:
            request = client.build_request(method, url, headers=head, content=body)
        except (ValueError, TypeError) as error:  # a key with a line break in it, for example
            raise UsageError(f"The request to {who} cannot be made.") from error
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
                raise _unreachable(error, who) from error
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
                bytes_out=_size(request, body),
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
        first = url
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(FETCH_MOST_REDIRECTS + 1):
                    head = {"accept-encoding": "gzip, deflate"}
                    if _origin(url) == _origin(first):
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
            host = urlsplit(first).hostname or first
            raise TimedOut(
                f"{host} took longer than {_seconds(timeout_s)}.", hint="Try again later."
            ) from error
        raise Unavailable(
            f"{urlsplit(first).hostname} sends one from page to page without end.",
            hint="Open the page in a browser.",
        )

    async def listens(self, host_port: str, timeout_s: float = 0.3) -> bool:
        """Whether something listens on this allowed port of this computer.

        Nothing is sent and no library is loaded: a look that costs nothing where there is nothing.
        """
        host, port = _host_port(host_port)
        if (host, port) not in self._allowed or not is_loopback(host):
            raise Denied(f"{host_port} is not a model server of this computer.")
        for address in _LOCALHOST if _is_localhost(host) else [host]:
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
        if _is_localhost(host):
            found = list(_LOCALHOST)  # never asked from a name server (RFC 6761)
        elif _literal(host):
            found = [host]
        else:
            try:
                async with asyncio.timeout(_RESOLVE_S):
                    found = await self._resolve(host, port)
            except TimeoutError as error:
                raise Unreachable(
                    f"The name {host} could not be looked up in time.", hint=_CHECK, why="name"
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
                make = await asyncio.to_thread(_load)
                if self._closed:
                    raise Unavailable("Loom is closing and opens no more connections.")
                self._clients[key] = make(self._connector(allow_local))
            return self._clients[key]

    def _connector(self, allow_local: bool) -> Connect:
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


# ------------------------------------------------------------------------------ addresses

_LOCALHOST = ("127.0.0.1", "::1")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(one)
    for one in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "::/96",
        "64:ff9b::/96",  # NAT64: an IPv4 address in disguise
        "64:ff9b:1::/48",
        "fec0::/10",
        "5f00::/16",
    )
)
_GLOBAL_6 = ipaddress.ip_network("2000::/3")


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet. What cannot be read does not.

    ``ipaddress.is_global`` alone calls NAT64, 6to4, multicast and others public, and its tables
    differ between Python versions.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour or ip.teredo or ip not in _GLOBAL_6:
            return False
    if any(ip in one for one in _NOT_PUBLIC if one.version == ip.version):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def is_loopback(host: str) -> bool:
    """Whether this host, as written, is this computer: ``localhost`` or a loopback address."""
    if _is_localhost(host):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_localhost(host: str) -> bool:
    return host.lower().rstrip(".") == "localhost"


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host_port(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.path or parts.username is not None:
        raise UsageError(f"{text!r} is not host:port.", hint="For example 127.0.0.1:11434.")
    return host.lower(), port


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


# ------------------------------------------------------------------------------ the library

Connect = tuple[Callable[[str, int], Awaitable[list[str]]], Callable[[str, int, str], None]]


def _load() -> Callable[[Connect], httpx2.AsyncClient]:
    """Import the HTTP library, off the loop, and return what makes a client of it."""
    import http.cookiejar

    import httpcore2
    import httpx2

    inner = httpcore2.AnyIOBackend()
    tls = httpx2.create_ssl_context(trust_env=False)

    class Backend(httpcore2.AsyncNetworkBackend):
        """Connects to checked addresses only."""

        def __init__(self, connect: Connect) -> None:
            self._addresses_of, self._connected = connect

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
            local_address: str | None = None,
            socket_options: Any = None,
        ) -> httpcore2.AsyncNetworkStream:
            addresses = await self._addresses_of(host, port)
            for number, address in enumerate(addresses, 1):
                limit = _CONNECT_S if number == len(addresses) else _NEXT_ADDRESS_S
                try:
                    stream = await inner.connect_tcp(
                        address, port, limit, local_address, socket_options
                    )
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                    if number == len(addresses):
                        raise
                else:
                    self._connected(host, port, address)
                    return stream
            raise AssertionError("there is always an address")

        async def connect_unix_socket(
            self,
            path: str,
            timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
            socket_options: Any = None,
        ) -> httpcore2.AsyncNetworkStream:
            raise Denied("Sockets of this computer are not for web requests.")

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    class Transport(httpx2.AsyncBaseTransport):
        """httpcore's pool with our own way to connect. Its errors pass through untouched."""

        def __init__(self, connect: Connect) -> None:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=20,
                max_keepalive_connections=5,
                keepalive_expiry=30,
                network_backend=Backend(connect),
            )

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            url = request.url
            answer = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
            return httpx2.Response(
                answer.status, headers=answer.headers, stream=Body(answer), extensions={}
            )

        async def aclose(self) -> None:
            await self._pool.aclose()

    class Body(httpx2.AsyncByteStream):
        def __init__(self, answer: httpcore2.Response) -> None:
            self._answer = answer

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for part in self._answer.aiter_stream():
                yield part

        async def aclose(self) -> None:
            await self._answer.aclose()

    def make(connect: Connect) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=Transport(connect),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(None),  # the deadlines are ours
            headers={"user-agent": "loom-desktop"},
            cookies=http.cookiejar.CookieJar(
                http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
            ),
        )

    return make


def _unreachable(error: Exception, who: str, *, started: bool = False) -> LoomError:
    """Words for what the library raised; whatever is none of its errors is a bug and is raised."""
    if isinstance(error, LoomError):
        return error
    import httpcore2
    import httpx2

    known = (
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.TimeoutException,
        httpx2.HTTPError,
        OSError,
    )
    if not isinstance(error, known):
        raise error
    first: BaseException = error
    while first.args and isinstance(first.args[0], BaseException):
        first = first.args[0]
    while not isinstance(first, ssl.SSLError) and isinstance(first.__cause__, OSError):
        first = first.__cause__
    if isinstance(first, BaseExceptionGroup):
        first = next(iter(first.exceptions), first)
    if isinstance(first, ssl.SSLCertVerificationError):
        return Unreachable(
            f"{who} could not prove who it is: {first.verify_message}.",
            hint="Check the address and this computer's date. Loom does not connect without proof.",
            why="tls",
        )
    if isinstance(first, ssl.SSLError):
        return Unreachable(
            f"{who} does not speak the encrypted protocol.",
            hint="Check whether the address begins with http:// or https://.",
            why="tls",
        )
    if isinstance(error, httpcore2.TimeoutException) or isinstance(first, TimeoutError):
        return TimedOut(f"{who} could not be reached in time.", hint=_CHECK)
    number = first.errno if isinstance(first, OSError) else None
    if number == errno.ECONNREFUSED or isinstance(first, ConnectionRefusedError):
        return Unreachable(f"{who} did not answer (connection refused).", why="refused")
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return Unreachable(f"{who} cannot be reached from here.", hint=_CHECK, why="route")
    when = "in the middle of its answer" if started else "before it answered"
    return Unreachable(f"{who} hung up {when}.", hint="Try again.", why="broken")


# ------------------------------------------------------------------------------ small things


def _decoder(encoding: str, who: str) -> Callable[[bytes], Iterable[bytes]]:
    """Unpacks gzip and deflate piece by piece, so that no piece grows without limit."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return lambda piece: (piece,)
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unavailable(f"{who} sent its answer packed as {encoding!r}, which was not asked for.")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def decode(piece: bytes) -> Iterable[bytes]:
        while piece:
            try:
                part = unpack.decompress(piece, _STEP)
            except zlib.error as error:
                raise Unavailable(f"{who} sent an answer that cannot be unpacked.") from error
            if part:
                yield part
            piece = unpack.unconsumed_tail

    return decode


def _size(request: httpx2.Request, body: bytes | None) -> int:
    head = sum(len(k) + len(v) + 4 for k, v in request.headers.raw)
    return len(request.method) + len(request.url.raw_path) + 13 + head + len(body or b"")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _joined(url: str, target: str) -> str:
    from urllib.parse import urljoin

    return urljoin(url, target)


def _seconds(amount: float) -> str:
    return "1 second" if amount == 1 else f"{amount:g} seconds"


async def _close_quietly(pieces: AsyncIterator[bytes]) -> None:
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()
