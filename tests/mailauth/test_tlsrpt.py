import json
from typing import Any, Final, get_args

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.address import Address
from postroom.mailauth import tlsrpt
from postroom.mailauth.tlsrpt import Failure, Policy, Report, Targets
from tests import absent

MAIL: Final = Address.parse("tls@example.org")


@pytest.mark.parametrize(
    ("records", "targets"),
    [
        ([b"v=TLSRPTv1; rua=mailto:tls@example.org"], Targets((MAIL,), ())),
        ([b"v=TLSRPTv1;rua=https://r.example/v1;"], Targets((), ("https://r.example/v1",))),
        (
            [b"v=TLSRPTv1 ;\trua= mailto:tls@example.org , https://r.example/ , ftp:x; a=b"],
            Targets((MAIL,), ("https://r.example/",)),
        ),
        ([b"v=TLSRPTv1; a=b; rua=MAILTO:tls%40example.org?subject=x"], Targets((MAIL,), ())),
        ([b"v=spf1 -all", b"v=TLSRPTv1; rua=mailto:tls@example.org"], Targets((MAIL,), ())),
        ([b"v=TLSRPTv1; rua=mailto:tls@example.org; rua=mailto:b@c"], Targets((MAIL,), ())),
        ([b"v=TLSRPTv1; rua=" + b",".join([b"mailto:tls@example.org"] * 11)],
         Targets((MAIL,) * 10, ())),
        ([], None),
        ([b"v=TLSRPTv1; rua=mailto:tls@example.org"] * 2, None),
        ([b"v=TLSRPTv2; rua=mailto:tls@example.org"], None),
        ([b"v=TLSRPTv1 rua=mailto:tls@example.org"], None),
        ([b"v=TLSRPTv1"], None),
        ([b"v=TLSRPTv1; rua"], None),
        ([b"v=TLSRPTv1; rua="], None),
        ([b"v=TLSRPTv1; RUA=mailto:tls@example.org"], None),
        ([b"v=TLSRPTv1; rua=mailto:nobody"], None),
        ([b"v=TLSRPTv1; rua=mailto:a%0d%0aRCPT@example.org"], None),
        ([b"v=TLSRPTv1; rua=mailto:a b@example.org"], None),
        ([b"v=TLSRPTv1; rua=https:r.example"], None),
        ([b"v=TLSRPTv1; rua=https://"], None),
        ([b"v=TLSRPTv1; rua=http://r.example/"], None),
        ([b"v=TLSRPTv1; rua=https://r.example/\x01"], None),
        ([b"v=TLSRPTv1; rua=mailto:t\xc3\xa4@example.org"], None),
        ([b"v=TLSRPTv1; rua=mailto:tls@example.org; x=" + b"y" * 5000], None),
    ],
)  # fmt: skip
def test_records(records: list[bytes], targets: Targets | None) -> None:
    assert tlsrpt.parse_record(records) == targets


@given(st.lists(st.one_of(st.binary(), st.text().map(lambda t: b"v=TLSRPTv1; rua=" + t.encode()))))
def test_any_record(records: list[bytes]) -> None:
    found = tlsrpt.parse_record(records)
    assert found is None or found.mailto or found.https


STS: Final = Policy(
    policy_type="sts",
    policy_string=("version: STSv1", "mode: testing", "mx: mail.example.org", "max_age: 86400"),
    policy_domain="example.org",
    mx_host=("mail.example.org",),
)
EXPIRED: Final = Failure(
    result_type="certificate-expired",
    sending_mta_ip="2001:db8::1",
    receiving_mx_hostname="mail.example.org",
)
PLAIN: Final = Failure(
    result_type="starttls-not-supported",
    receiving_ip="192.0.2.1",
    receiving_mx_helo="mx",
    additional_information="x" * 1000,
    failure_reason_code="E1",
)


