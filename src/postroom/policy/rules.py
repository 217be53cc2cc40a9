"""Signs of spam that need no learning: what hardly any honest program or person does.

Few, and each weighs little: only several of them together, or a disguised program, reach
the threshold. None of them takes points away, since whatever looks harmless can be copied; but
for a list of good senders that a postmaster has chosen (``blocklists``).
RFC 5322 §3.6, RFC 5321 §4.1.1.1.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from postroom.message import dates
from postroom.message.addresses import mailboxes, parse
from postroom.message.part import Fields
from postroom.policy import features
from postroom.policy.facts import Facts
from postroom.policy.tokens import Tokens

DAY_MS: Final = 24 * 3600 * 1000
MAX_RECIPIENTS: Final = 20  # that are looked for in To and Cc

_MARKS: Final[Mapping[str, tuple[float, str]]] = {
    "attached:program": (2.5, "a program is attached"),
    "attached:disguised": (2.5, "an attached program pretends to be a document"),
    "link:user": (1.5, "a link hides where it leads behind another name"),
    "link:ip": (1.0, "a link leads to a bare address instead of a name"),
    "link:elsewhere": (1.0, "a link shows one site and leads to another"),
    "link:escaped": (1.0, "the host in a link is written in escapes"),
    "link:port": (0.3, "a link leads to an unusual port"),
    "from:address-as-name": (0.3, "the author's name is an address"),
    "from:nobody": (1.0, "no author is named"),
    "several:from": (2.0, "there are several From fields"),
    "no:date": (0.7, "there is no Date field"),
    "date:malformed": (0.7, "the Date field can't be read"),
    "no:message-id": (0.5, "there is no Message-ID field"),
    "to:undisclosed": (0.5, "the recipients are not named"),
    "html:form": (0.7, "there is a form to fill in"),
    "subject:gap": (0.3, "there is a wide gap in the subject"),
}
_CHECKS: Final[Mapping[tuple[str, str], tuple[float, str]]] = {
    ("dmarc", "fail"): (1.5, "the message is not from the domain in its From"),
    ("spf", "fail"): (1.0, "the peer may not send for this sender (SPF)"),
    ("spf", "softfail"): (0.3, "the peer should not send for this sender (SPF)"),
    ("iprev", "fail"): (0.7, "the peer's address has no valid name"),
}


class Sign(msgspec.Struct, frozen=True):
    """Points towards spam, and why in plain words."""

    points: float
    words: str


def signs(facts: Facts, tokens: Tokens) -> Iterator[Sign]:
    """Those of a message."""
    marks = tokens.marks
    for mark, (points, words) in _MARKS.items():
        if mark in marks:
            yield Sign(points, words)
    found = facts.authentication
    for (check, result), (points, words) in _CHECKS.items():
        if getattr(found, check) == result and (check != "iprev" or not facts.suspicion.marks):
            yield Sign(points, words)
    yield from _of_peer(facts)
    fields = tokens.fields
    date = dates.read(features.first(fields, b"date"))
    if date is not None and date.ms > facts.now + DAY_MS:
        yield Sign(1.0, "it is dated in the future")
    elif date is not None and date.ms < facts.now - 7 * DAY_MS:
        yield Sign(0.5, "it is dated more than a week ago")
    if b"list-id" not in fields and not _names_a_recipient(facts, fields):
        yield Sign(0.3, "none of its recipients here is named in To or Cc")


def _of_peer(facts: Facts) -> Iterator[Sign]:
    """What was noticed of who brings it; by its HELO alone where nobody looked at it closely."""
    for mark in facts.suspicion.marks:
        yield Sign(float(mark.score), mark.reason)
    if facts.suspicion.marks:
        return
    if facts.helo.startswith("["):
        yield Sign(0.5, "the peer greets with an address instead of a name")
    elif facts.helo and "." not in facts.helo and facts.address:
        yield Sign(0.5, "the peer greets with a name that has no domain")


def _names_a_recipient(facts: Facts, fields: Fields) -> bool:
    people = {
        (one.local + b"@" + one.domain).decode("utf-8", "replace").lower()
        for value in fields.get(b"to", [])[:5] + fields.get(b"cc", [])[:5]
        for one in mailboxes(parse(value[: features.MAX_FIELD], features.MAX_ADDRESSES))
    }
    wanted = facts.recipients[:MAX_RECIPIENTS]
    return not wanted or any(one.lower() in people for one in wanted)
