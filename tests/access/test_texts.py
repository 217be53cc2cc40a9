"""Decoded texts for SEARCH."""

import asyncio
import base64
import datetime as dt
from pathlib import Path

import pytest

from postroom.access.texts import BodyText, EnvelopeText, HeadText, Needles, find, find_in
from postroom.message.casemap import casemap
from postroom.message.envelope import envelope
from tests.access.shop import opened, put, shop
from tests.conftest import Opener


def test_header_values() -> None:
    head = HeadText(
        b"Subject: one\r\n two\r\nsubject: =?utf-8?q?Stra=C3=9Fe?=\r\n"
        b"Date: Mon, 1 Jan 2024 01:00:00 +0900\r\n\r\n"
    )
    assert head.has("SUBJECT", casemap("one two"))
    assert head.has("SUBJECT", casemap("STRAßE"))
    assert not head.has("SUBJECT", casemap("mon"))
    assert head.has("DATE", "")
    assert not head.has("TO", "")
    assert head.has_anywhere(casemap("1 jan 2024"))


@pytest.mark.parametrize(
    ("head", "subject", "sent"),
    [
        (b'Subject: a "quoted" \\ word\r\nDate: 4 Oct 2024 00:10 +0200\r\n\r\n',
         'a "quoted" \\ word', dt.date(2024, 10, 4)),
        (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n", "GRÜßE", None),
        (b'Date: "\r\nSubject: Gr\xc3\xbcn\r\n\r\n', "grün", None),
        (b"Subject: " + b"long " * 400 + b"end\r\n\r\n", "long end", None),
        (b"Subject:\r\n\r\n", "", None),
    ],
)  # fmt: skip
def test_the_envelope_says_what_the_header_says(
    head: bytes, subject: str, sent: dt.date | None
) -> None:
    text = EnvelopeText(envelope(head))
    assert text.subject_has(casemap(subject))
    assert not text.subject_has(casemap("absent"))
    assert text.sent == sent


def test_an_envelope_without_subject() -> None:
    text = EnvelopeText(envelope(b"To: a@example.org\r\n\r\n"))
    assert not text.subject_has(casemap("a"))
    assert text.sent is None


@pytest.mark.parametrize("head", [b"Subject: Plain\r\n\r\n", b"Subject: Gr\xc3\xbcn\r\n\r\n"])
def test_the_quick_miss_misses_nothing(head: bytes) -> None:
    assert not HeadText(head).has("SUBJECT", casemap("absent"))
    assert HeadText(head).has("SUBJECT", casemap(head[9:11].decode()))


def test_a_folded_field_is_found_across_the_fold() -> None:
    assert HeadText(b"Subject: one\r\n two\r\n\r\n").has("SUBJECT", casemap("e t"))


def test_large_and_small_letters_give_the_same(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            body = base64.encodebytes(("größe " * 50 + "NADEL").encode()).replace(b"\n", b"\r\n")
            letter = (
                b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
                b"Content-Type: text/plain; charset=utf-8\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" + body +
                b"--o\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nfoot\r\n--o--\r\n"
            )  # fmt: skip
            await put(store, letter)
            view = await opened(store, read_only=True)
            row = await store.db.read(lambda tx: tx.one("SELECT blob_id FROM message"))
            assert row is not None
            bodies = frozenset({*map(casemap, ("größe nadel", "inner", "foot", "absent")), ""})
            needles = Needles(bodies, frozenset({"RFC822", "ABSENT", ""}))
            for found in (find_in(letter, needles), await find(view, row[0], needles)):
                assert found == Needles(bodies - {"ABSENT"}, frozenset({"RFC822", ""}))
                text = BodyText(found)
                assert text.has("FOOT")
                assert text.has_anywhere("FOOT")
                assert text.has_anywhere("RFC822")
                assert not text.has("RFC822")
                assert not text.has_anywhere("ABSENT")

    asyncio.run(run())
