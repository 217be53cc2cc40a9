"""Wanted records as the text of a zone file (RFC 1035 §5.1)."""

from collections.abc import Sequence
from typing import Final

from postroom.admin.dns.plan import Wanted, is_within

TTL: Final = 3600  # seconds
STRING: Final = 255  # octets of one character-string, RFC 1035 §3.3


def zone_file(domain: str, wanted: Sequence[Wanted]) -> str:
    """The records within ``domain``; what belongs to another zone follows as comments."""
    lines = [f"$ORIGIN {domain}.", f"$TTL {TTL}"]
    lines += [line(one) for one in wanted if one.value and is_within(one.name, domain)]
    lines += [f"; {one.name}. {one.type}: {one.note}" for one in wanted if not one.value]
    others = [one for one in wanted if one.value and not is_within(one.name, domain)]
    if others:
        lines.append("; These belong to other zones:")
        lines += [f"; {line(one)}" for one in others]
    return "\n".join(lines) + "\n"


def line(one: Wanted) -> str:
    """One record: absolute name, class, type, data."""
    return f"{one.name}. IN {one.type} {data(one)}"


def data(one: Wanted) -> str:
    """The record's data in the form of zone files; a long text in several strings."""
    if one.type != "TXT":
        return one.value
    octets = one.value.encode()
    pieces = [octets[at : at + STRING] for at in range(0, len(octets), STRING)] or [b""]
    return " ".join(map(_quoted, pieces))


def _quoted(octets: bytes) -> str:
    """RFC 1035 §5.1: a quote and a backslash are escaped, odd octets are told in decimal."""
    inside = "".join(
        f"\\{chr(octet)}"
        if octet in b'"\\'
        else chr(octet)
        if 32 <= octet < 127
        else f"\\{octet:03}"
        for octet in octets
    )
    return f'"{inside}"'
