"""The servers of the settings and of the system."""

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from postroom.errors import ConfigurationError
from postroom.net.dns_servers import Server, Servers, parse, system


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("127.0.0.1:5353", Server("127.0.0.1", 5353, is_trusted=True)),
        ("192.0.2.53", Server("192.0.2.53", 53)),
        ("[::1]:5353", Server("::1", 5353, is_trusted=True)),
        ("::1", Server("::1", 53, is_trusted=True)),
        ("2001:db8::53", Server("2001:db8::53", 53)),
        ("[2001:db8::53]:1", Server("2001:db8::53", 1)),
    ],
)
def test_addresses_with_and_without_port(text: str, server: Server) -> None:
    assert parse(text) == server
    assert parse(str(server)) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.example",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:0",
        "1.1.1.1:65536",
        "[::1]",
        "[x]:1",
    ],
)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"dns\.servers") as caught:
        parse(text)
    assert repr(text) in str(caught.value)


def test_the_file_of_the_system() -> None:
    text = """# made by hand
search example.org
nameserver 192.0.2.1
nameserver  2001:db8::1   # comment
nameserver fe80::1%eth0
nameserver 127.0.0.53
;nameserver 192.0.2.9
options edns0
"""
    assert [one.host for one in system(text)] == ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"]
    assert not any(one.is_trusted for one in system(text))
    assert system("nameserver 127.0.0.53") == [Server("127.0.0.53", 53, is_trusted=True)]


@pytest.mark.parametrize("text", ["", "nameserver", "nameserver x", "search a", "\0\0"])
def test_without_any_the_one_on_this_machine_is_asked(text: str) -> None:
    assert system(text) == [Server("127.0.0.1", 53, is_trusted=True)]


@given(st.text())
def test_any_file_gives_servers(text: str) -> None:
    assert 1 <= len(system(text)) <= 3


def test_the_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.1\n")
    servers = Servers(file=file)
    assert [str(one) for one in servers.in_order()] == ["192.0.2.1:53"]
    new = tmp_path / "new"
    new.write_text("nameserver 192.0.2.2\n")
    new.replace(file)
    assert [str(one) for one in servers.in_order()] == ["192.0.2.2:53"]
    file.write_text("nameserver 192.0.2.3\n")
    os.utime(file, ns=(1, 1))
    assert [str(one) for one in servers.in_order()] == ["192.0.2.3:53"]
    file.unlink()  # a moment without: the old ones are better than none
    assert [str(one) for one in servers.in_order()] == ["192.0.2.3:53"]
    file.write_text("nameserver 192.0.2.4\n")
    assert [str(one) for one in servers.in_order()] == ["192.0.2.4:53"]


def test_without_a_file_this_machine_is_asked_until_there_is_one(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    servers = Servers(file=file)
    assert [str(one) for one in servers.in_order()] == ["127.0.0.1:53"]
    file.write_text("nameserver 192.0.2.1\n")
    assert [str(one) for one in servers.in_order()] == ["192.0.2.1:53"]


def test_who_was_silent_is_asked_last() -> None:
    servers = Servers(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
    first, second, third = servers.in_order()
    servers.was_silent(third)  # not in front: nothing to gain
    assert servers.in_order() == (first, second, third)
    servers.was_silent(first)
    assert servers.in_order() == (second, third, first)
    servers.was_silent(second)
    assert servers.in_order() == (third, first, second)


def test_the_system_order_is_kept_while_the_file_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.1\nnameserver 192.0.2.2\n")
    servers = Servers(file=file)
    first, second = servers.in_order()
    servers.was_silent(first)
    assert servers.in_order() == (second, first)
