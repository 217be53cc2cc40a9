import pytest

from postroom.listen.caps import Caps


def test_a_network_has_its_cap_and_others_get_in() -> None:
    caps = Caps(total=100, per_network=2)
    assert [caps.enter("192.0.2.1") for _ in range(3)] == [
        "",
        "",
        "too many connections from this network",
    ]
    assert caps.enter("192.0.2.2") == ""
    caps.leave("192.0.2.1")
    assert caps.enter("192.0.2.1") == ""
    assert caps.open == 3


def test_an_ipv6_network_is_a_64() -> None:
    caps = Caps(total=100, per_network=1)
    assert caps.enter("2001:db8::1") == ""
    assert caps.enter("2001:db8::2") != ""
    assert caps.enter("2001:db8:0:1::1") == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1"])
def test_loopback_is_exempt_from_the_cap_by_network(address: str) -> None:
    caps = Caps(total=100, per_network=1)
    assert {caps.enter(address) for _ in range(50)} == {""}
    for _ in range(50):
        caps.leave(address)
    assert caps.open == 0


def test_places_are_kept_for_loopback() -> None:
    caps = Caps(total=20, per_network=50)
    assert [caps.enter("192.0.2.1") for _ in range(19)] == [""] * 18 + ["too many connections"]
    assert [caps.enter("127.0.0.1") for _ in range(3)] == ["", "", "too many connections"]


def test_nothing_is_remembered_of_who_has_left() -> None:
    caps = Caps(total=1000, per_network=5)
    for number in range(200):
        address = f"192.0.2.{number}"
        caps.enter(address)
        caps.enter(address)
        caps.leave(address)
        caps.leave(address)
    assert caps.open == 0
    assert not caps._by_network
