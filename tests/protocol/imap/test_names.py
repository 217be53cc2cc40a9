"""Modified UTF-7."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.names import BadName, decode_name, encode_name


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        (b"Drafts", "Drafts"),
        (b"inbox", "INBOX"),
        (b"iNbOx/a", "INBOX/a"),
        (b"inboxes", "inboxes"),
        (b"R&-D", "R&D"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),  # RFC 3501 §5.1.3
        (b"&2D3eAA-", "\U0001f600"),
        (b"", ""),
    ],
)
def test_reads_and_writes(octets: bytes, name: str) -> None:
    assert decode_name(octets) == name
    if not name.startswith("INBOX"):
        assert encode_name(name) == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"&",
        b"a&b",
        b"&AC8-",  # a hidden "/"
        b"&AGE-",  # a hidden "a"
        b"&U,AB-",  # odd octets
        b"&AA-",
        b"&AAA-",
        b"&APx-",  # spare bits
        b"&APw-&APw-",  # touching sections
        b"&2D0-",  # half a surrogate pair
        b"&3gDYPQ-",
        b"&APw=-",
        b"&A/w-",
        b"&!!!-",
        b"caf\xe9",
        b"caf\xc3\xa9\xc2\x80",  # C1
        b"caf\xe2\x80\xa8",  # a line separator
        b"a\rb",
        b"a\nb",
        b"a\x00b",
        b"a\x7f",
        b"&AAo-",  # a hidden LF
        b"a" * 2000,
    ],
)
def test_refuses(octets: bytes) -> None:
    with pytest.raises(BadName):
        decode_name(octets)


def test_what_is_no_ascii_is_utf8_from_anybody() -> None:
    assert decode_name(b"caf\xc3\xa9") == decode_name(b"caf&AOk-") == "caf\u00e9"
    assert decode_name(b"inbox/\xc3\xa9") == "INBOX/\u00e9"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_what_is_written_reads_back(name: str) -> None:
    octets = encode_name(name)
    assert octets.isascii()
    assert decode_name(octets) == ("INBOX" + name[5:] if _is_inbox(name) else name)


def _is_inbox(name: str) -> bool:
    return name[:5].isascii() and name[:5].upper() == "INBOX" and name[5:6] in ("", "/")


@given(st.binary(max_size=30) | st.text("&-+,/AaZz09=", max_size=30).map(str.encode))
def test_any_octets_have_one_spelling_or_fail_by_name(octets: bytes) -> None:
    try:
        name = decode_name(octets)
    except BadName:
        return
    assert decode_name(encode_name(name)) == name
    if not name.startswith("INBOX") and octets.isascii():
        assert encode_name(name) == octets