def document() -> Report:
    return tlsrpt.report(
        [
            tlsrpt.results(STS, successes=5, failures={EXPIRED: 1, PLAIN: 3}),
            tlsrpt.results(
                Policy(policy_type="no-policy-found", policy_domain="example.net"), successes=2
            ),
        ],
        organization="Grüße",
        contact="postmaster@example.com",
        ident="1@example.com",
        start_seconds=1_790_000_000,
        end_seconds=1_790_086_399,
    )


def test_the_document() -> None:
    assert json.loads(tlsrpt.build(document())) == {
        "organization-name": "Grüße",
        "date-range": {
            "start-datetime": "2026-09-21T14:13:20Z",
            "end-datetime": "2026-09-22T14:13:19Z",
        },
        "contact-info": "postmaster@example.com",
        "report-id": "1@example.com",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": [
                        "version: STSv1",
                        "mode: testing",
                        "mx: mail.example.org",
                        "max_age: 86400",
                    ],
                    "policy-domain": "example.org",
                    "mx-host": ["mail.example.org"],
                },
                "summary": {
                    "total-successful-session-count": 5,
                    "total-failure-session-count": 4,
                },
                "failure-details": [
                    {
                        "result-type": "starttls-not-supported",
                        "receiving-ip": "192.0.2.1",
                        "receiving-mx-helo": "mx",
                        "additional-information": "x" * 500,
                        "failure-reason-code": "E1",
                        "failed-session-count": 3,
                    },
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "2001:db8::1",
                        "receiving-mx-hostname": "mail.example.org",
                        "failed-session-count": 1,
                    },
                ],
            },
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "example.net"},
                "summary": {
                    "total-successful-session-count": 2,
                    "total-failure-session-count": 0,
                },
            },
        ],
    }


def test_what_is_built_is_read_back() -> None:
    assert msgspec.json.decode(tlsrpt.build(document()), type=Report) == document()


def test_a_day_without_sessions() -> None:
    found = tlsrpt.results(STS, successes=0)
    assert found.summary.total_failure_session_count == 0
    assert found.failure_details == ()


def test_odd_letters_of_a_peer_do_no_harm() -> None:
    odd = Failure(result_type="validation-failure", receiving_mx_helo='"\ud800\0\r\n')
    report = tlsrpt.report(
        [tlsrpt.results(STS, successes=0, failures={odd: 1})],
        organization="x",
        contact="y",
        ident="z",
        start_seconds=0,
        end_seconds=1,
    )
    assert json.loads(tlsrpt.build(report))["policies"][0]["failure-details"][0][
        "receiving-mx-helo"
    ] == '"?\0\r\n'  # fmt: skip


def normalised(value: Any) -> Any:
    """Without the order of keys."""
    return json.loads(json.dumps(value, sort_keys=True))


def test_reports_as_sent_have_the_fields_of_ours() -> None:
    found = absent.vectors("tlsrpt", "rpt0[12].json")
    for path in found:
        theirs = json.loads(path.read_text())
        report = msgspec.convert(theirs, type=Report)
        assert normalised(json.loads(tlsrpt.build(report))) == normalised(theirs)
    assert len(found) == 2 or not found


def test_types_are_those_of_the_rfc() -> None:
    assert len(get_args(tlsrpt.ResultType)) == 11
    assert set(get_args(tlsrpt.PolicyType)) == {"tlsa", "sts", "no-policy-found"}
    found = absent.vectors("tlsrpt", "rpt03.json")
    for path in found:
        with pytest.raises(msgspec.ValidationError, match="policies"):
            msgspec.json.decode(path.read_bytes(), type=Report)


def test_names_of_the_message() -> None:
    assert (
        tlsrpt.file_name("mail.example.com", "example.org", 1, 2, "a/b!c")
        == "mail.example.com!example.org!1!2!a_b_c.json.gz"
    )
    assert (
        tlsrpt.subject("example.org", "mail.example.com", "1@example.com")
        == "Report Domain: example.org Submitter: mail.example.com Report-ID: <1@example.com>"
    )
