"""From octets to rows: DMARC and TLS reports of others, in whatever they are packed.

Who sent a report is not known from it; what it says is kept as said. RFC 9990, RFC 8460.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from postroom.ledger.reports import Kind, Received
from postroom.mailauth import feedback_read, tlsrpt_read
from postroom.mailauth.feedback import Report as DmarcReport
from postroom.mailauth.tlsrpt_read import Report as TlsReport
from postroom.message import enclosed
from postroom.message.headers import EMPTY_LINE

MAX_REPORTS: Final = 20  # in one message
MAX_CONTENT: Final = 4 * 1024 * 1024  # octets of a report as it is kept
_LATEST: Final = 253_402_300_799_000  # ms; the end of the year 9999

_PACKED: Final = (b"\x1f\x8b", b"PK\x03\x04", b"<", b"{", b"\xef\xbb\xbf")


class Parsed(msgspec.Struct, frozen=True):
    """A report that was read."""

    kind: Kind
    domain: str
    organization: str
    ident: str
    begins: int
    ends: int
    passed: int
    failed: int
    content: DmarcReport | TlsReport


def parse(octets: bytes) -> list[Parsed]:
    """The reports in a message or a file; raises ``enclosed.TooLarge``."""
    is_file = octets.lstrip(b" \t\r\n").startswith(_PACKED) or not EMPTY_LINE.search(octets)
    found: list[Parsed] = []
    for document in enclosed.unpacked(octets) if is_file else enclosed.in_message(octets):
        one = _parsed(document)
        if one is not None and len(found) < MAX_REPORTS:
            found.append(one)
    return found


def row(one: Parsed, ident: int) -> Received:
    """As it is kept; of one with very many records only the sums and the most frequent."""
    content = msgspec.json.encode(one.content)
    report = one.content
    while len(content) > MAX_CONTENT and isinstance(report, DmarcReport):
        frequent = sorted(report.records, key=lambda record: -record.count)
        report = msgspec.structs.replace(report, records=tuple(frequent[: len(frequent) // 2]))
        content = msgspec.json.encode(report)
    return Received(
        ident,
        one.kind,
        one.domain,
        one.organization,
        one.begins,
        one.ends,
        one.passed,
        one.failed,
        content.decode(),
    )


def _parsed(document: bytes) -> Parsed | None:
    beginning = document.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        if beginning == b"<":
            return _dmarc(feedback_read.read(document))
        if beginning == b"{":
            return _tls(tlsrpt_read.read(document))
    except (feedback_read.BadReport, tlsrpt_read.BadReport):
        return None
    return None


def _dmarc(report: DmarcReport) -> Parsed:
    passed = sum(
        record.count for record in report.records if "pass" in (record.row.dkim, record.row.spf)
    )
    return Parsed(
        "dmarc",
        report.published.domain[:255],
        report.organization,
        report.ident,
        min(1000 * report.begins, _LATEST),
        min(1000 * report.ends, _LATEST),
        passed,
        sum(record.count for record in report.records) - passed,
        report,
    )


def _tls(report: TlsReport) -> Parsed:
    domains = [policy.domain for policy in report.policies if policy.domain]
    return Parsed(
        "tls",
        domains[0][:255] if domains else "",
        report.organization,
        report.ident,
        _milliseconds(report.begins),
        _milliseconds(report.ends),
        sum(policy.successes for policy in report.policies),
        sum(policy.failures for policy in report.policies),
        report,
    )


def _milliseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1000))
