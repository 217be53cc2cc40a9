"""What is packed comes out whole or not at all, and never without bounds."""

import base64
import gzip
import io
import zipfile

import pytest
from hypothesis import given, strategies as st

from postroom.message.enclosed import (
    MAX_ARCHIVE,
    MAX_DOCUMENT,
    MAX_MEMBERS,
    TooLarge,
    in_message,
    unpacked,
)


def zipped(*documents: bytes) -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, document in enumerate(documents):
            archive.writestr(f"{number}.xml", document)
    return octets.getvalue()


def letter(octets: bytes, content_type: str = "application/gzip") -> bytes:
    return (
        b'From: a@a.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n"
        b"--b\r\nContent-Type: " + content_type.encode() + b"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(octets).replace(
            b"\n", b"\r\n"
        ) + b"\r\n--b--\r\n"
    )  # fmt: skip


def test_every_kind_of_file() -> None:
    assert list(unpacked(b"<a/>")) == [b"<a/>"]
    assert list(unpacked(gzip.compress(b"<a/>"))) == [b"<a/>"]
    assert list(unpacked(zipped(b"<a/>", b"<b/>"))) == [b"<a/>", b"<b/>"]


def test_every_kind_of_message() -> None:
    assert list(in_message(letter(gzip.compress(b"<a/>")))) == [b"<a/>"]
    assert list(in_message(letter(zipped(b"<a/>"), "application/zip"))) == [b"<a/>"]
    assert list(in_message(letter(b"<a/>", "text/xml"))) == [b"<a/>"]
    assert list(in_message(b"From: a@a.test\r\n\r\nnothing here\r\n")) == []
    alone = b"Content-Type: application/xml\r\n\r\n<a/>"
    assert list(in_message(alone)) == [b"<a/>"]


def test_bombs() -> None:
    zeros = bytes(MAX_DOCUMENT + 1)
    for octets in (gzip.compress(zeros), zipped(zeros), zeros):
        with pytest.raises(TooLarge):
            list(unpacked(octets))
    assert len(next(unpacked(gzip.compress(zeros[1:])))) == MAX_DOCUMENT


def test_a_list_of_members_without_end_is_not_read() -> None:
    with pytest.raises(TooLarge):
        list(unpacked(zipped(b"<a/>") + bytes(MAX_ARCHIVE)))


def test_a_thousand_members_are_not_unpacked() -> None:
    assert len(list(unpacked(zipped(*[b"x"] * 100)))) == MAX_MEMBERS


def test_what_is_broken_is_nothing() -> None:
    packed = gzip.compress(b"x" * 1000)
    assert list(unpacked(packed[:3])) == []
    assert list(unpacked(b"\x1f\x8b\x08" + b"\xff" * 50)) == []
    assert list(unpacked(zipped(b"<a/>")[:-10])) == []


@given(st.binary(max_size=200))
def test_nothing_else_is_raised(octets: bytes) -> None:
    for packed in (octets, b"\x1f\x8b" + octets, b"PK\x03\x04" + octets):
        list(unpacked(packed))
        list(in_message(letter(packed)))
