"""TLS reports of others: those of the public collection, ours, and nonsense."""

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st

from postroom.mailauth import tlsrpt
from postroom.mailauth.tlsrpt_read import MAX_OCTETS, BadReport, read
from tests.absent import vectors

FILES: Final = vectors("tlsrpt", "*.json")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_public_report(path: Path) -> None:
    report = read(path.read_bytes())
    wanted = json.loads(path.read_text())
    assert report.ident == wanted["report-id"]
    assert [one.successes for one in report.policies] == [
        one["summary"]["total-successful-session-count"] for one in wanted["policies"]
    ]


def test_a_report_of_ours() -> None:
    policy = tlsrpt.Policy(policy_type="sts", policy_domain="a.test", mx_host=("mx.a.test",))
    failure = tlsrpt.Failure(
        result_type="certificate-expired", receiving_mx_hostname="mx.a.test",
        additional_information="yesterday",
    )  # fmt: skip
    report = tlsrpt.report(
        [tlsrpt.results(policy, successes=5, failures={failure: 2})],
        organization="us",
        contact="postmaster@us.test",
        ident="1",
        start_seconds=0,
        end_seconds=86_399,
    )
    found = read(tlsrpt.build(report))
    assert (found.organization, found.ident, found.begins) == ("us", "1", "1970-01-01T00:00:00Z")
    (one,) = found.policies
    assert (one.kind, one.domain, one.successes, one.failures) == ("sts", "a.test", 5, 2)
    (detail,) = one.details
    assert (detail.result, detail.host, detail.detail, detail.sessions) == (
        "certificate-expired", "mx.a.test", "yesterday", 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    "octets",
    [b"", b"[]", b"{}", b'{"policies": []}', b'{"policies": [{}]}', b"[" * 100_000, b"\xff"],
)
def test_no_report(octets: bytes) -> None:
    with pytest.raises(BadReport):
        read(octets)


def test_a_report_that_would_fill_the_memory() -> None:
    policies = b"{}," * (MAX_OCTETS // 3) + b"{}"
    with pytest.raises(BadReport, match="octets"):
        read(b'{"report-id": "1", "policies": [' + policies + b"]}")


def test_values_of_other_kinds_are_empty() -> None:
    found = read(
        b'{"report-id": "1", "date-range": 5, "policies": [7, {"policy": [], "summary":'
        b' {"total-successful-session-count": "many"}, "failure-details": {}}]}'
    )
    assert [one.successes for one in found.policies] == [0, 0]


@given(st.binary(max_size=200))
def test_reading_fails_in_one_way(octets: bytes) -> None:
    for document in (octets, b'{"report-id": "1", "policies": [' + octets + b"]}"):
        try:
            read(document)
        except BadReport:
            continue
