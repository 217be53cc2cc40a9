"""What SEARCH looks at in a message."""

import base64

import pytest
from hypothesis import given, strategies as st

from postroom.message import headers
from postroom.message.casemap import casemap
from postroom.message.scan import scan
from postroom.message.searchtext import (
    body_texts,
    head_lines,
    mapped,
    part_lines,
    readable_parts,
    values,
)

HEAD = (
    b"Subject: one\r\n two\r\nsubject: =?utf-8?q?Stra=C3=9Fe?=\r\nX-A : b\r\n"
    b"Subjects: not this\r\nno field\r\nTo: Gr\xc3\xbcn\r\n\r\n"
)


def test_a_field_is_one_line() -> None:
    assert head_lines(HEAD) == [
        "SUBJECT: ONE TWO", casemap("subject: straße"), "X-A : B", "SUBJECTS: NOT THIS",
        "NO FIELD", casemap("to: grün"),
    ]  # fmt: skip
    assert head_lines(b"A: b\r\n c\r\n\r\n") == ["A: B C"]
    assert head_lines(b"A: b\n\nbehind: it\n") == ["A: B"]
    assert head_lines(b"\r\n") == head_lines(b"\n") == ["", ""]
    assert head_lines(b"") == [""]


def test_an_encoded_line_break_does_not_make_two_fields() -> None:
    lines = head_lines(b"A: =?utf-8?q?x=0ABcc=3A_y?=\r\n\r\n")
    assert lines == ["A: X\nBCC: Y"]
    assert values(lines, "BCC") == []


def test_values_of_a_field() -> None:
    lines = head_lines(HEAD)
    assert values(lines, "SUBJECT") == ["ONE TWO", casemap("straße")]
    assert values(lines, "X-A") == ["B"]
    assert values(lines, "NO FIELD") == []
    assert values(head_lines(b"A:\r\n\r\n"), "A") == [""]


def test_more_of_a_header_block_than_its_limit_is_not_looked_at() -> None:
    head = b"A: " + b"x" * headers.MAX_HEADER + b"\r\nB: c\r\n\r\n"
    assert [len(line) for line in head_lines(head)] == [headers.MAX_HEADER]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"Subject", b"TO", b"x-y"]),
            st.binary(max_size=30).map(lambda b: b.replace(b"\n", b" ").replace(b"\r", b"\t")),
        )
    )
)
def test_lines_hold_what_the_values_are(fields: list[tuple[bytes, bytes]]) -> None:
    head = b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"
    for name in (b"subject", b"to", b"x-y"):
        expected = [mapped(value) for value in headers.values(head, name)]
        assert values(head_lines(head), casemap(name.decode())) == expected


def test_bodies_are_the_text_parts_and_the_fields_inside() -> None:
    letter = (
        b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\npreamble\r\n--o\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"first\r\n") + b"\r\n"
        b"--o\r\nContent-Type: image/png\r\n\r\nimage\r\n"
        b"--o\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\nC: =?utf-8?q?d?=\r\n\r\nlast\r\n--o--\r\n"
    )  # fmt: skip
    assert list(body_texts(letter, scan(letter))) == ["FIRST\r\n", "A: B", "C: D", "LAST"]
    assert list(body_texts(b"\r\n", scan(b"\r\n"))) == [""]


@pytest.mark.parametrize("text", ["größe", "ﬁn", "ǅ", "İstanbul", "Å", "日本語"])
def test_texts_are_mapped(text: str) -> None:
    letter = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode()
    assert list(body_texts(letter, scan(letter))) == [casemap(text)]


def test_reports_are_text_and_fields_of_parts_stand_apart() -> None:
    letter = (
        b"Subject: outer\r\nContent-Type: multipart/report; boundary=o\r\n\r\n--o\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n"
        b"--o\r\nContent-Type: image/png;\r\n\tname=cat.png\r\n\r\nimage\r\n"
        b"--o\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=i\r\n"
        b"\r\n--i\r\nX-Deep: =?utf-8?q?=C3=BC?=\r\n\r\n--i\r\n\r\n--i--\r\n--o--\r\n"
    )  # fmt: skip
    tree = scan(letter)
    assert list(body_texts(letter, tree)) == [
        "STATUS: 5.1.1", "CONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=I", "", "",
    ]  # fmt: skip
    assert list(part_lines(letter, tree)) == [
        "CONTENT-TYPE: MESSAGE/DELIVERY-STATUS", "CONTENT-TYPE: IMAGE/PNG; NAME=CAT.PNG",
        "CONTENT-TYPE: MESSAGE/RFC822", casemap("x-deep: ü"),
    ]  # fmt: skip


def test_a_tab_is_a_blank() -> None:
    assert head_lines(b"A: b\r\n\tc\td\r\n\r\n") == ["A: B C D"]
    assert mapped(b"b\tc") == "B C"


def test_readable_parts_are_texts_and_messages_inside() -> None:
    letter = (
        b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\na\r\n"
        b"--o\r\nContent-Type: image/png\r\n\r\nb\r\n"
        b"--o\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc\r\n--o--\r\n"
    )
    kinds = [part.content_type for part in readable_parts(scan(letter))]
    assert kinds == [("text", "plain"), ("message", "rfc822"), ("text", "plain")]
