"""Reports in messages and files, in whatever they are packed."""

import gzip
from pathlib import Path
from typing import Final

import msgspec
import pytest

from postroom.mailauth.feedback import Record, build
from postroom.policy import received_reports
from postroom.policy.received_reports import MAX_CONTENT, parse, row
from tests.absent import vectors
from tests.mailauth.test_feedback import REPORT
from tests.message.test_enclosed import letter, zipped

MESSAGES: Final = vectors("dmarc-feedback", "*.eml") + vectors("tlsrpt", "*.eml")
TLS: Final = (
    b'{"organization-name": "Them", "report-id": "1", "contact-info": "tls@them.test", "date-range": {"start-datetime":'
    b' "2026-09-20T00:00:00Z", "end-datetime": "never"}, "policies": [{"policy":'
    b' {"policy-type": "sts", "policy-domain": "A.test"}, "summary":'
    b' {"total-successful-session-count": 7, "total-failure-session-count": 2}}]}'
)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.name)
def test_a_public_message(path: Path) -> None:
    (one,) = parse(path.read_bytes())
    assert one.kind == ("tls" if "tlsrpt" in str(path) else "dmarc")
    assert one.passed + one.failed > 0


def test_every_wrapping() -> None:
    document = build(REPORT)
    for octets in (
        document,
        b"\xef\xbb\xbf" + document,
        gzip.compress(document),
        zipped(document),
        letter(gzip.compress(document)),
        letter(zipped(document), "application/zip"),
        letter(document, "text/xml"),
    ):
        (one,) = parse(octets)
        assert (one.kind, one.domain, one.organization) == ("dmarc", "a.test", "Us & <them>")
        assert (one.begins, one.ends) == (1_789_862_400_000, 1_789_948_799_000)
        assert (one.passed, one.failed) == (1, 3)


def test_a_tls_report() -> None:
    (one,) = parse(letter(gzip.compress(TLS), "application/tlsrpt+gzip"))
    assert (one.kind, one.domain, one.ident) == ("tls", "a.test", "1")
    assert (one.begins, one.ends) == (1_789_862_400_000, 0)
    assert (one.passed, one.failed) == (7, 2)


def test_no_report() -> None:
    for octets in (b"", b"From: a@a.test\r\n\r\nhello\r\n", b"<html/>", b"{}", letter(b"%PDF-1")):
        assert parse(octets) == []


def test_a_very_long_report_keeps_its_sums() -> None:
    row_ = REPORT.records[0].row
    records = tuple(
        [
            Record(msgspec.structs.replace(row_, source=f"2001:db8::{number:x}"), number)
            for number in range(20_000)
        ]
    )
    (one,) = parse(build(msgspec.structs.replace(REPORT, records=records)))
    kept = row(one, 5)
    assert kept.id == 5
    assert kept.failed == sum(range(20_000))
    assert len(kept.content) <= MAX_CONTENT
    content = msgspec.json.decode(kept.content, type=type(REPORT))
    assert content.records[0].count == 19_999
    assert received_reports.row(one, 5) == kept
