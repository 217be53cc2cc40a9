"""Only what anybody may own on the Internet is public."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from postroom.net.addresses import is_inside, is_loopback, is_public, reachable

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.0.1",
    "172.32.0.1",
    "193.0.0.1",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2a00:1450::1%1",
    "fec0::1",
    "ff02::1",
]
NO_ADDRESS = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "010.0.0.1",
    "1.1.1.1 ",
    "1::2::3",
]


@pytest.mark.parametrize("ip", PUBLIC)
def test_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize("ip", NOT_PUBLIC + NO_ADDRESS)
def test_not_public(ip: str) -> None:
    assert not is_public(ip)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_wrapping(ip: ipaddress.IPv4Address) -> None:
    number = int(ip)
    wrapped = [
        f"::ffff:{ip}",
        str(ipaddress.IPv6Address((0x64FF9B << 96) | number)),
        str(ipaddress.IPv6Address((0x2002 << 112) | number << 80 | 1)),
    ]
    assert {is_public(one) for one in wrapped} == {is_public(str(ip))}


@given(st.ip_addresses())
def test_what_python_calls_private_is_not_public(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if ip.is_private or ip.is_multicast or ip.is_loopback or ip.is_link_local or ip.is_reserved:
        carried = isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped or ip.sixtofour)
        assert carried or not is_public(str(ip)) or ip in ipaddress.ip_network("64:ff9b::/96")


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    is_public(text)
    is_loopback(text)
    assert not is_inside(text, ())


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("127.0.0.1", True),
        ("127.0.0.53", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("localhost", False),
        ("fe80::1%lo", False),
    ],
)
def test_loopback(ip: str, expected: bool) -> None:
    assert is_loopback(ip) is expected


def test_inside_networks() -> None:
    networks = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32"))
    assert is_inside("10.1.2.3", networks)
    assert is_inside("::ffff:10.1.2.3", networks)
    assert is_inside("fd00:1::9", networks)
    assert not is_inside("10.2.0.1", networks)
    assert not is_inside("fd00:2::9", networks)
    assert not is_inside("10.1.2.3", ())
    assert not is_inside("x", networks)


@pytest.mark.parametrize(
    ("listens", "reached"),
    [
        ("", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_a_listener_is_reached_where_it_listens(listens: str, reached: str) -> None:
    assert reachable(listens) == reached
