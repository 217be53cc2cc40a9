"""What a reply is worth.

A reply is ours only when its id and its question are those of the query, octet for octet.
Reading never fails: a reply is an answer, a refusal, a reason to ask in another way, or
nothing to us. Time and memory are bounded: at most 500 records are looked at.

Reading is left to dnspython's parser, which is why this module is imported with the first reply.
RFC 1035 §4, RFC 2308 (negative answers), RFC 6891 (EDNS), RFC 4035 §3.2 (AD), RFC 5452 (forgery).
"""

from collections.abc import Callable
from typing import Final

import dns.exception
import dns.ipv4
import dns.ipv6
import dns.name
import dns.rcode
import dns.wire

from postroom.net.dns_message import HEADER, IN, OPT, Again, Failure, Query
from postroom.net.dns_records import NUMBERS, Answer, Kind, Mx, Record, Srv, Tlsa

MAX_RECORDS: Final = 500
MAX_ALIASES: Final = 16  # CNAMEs in a row
MAX_TTL: Final = 86_400  # seconds
NEGATIVE_TTL: Final = 300  # without an SOA, RFC 2308 §5 would keep nothing
MAX_NEGATIVE_TTL: Final = 3_600

_CNAME: Final = 5
_SOA: Final = 6
_NS: Final = 2

_QR: Final = 0x8000
_OPCODE: Final = 0x7800
_AA: Final = 0x0400
_TC: Final = 0x0200
_RA: Final = 0x0080
_AD: Final = 0x0020
_RCODE: Final = 0x000F

_NOERROR: Final = 0
_FORMERR: Final = 1
_NXDOMAIN: Final = 3
_NOTIMP: Final = 4
_BADVERS: Final = 16


def read(
    octets: bytes,
    query: Query,
    *,
    is_trusted: bool,
    is_authority: bool = False,
    over_tcp: bool = False,
) -> Answer[Record] | Failure | Again:
    """What a reply to ``query`` says.

    ``is_trusted``: the AD flag of this server counts. ``is_authority``: it is asked for what its
    zone says, so an alias that leads out of the zone is a whole answer.
    """
    if len(octets) < HEADER.size:
        return Again.IGNORED
    ident, flags, questions, *counts = HEADER.unpack_from(octets)
    rcode = flags & _RCODE
    is_told = rcode in {_NOERROR, _NXDOMAIN}
    asked = octets[HEADER.size : HEADER.size + len(query.question)]
    is_bare = questions == 0 and not is_told  # some servers send errors without the question
    is_ours = is_bare or (questions == 1 and asked.lower() == query.question.lower())
    if ident != query.ident or flags & (_QR | _OPCODE) != _QR or not is_ours:
        return Again.IGNORED
    if not over_tcp and not is_bare and (asked != query.question or flags & _TC):
        return Again.OVER_TCP  # a server that folds case, or a forger; or cut short
    if not is_told:
        return _refused(rcode, query)
    if flags & _TC:
        return Failure("the answer is cut short even over TCP")
    if sum(counts) > MAX_RECORDS:
        return Failure(f"the answer has more than {MAX_RECORDS} records")
    try:
        reply = _Reply(octets, query, counts)
        return reply.outcome(flags, is_trusted=is_trusted, is_authority=is_authority)
    except dns.exception.DNSException:
        return Again.IGNORED


