"""What is written can be read again, whatever strangers chose."""

from hypothesis import given, strategies as st

from postroom.mailauth.feedback import (
    Dkim,
    Published,
    Record,
    Report,
    Row,
    Spf,
    build,
    file_name,
    subject,
)
from postroom.mailauth.feedback_read import read

ROW = Row(
    source="192.0.2.1",
    disposition="none",
    dkim="fail",
    spf="fail",
    reason="local_policy",
    header_from="a.test",
    envelope_from="b.test",
    signatures=(Dkim(domain="b.test", selector="s", result="pass"), Dkim(domain="c.test")),
    senders=(Spf(domain="b.test", result="pass"),),
)
REPORT = Report(
    organization="Us & <them>",
    contact="postmaster@us.test",
    ident="2026-09-20.1@mx.us.test",
    begins=1_789_862_400,
    ends=1_789_948_799,
    published=Published(domain="a.test", p="reject", sp="none", adkim="r", aspf="s", testing="n"),
    records=(Record(ROW, 3), Record(Row(
        source="2001:db8::1", disposition="pass", dkim="pass", spf="fail", header_from="x.a.test"
    ), 1)),
)  # fmt: skip


def test_a_report_is_read_as_it_was_written() -> None:
    assert read(build(REPORT)) == REPORT


def test_the_document_keeps_to_the_order_of_the_schema() -> None:
    text = build(REPORT).decode()
    places = [
        text.index(f"<{name}>")
        for name in (
            "version", "report_metadata", "org_name", "email", "report_id", "date_range",
            "policy_published", "domain", "discovery_method", "p", "record", "row", "source_ip",
            "count", "policy_evaluated", "disposition", "dkim", "spf", "reason", "identifiers",
            "header_from", "envelope_from", "auth_results", "scope",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert 'xmlns="urn:ietf:params:xml:ns:dmarc-2.0"' in text


@given(st.text(max_size=100), st.text(max_size=100))
def test_nothing_breaks_out_of_its_element(organization: str, name: str) -> None:
    report = Report(
        organization="x" + organization,
        contact=name,
        ident="1",
        begins=0,
        ends=1,
        published=Published(domain="a.test", p="none"),
        records=(Record(Row(
            source="192.0.2.1", disposition="none", dkim="fail", spf="fail", header_from=name
        ), 1),),
    )  # fmt: skip
    found = read(build(report))
    assert found.published == report.published
    assert [record.count for record in found.records] == [1]


def test_names_for_the_post() -> None:
    assert file_name("mx.us.test", REPORT) == "mx.us.test!a.test!1789862400!1789948799.xml.gz"
    assert subject("mx.us.test", REPORT) == (
        "Report Domain: a.test Submitter: mx.us.test Report-ID: <2026-09-20.1@mx.us.test>"
    )
