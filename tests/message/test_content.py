import base64
import binascii
import quopri

import pytest
from hypothesis import given, strategies as st

from postroom.message.content import MAX_BLANKS, TextDecoder, TransferDecoder, decoded, transferred
from postroom.message.part import Part


@pytest.mark.parametrize(
    ("encoding", "octets", "expected"),
    [
        ("base64", b"w6k=\r\n", b"\xc3\xa9"),
        ("base64", b"YQ==YQ==", b"aa"),
        ("base64", b"Y\r\nQ=\r\n=", b"a"),
        ("base64", b"Y!Q", b"a"),
        ("base64", b"Y", b""),
        ("base64", b"===", b""),
        ("quoted-printable", b"a=3Db=\r\nc", b"a=bc"),
        ("quoted-printable", b"a= \t\r\nc\r\n", b"ac\r\n"),
        ("quoted-printable", b"a=\nc", b"ac"),
        ("quoted-printable", b"=c3=A9 = =4 =ZZ ==41 =", b"\xc3\xa9 = =4 =ZZ =A ="),
        ("quoted-printable", b"a_b", b"a_b"),
        ("quoted-printable", b"==\n41 =4=\n1", b"=41 =41"),
        ("quoted-printable", b"=\rx\n", b"=\rx\n"),
        ("7bit", b"a=3D\xff", b"a=3D\xff"),
        ("x-unknown", b"YQ==", b"YQ=="),
    ],
)
def test_transferred(encoding: str, octets: bytes, expected: bytes) -> None:
    assert transferred(encoding, octets) == expected


@given(st.binary(max_size=300))
def test_what_was_encoded_comes_back(octets: bytes) -> None:
    assert transferred("base64", base64.encodebytes(octets)) == octets
    assert transferred("quoted-printable", quopri.encodestring(octets, quotetabs=True)) == octets
    assert transferred("quoted-printable", binascii.b2a_qp(octets, istext=False)) == octets


_PIECES = st.sampled_from(
    [
        b"=",
        b"==",
        b"4",
        b"41",
        b" ",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"Y",
        b"YQ",
        b"!",
        b"xyz",
        b"\xc3",
    ]
)


@given(
    st.sampled_from(["base64", "quoted-printable", "8bit"]),
    st.lists(st.lists(_PIECES, max_size=6).map(b"".join), max_size=10),
)
def test_the_cuts_do_not_matter(encoding: str, blocks: list[bytes]) -> None:
    decoder = TransferDecoder(encoding)
    pieces = [decoder.feed(block) for block in blocks]
    whole = b"".join(blocks)
    assert b"".join([*pieces, decoder.finish()]) == transferred(encoding, whole)
    part = Part(encoding=encoding, parameters=((b"charset", b"shift_jis"),))
    reader = TextDecoder(part)
    text = "".join([*[reader.feed(block) for block in blocks], reader.finish()])
    assert text == decoded(part, whole)


def test_what_is_held_back_is_bounded() -> None:
    decoder = TransferDecoder("quoted-printable")
    for _ in range(100):
        decoder.feed(b"=" + b" " * 500)
        assert len(decoder._held) <= MAX_BLANKS + 2
    decoder = TransferDecoder("base64")
    for _ in range(100):
        decoder.feed(b"\xff" * 501 + b"YWE")
        assert len(decoder._held) < 4


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        (b"utf-8", "é日".encode(), "é日"),
        (b"utf-8", b"\xe9", "\ufffd"),
        (b"us-ascii", "é".encode(), "é"),
        (b"us-ascii", b"\xe9", "é"),
        (b"x-nobody", b"\xe9", "é"),
        (b"iso-8859-1", b"\x80", "€"),
        (b"iso-2022-jp", "日本".encode("iso2022_jp"), "日本"),
    ],
)
def test_text(charset: bytes, octets: bytes, text: str) -> None:
    part = Part(parameters=((b"charset", charset),))
    assert decoded(part, octets) == text
    reader = TextDecoder(part)
    pieces = [reader.feed(octets[at : at + 1]) for at in range(len(octets))]
    assert "".join([*pieces, reader.finish()]) == text


def test_a_guess_is_corrected_where_it_fails() -> None:
    reader = TextDecoder(Part())
    assert reader.feed("é".encode()) == "é"
    assert reader.feed(b"a\xe9") == "a"
    assert reader.feed(b"b\xff") == "ébÿ"
    assert reader.finish() == ""


@given(
    st.sampled_from([b"", b"utf-7", b"utf-16", b"hz", b"us-ascii", b"x"]), st.binary(max_size=80)
)
def test_any_octets(charset: bytes, octets: bytes) -> None:
    for encoding in ("base64", "quoted-printable", "7bit"):
        part = Part(encoding=encoding, parameters=((b"charset", charset),))
        decoded(part, octets)
        reader = TextDecoder(part)
        reader.feed(octets)
        reader.finish()
