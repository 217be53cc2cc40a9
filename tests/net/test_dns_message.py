"""Queries as other software reads them."""

import dns.flags
import dns.message
import dns.rdatatype

from postroom.net.dns_message import Query
from postroom.net.dns_records import Kind, wire_name

IDENT = 4711


def asked(name: str = "a.test", kind: Kind = "A", cases: int = 0, edns: bool = True) -> Query:
    return Query(wire_name(name), kind, ident=IDENT, cases=cases, has_edns=edns)


def test_a_query_as_dnspython_reads_it() -> None:
    message = dns.message.from_wire(asked("Mixed.example", "TLSA").octets)
    assert message.id == IDENT
    assert message.flags == dns.flags.RD | dns.flags.AD
    assert (message.edns, message.payload) == (0, 1232)
    assert message.ednsflags & dns.flags.DO
    (question,) = message.question
    assert question.to_text() == "Mixed.example. IN TLSA"


def test_a_query_without_edns_has_nothing_but_the_question() -> None:
    query = asked(edns=False)
    assert dns.message.from_wire(query.octets).edns == -1
    assert len(query.octets) == 12 + len(query.question)


def test_the_case_of_letters_follows_the_bits() -> None:
    name = "ab-9z." + "x" * 63 + ".test"
    plain = wire_name(name)
    every = asked(name, cases=(1 << len(plain)) - 1)
    assert every.question[: len(plain)] == wire_name(name.upper())
    assert asked(name, cases=0b10).question[: len(plain)] == b"\x05Ab-9z" + plain[6:]
