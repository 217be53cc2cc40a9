"""The settings of filters: what is no address is refused, what is left out is harmless."""

import pytest

from postroom.config.filters import Filter, Place, read
from postroom.config.load import parse
from postroom.errors import ConfigurationError


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/run/clamav/clamd.ctl", Place(path="/run/clamav/clamd.ctl")),
        ("127.0.0.1:3310", Place(host="127.0.0.1", port=3310)),
        ("[::1]:3310", Place(host="::1", port=3310)),
        ("scanner.lan:65535", Place(host="scanner.lan", port=65_535)),
    ],
)
def test_addresses(address: str, place: Place) -> None:
    assert read(address) == place
    assert Filter(kind="clamav", address=address).place == place


@pytest.mark.parametrize(
    "address",
    ["", "clamd.ctl", "localhost", "localhost:", ":3310", "a:0", "a:65536", "::1:3310", "/a\0b",
     "a b:1", "http://a:1"],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="neither a path"):
        read(address)


def test_a_table_needs_a_kind_and_an_address_only() -> None:
    config = parse('[[filter]]\nkind = "clamav"\naddress = "127.0.0.1:3310"\n')
    (one,) = config.filter
    assert (one.called, one.on_failure, one.gravest) == ("clamav", "accept", "refuse")


def test_a_bad_address_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigurationError, match=r"filter\[0\]\.address: 'clamd' is neither"):
        parse('[[filter]]\nkind = "clamav"\naddress = "clamd"\n')


def test_how_much_it_is_shown() -> None:
    assert Filter(kind="clamav", address="a:1").most == 26_214_400
    assert Filter(kind="spamassassin", address="a:1").most == 512_000
    assert Filter(kind="spamassassin", address="a:1", max_size=7).most == 7


def test_the_target_of_a_program_of_ones_own() -> None:
    text = '[[filter]]\nkind = "http"\naddress = "127.0.0.1:80"\ntarget = "%s"\n'
    assert parse(text % "/judge?a=1").filter[0].place.target == "/judge?a=1"
    for target in ("", "judge", "/a b", "/a\\r\\nX: 1", "http://a/", "/a\\n"):
        with pytest.raises(ConfigurationError, match=r"filter\[0\]\.target|filter\[\.\.\.\]"):
            parse(text % target)


def test_which_mail_it_sees() -> None:
    text = '[[filter]]\nkind = "clamav"\naddress = "a:1"\n'
    assert parse(text).filter[0].sees == "incoming"
    assert parse(f'{text}for = "both"\n').filter[0].sees == "both"
    with pytest.raises(ConfigurationError, match=r"filter.*for: .*none of incoming, outgoing"):
        parse(f'{text}for = "all"\n')
    with pytest.raises(ConfigurationError, match="did you mean for"):
        parse(f'{text}fore = "both"\n')


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("unix:/run/x.sock", Place(path="/run/x.sock")),
        ("local:/run/x.sock", Place(path="/run/x.sock")),
        ("inet:127.0.0.1:8891", Place(host="127.0.0.1", port=8891)),
        ("inet:8891@localhost", Place(host="localhost", port=8891)),
        ("inet6:8891@[::1]", Place(host="::1", port=8891)),
    ],
)
def test_addresses_as_milters_write_them(address: str, place: Place) -> None:
    assert read(address) == place
