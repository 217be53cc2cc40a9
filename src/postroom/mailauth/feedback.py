"""DMARC aggregate reports: what one receiver saw of a domain's mail in a span of time.

``build`` writes the XML of a report; ``feedback_read`` reads those of others. Counting messages
and sending reports is not done here.

RFC 9990 §3.1 (the XML document), §3.5 (subject and file name). Readers of RFC 7489 know its
elements as well.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from postroom.message.xmltext import escaped

NAMESPACE: Final = "urn:ietf:params:xml:ns:dmarc-2.0"
MAX_DKIM: Final = 10  # signatures of one row; 100 at the most, RFC 9990 §3.1.4

_NOT_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNSAFE_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that was applied; "" for what is not told."""

    domain: str
    p: str = "none"
    sp: str = ""
    np: str = ""
    adkim: str = ""
    aspf: str = ""
    testing: str = ""


class Dkim(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one signature."""

    domain: str
    selector: str = ""
    result: str = "none"


class Spf(msgspec.Struct, frozen=True, kw_only=True):
    """The result of SPF for MAIL FROM."""

    domain: str
    result: str = "none"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that were alike: a key for counting.

    ``disposition`` is what became of them: none, pass, quarantine or reject; ``dkim`` and
    ``spf`` are pass or fail as DMARC sees it; ``reason`` is why the policy was not followed.
    """

    source: str
    disposition: str
    dkim: str
    spf: str
    reason: str = ""
    header_from: str
    envelope_from: str = ""
    signatures: tuple[Dkim, ...] = ()
    senders: tuple[Spf, ...] = ()


class Record(msgspec.Struct, frozen=True):
    """A row and how many messages it stands for."""

    row: Row
    count: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document; ``begins`` and ``ends`` are in seconds since 1970."""

    organization: str
    contact: str
    ident: str
    begins: int
    ends: int
    published: Published
    records: tuple[Record, ...]


def build(report: Report) -> bytes:
    """The XML document in UTF-8."""
    published = report.published
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<feedback xmlns="{NAMESPACE}">',
        "<version>1.0</version>",
        "<report_metadata>",
        _element("org_name", report.organization),
        _element("email", report.contact),
        _element("report_id", report.ident),
        "<date_range>",
        _element("begin", str(report.begins)),
        _element("end", str(report.ends)),
        "</date_range>",
        "</report_metadata>",
        "<policy_published>",
        _element("domain", published.domain),
        _element("discovery_method", "treewalk"),
        *_given(published, ("p", "sp", "np", "adkim", "aspf", "testing")),
        "</policy_published>",
    ]
    for record in report.records:
        lines += _record(record)
    lines.append("</feedback>\n")
    return "\n".join(lines).encode("utf-8", "replace")


def file_name(receiver: str, report: Report) -> str:
    """The name of the compressed attachment (RFC 9990 §3.5.2)."""
    parts = (receiver, report.published.domain, str(report.begins), str(report.ends))
    return "!".join([_UNSAFE_NAME.sub("_", part) for part in parts]) + ".xml.gz"


def subject(submitter: str, report: Report) -> str:
    """The subject of the message that carries a report (RFC 9990 §3.5.3)."""
    domain = report.published.domain
    return f"Report Domain: {domain} Submitter: {submitter} Report-ID: <{report.ident}>"


def _record(record: Record) -> Iterable[str]:
    row = record.row
    yield "<record>"
    yield "<row>"
    yield _element("source_ip", row.source)
    yield _element("count", str(record.count))
    yield "<policy_evaluated>"
    yield _element("disposition", row.disposition)
    yield _element("dkim", row.dkim)
    yield _element("spf", row.spf)
    if row.reason:
        yield f"<reason>{_element('type', row.reason)}</reason>"
    yield "</policy_evaluated>"
    yield "</row>"
    yield "<identifiers>"
    yield _element("header_from", row.header_from)
    yield _element("envelope_from", row.envelope_from)
    yield "</identifiers>"
    yield "<auth_results>"
    for one in row.signatures:
        yield "<dkim>" + "".join(_given(one, ("domain", "selector", "result"))) + "</dkim>"
    for sent in row.senders:
        yield (
            f"<spf>{_element('domain', sent.domain)}<scope>mfrom</scope>"
            f"{_element('result', sent.result)}</spf>"
        )
    yield "</auth_results>"
    yield "</record>"


def _given(value: msgspec.Struct, names: Iterable[str]) -> Iterable[str]:
    return [_element(name, text) for name in names if (text := str(getattr(value, name)))]


def _element(name: str, text: str) -> str:
    return f"<{name}>{escaped(_NOT_XML.sub('?', text))}</{name}>"
