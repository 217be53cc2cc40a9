"""Replies of every kind, and junk."""

import struct
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, strategies as st

from postroom.net.dns_message import Again, Failure, Query
from postroom.net.dns_records import NUMBERS, Answer, Kind, Mx, Record, Srv, Tlsa, wire_name
from postroom.net.dns_reply import read

IDENT = 4711
Outcome = Answer[Record] | Failure | Again


def asked(name: str = "a.test", kind: Kind = "A", cases: int = 0, edns: bool = True) -> Query:
    return Query(wire_name(name), kind, ident=IDENT, cases=cases, has_edns=edns)


def response(
    query: Query,
    *answers: str,
    authority: tuple[str, ...] = (),
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    flags: int = dns.flags.RA,
) -> dns.message.Message:
    """``answers`` are lines of a zone file: "a.test 300 A 192.0.2.1"."""
    message = dns.message.make_response(dns.message.from_wire(query.octets))
    message.flags |= flags
    message.set_rcode(rcode)
    for section, lines in ((message.answer, answers), (message.authority, authority)):
        for line in lines:
            owner, ttl, kind, data = line.split(" ", 3)
            section.append(
                dns.rrset.from_text(owner + ".", int(ttl), dns.rdataclass.IN, kind, data)
            )
    return message


def told(
    query: Query,
    *answers: str,
    authority: tuple[str, ...] = (),
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    flags: int = dns.flags.RA,
    is_trusted: bool = False,
) -> Outcome:
    message = response(query, *answers, authority=authority, rcode=rcode, flags=flags)
    return read(message.to_wire(), query, is_trusted=is_trusted)


@pytest.mark.parametrize("kind", list(NUMBERS))
def test_numbers_are_the_registered_ones(kind: Kind) -> None:
    assert dns.rdatatype.from_text(kind) == NUMBERS[kind]


@pytest.mark.parametrize(
    ("kind", "data", "record"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:db8::1", "2001:db8::1"),
        ("AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("MX", "10 MX.Example.", Mx(10, "mx.example")),
        ("MX", "0 .", Mx(0, "")),
        ("TXT", '"v=spf1 " "-all" "\\255\\000"', b"v=spf1 -all\xff\0"),
        ("TXT", '""', b""),
        ("TLSA", "3 1 1 " + "ab" * 32, Tlsa(3, 1, 1, b"\xab" * 32)),
        ("PTR", "Mail.Example.", "mail.example"),
        ("PTR", "odd\\.label\\010.example.", "odd\\.label\\010.example"),
        ("CNAME", "b.test.", "b.test"),
        ("NS", "ns.test.", "ns.test"),
        ("SRV", "1 2 993 imap.test.", Srv(1, 2, 993, "imap.test")),
        ("SRV", "0 0 0 .", Srv(0, 0, 0, "")),
        ("CAA", '0 issue "ca.test"', '0 issue "ca.test"'),
    ],
)
def test_records(kind: Kind, data: str, record: Record) -> None:
    answer = told(asked("a.test", kind, cases=0b1010), f"A.test 300 {kind} {data}")
    assert answer == Answer((record,), False, 300, "a.test")


def test_several_records_keep_their_order_and_the_lowest_ttl() -> None:
    query = asked()
    message = response(query, "a.test 300 A 192.0.2.9", "a.test 300 A 192.0.2.1")
    wire = message.to_wire(want_shuffle=False)
    answer = read(wire, query, is_trusted=False)
    assert answer == Answer(("192.0.2.9", "192.0.2.1"), False, 300, "a.test")
    at = wire.rindex(struct.pack(">I", 300))
    lower = read(wire[:at] + struct.pack(">I", 20) + wire[at + 4 :], query, is_trusted=False)
    assert isinstance(lower, Answer)
    assert lower.ttl == 20


@pytest.mark.parametrize(
    ("ttl", "expected"), [(0, 1), (86_401, 86_400), (0x7FFF_FFFF, 86_400), (0x8000_0000, 1)]
)
def test_times_to_live_are_bounded(ttl: int, expected: int) -> None:
    query = asked()
    wire = response(query, "a.test 77 A 192.0.2.1").to_wire()
    at = wire.index(struct.pack(">I", 77))
    answer = read(wire[:at] + struct.pack(">I", ttl) + wire[at + 4 :], query, is_trusted=False)
    assert isinstance(answer, Answer)
    assert answer.ttl == expected


@pytest.mark.parametrize("is_trusted", [True, False])
@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
def test_authenticated_data_counts_from_a_trusted_server_only(
    is_trusted: bool, rcode: dns.rcode.Rcode
) -> None:
    flags = dns.flags.RA | dns.flags.AD
    answer = told(asked(), rcode=rcode, flags=flags, is_trusted=is_trusted)
    assert isinstance(answer, Answer)
    assert answer.is_authenticated is is_trusted
    plain = told(asked(), rcode=rcode, is_trusted=is_trusted)
    assert isinstance(plain, Answer)
    assert not plain.is_authenticated


def soa(ttl: int, minimum: int) -> tuple[str, ...]:
    return (f"test {ttl} SOA ns.test. root.test. 1 2 3 4 {minimum}",)


@pytest.mark.parametrize(
    ("authority", "ttl"),
    [
        ((), 300),
        (soa(900, 60), 60),
        (soa(45, 600), 45),
        (soa(90_000, 90_000), 3_600),
        (soa(0, 0), 1),
    ],
)
@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN])
def test_nothing_is_kept_as_the_soa_says(
    authority: tuple[str, ...], ttl: int, rcode: dns.rcode.Rcode
) -> None:
    answer = told(asked(), authority=authority, rcode=rcode)
    assert answer == Answer((), False, ttl, "a.test", rcode == dns.rcode.NOERROR)


