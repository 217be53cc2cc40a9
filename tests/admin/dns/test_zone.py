"""The zone file is read by another program's parser."""

from ipaddress import ip_address

import dns.rdatatype
import dns.zone
from hypothesis import given, strategies as st

from postroom.admin.dns.plan import Known, Wanted, plan
from postroom.admin.dns.zone import data, zone_file

KNOWN = Known(
    domain="example.org",
    hostname="mail.example.org",
    addresses=[ip_address("192.0.2.5"), ip_address("2001:db8::5")],
    dkim=[("s1._domainkey.example.org", "v=DKIM1; p=" + "A" * 600)],
    ports={"submissions": 465, "imaps": 993, "https": 443},
    tlsa="ab" * 32,
    authority="ca.test",
)


def read(text: str) -> dict[tuple[str, str], list[str]]:
    zone = dns.zone.from_text(text, origin="example.org.", relativize=False, check_origin=False)
    found: dict[tuple[str, str], list[str]] = {}
    for name, rdataset in zone.iterate_rdatasets():
        key = (name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rdataset.rdtype))
        found.setdefault(key, []).extend(one.to_text() for one in rdataset)
    return found


def test_every_record_of_the_zone_is_in_it_and_others_are_comments() -> None:
    wanted = plan(KNOWN)
    text = zone_file("example.org", wanted)
    found = read(text)
    inside = {(one.name, one.type) for one in wanted if one.type != "PTR"}
    assert set(found) == inside
    assert found["example.org", "MX"] == ["10 mail.example.org."]
    assert found["_imaps._tcp.example.org", "SRV"] == ["0 1 993 mail.example.org."]
    assert found["mail.example.org", "CAA"] == ['0 issue "ca.test"']
    assert found["_25._tcp.mail.example.org", "TLSA"] == [f"3 1 1 {'ab' * 32}"]
    (key,) = found["s1._domainkey.example.org", "TXT"]
    assert key.replace('" "', "") == f'"v=DKIM1; p={"A" * 600}"'
    assert "; 5.2.0.192.in-addr.arpa. IN PTR mail.example.org." in text


def test_what_could_not_be_found_out_is_a_comment() -> None:
    text = zone_file("example.org", plan(Known(domain="example.org", hostname="mx.example.org")))
    assert ("mx.example.org", "A") not in read(text)
    assert "; mx.example.org. A: the public address" in text


@given(st.text(max_size=700))
def test_any_text_comes_back_from_its_strings(value: str) -> None:
    wanted = Wanted(name="x.example.org", type="TXT", value=value, use="", need="optional")
    zone = dns.zone.from_text(
        f"$TTL 60\nx.example.org. IN TXT {data(wanted)}\n",
        origin="example.org.",
        relativize=False,
        check_origin=False,
    )
    (rdataset,) = (one for _, one in zone.iterate_rdatasets())
    (record,) = rdataset
    assert b"".join(record.strings) == value.encode()
    assert all(len(piece) <= 255 for piece in record.strings)
