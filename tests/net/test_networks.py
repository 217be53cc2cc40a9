import pytest

from postroom.net.networks import (
    around,
    is_loopback,
    names_loopback,
    network_of,
    parse,
    wide_network_of,
    wider_network_of,
)


@pytest.mark.parametrize(
    ("address", "network", "wide"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("unix", "unix", "unix"),
    ],
)
def test_networks(address: str, network: str, wide: str) -> None:
    assert network_of(address) == network
    assert wide_network_of(address) == wide


def test_wider_networks() -> None:
    assert wider_network_of("192.0.2.1") == "192.0.0.0/16"
    assert wider_network_of("2001:db8:1:2::/64") == "2001:db8::/32"
    assert wider_network_of("unix") == "unix"


def test_loopback() -> None:
    assert is_loopback("127.0.0.2")
    assert is_loopback("::1")
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("::2")
    assert not is_loopback("unix")
    assert not is_loopback("2002:7f00:1::1")  # carries 127.0.0.1, and comes from elsewhere


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "db.localhost", "127.0.0.2", "::1"])
def test_names_of_this_machine(host: str) -> None:
    assert names_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.test", "notlocalhost", "192.0.2.1"])
def test_names_of_others(host: str) -> None:
    assert not names_loopback(host)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("2001:db8::1", "2001:db8::/64"),
        ("unix", "None"),
    ],
)
def test_what_is_around_an_address(address: str, network: str) -> None:
    assert str(around(address)) == network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        (" 192.0.2.7 ", "192.0.2.7/32"),
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::1", "::1/128"),
    ],
)
def test_what_a_person_writes(text: str, network: str) -> None:
    assert str(parse(text)) == network


@pytest.mark.parametrize("text", ["", "mail.example.org", "192.0.2.1/33", "1.2.3"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse(text)