def test_aliases_are_followed_in_any_order() -> None:
    answer = told(
        asked("a.test", "MX"),
        "c.test 900 MX 5 mx.test.",
        "a.test 600 CNAME B.test.",
        "b.test 30 CNAME c.test.",
        "other.test 1 MX 1 evil.test.",
    )
    assert answer == Answer((Mx(5, "mx.test"),), False, 30, "c.test")


def test_an_alias_to_nothing() -> None:
    alias = "a.test 600 CNAME b.test."
    nodata = told(asked(), alias, authority=soa(60, 60))
    assert nodata == Answer((), False, 60, "b.test")
    nxdomain = told(asked(), alias, authority=soa(60, 60), rcode=dns.rcode.NXDOMAIN)
    assert nxdomain == Answer((), False, 60, "b.test", exists=False)


def test_an_alias_that_is_asked_for_is_not_followed() -> None:
    answer = told(asked("a.test", "CNAME"), "a.test 60 CNAME b.test.", "b.test 60 CNAME c.test.")
    assert answer == Answer(("b.test",), False, 60, "a.test")


@pytest.mark.parametrize(
    "lines",
    [
        ["a.test 60 CNAME a.test."],
        ["a.test 60 CNAME b.test.", "b.test 60 CNAME a.test."],
        ["a.test 60 CNAME c0.test.", *(f"c{n}.test 60 CNAME c{n + 1}.test." for n in range(20))],
    ],
)
def test_circles_of_aliases_are_a_failure(lines: list[str]) -> None:
    outcome = told(asked(), *lines)
    assert isinstance(outcome, Failure)
    assert "circle" in outcome.reason


def test_sixteen_aliases_are_followed() -> None:
    lines = [f"c{n}.test 60 CNAME c{n + 1}.test." for n in range(15)]
    answer = told(asked(), "a.test 60 CNAME c0.test.", *lines, "c15.test 60 A 192.0.2.1")
    assert isinstance(answer, Answer)
    assert answer.records == ("192.0.2.1",)


def test_records_beside_nxdomain_do_not_count() -> None:
    answer = told(asked(), "a.test 60 A 192.0.2.1", rcode=dns.rcode.NXDOMAIN)
    assert answer == Answer((), False, 60, "a.test", exists=False)


