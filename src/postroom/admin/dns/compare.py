"""A wanted record beside what DNS has: is it there, and if not, what is to be done.

A record need not be ours letter for letter to serve: a stricter DMARC policy, an alias instead
of addresses or a second name in MX are judged by what they do.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from postroom.admin.dns import zone
from postroom.admin.dns.plan import Wanted
from postroom.mailauth import dmarc_record, spf_record, tlsrpt
from postroom.net.dns_records import Mx, Record, Srv, Tlsa

State = Literal["ok", "missing", "different", "unknown"]


class Judged(msgspec.Struct, frozen=True):
    """``found`` is what DNS has, as text; ``fix`` what to do, "" when nothing."""

    state: State
    found: tuple[str, ...] = ()
    fix: str = ""


def compare(wanted: Wanted, records: Sequence[Record]) -> Judged:
    """Judge what an authoritative server told for the name and type of ``wanted``."""
    return _JUDGES.get(wanted.use, _JUDGES_OF_TYPE.get(wanted.type, _same))(wanted, records)


def spf_verdict(wanted: Wanted, found: str, result: str, address: str, problem: str = "") -> Judged:
    """What came of checking an address of ours against the SPF record that was found.

    ``problem`` is why it could not be checked.
    """
    if result == "pass":
        return Judged("ok", (found,))
    if result == "temperror":
        return Judged("unknown", (found,), f"it can't be checked: {problem}; try again later")
    merged = merged_spf(found, wanted.value)
    if result == "permerror":
        fix = f"it is broken, so nobody may send: {problem}; take that out of: {merged}"
        return Judged("different", (found,), fix)
    return Judged(
        "different", (found,), f"it does not allow {address} to send; replace it by: {merged}"
    )


def merged_spf(found: str, ours: str) -> str:
    """The record that is there with our own mechanism in front: nothing is taken away."""
    mechanism = ours.split()[1]
    return " ".join(["v=spf1", mechanism, *found.split()[1:]])


def text(record: Record) -> str:
    """A record as a person reads it."""
    match record:
        case bytes():
            return record.decode("utf-8", "replace")
        case Mx(preference, host):
            return f"{preference} {host}."
        case Srv(priority, weight, port, target):
            return f"{priority} {weight} {port} {target}."
        case Tlsa(usage, selector, matching, data):
            return f"{usage} {selector} {matching} {data.hex()}"
        case _:
            return str(record)


def _add(wanted: Wanted, found: Sequence[str] = ()) -> Judged:
    return Judged("missing", tuple(found), f"add: {zone.line(wanted)}")


def _replace(wanted: Wanted, found: Sequence[str]) -> Judged:
    return Judged("different", tuple(found), f"replace it by: {zone.data(wanted)}")


def _same(wanted: Wanted, records: Sequence[Record]) -> Judged:
    """One of the records is the wanted one."""
    found = [text(record) for record in records]
    plain = wanted.value.rstrip(".").lower()
    if any(one.rstrip(".").lower() == plain for one in found):
        return Judged("ok", tuple(found))
    return _replace(wanted, found) if found else _add(wanted)


def _address(wanted: Wanted, records: Sequence[Record]) -> Judged:
    found = tuple(text(record) for record in records)
    if not wanted.value:
        if found:
            return Judged("ok", found)
        return Judged("unknown", (), wanted.note)
    if wanted.value in found:
        return Judged("ok", found)
    return _replace(wanted, found) if found else _add(wanted)


def _mx(wanted: Wanted, records: Sequence[Record]) -> Judged:
    found = tuple(text(record) for record in records)
    ours = wanted.value.split()[1].rstrip(".")
    hosts = [record.host for record in records if isinstance(record, Mx)]
    if ours not in hosts:
        return _replace(wanted, found) if found else _add(wanted)
    others = [host for host in hosts if host != ours]
    if others:
        return Judged(
            "different",
            found,
            f"mail may also go to {', '.join(others)}: remove that, unless it is a backup that "
            "hands everything on to this server",
        )
    return Judged("ok", found)


def _srv(wanted: Wanted, records: Sequence[Record]) -> Judged:
    found = tuple(text(record) for record in records)
    _, _, port, target = wanted.value.split()
    for record in records:
        if isinstance(record, Srv):
            is_target = record.target == target.rstrip(".")
            if is_target and (not record.target or record.port == int(port)):
                return Judged("ok", found)
    return _replace(wanted, found) if found else _add(wanted)


def _spf(wanted: Wanted, records: Sequence[Record]) -> Judged:
    """One record that can be read; whom it allows is found out by ``spf_verdict``."""
    octets = [record for record in records if isinstance(record, bytes)]
    found = [text(one) for one in octets if one.split(b" ")[0].lower() == b"v=spf1"]
    if not found:
        return _add(wanted)
    if len(found) > 1:
        whole = " ".join(["v=spf1", *_mechanisms(found)])
        return Judged(
            "different",
            tuple(found),
            f"several SPF records count as none; leave one: {merged_spf(whole, wanted.value)}",
        )
    try:
        spf_record.parse(found[0].encode())
    except spf_record.BadRecord as error:
        return Judged("different", tuple(found), f"it is not valid ({error}); use: {wanted.value}")
    return Judged("ok", tuple(found))


def _mechanisms(records: Sequence[str]) -> list[str]:
    """Those of several records, each once, what ends in "all" last."""
    terms = list(dict.fromkeys(term for one in records for term in one.split()[1:]))
    ends = [term for term in terms if term.lower().lstrip("+-~?") == "all"]
    return [term for term in terms if term not in ends] + ends[-1:]


def _dmarc(wanted: Wanted, records: Sequence[Record]) -> Judged:
    octets = [record for record in records if isinstance(record, bytes)]
    found = tuple(text(one) for one in octets if one.strip().startswith(b"v=DMARC1"))
    if not found:
        return _add(wanted)
    if len(found) > 1:
        return Judged(
            "different", found, f"several DMARC records count as none; leave one: {wanted.value}"
        )
    if dmarc_record.read(found[0].encode()) is None:
        return Judged("different", found, f"it is not valid; use: {wanted.value}")
    return Judged("ok", found)


def _tls_reports(wanted: Wanted, records: Sequence[Record]) -> Judged:
    octets = [record for record in records if isinstance(record, bytes)]
    found = tuple(map(text, octets))
    if tlsrpt.parse_record(octets) is not None:
        return Judged("ok", found)
    return _replace(wanted, found) if found else _add(wanted)


def _text(wanted: Wanted, records: Sequence[Record]) -> Judged:
    """DKIM and MTA-STS: other text at the name is wrong, spaces apart."""
    found = tuple(text(record) for record in records)
    if any(_bare(one) == _bare(wanted.value) for one in found):
        return Judged("ok", found)
    return _replace(wanted, found) if found else _add(wanted)


def _bare(value: str) -> str:
    return "".join(value.split()).rstrip(";")


_JUDGES: Final[dict[str, Callable[[Wanted, Sequence[Record]], Judged]]] = {
    "SPF": _spf,
    "SPF of the server": _spf,
    "DMARC": _dmarc,
    "TLS reports": _tls_reports,
}
_JUDGES_OF_TYPE: Final[dict[str, Callable[[Wanted, Sequence[Record]], Judged]]] = {
    "A": _address,
    "AAAA": _address,
    "MX": _mx,
    "SRV": _srv,
    "TXT": _text,
}
