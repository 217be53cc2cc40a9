"""DMARC records."""

import pytest
from hypothesis import given, strategies as st

from postroom.mailauth.dmarc_record import DmarcRecord, choose, read


def test_everything_a_record_says() -> None:
    record = read(
        b"v=DMARC1; p=Reject; sp=quarantine; np=none; adkim=s; aspf=S; psd=n; t=y; fo=1:d;"
        b" rua=mailto:a@b.test!10m, mailto:c@d.test ,https://e.test/; ruf=mailto:f@g.test;"
        b" pct=50; rf=afrf; ri=3600; unknown=x"
    )
    assert record == DmarcRecord(
        policy="reject",
        subdomains="quarantine",
        missing="none",
        dkim="strict",
        spf="strict",
        psd="n",
        is_test=True,
        reports=("mailto:a@b.test", "mailto:c@d.test"),
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (b"v=DMARC1; p=none", "none"),
        (b"v = DMARC1 ;p=quarantine;", "quarantine"),
        (b"v=DMARC1; p=nonsense; rua=mailto:a@b.test", "none"),
        (b"v=DMARC1; rua=mailto:a@b.test", "none"),
        (b"v=DMARC1", "none"),
        (b"v=DMARC1; p=reject; adkim=x; psd=maybe", "reject"),
        (b"v=DMARC1; p=reject; sp=loud; rua=mailto:a@b.test", "none"),
        (b"v=DMARC1; p=reject; sp=none; np=; rua=mailto:a@b.test", "none"),
        (b"v=DMARC1;; p=reject", "reject"),
        (b"v=DMARC1; p=reject; rua", "reject"),
        (b"v=DMARC1; p=reject; 1=2; fo x=1; =; \xff\xfe", "reject"),
    ],
)
def test_what_counts(text: bytes, policy: str) -> None:
    record = choose([b"v=spf1 -all", text])
    assert record is not None
    assert record.policy == policy
    assert (record.dkim, record.psd, record.subdomains) == ("relaxed", "u", None)


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [b"v=DMARC1 p=reject"],
        [b"v=DMARC1; p=nonsense"],
        [b"v=DMARC1; p=reject rua=mailto:a@b.test"],
        [b"v=DMARC1; p=reject; np=loud"],
        [b"v=DMARC1; p=reject; sp=loud; rua=https://e.test/"],
        [b"v=dmarc1; p=reject"],
        [b"p=reject; v=DMARC1"],
        [b"v=DMARC12; p=reject"],
        [b"v=DMARC1; p=reject; p=none"],
        [b"v=DMARC1; p=reject", b"v=DMARC1; p=none"],
        [b"\xffv=DMARC1; p=reject"],
    ],
)
def test_what_does_not(texts: list[bytes]) -> None:
    assert choose(texts) is None


@given(st.lists(st.binary(max_size=40).map(lambda octets: b"v=DMARC1;" + octets), max_size=2))
def test_nothing_raises(texts: list[bytes]) -> None:
    assert choose(texts) is None or isinstance(choose(texts), DmarcRecord)
