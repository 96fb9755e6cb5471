from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.errors import UsageError
from loom_desktop.net.address import host_and_port, is_loopback, is_public, resolve_name

INTERNAL = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.8",
    "192.0.0.170",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "192.0.2.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "fec0::1",
    "5f00::1",
    "100::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
]


@pytest.mark.parametrize("address", INTERNAL)
def test_an_internal_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@given(st.text(max_size=40))
def test_what_is_no_address_is_not_public(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        assert not is_public(text)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_disguise_is_judged_like_itself(address: Any) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert not is_public(f"64:ff9b::{address}")


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_recognised_as_written(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["127.1", "example.org", "localhost.example.org", "10.0.0.1", ""])
def test_nothing_else_is_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("127.0.0.1:11434", ("127.0.0.1", 11434)),
        ("LocalHost:80", ("localhost", 80)),
        ("[::1]:8080", ("::1", 8080)),
        ("box.lan:1", ("box.lan", 1)),
    ],
)
def test_host_and_port_are_read(text: str, read: tuple[str, int]) -> None:
    assert host_and_port(text) == read


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", ":80", "a:0", "a:99999", "a:b", "http://a:1", "u@a:1", "a:1/x", "[::1"],
)
def test_what_is_no_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        host_and_port(text)


async def test_the_system_resolves_a_number_to_what_it_stands_for() -> None:
    """The reason why names are never judged by their spelling."""
    assert await resolve_name("127.1", 80) == ["127.0.0.1"]
