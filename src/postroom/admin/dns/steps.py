"""What is to be done about one RRset: wanted records beside those that are there.

A function of both, without a network. What others have put there stays wherever it can: "add"
and "merge" take nothing away, "replace" only what Postroom itself has written before (keys,
policies with an id, TLSA), and "ask" is what would take away records of somebody else.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.admin.dns.compare import merged_spf
from postroom.admin.dns.plan import Wanted
from postroom.mailauth import dmarc_record, tlsrpt
from postroom.net.dns_records import Kind, Mx, Record, Srv

Action = Literal["keep", "add", "merge", "replace", "ask"]
Records = tuple[Record, ...]

_NOTHING: Final[Mapping[Kind, Records]] = {}
_STRENGTH: Final[Mapping[Action, int]] = {"keep": 0, "add": 1, "merge": 2, "replace": 3, "ask": 4}


class Decision(msgspec.Struct, frozen=True):
    """What to do, with which result and why.

    ``clears`` are the types at the same name that have to go with it.
    """

    action: Action
    after: Records
    why: str = ""
    clears: tuple[Kind, ...] = ()


def decide(
    wanted: Sequence[tuple[Wanted, Record]],
    present: Records,
    beside: Mapping[Kind, Records] = _NOTHING,
    ours: Sequence[str] = (),
) -> Decision:
    """About all wanted records of one name and type.

    ``present`` is what is there, ``beside`` the alias and the addresses of the same name, and
    ``ours`` the addresses of this server.
    """
    first = wanted[0][0]
    records = tuple(record for _, record in wanted)
    match first.type:
        case "A" | "AAAA":
            return _addresses(records, present, beside)
        case "CNAME":
            return _alias(records, present, beside, ours)
        case "TXT":
            return _texts(wanted, present)
        case "MX":
            return _mx(records, present)
        case "SRV":
            return _services(records, present)
        case "CAA":
            missing = tuple(one for one in records if one not in present)
            if not missing:
                return Decision("keep", present)
            return Decision("merge" if present else "add", (*present, *missing))
        case _:  # TLSA: what stands at our port is ours
            if set(records) == set(present):
                return Decision("keep", present)
            return Decision("replace" if present else "add", records)


def _addresses(records: Records, present: Records, beside: Mapping[Kind, Records]) -> Decision:
    missing = tuple(one for one in records if one not in present)
    if beside.get("CNAME"):
        why = f"it is an alias of {beside['CNAME'][0]!s} now"
        return Decision("ask", records, why, ("CNAME",))
    if not missing:
        return Decision("keep", present)
    if not present:
        return Decision("add", records)
    if len(missing) < len(records):
        return Decision("merge", (*present, *missing))
    return Decision("ask", records, "it leads to another address now")


def _alias(
    records: Records, present: Records, beside: Mapping[Kind, Records], ours: Sequence[str]
) -> Decision:
    addresses = [*beside.get("A", ()), *beside.get("AAAA", ())]
    if set(records) == set(present):
        return Decision("keep", present)
    if present:
        return Decision("ask", records, "it is another alias now")
    if not addresses:
        return Decision("add", records)
    if {str(one) for one in addresses} <= set(ours):
        return Decision("keep", present, "it leads here by its address")
    kinds: tuple[Kind, ...] = ("A", "AAAA")
    clears = tuple(kind for kind in kinds if beside.get(kind))
    return Decision("ask", records, "it has an address of its own now", clears)


def _mx(records: Records, present: Records) -> Decision:
    hosts = {one.host for one in present if isinstance(one, Mx)}
    if {one.host for one in records if isinstance(one, Mx)} <= hosts:
        return Decision("keep", present)
    if not present:
        return Decision("add", records)
    others = ", ".join(sorted(host or "nowhere" for host in hosts))
    return Decision("ask", records, f"mail of the domain goes to {others} now")


def _services(records: Records, present: Records) -> Decision:
    for one in present:
        for wanted in records:
            if isinstance(one, Srv) and isinstance(wanted, Srv) and _is_same(one, wanted):
                return Decision("keep", present)
    if not present:
        return Decision("add", records)
    return Decision("ask", records, "it leads to another server now")


def _is_same(one: Srv, wanted: Srv) -> bool:
    return one.target == wanted.target and (not one.target or one.port == wanted.port)


def _texts(wanted: Sequence[tuple[Wanted, Record]], present: Records) -> Decision:
    """One after the other: at a name there may be texts of several uses."""
    found = Decision("keep", present)
    for one, record in wanted:
        octets = record if isinstance(record, bytes) else str(record).encode()
        judge = _TEXTS.get(one.use, _own_text)
        step = judge(octets, tuple(text for text in found.after if isinstance(text, bytes)))
        if _STRENGTH[step.action] >= _STRENGTH[found.action]:
            found = step
        else:
            found = msgspec.structs.replace(found, after=step.after)
    return found


def _own_text(wanted: bytes, present: tuple[bytes, ...]) -> Decision:
    """A name of ours alone: DKIM, PACC."""
    if any(_bare(one) == _bare(wanted) for one in present):
        return Decision("keep", present)
    return Decision("replace" if present else "add", (wanted,))


def _sts(wanted: bytes, present: tuple[bytes, ...]) -> Decision:
    others = tuple(one for one in present if not one.startswith(b"v=STSv1"))
    return _one_of(wanted, present, others, "replace")


def _one_of(
    wanted: bytes, present: tuple[bytes, ...], others: tuple[bytes, ...], action: Action
) -> Decision:
    """Ours instead of those of its kind; ``others`` stay."""
    if len(others) == len(present):
        return Decision("add", (*present, wanted))
    if len(present) == len(others) + 1 and any(_bare(one) == _bare(wanted) for one in present):
        return Decision("keep", present)
    return Decision(action, (*others, wanted))


def _spf(wanted: bytes, present: tuple[bytes, ...]) -> Decision:
    """RFC 7208 §3.2: there must be one. Theirs is kept, with our mechanism in front."""
    mine = [one for one in present if one.lower().split()[:1] == [b"v=spf1"]]
    others = tuple(one for one in present if one not in mine)
    if not mine:
        return Decision("add", (*present, wanted))
    mechanism = wanted.decode().split()[1]
    terms = mine[0].decode("ascii", "replace").lower().split()[1:]
    has_ours = {mechanism, f"+{mechanism}"} & set(terms)
    if len(mine) == 1 and has_ours:
        return Decision("keep", present)
    text = mine[0].decode("utf-8", "surrogateescape")
    merged = (
        mine[0]
        if has_ours
        else merged_spf(text, wanted.decode()).encode("utf-8", "surrogateescape")
    )
    if len(mine) > 1:
        why = "several SPF records count as none; all but the first would go"
        return Decision("ask", (*others, merged), why)
    return Decision("merge", (*others, merged), "theirs stays, ours comes in front")


def _dmarc(wanted: bytes, present: tuple[bytes, ...]) -> Decision:
    """A valid policy is theirs to choose."""
    mine = [one for one in present if one.strip().startswith(b"v=DMARC1")]
    others = tuple(one for one in present if one not in mine)
    if len(mine) == 1 and dmarc_record.read(mine[0]) is not None:
        return Decision("keep", present)
    if not mine:
        return Decision("add", (*present, wanted))
    return Decision("ask", (*others, wanted), "what is there counts as no policy")


def _tls_reports(wanted: bytes, present: tuple[bytes, ...]) -> Decision:
    if tlsrpt.parse_record(present) is not None:
        return Decision("keep", present)
    mine = [one for one in present if one.strip().startswith(b"v=TLSRPTv1")]
    others = tuple(one for one in present if one not in mine)
    return _one_of(wanted, present, others, "ask")


def _bare(text: bytes) -> bytes:
    return b"".join(text.split()).rstrip(b";")


_TEXTS: Final[Mapping[str, Callable[[bytes, tuple[bytes, ...]], Decision]]] = {
    "SPF": _spf,
    "SPF of the server": _spf,
    "DMARC": _dmarc,
    "TLS reports": _tls_reports,
    "MTA-STS": _sts,
}
