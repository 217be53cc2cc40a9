import pytest
from hypothesis import given

from postroom.message.envelope import envelope
from postroom.message.headers import MAX_HEADER, split
from postroom.message.index import MAX_SUBJECT, Indexed, index
from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.message.structure import bodystructure
from tests.message import imap, letters


def _indexed(octets: bytes) -> Indexed:
    return index(split(octets)[0], scan(octets))


def test_a_simple_letter() -> None:
    part = scan(letters.SIMPLE)
    head = split(letters.SIMPLE)[0]
    assert index(head, part) == Indexed(
        envelope(head), bodystructure(part), "1@example.org", (), "Minutes of the meeting"
    )


def test_without_collected_fields_the_head_is_read() -> None:
    head = split(letters.SIMPLE)[0]
    part = Part(body_start=len(head), end=len(head))
    assert index(head, part).message_id == "1@example.org"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (b"", ""),
        (b"plain", "plain"),
        (b"=?utf-8?q?J=C3=B6rg=0D=0A_=00x=07?=", "Jörg x\ufffd"),
        (b"a\r\n\tb", "a b"),
        (b"=?utf-8?q?=F0=9F=98=80?=" * 100, "\U0001f600" * 100),
        (b"x" * 500, "x" * MAX_SUBJECT),
    ],
)
def test_subjects(subject: bytes, text: str) -> None:
    assert _indexed(b"Subject: " + subject + b"\r\n\r\n").subject == text


def test_thread() -> None:
    found = _indexed(
        b"Message-ID: <3@x>\r\nReferences: <1@x>\r\n <2@x>\r\nIn-Reply-To: <2@x>\r\n\r\n"
    )
    assert (found.message_id, found.references) == ("3@x", ("1@x", "2@x"))


@given(letters.octets)
def test_any_octets(octets: bytes) -> None:
    found = _indexed(octets)
    imap.read(found.envelope)
    imap.read(found.bodystructure)
    assert len(found.subject) <= MAX_SUBJECT
    assert found.subject.isprintable()


@pytest.mark.parametrize(
    "head",
    [
        b"To: " + b'"' * 16_384,
        b"To: " + b"(" * 1000,
        b"To: " + b"a@b, " * 16_000,
        b"To: a@b\r\n" * 25_000,
        b"Subject: " + b"=?utf-8?q?x?= " * 16_384,
        b"References: " + b"<a@b> " * 40_000,
        b"From: " + b"=?utf-8?q?x?= <a@b>, " * 10_000,
        b"X: " + b"x" * MAX_HEADER,
    ],
    ids=lambda head: repr(head[:20]),
)
def test_bombs(head: bytes) -> None:
    """D8: a step that is not linear would take minutes here."""
    _indexed(head + b"\r\n\r\nbody")