class _Reply:
    """The records of a reply that matter. Raises DNSException for what is malformed."""

    def __init__(self, octets: bytes, query: Query, counts: list[int]) -> None:
        self._query = query
        self._aliases: dict[dns.name.Name, tuple[dns.name.Name, int]] = {}
        self._records: dict[dns.name.Name, list[Record]] = {}
        self._ttls: dict[dns.name.Name, int] = {}
        self._negative_ttl: int | None = None
        self._has_referral = False
        self._extended = 0
        parser = dns.wire.Parser(octets, HEADER.size + len(query.question))
        for section, count in enumerate(counts):
            for _ in range(count):
                self._take(parser, section)

    def _take(self, parser: dns.wire.Parser, section: int) -> None:
        owner = dns.name.from_wire_parser(parser)
        kind, rdclass, ttl, size = parser.get_struct("!HHIH")
        if ttl >= 1 << 31 and kind != OPT:  # RFC 2181 §8
            ttl = 0
        with parser.restrict_to(size):  # raises when something is left
            if section == 0 and rdclass == IN and self._answer(parser, owner, kind, ttl):
                return
            if section == 1 and rdclass == IN and kind == _SOA:
                _name(parser), _name(parser)
                minimum: int = parser.get_struct("!IIIII")[4]
                self._negative_ttl = min(ttl, minimum, MAX_NEGATIVE_TTL)
                return
            self._has_referral |= section == 1 and kind == _NS
            if section == 2 and kind == OPT:
                self._extended = ttl >> 24 << 4
            parser.get_remaining()

    def _answer(self, parser: dns.wire.Parser, owner: dns.name.Name, kind: int, ttl: int) -> bool:
        if kind == NUMBERS[self._query.kind]:
            self._records.setdefault(owner, []).append(_READERS[self._query.kind](parser))
            self._ttls[owner] = min(ttl, self._ttls.get(owner, ttl))
        elif kind == _CNAME:
            self._aliases.setdefault(owner, (dns.name.from_wire_parser(parser), ttl))
        else:
            return False
        return True

    def outcome(
        self, flags: int, *, is_trusted: bool, is_authority: bool
    ) -> Answer[Record] | Failure | Again:
        """RFC 1034 §5.3.3: follow the aliases; what stands at their end is the answer."""
        rcode = flags & _RCODE | self._extended
        if rcode not in {_NOERROR, _NXDOMAIN}:
            return _refused(rcode, self._query)
        name = dns.name.from_wire(self._query.name, 0)[0]
        ttl = MAX_TTL
        for _ in range(MAX_ALIASES + 1):
            if name in self._records or name not in self._aliases:
                break
            name, its_ttl = self._aliases[name]
            ttl = min(ttl, its_ttl)
        else:
            return Failure("its aliases (CNAME) go round in a circle, or are too many")
        records = self._records.get(name, []) if rcode == _NOERROR else []
        if not records:
            if self._is_lame(flags, rcode) and not (is_authority and flags & _AA):
                return Failure("the server does not resolve names for us (no recursion)")
            negative = NEGATIVE_TTL if self._negative_ttl is None else self._negative_ttl
            ttl = min(ttl, negative)
        return Answer(
            records=tuple(records),
            is_authenticated=is_trusted and bool(flags & _AD),
            ttl=max(1, min(ttl, self._ttls.get(name, ttl))),
            canonical=_text(name),
            exists=rcode != _NXDOMAIN,
        )

    def _is_lame(self, flags: int, rcode: int) -> bool:
        """True when "nothing" only means "ask others": a referral, or aliases not followed."""
        return (
            rcode == _NOERROR
            and self._negative_ttl is None
            and not flags & _RA
            and (bool(self._aliases) or (self._has_referral and not flags & _AA))
        )


def _refused(rcode: int, query: Query) -> Failure | Again:
    """RFC 6891 §7: a server without EDNS answers FORMERR or NOTIMP; a newer one BADVERS."""
    if query.has_edns and rcode in {_FORMERR, _NOTIMP, _BADVERS}:
        return Again.WITHOUT_EDNS
    return Failure(f"the server says {dns.rcode.to_text(dns.rcode.Rcode.make(rcode))}")


def _text(name: dns.name.Name) -> str:
    """Lower-case, without a final dot, odd octets escaped; "" for the root."""
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""


def _name(parser: dns.wire.Parser) -> str:
    return _text(dns.name.from_wire_parser(parser))


def _txt(parser: dns.wire.Parser) -> bytes:
    strings = [parser.get_counted_bytes()]  # RFC 1035 §3.3.14: one or more
    while parser.remaining():
        strings.append(parser.get_counted_bytes())
    return b"".join(strings)


def _tlsa(parser: dns.wire.Parser) -> Tlsa:
    usage, selector, matching = parser.get_struct("!BBB")
    return Tlsa(usage, selector, matching, parser.get_remaining())


def _srv(parser: dns.wire.Parser) -> Srv:
    priority, weight, port = parser.get_struct("!HHH")
    return Srv(priority, weight, port, _name(parser))


def _caa(parser: dns.wire.Parser) -> str:
    flags, tag = parser.get_uint8(), parser.get_counted_bytes()
    value = parser.get_remaining()
    return f'{flags} {tag.decode("ascii", "replace")} "{value.decode("ascii", "replace")}"'


_READERS: Final[dict[Kind, Callable[[dns.wire.Parser], Record]]] = {
    "A": lambda parser: dns.ipv4.inet_ntoa(parser.get_bytes(4)),
    "AAAA": lambda parser: dns.ipv6.inet_ntoa(parser.get_bytes(16)),
    "MX": lambda parser: Mx(parser.get_uint16(), _name(parser)),
    "TXT": _txt,
    "TLSA": _tlsa,
    "PTR": _name,
    "CNAME": _name,
    "NS": _name,
    "SRV": _srv,
    "CAA": _caa,
}
