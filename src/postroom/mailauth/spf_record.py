"""SPF records: chosen among the TXT records of a name, and read as a whole (RFC 7208 §4.5, §4.6).

A record is read before anything of it is evaluated: one bad term makes all of it a
permerror, also behind a mechanism that would have matched.
"""

import functools
import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal, cast

import msgspec

from postroom.mailauth.spf_macro import BadMacro, MacroString, read

Qualifier = Literal["pass", "fail", "softfail", "neutral"]
MAX_RECORD: Final = 8_192  # octets; one of 64 KiB costs more to read than a message is worth
MAX_REMEMBERED: Final = 512  # octets of a record that is kept once it was read

Kind = Literal["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_QUALIFIERS: Final[dict[str, Qualifier]] = {
    "+": "pass",
    "-": "fail",
    "~": "softfail",
    "?": "neutral",
}
_VERSION: Final = re.compile(rb"v=spf1(?: |\Z)", re.IGNORECASE)
_DIRECTIVE: Final = re.compile(
    r"([+\-~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^ ]*?))?((?:/[0-9/]*)?)\Z", re.IGNORECASE
)
_MODIFIER: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9\-_.]*)=(.*)\Z", re.DOTALL)
_CIDR: Final = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_PREFIX: Final = re.compile(r"(?:/(0|[1-9][0-9]{0,2}))?\Z")


class BadRecord(ValueError):
    """The domain's record can't be understood: permerror."""


class Directive(msgspec.Struct, frozen=True):
    """A mechanism and what it means when it matches.

    ``domain`` is the domain-spec of those that have one, None: the current domain. The
    prefixes are the bits of the client's address that ``a`` and ``mx`` compare.
    """

    kind: Kind
    qualifier: Qualifier
    text: str
    domain: MacroString | None = None
    network: Network | None = None
    prefix4: int = 32
    prefix6: int = 128


class Record(msgspec.Struct, frozen=True):
    """The terms in their order; ``redirect`` and ``explanation`` are domain-specs."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None = None
    explanation: MacroString | None = None


def choose(texts: Sequence[bytes]) -> bytes | None:
    """The one SPF record among TXT records, None without any; raises BadRecord for several."""
    found = [text for text in texts if _VERSION.match(text)]
    if len(found) > 1:
        raise BadRecord("there are several SPF records")
    return found[0] if found else None


def parse(octets: bytes) -> Record:
    """Read a whole record; raises BadRecord. Those of usual size are remembered."""
    return _remembered(octets) if len(octets) <= MAX_REMEMBERED else _read(octets)


@functools.lru_cache(maxsize=1024)
def _remembered(octets: bytes) -> Record:
    return _read(octets)


def _read(octets: bytes) -> Record:
    if len(octets) > MAX_RECORD:
        raise BadRecord(f"the record is longer than {MAX_RECORD} octets")
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError:
        raise BadRecord("the record is not ASCII") from None
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    try:
        for term in _terms(text):
            directive = _directive(term)
            if directive is not None:
                directives.append(directive)
                continue
            name, value = _modifier(term)
            if name in modifiers and name in ("redirect", "exp"):
                raise BadRecord(f"{name} stands twice")
            modifiers[name] = value
    except BadMacro as error:
        raise BadRecord(str(error)) from None
    return Record(tuple(directives), modifiers.get("redirect"), modifiers.get("exp"))


def _terms(text: str) -> Iterable[str]:
    return [term for term in text.split(" ")[1:] if term]


def _modifier(term: str) -> tuple[str, MacroString]:
    found = _MODIFIER.match(term)
    if found is None:
        raise BadRecord(f"{term[:40]!r} is no term")
    name = found[1].lower()
    return name, read(found[2], is_domain=name in ("redirect", "exp"))


def _directive(term: str) -> Directive | None:
    found = _DIRECTIVE.match(term)
    if found is None:
        return None
    sign, name, argument, cidr = found.groups()
    kind = cast("Kind", name.lower())
    qualifier = _QUALIFIERS[sign or "+"]
    if kind in ("ip4", "ip6"):
        network = _network(kind, argument or "", cidr)
        return Directive(kind, qualifier, term, network=network)
    if kind in ("a", "mx"):
        prefix4, prefix6 = _prefixes(term, cidr)
        domain = None if argument is None else read(argument, is_domain=True)
        return Directive(kind, qualifier, term, domain, None, prefix4, prefix6)
    if argument is not None and cidr:  # a "/" that belongs to a macro's delimiters
        argument, cidr = argument + cidr, ""
    if cidr or (kind == "all") != (argument is None and kind != "ptr"):
        raise BadRecord(f"{term[:40]!r} has the wrong argument")
    return Directive(
        kind, qualifier, term, None if argument is None else read(argument, is_domain=True)
    )


def _prefixes(term: str, cidr: str) -> tuple[int, int]:
    found = _CIDR.match(cidr)
    if found is None:
        raise BadRecord(f"{term[:40]!r} has a bad prefix length")
    prefix4 = 32 if found[1] is None else int(found[1])
    prefix6 = 128 if found[2] is None else int(found[2])
    if prefix4 > 32 or prefix6 > 128:
        raise BadRecord(f"{term[:40]!r} has a prefix length that is too large")
    return prefix4, prefix6


def _network(kind: Kind, address: str, cidr: str) -> Network:
    found = _PREFIX.match(cidr)
    try:
        if found is None:
            raise ValueError("bad prefix length")  # noqa: TRY301
        length = None if found[1] is None else int(found[1])
        if kind == "ip4":
            ip4 = ipaddress.IPv4Address(address)
            return ipaddress.IPv4Network((ip4, 32 if length is None else length), strict=False)
        if "%" in address:  # a scope, which Python would take
            raise ValueError("scoped address")  # noqa: TRY301
        ip6 = ipaddress.IPv6Address(address)
        return ipaddress.IPv6Network((ip6, 128 if length is None else length), strict=False)
    except ValueError as error:
        raise BadRecord(f"{kind}:{address[:40]} is no network: {error}") from None
