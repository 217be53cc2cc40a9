"""The first words of a message."""

import pytest
from hypothesis import given, strategies as st

from postroom.message.preview import ENOUGH, MAX_ENCODED, MOST, preview, summary

ALTERNATIVE = (
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\n%s\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello\r\n\r\n  there,\tyou", "Hello there, you"),
        ("", ""),
        (" \n\t\n", ""),
        ("Yes.\n\nOn Mon, 5 May 2025 at 10:00, Joe <joe@x.test> wrote:\n> No?\n> Or?", "Yes."),
        ("On Mon, 5 May 2025\nJoe wrote:\n\n> No?\n\nYes.", "Yes."),
        ("Am 5. Mai schrieb Joe:\n> Nein?\nDoch.\n> Ach", "Doch."),
        ("The reasons are these:\n> quoted\nand so on", "The reasons are these: and so on"),
        ("> only\n> quoted", "only quoted"),
        ("Joe wrote:\n> all of it", "Joe wrote: all of it"),
        ("Text\n-- \nJoe, Inc.", "Text"),
        ("-- \nJoe, Inc.", "-- Joe, Inc."),
        ("New\n-----Original Message-----\nFrom: a", "New"),
        ("---------- Forwarded message ---------\nFrom: a", "From: a"),
        ("New\n________________________________\nFrom: a", "New"),
        ("-----BEGIN PGP MESSAGE-----\n\nhQEMA", ""),
        ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHi\n-----BEGIN PGP SIGNATURE-----\nx", "Hi"),
        ("pre\u200c \u200c \u200c\u00a0\u200b\u00adheader\ufeff\u202e", "pre\u200c header"),
        ("\x00a\x1b[31mb\x9d", "a[31mb"),
        ("x\ud800y", "x?y"),
    ],
)  # fmt: skip
def test_summary(text: str, words: str) -> None:
    assert summary(text) == words


def test_a_long_text_is_cut_between_words() -> None:
    assert summary("word " * 100) == ("word " * 40).rstrip()
    assert summary("w" * 1000) == "w" * MOST
    assert summary("x" * 170 + " " + "y" * 100) == "x" * 170
    assert summary("x" * 100 + " " + "y" * 200) == "x" * 100 + " " + "y" * 99
    assert summary("x" * MOST) == "x" * MOST


@pytest.mark.parametrize(
    ("letter", "words"),
    [
        (b"Subject: x\r\n\r\nbody\r\n", "body"),
        (b"Subject: x\r\n\r\n", ""),
        (ALTERNATIVE % b"plain", "plain"),
        (ALTERNATIVE % b" ", "rich"),
        (
            (
                b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                b"--b\r\nContent-Type: text/html\r\n\r\n<p>first</p>\r\n"
                b"--b\r\nContent-Type: text/plain\r\n\r\nfooter of a list\r\n--b--\r\n"
            ),
            "first",
        ),
        (
            (
                b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                b"--b\r\nContent-Disposition: attachment\r\n\r\nattached\r\n"
                b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n--b--\r\n"
            ),
            "",
        ),
        (
            (
                b"Content-Type: multipart/encrypted; boundary=b\r\n\r\n"
                b"--b\r\n\r\nVersion: 1\r\n--b--\r\n"
            ),
            "",
        ),
        (
            (
                b"Content-Type: text/html; charset=iso-8859-1\r\n"
                b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=E9 &amp; th=E9</p>"
            ),
            "café & thé",
        ),
        (b"Content-Type: image/png\r\n\r\nxx", ""),
    ],
)
def test_preview(letter: bytes, words: str) -> None:
    assert preview(letter) == words


def test_a_character_that_is_cut_spoils_nothing() -> None:
    text = "é".encode() * 10 + b" " * (MAX_ENCODED - 21) + "é".encode()
    assert preview(b"Content-Type: text/plain\r\n\r\n" + text) == "é" * 10
    assert preview((b"X: y\r\n\r\n" + "ü".encode() * ENOUGH)[:ENOUGH]) == "ü" * MOST


@given(st.binary(max_size=300))
def test_nothing_raises(octets: bytes) -> None:
    found = preview(b"Content-Type: text/html\r\n\r\n" + octets)
    assert len(found) <= MOST
    assert found == " ".join(found.split())
    found.encode()
