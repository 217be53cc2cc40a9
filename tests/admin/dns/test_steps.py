"""What is done about an RRset: nothing of others goes without a question."""

from typing import Final

import pytest

from postroom.admin.dns.plan import Kind, Wanted
from postroom.admin.dns.steps import Action, Decision, decide
from postroom.net.dns_records import Mx, Record, Srv, Tlsa

MINE: Final = Mx(10, "mx.demo.test")
DKIM: Final = b"v=DKIM1; k=ed25519; p=AAAA"
SPF: Final = b"v=spf1 mx ~all"


def wanted(kind: Kind, record: Record, use: str = "") -> tuple[Wanted, Record]:
    return Wanted(name="demo.test", type=kind, value="x", use=use, need="required"), record


def about(kind: Kind, record: Record, *present: Record, use: str = "") -> Decision:
    return decide([wanted(kind, record, use)], present)


CASES: Final[list[tuple[Kind, str, Record, tuple[Record, ...], Action, tuple[Record, ...]]]] = [
    ("MX", "", MINE, (), "add", (MINE,)),
    ("MX", "", MINE, (Mx(5, "mx.demo.test"),), "keep", (Mx(5, "mx.demo.test"),)),
    ("MX", "", MINE, (Mx(5, "old.test"), MINE), "keep", (Mx(5, "old.test"), MINE)),
    ("MX", "", MINE, (Mx(5, "old.test"),), "ask", (MINE,)),
    ("MX", "", MINE, (Mx(0, ""),), "ask", (MINE,)),
    ("TXT", "SPF", SPF, (), "add", (SPF,)),
    ("TXT", "SPF", SPF, (b"other",), "add", (b"other", SPF)),
    ("TXT", "SPF", SPF, (b"v=spf1 +MX -all",), "keep", (b"v=spf1 +MX -all",)),
    (
        "TXT", "SPF", SPF, (b"other", b"v=spf1 include:x.test -all"), "merge",
        (b"other", b"v=spf1 mx include:x.test -all"),
    ),
    ("TXT", "SPF", SPF, (b"v=spf1 -all", b"v=spf1 mx -all"), "ask", (b"v=spf1 mx -all",)),
    ("TXT", "SPF", SPF, (b"v=spf10 a",), "add", (b"v=spf10 a", SPF)),
    ("TXT", "DMARC", b"v=DMARC1; p=none", (), "add", (b"v=DMARC1; p=none",)),
    ("TXT", "DMARC", b"v=DMARC1; p=none", (b"v=DMARC1; p=reject",), "keep", (b"v=DMARC1; p=reject",)),
    ("TXT", "DMARC", b"v=DMARC1; p=none", (b"v=DMARC1; p=x",), "ask", (b"v=DMARC1; p=none",)),
    ("TXT", "DKIM", DKIM, (), "add", (DKIM,)),
    ("TXT", "DKIM", DKIM, (b"v=DKIM1;k=ed25519;p=AAAA;",), "keep", (b"v=DKIM1;k=ed25519;p=AAAA;",)),
    ("TXT", "DKIM", DKIM, (b"v=DKIM1; p=old",), "replace", (DKIM,)),
    ("TXT", "MTA-STS", b"v=STSv1; id=2", (b"v=STSv1; id=1", b"x"), "replace", (b"x", b"v=STSv1; id=2")),
    ("TXT", "MTA-STS", b"v=STSv1; id=2", (b"v=STSv1; id=2;",), "keep", (b"v=STSv1; id=2;",)),
    ("TXT", "TLS reports", b"v=TLSRPTv1; rua=mailto:a@b.test", (b"v=TLSRPTv1; rua=mailto:c@d.test",), "keep", (b"v=TLSRPTv1; rua=mailto:c@d.test",)),
    ("TXT", "TLS reports", b"v=TLSRPTv1; rua=mailto:a@b.test", (b"v=TLSRPTv1",), "ask", (b"v=TLSRPTv1; rua=mailto:a@b.test",)),
    ("SRV", "", Srv(0, 1, 993, "mx.demo.test"), (), "add", (Srv(0, 1, 993, "mx.demo.test"),)),
    ("SRV", "", Srv(0, 1, 993, "mx.demo.test"), (Srv(5, 5, 993, "mx.demo.test"),), "keep", (Srv(5, 5, 993, "mx.demo.test"),)),
    ("SRV", "", Srv(0, 1, 993, "mx.demo.test"), (Srv(0, 1, 993, "old.test"),), "ask", (Srv(0, 1, 993, "mx.demo.test"),)),
    ("SRV", "", Srv(0, 0, 0, ""), (Srv(0, 0, 110, ""),), "keep", (Srv(0, 0, 110, ""),)),
    ("TLSA", "", Tlsa(3, 1, 1, b"n"), (Tlsa(3, 1, 1, b"o"),), "replace", (Tlsa(3, 1, 1, b"n"),)),
    ("TLSA", "", Tlsa(3, 1, 1, b"n"), (Tlsa(3, 1, 1, b"n"),), "keep", (Tlsa(3, 1, 1, b"n"),)),
    ("CAA", "", '0 issue "a"', ('0 issue "b"',), "merge", ('0 issue "b"', '0 issue "a"')),
    ("CAA", "", '0 issue "a"', ('0 issue "a"',), "keep", ('0 issue "a"',)),
    ("A", "", "192.0.2.1", (), "add", ("192.0.2.1",)),
    ("A", "", "192.0.2.1", ("192.0.2.2",), "ask", ("192.0.2.1",)),
    ("A", "", "192.0.2.1", ("192.0.2.2", "192.0.2.1"), "keep", ("192.0.2.2", "192.0.2.1")),
    ("CNAME", "", "mx.demo.test", ("other.test",), "ask", ("mx.demo.test",)),
    ("CNAME", "", "mx.demo.test", ("mx.demo.test",), "keep", ("mx.demo.test",)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "use", "record", "present", "action", "after"), CASES)