def test_a_server_that_does_not_recurse_tells_nothing() -> None:
    referral = told(asked(), authority=("test 60 NS ns.test.",), flags=0)
    alias = told(asked(), "a.test 60 CNAME b.elsewhere.", flags=dns.flags.AA)
    for outcome in (referral, alias):
        assert isinstance(outcome, Failure)
        assert "no recursion" in outcome.reason
    query = asked()
    for flags, is_told in ((dns.flags.AA, True), (dns.flags.RD, False)):  # of its own zone
        message = response(query, "a.test 60 CNAME b.elsewhere.", flags=flags)
        outcome = read(message.to_wire(), query, is_trusted=False, is_authority=True)
        assert (outcome == Answer((), False, 60, "b.elsewhere")) is is_told
    own = told(asked(), authority=("test 60 NS ns.test.",), flags=dns.flags.AA)
    assert own == Answer((), False, 300, "a.test")


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.YXDOMAIN])
def test_refusals(rcode: dns.rcode.Rcode) -> None:
    assert told(asked(), rcode=rcode) == Failure(f"the server says {dns.rcode.to_text(rcode)}")


def test_errors_need_not_repeat_the_question() -> None:
    query = asked()
    header = struct.pack(">HHHHHH", IDENT, 0x8182, 0, 0, 0, 0)
    assert read(header, query, is_trusted=False) == Failure("the server says SERVFAIL")
    without = struct.pack(">HHHHHH", IDENT, 0x8180, 0, 0, 0, 0)
    assert read(without, query, is_trusted=False) is Again.IGNORED


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS])
def test_a_server_without_edns_is_asked_without(rcode: dns.rcode.Rcode) -> None:
    query = asked()
    message = response(query)
    message.use_edns(0)
    message.set_rcode(rcode)
    assert read(message.to_wire(), query, is_trusted=False) is Again.WITHOUT_EDNS


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
def test_without_edns_that_is_a_refusal(rcode: dns.rcode.Rcode) -> None:
    assert isinstance(told(asked(edns=False), rcode=rcode), Failure)


def test_an_extended_error_is_one_whatever_the_header_says() -> None:
    query = asked()
    message = response(query, "a.test 60 A 192.0.2.1")
    message.use_edns(0)
    message.set_rcode(dns.rcode.BADMODE)  # 19: the header alone says 3, NXDOMAIN
    outcome = read(message.to_wire(), query, is_trusted=False)
    assert outcome == Failure("the server says BADMODE")


def test_a_reply_cut_short_is_asked_for_over_tcp() -> None:
    query = asked()
    wire = response(query, flags=dns.flags.RA | dns.flags.TC).to_wire()
    assert read(wire, query, is_trusted=False) is Again.OVER_TCP
    outcome = read(wire, query, is_trusted=False, over_tcp=True)
    assert isinstance(outcome, Failure)
    assert "cut short" in outcome.reason


def test_another_case_of_the_question_is_believed_over_tcp_only() -> None:
    query = asked(cases=0b110)
    wire = response(query, "a.test 60 A 192.0.2.1").to_wire()
    folded = wire[:12] + wire[12:].lower()
    assert read(folded, query, is_trusted=False) is Again.OVER_TCP
    assert isinstance(read(folded, query, is_trusted=False, over_tcp=True), Answer)


def changed(wire: bytes, at: int, octet: int) -> bytes:
    return wire[:at] + bytes([octet]) + wire[at + 1 :]


