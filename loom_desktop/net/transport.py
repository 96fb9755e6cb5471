"""The HTTP library, in one place: how it connects, what its errors mean, how bodies are unpacked.

It is imported on the first request, away from the loop. Its pool is given our own way to connect,
so that redirects, retries and changing names all pass the same check.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import Denied, LoomError, TimedOut, Unavailable, UsageError

if TYPE_CHECKING:
    import httpcore2
    import httpx2

CHECK = "Check the network connection and try again."
_CONNECT_S = 10.0
_NEXT_ADDRESS_S = 2.0  # a dead address among several must not eat the whole wait
_STEP = 65_536


class Unreachable(Unavailable):
    """The other side could not be reached, or hung up."""

    def __init__(self, message: str, *, hint: str = "", why: str = "") -> None:
        super().__init__(message, hint=hint)
        self.why = why
        """``refused``, ``name``, ``route``, ``tls``, ``broken``, or empty."""


Connect = tuple[Callable[[str, int], Awaitable[list[str]]], Callable[[str, int, str], None]]


def load() -> Callable[[Connect], httpx2.AsyncClient]:
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


def built(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    who: str,
) -> httpx2.Request:
    """A request, not yet sent. Raises UsageError when it cannot be one."""
    import httpx2

    try:
        return client.build_request(method, url, headers=headers, content=body)
    except (httpx2.InvalidURL, ValueError, TypeError) as error:  # also a header that is not ASCII
        raise UsageError(f"The address or the headers for {who} are not valid.") from error


def unreachable(error: Exception, who: str, *, started: bool = False) -> LoomError:
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
        return TimedOut(f"{who} could not be reached in time.", hint=CHECK)
    number = first.errno if isinstance(first, OSError) else None
    if number == errno.ECONNREFUSED or isinstance(first, ConnectionRefusedError):
        return Unreachable(f"{who} did not answer (connection refused).", why="refused")
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return Unreachable(f"{who} cannot be reached from here.", hint=CHECK, why="route")
    when = "in the middle of its answer" if started else "before it answered"
    return Unreachable(f"{who} hung up {when}.", hint="Try again.", why="broken")


def decoder(encoding: str, who: str) -> Callable[[bytes], Iterable[bytes]]:
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


def size(request: httpx2.Request, body: bytes | None) -> int:
    """How many bytes go out, without what encryption adds."""
    head = sum(len(k) + len(v) + 4 for k, v in request.headers.raw)
    return len(request.method) + len(request.url.raw_path) + 13 + head + len(body or b"")
