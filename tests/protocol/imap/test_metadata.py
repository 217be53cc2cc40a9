"""Names of entries, and METADATA responses."""

import pytest

from postroom.protocol.imap.metadata import (
    MAX_NAME,
    BadEntry,
    changed_line,
    checked,
    is_private,
    is_top,
    is_within,
    metadata_line,
)


@pytest.mark.parametrize(
    "name", [b"/private", b"/SHARED/Comment", b"/shared/vendor/a b/c.d", b'/private/"x"']
)
def test_names(name: bytes) -> None:
    assert checked(name) == name.decode()


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"/",
        b"private",
        b"/privat",
        b"/privates/x",
        b"/private/",
        b"/private//x",
        b"/private/x*",
        b"/private/%",
        b"/private/\x01",
        b"/private/\xc3\xbc",
        b"/private/x\n",
        b"/private/" + b"x" * MAX_NAME,
    ],
)
def test_what_is_no_name(name: bytes) -> None:
    with pytest.raises(BadEntry):
        checked(name)


def test_kinds() -> None:
    assert is_private("/PRIVATE/x")
    assert not is_private("/shared/private")
    assert is_top("/shared")
    assert not is_top("/shared/x")


def test_depths() -> None:
    assert is_within("/private/a", "/private/a", "0")
    assert not is_within("/private/a/b", "/private/a", "0")
    assert is_within("/private/a/b", "/private/a", "1")
    assert not is_within("/private/a/b/c", "/private/a", "1")
    assert is_within("/private/a/b/c", "/private/a", "infinity")
    assert not is_within("/private/ab", "/private/a", "infinity")


def test_lines() -> None:
    entries = [("/private/a b", b"x"), ("/shared/c", None), ("/shared/d", b"\0\r\n")]
    assert metadata_line("ü", entries) == (
        b'* METADATA "&APw-" ("/private/a b" "x" /shared/c NIL /shared/d ~{3}\r\n\0\r\n)\r\n'
    )
    assert metadata_line("ü", [("/shared/c", b"\xff")], utf8=True) == (
        b'* METADATA "\xc3\xbc" (/shared/c {1}\r\n\xff)\r\n'
    )
    assert changed_line("", ["/shared/c", "/private/(x)"]) == (
        b'* METADATA "" /shared/c "/private/(x)"\r\n'
    )