def test_a_record_beside_what_is_there(
    kind: Kind,
    use: str,
    record: Record,
    present: tuple[Record, ...],
    action: Action,
    after: tuple[Record, ...],
) -> None:
    found = about(kind, record, *present, use=use)
    assert (found.action, found.after) == (action, after)
    if action != "keep":  # done once, there is nothing left to do
        again = about(kind, record, *found.after, use=use)
        assert (again.action, again.after) == ("keep", found.after)


def test_one_of_two_addresses_is_added_beside_the_other() -> None:
    both = [wanted("A", "192.0.2.1"), wanted("A", "192.0.2.2")]
    found = decide(both, ("192.0.2.1", "192.0.2.9"))
    assert (found.action, found.after) == ("merge", ("192.0.2.1", "192.0.2.9", "192.0.2.2"))


def test_texts_of_several_uses_at_one_name_come_together() -> None:
    both = [wanted("TXT", SPF, "SPF"), wanted("TXT", b"v=STSv1; id=2", "MTA-STS")]
    found = decide(both, (b"v=spf1 -all", b"v=STSv1; id=2"))
    assert (found.action, found.after) == ("merge", (b"v=STSv1; id=2", b"v=spf1 mx -all"))


def test_an_alias_and_an_address_can_not_stand_together() -> None:
    alias = [wanted("CNAME", "mx.demo.test")]
    here = decide(alias, (), {"A": ("192.0.2.1",)}, ["192.0.2.1"])
    assert here.action == "keep"
    there = decide(alias, (), {"A": ("192.0.2.9",)}, ["192.0.2.1"])
    assert (there.action, there.clears) == ("ask", ("A",))
    address = decide([wanted("A", "192.0.2.1")], (), {"CNAME": ("x.test",)})
    assert (address.action, address.clears) == ("ask", ("CNAME",))
    assert "alias of x.test" in address.why
