"""DMARC: whether a message is from the domain that it shows, and what that one wants otherwise.

    result = drive(check(author, spf=.., dkim=[..]))

SPF and DKIM count when they passed for a domain that is *aligned* with the author's: the same
one (strict), or one of the same organization (relaxed). Which organization a domain belongs
to is found by walking up the tree of names (RFC 9989 §4.10), at most eight questions a domain.

RFC 9989; words of the results: RFC 8601 §2.7.
"""

from collections.abc import Generator, Iterable
from typing import Final, Literal, TypeVar

import msgspec

from postroom.mailauth.dmarc_record import DmarcRecord, Mode, Policy, choose
from postroom.mailauth.lookups import Answer, Check, Lookup, LookupFailed, Question, texts

Outcome = Literal["none", "pass", "fail", "temperror"]
T = TypeVar("T")
Asking = Generator[Question, Answer, T]

MAX_LABELS: Final = 8  # of a name whose first step up is one label; then seven are left

_MILDER: Final[dict[Policy, Policy]] = {
    "reject": "quarantine",
    "quarantine": "none",
    "none": "none",
}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``author`` is the domain in From.

    ``policy`` is what the owner asks for a message that fails, test mode heeded; ``source``
    the domain whose record that is. The aligned flags say which mechanism passed for it.
    """

    outcome: Outcome
    author: str
    policy: Policy = "none"
    source: str = ""
    record: DmarcRecord | None = None
    is_spf_aligned: bool = False
    is_dkim_aligned: bool = False
    problem: str = ""


class _Walk(msgspec.Struct, frozen=True):
    """The records on the way from a domain to the top, nearest first; the organization."""

    records: tuple[tuple[str, DmarcRecord], ...]
    organization: str


def check(author: str, *, spf: str | None, dkim: Iterable[str]) -> Check[Result]:
    """Evaluate. All domains are in A-labels and lower case.

    ``spf`` is the domain of MAIL FROM if SPF passed for it, ``dkim`` those of signatures
    that passed.
    """
    try:
        walk = yield from _walk(author)
        found = _policy_of(author, walk)
        if found is None:
            return Result(outcome="none", author=author)
        source, record = found
        is_spf = spf is not None and (yield from _aligned(author, spf, record.spf, walk))
        is_dkim = False
        for domain in dict.fromkeys(dkim):
            is_dkim = is_dkim or (yield from _aligned(author, domain, record.dkim, walk))
        policy = yield from _wanted(author, source, record)
    except LookupFailed as error:
        return Result(outcome="temperror", author=author, problem=str(error) or "no answer")
    return Result(
        outcome="pass" if is_spf or is_dkim else "fail",
        author=author,
        policy=_MILDER[policy] if record.is_test else policy,
        source=source,
        record=record,
        is_spf_aligned=is_spf,
        is_dkim_aligned=is_dkim,
    )


def organization_of(domain: str) -> Check[str]:
    """The organizational domain (RFC 9989 §4.10.2); raises LookupFailed."""
    walk = yield from _walk(domain)
    return walk.organization


def _policy_of(author: str, walk: _Walk) -> tuple[str, DmarcRecord] | None:
    """RFC 9989 §4.10.1: the author's own record, its organization's, or its public suffix's."""
    records = dict(walk.records)
    for domain in (author, walk.organization):
        if domain in records:
            return domain, records[domain]
    return next((item for item in walk.records if item[1].psd == "y"), None)


def _wanted(author: str, source: str, record: DmarcRecord) -> Asking[Policy]:
    if source == author:
        return record.policy
    if record.missing is not None and not (yield from _exists(author)):
        return record.missing
    return record.subdomains or record.policy


def _exists(domain: str) -> Asking[bool]:
    """RFC 9989 §3.2.13: a name with an address or a mail exchanger."""
    for kind in ("MX", "A", "AAAA"):
        answer = yield Lookup(domain, kind)
        if answer:
            return True
    return False


def _aligned(author: str, domain: str, mode: Mode, walk: _Walk) -> Asking[bool]:
    if domain == author:
        return True
    if mode == "strict" or not _may_share(author, domain):
        return False
    other = yield from _walk(domain)
    return other.organization == walk.organization


def _may_share(one: str, other: str) -> bool:
    """Names that end in different labels belong to different organizations."""
    return one.rpartition(".")[2] == other.rpartition(".")[2]


def _walk(domain: str) -> Asking[_Walk]:
    """RFC 9989 §4.10: up the tree until a record says where the organization ends."""
    records: list[tuple[str, DmarcRecord]] = []
    name = domain
    while name:
        record = choose((yield from texts(f"_dmarc.{name}")))
        if record is not None:
            records.append((name, record))
            if record.psd == "n":
                return _Walk(tuple(records), name)
            if record.psd == "y":
                return _Walk(tuple(records), _below(name, domain))
        name = _above(name)
    organization = records[-1][0] if records else domain
    return _Walk(tuple(records), organization)


def _below(name: str, domain: str) -> str:
    """The name one label below ``name`` on the way to ``domain``; that itself at its end."""
    count = name.count(".") + 2
    return ".".join(domain.split(".")[-count:])


def _above(name: str) -> str:
    """The next name to ask; "" at the top. Long names are cut to seven labels at once."""
    labels = name.split(".")
    left = labels[1:] if len(labels) <= MAX_LABELS else labels[-(MAX_LABELS - 1) :]
    return ".".join(left)
