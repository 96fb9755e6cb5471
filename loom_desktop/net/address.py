"""Which addresses are public and which are this computer. Names are never judged, addresses are."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from loom_desktop.errors import UsageError

LOCALHOST = ("127.0.0.1", "::1")
"""What ``localhost`` is, in this order."""
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
    if is_localhost(host):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_localhost(host: str) -> bool:
    """Whether it is ``localhost``, which no name server is asked for (RFC 6761)."""
    return host.lower().rstrip(".") == "localhost"


def is_literal(host: str) -> bool:
    """Whether it is an address as it is properly written, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_and_port(text: str) -> tuple[str, int]:
    """Read ``host:port`` or ``[::1]:port``. Raises UsageError."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.path or parts.username is not None:
        raise UsageError(f"{text!r} is not host:port.", hint="For example 127.0.0.1:11434.")
    return host.lower(), port


async def resolve_name(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system finds them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))