def test_what_is_not_ours_is_ignored() -> None:
    query = asked()
    wire = response(query, "a.test 60 A 192.0.2.1").to_wire()
    assert isinstance(read(wire, query, is_trusted=True), Answer)
    assert query.octets[:1] == wire[:1]
    for junk in (
        b"",
        wire[:11],
        wire[:12],
        query.octets,  # a query, sent back
        changed(wire, 0, wire[0] ^ 1),  # another id
        changed(wire, 1, wire[1] ^ 1),
        changed(wire, 2, wire[2] | 0x08),  # another opcode
        changed(wire, 5, 2),  # two questions
        changed(wire, 13, wire[13] ^ 1),  # another name
        changed(wire, 12 + len(query.question) - 3, 28),  # another kind
        changed(wire, 12 + len(query.question) - 1, 3),  # another class
        wire[:-1],  # a record that ends too early
        changed(wire, 7, 2),  # a record less than announced
    ):
        assert read(junk, query, is_trusted=True) is Again.IGNORED


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("A", b"\1\2\3"),
        ("A", b"\1\2\3\4\5"),
        ("AAAA", b"\1\2\3\4"),
        ("MX", b"\0"),
        ("MX", b"\0\1\3ab"),
        ("MX", b"\0\1\xc0\xff"),  # a pointer forwards
        ("MX", b"\0\1\0x"),
        ("TXT", b""),
        ("TXT", b"\x05abc"),
        ("TLSA", b"\1\2"),
        ("SRV", b"\0\0\0\0\0"),
        ("CAA", b"\0\5a"),
        ("CNAME", b"\x80"),
    ],
)
def test_malformed_records_are_ignored(kind: Kind, data: bytes) -> None:
    query = asked("a.test", kind)
    header = struct.pack(">HHHHHH", IDENT, 0x8180, 1, 1, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", NUMBERS[kind], 1, 60, len(data)) + data
    assert read(header + query.question + record, query, is_trusted=True) is Again.IGNORED


def test_other_kinds_and_classes_are_passed_over() -> None:
    query = asked()
    header = struct.pack(">HHHHHH", IDENT, 0x8180, 1, 3, 0, 0)
    records = [
        b"\xc0\x0c" + struct.pack(">HHIH", 46, 1, 60, 3) + b"sig",
        b"\xc0\x0c" + struct.pack(">HHIH", 1, 3, 60, 4) + b"\1\2\3\4",
        b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + b"\5\6\7\x08",
    ]
    answer = read(header + query.question + b"".join(records), query, is_trusted=True)
    assert answer == Answer(("5.6.7.8",), False, 60, "a.test")


def test_too_many_records_are_a_failure() -> None:
    query = asked()
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + b"\1\2\3\4"
    for count, is_taken in ((500, True), (501, False)):
        header = struct.pack(">HHHHHH", IDENT, 0x8180, 1, count, 0, 0)
        outcome = read(header + query.question + record * count, query, is_trusted=True)
        assert isinstance(outcome, Answer) is is_taken


QUERY = asked("a.test", "MX")
GOOD = response(
    QUERY,
    "a.test 60 CNAME b.test.",
    "b.test 60 MX 10 mx.b.test.",
    authority=soa(60, 60),
).to_wire()


@given(st.binary(max_size=300))
def test_any_octets_behind_our_question_have_an_outcome(rest: bytes) -> None:
    header = struct.pack(">HHHHHH", IDENT, 0x8180, 1, 3, 2, 1)
    outcome = read(header + QUERY.question + rest, QUERY, is_trusted=True)
    assert isinstance(outcome, Answer | Failure | Again)


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(GOOD)),
    st.booleans(),
)
def test_any_damage_has_an_outcome(damage: list[tuple[int, int]], end: int, over_tcp: bool) -> None:
    wire = GOOD
    for at, octet in damage:
        wire = changed(wire, at, octet)
    outcome = read(wire[:end], QUERY, is_trusted=True, over_tcp=over_tcp)
    assert isinstance(outcome, Answer | Failure | Again)
    if not over_tcp and outcome is not Again.IGNORED:
        assert wire[:2] == GOOD[:2]


def test_a_hostile_reply_is_read_in_little_time() -> None:
    """Chains of pointers, each record beginning at the end of the longest."""
    query = asked("a.test", "TXT")
    start = 12 + len(query.question)
    chain = b"\0\0"  # the root, then pointers each to the one before
    places = [start + 12]
    while len(chain) < 16_000:
        place = start + 12 + len(chain)
        chain += struct.pack(">H", 0xC000 | places[-1])
        places.append(place)
    first = b"\xc0\x0c" + struct.pack(">HHIH", 99, 1, 60, len(chain)) + chain
    last = struct.pack(">H", 0xC000 | min(places[-1], 0x3FFF)) + struct.pack(">HHIH", 99, 1, 60, 0)
    header = struct.pack(">HHHHHH", IDENT, 0x8180, 1, 500, 0, 0)
    begin = time.process_time()
    read(header + query.question + first + last * 499, query, is_trusted=True, over_tcp=True)
    assert time.process_time() - begin < 1


def test_names_are_compared_without_case() -> None:
    query = asked(cases=0b10110)
    answer = told(query, "a.TeSt 60 CNAME B.tEsT.", "b.TEST 60 A 192.0.2.1")
    assert isinstance(answer, Answer)
    assert (answer.records, answer.canonical) == (("192.0.2.1",), "b.test")
    assert dns.name.from_text("b.test") == dns.name.from_text("B.TEST")
