"""The records that follow from what is known of a domain."""

from ipaddress import ip_address

import msgspec

from postroom.admin.dns.plan import Known, Wanted, plan, sts_ident, sts_policy
from postroom.mailauth import dmarc_record, spf_record, sts, tlsrpt

KNOWN = Known(
    domain="example.org",
    hostname="mail.example.org",
    addresses=[ip_address("192.0.2.5"), ip_address("2001:db8::5")],
    dkim=[("s1._domainkey.example.org", "v=DKIM1; p=abc")],
    ports={"smtp": 25, "submissions": 465, "imaps": 993, "https": 443},
    tlsa="ab" * 32,
    authority="ca.test",
)


def values(known: Known, use: str) -> list[str]:
    return [one.value for one in plan(known) if one.use == use]


def of(known: Known, name: str, kind: str) -> list[Wanted]:
    return [one for one in plan(known) if (one.name, one.type) == (name, kind)]


def test_mail_comes_is_believed_and_the_server_is_found() -> None:
    required = {(one.name, one.type): one.value for one in plan(KNOWN) if one.need == "required"}
    assert required == {
        ("mail.example.org", "A"): "192.0.2.5",
        ("mail.example.org", "AAAA"): "2001:db8::5",
        ("5.2.0.192.in-addr.arpa", "PTR"): "mail.example.org.",
        (f"5.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa", "PTR"): "mail.example.org.",
        ("example.org", "MX"): "10 mail.example.org.",
        ("example.org", "TXT"): "v=spf1 mx ~all",
        ("s1._domainkey.example.org", "TXT"): "v=DKIM1; p=abc",
        ("_dmarc.example.org", "TXT"): "v=DMARC1; p=none; rua=mailto:postmaster@example.org",
    }


def test_our_own_readers_take_every_policy() -> None:
    for use in ("SPF", "SPF of the server"):
        spf_record.parse(values(KNOWN, use)[0].encode())
    assert dmarc_record.choose([values(KNOWN, "DMARC")[0].encode()])
    assert tlsrpt.parse_record([values(KNOWN, "TLS reports")[0].encode()])
    assert sts.parse_record([values(KNOWN, "MTA-STS")[0].encode()])


def test_the_policy_of_mta_sts_names_the_host_and_its_id_follows_the_document() -> None:
    document = sts_policy("mail.example.org", "testing")
    policy = sts.parse_policy(document.encode())
    assert policy.mode == "testing"
    assert sts.matches(policy, "mail.example.org")
    assert not sts.matches(policy, "other.example.org")
    assert values(KNOWN, "MTA-STS") == [f"v=STSv1; id={sts_ident(document)}"]
    assert sts_ident(document) != sts_ident(sts_policy("mail.example.org", "enforce"))


def test_services_that_are_not_offered_are_denied_and_others_told_with_their_port() -> None:
    known = msgspec.structs.replace(KNOWN, ports={"imaps": 1993, "submissions": 465})
    told = {one.name: one.value for one in plan(known) if one.type == "SRV"}
    assert told == {
        "_submissions._tcp.example.org": "0 1 465 mail.example.org.",
        "_submission._tcp.example.org": "0 0 0 .",
        "_imaps._tcp.example.org": "0 1 1993 mail.example.org.",
        "_imap._tcp.example.org": "0 0 0 .",
        "_pop3._tcp.example.org": "0 0 0 .",
    }


def test_without_a_web_server_nothing_points_to_one() -> None:
    known = msgspec.structs.replace(KNOWN, ports={"smtp": 25})
    assert not [one for one in plan(known) if one.type == "CNAME" or one.use == "MTA-STS"]


def test_an_unknown_address_is_said_not_invented() -> None:
    (row,) = of(msgspec.structs.replace(KNOWN, addresses=[]), "mail.example.org", "A")
    assert row.value == ""
    assert "public_addresses" in row.note


def test_no_record_of_the_host_where_the_zone_is_not_ours_to_restrict() -> None:
    assert of(KNOWN, "mail.example.org", "CAA")[0].value == '0 issue "ca.test"'
    elsewhere = msgspec.structs.replace(KNOWN, hostname="mx.hoster.test")
    assert not [one for one in plan(elsewhere) if one.type == "CAA"]
    apex = msgspec.structs.replace(KNOWN, hostname="example.org")
    assert values(apex, "SPF of the server") == []


def test_dane_needs_the_key() -> None:
    assert values(KNOWN, "DANE") == [f"3 1 1 {'ab' * 32}"]
    assert values(msgspec.structs.replace(KNOWN, tlsa=""), "DANE") == []


def test_a_policy_that_is_switched_off_is_not_announced_and_pacc_only_when_there_is_one() -> None:
    off = msgspec.structs.replace(KNOWN, sts_mode="none")
    assert values(off, "MTA-STS") == values(off, "MTA-STS policy") == []
    assert values(KNOWN, "PACC") == []
    with_pacc = msgspec.structs.replace(KNOWN, pacc="v=UAAC1; a=sha256; d=x")
    assert values(with_pacc, "PACC") == ["v=UAAC1; a=sha256; d=x", "mail.example.org."]
