"""Reports of others: those of the public collection, and what an attacker would send."""

import json
import tracemalloc
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st

from postroom.mailauth.feedback_read import MAX_DEPTH, BadReport, read
from tests.absent import vectors

FILES: Final = vectors("dmarc-feedback", "*.xml")
HEAD: Final = (
    b"<feedback><report_metadata><org_name>o</org_name><report_id>1</report_id></report_metadata>"
    b"<policy_published><domain>A.Test.</domain></policy_published>"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_public_report(path: Path) -> None:
    report = read(path.read_bytes())
    wanted = json.loads(path.with_suffix(".json").read_text())
    assert report.organization == wanted["report_metadata"]["org_name"]
    assert report.ident == wanted["report_metadata"]["report_id"]
    assert report.begins == wanted["report_metadata"]["date_range"]["begin"]
    assert [one.count for one in report.records] == [
        one["row"]["count"] for one in wanted["record"]
    ]
    for found, one in zip(report.records, wanted["record"], strict=True):
        assert found.row.source == one["row"]["source_ip"]
        assert found.row.header_from == one["identifiers"]["header_from"]
        assert [(sig.domain, sig.selector, sig.result) for sig in found.row.signatures] == [
            (sig["domain"], sig["selector"], sig["result"].lower())
            for sig in one["auth_results"]["dkim"]
        ]


def test_what_is_missing_is_empty() -> None:
    report = read(HEAD + b"<record/></feedback>")
    assert report.published.domain == "a.test"
    assert report.published.p == "none"
    (record,) = report.records
    assert (record.count, record.row.source, record.row.disposition) == (0, "", "none")


def test_results_stay_together_when_one_has_gaps() -> None:
    record = (
        b"<record><auth_results><dkim><domain>a.test</domain></dkim><dkim><domain>b.test</domain>"
        b"<selector>s</selector><result>pass</result></dkim></auth_results></record>"
    )
    (found,) = read(HEAD + record + b"</feedback>").records
    assert [(one.domain, one.selector, one.result) for one in found.row.signatures] == [
        ("a.test", "", ""),
        ("b.test", "s", "pass"),
    ]


def test_counts_that_are_none() -> None:
    for text, count in ((b"-5", 0), (b"1e3", 1000), (b"nan", 0), (b"x", 0), (b"9" * 99, 1 << 40)):
        record = b"<record><row><count>" + text + b"</count></row></record>"
        assert read(HEAD + record + b"</feedback>").records[0].count == count


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"not at all",
        b"<feedback>",
        b"<feedback/>",
        b"<other/>",
        b'<!DOCTYPE feedback [<!ENTITY a "aaaa">]>' + HEAD + b"</feedback>",
        b'<!DOCTYPE feedback SYSTEM "file:///etc/passwd">' + HEAD + b"</feedback>",
        HEAD + b"&undefined;</feedback>",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    ],
)
def test_no_report(octets: bytes) -> None:
    with pytest.raises(BadReport):
        read(octets)


def test_a_bomb_of_entities_is_not_lit() -> None:
    entities = b"".join(
        b'<!ENTITY e%d "%b">' % (level, b"&e%d;" % (level - 1) * 10) for level in range(1, 20)
    )
    bomb = b'<!DOCTYPE feedback [<!ENTITY e0 "ha">' + entities + b"]><feedback>&e19;</feedback>"
    with pytest.raises(BadReport, match="document type"):
        read(bomb)


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "gb18030", "utf-32", "idna", "punycode"])
def test_an_encoding_that_is_none_here(encoding: str) -> None:
    with pytest.raises(BadReport):
        read(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + HEAD + b"</feedback>")


def test_an_old_encoding() -> None:
    head = HEAD.replace(b"<org_name>o", b"<org_name>M\xfcller")
    report = read(b'<?xml version="1.0" encoding="windows-1252"?>' + head + b"</feedback>")
    assert report.organization == "Müller"


def test_what_is_not_known_is_not_kept() -> None:
    unknown = b"x"
    for _ in range(4):  # ten thousand paths of few names
        unknown = b"".join(b"<%c>%b</%c>" % (name, unknown, name) for name in b"abcdefghij")
    tracemalloc.start()
    read(HEAD + b"<record>" + unknown + b"</record></feedback>")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 500_000


def test_a_thousand_results_are_not_all_kept() -> None:
    many = b"<dkim><domain>a.test</domain><result>pass</result></dkim>" * 1000
    record = b"<record><auth_results>" + many + b"</auth_results></record>"
    (found,) = read(HEAD + record + b"</feedback>").records
    assert len(found.row.signatures) == 20


@given(st.binary(max_size=300))
def test_reading_fails_in_one_way(octets: bytes) -> None:
    for document in (octets, HEAD + octets + b"</feedback>"):
        try:
            read(document)
        except BadReport:
            continue
