"""How a header is written."""

import pytest
from hypothesis import given, strategies as st

from postroom.policy import features, forms

HEAD = (
    b"Message-ID: <20260921.aB@mail.client.example>\r\n"
    b'From: "Ann" <ann@client.example>\r\nTo: <bob@here.example>\r\n'
    b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nX-Mailer: Pigeon 1.2\r\n"
    b'Content-Type: multipart/mixed;\r\n boundary="----=_Part_12_3aF"\r\n'
)


def marks(head: bytes) -> set[str]:
    return set(forms.marks(head + b"\r\n", features.values(head), features.FIELDS))


def test_a_program_shows_in_what_it_writes() -> None:
    assert marks(HEAD) >= {
        "field:Message-ID", "field:From", "field:X-Mailer", "program:pigeon 1.2",
        'from-form:"a" <a@a>', "to-form:<a@a>", "date-form:Aaa, 00 Aaa 0000 00:00:00 +0000",
        'boundary:"----=_Aa_0_0aA', "boundary-length:17", "id-form:0.aA", "id-host:a.a.a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "gone", "come"),
    [
        (b"Message-ID:", b"Message-Id:", "field:Message-ID", "field:Message-Id"),
        (b"To: <bob@here.example>", b"To:bob@here.example", "to-form:<a@a>", "to-form:a@a"),
        (b"X-Mailer: P", b"X-Mailer:P", "", "unspaced:x-mailer"),
        (b'"----=_Part_12_3aF"', b"abcdef", 'boundary:"----=_Aa_0_0aA', "boundary:a"),
    ],
)
def test_another_writes_otherwise(old: bytes, new: bytes, gone: str, come: str) -> None:
    before, after = marks(HEAD), marks(HEAD.replace(old, new))
    assert not gone or gone in before - after
    assert come in after - before


def test_no_name_no_address_and_no_date_is_in_them() -> None:
    other = HEAD.replace(b"client", b"server").replace(b"Ann", b"Eve").replace(b"ann@", b"eve@")
    other = other.replace(b"Mon, 21 Sep 2026 14", b"Tue, 22 Oct 2025 05")
    assert marks(other) == marks(HEAD)


def test_fields_of_others_do_not_count() -> None:
    assert marks(b"Received: from x by y; now\r\nX-Spam: no\r\n" + HEAD) == marks(HEAD)


@given(st.binary(max_size=200))
def test_whatever_comes_marks_are_short(octets: bytes) -> None:
    for head in (octets, HEAD + octets, b"Content-Type: x; boundary=" + octets * 20):
        assert all(len(mark) < 100 for mark in marks(head))
