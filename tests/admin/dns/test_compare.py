"""What is in DNS, judged by what it does."""

import pytest

from postroom.admin.dns.compare import compare, merged_spf, spf_verdict
from postroom.admin.dns.plan import Kind, Wanted
from postroom.net.dns_records import Mx, Record, Srv, Tlsa


def wanted(kind: Kind, value: str, use: str = "") -> Wanted:
    return Wanted(name="example.org", type=kind, value=value, use=use, need="required", note="note")


MX = wanted("MX", "10 mail.example.org.")
SPF = wanted("TXT", "v=spf1 mx ~all", "SPF")
DMARC = wanted("TXT", "v=DMARC1; p=none; rua=mailto:postmaster@example.org", "DMARC")
SRV = wanted("SRV", "0 1 993 mail.example.org.")
DENIED = wanted("SRV", "0 0 0 .")
DKIM = wanted("TXT", "v=DKIM1; k=rsa; p=abcd", "DKIM")


@pytest.mark.parametrize(
    ("one", "records"),
    [
        (wanted("A", "192.0.2.5"), ["192.0.2.9", "192.0.2.5"]),
        (wanted("A", ""), ["192.0.2.9"]),
        (MX, [Mx(50, "mail.example.org")]),
        (SPF, [b"google-site-verification=1", b"v=spf1 ip4:192.0.2.0/24 -all"]),
        (DMARC, [b"v=DMARC1; p=reject; sp=none"]),
        (wanted("TXT", "x", "TLS reports"), [b"v=TLSRPTv1; rua=mailto:a@b.test"]),
        (DKIM, [b"v=DKIM1;k=rsa;p=ab cd;"]),
        (SRV, [Srv(9, 9, 993, "mail.example.org")]),
        (DENIED, [Srv(0, 0, 0, "")]),
        (wanted("CNAME", "mail.example.org."), ["mail.example.org"]),
        (wanted("TLSA", "3 1 1 ab"), [Tlsa(3, 1, 1, b"\xcd"), Tlsa(3, 1, 1, b"\xab")]),
        (wanted("CAA", '0 issue "ca.test"'), ['0 issue "other.test"', '0 issue "ca.test"']),
        (wanted("PTR", "mail.example.org."), ["mail.example.org"]),
    ],
)
def test_what_serves_is_right(one: Wanted, records: list[Record]) -> None:
    judged = compare(one, records)
    assert judged.state == "ok"
    assert judged.fix == ""
    assert judged.found


@pytest.mark.parametrize("one", [wanted("A", "192.0.2.5"), MX, SPF, DMARC, SRV, DENIED, DKIM])
def test_nothing_is_missing_and_the_line_to_add_is_told(one: Wanted) -> None:
    judged = compare(one, [])
    assert judged.state == "missing"
    assert judged.fix.startswith("add: example.org. IN ")
    assert one.value.partition(" ")[0] in judged.fix


@pytest.mark.parametrize(
    ("one", "records", "fix"),
    [
        (wanted("A", "192.0.2.5"), ["192.0.2.9"], "replace it by: 192.0.2.5"),
        (MX, [Mx(10, "mx.old.test")], "replace it by: 10 mail.example.org."),
        (MX, [Mx(0, "")], "replace it by: 10 mail.example.org."),
        (MX, [Mx(10, "mail.example.org"), Mx(20, "mx.old.test")], "may also go to mx.old.test"),
        (SPF, [b"v=spf1 bogus"], "not valid"),
        (SRV, [Srv(0, 1, 143, "mail.example.org")], "replace it by: 0 1 993 mail.example.org."),
        (DENIED, [Srv(0, 1, 143, "mail.example.org")], "replace it by: 0 0 0 ."),
        (DMARC, [b"v=DMARC1; p=none", b"v=DMARC1; p=reject"], "leave one"),
        (DMARC, [b"v=DMARC1; p=bogus"], "not valid"),
        (DKIM, [b"v=DKIM1; p=other"], 'replace it by: "v=DKIM1; k=rsa; p=abcd"'),
    ],
)
def test_what_does_not_serve_is_told_with_its_remedy(
    one: Wanted, records: list[Record], fix: str
) -> None:
    judged = compare(one, records)
    assert judged.state == "different"
    assert fix in judged.fix
    assert judged.found


def test_two_spf_records_become_one_that_loses_nothing() -> None:
    judged = compare(SPF, [b"v=spf1 include:a.test -all", b"v=spf1 ip4:192.0.2.1 ~all"])
    assert judged.state == "different"
    assert judged.fix.endswith("v=spf1 mx include:a.test ip4:192.0.2.1 ~all")


def test_spf_that_does_not_allow_us_is_merged_not_overwritten() -> None:
    found = "v=spf1 include:_spf.other.test -all"
    assert merged_spf(found, SPF.value) == "v=spf1 mx include:_spf.other.test -all"
    judged = spf_verdict(SPF, found, "fail", "192.0.2.5")
    assert judged.state == "different"
    assert "192.0.2.5" in judged.fix
    assert judged.fix.endswith("v=spf1 mx include:_spf.other.test -all")
    assert spf_verdict(SPF, found, "pass", "192.0.2.5").state == "ok"
    unknown = spf_verdict(SPF, found, "temperror", "192.0.2.5", "nobody answers")
    assert (unknown.state, unknown.fix) == (
        "unknown",
        "it can't be checked: nobody answers; try again later",
    )


def test_spf_that_is_broken_is_told_with_what_breaks_it() -> None:
    found = "v=spf1 include:_spf.other.test -all"
    judged = spf_verdict(SPF, found, "permerror", "192.0.2.5", "'_spf.other.test' has no policy")
    assert judged.state == "different"
    assert "'_spf.other.test' has no policy" in judged.fix
    assert judged.fix.endswith(": v=spf1 mx include:_spf.other.test -all")


def test_an_address_that_nobody_knows_is_unknown() -> None:
    judged = compare(wanted("A", ""), [])
    assert (judged.state, judged.fix) == ("unknown", "note")
