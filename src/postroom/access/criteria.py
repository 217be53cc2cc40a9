r"""Criteria: a SEARCH tree as a flat program, judged in three values.

The tree becomes a list of steps in postfix order (no recursion on what a client sent).
A test answers True, False, or None: "not without the ENVELOPE", "the header block" or
"the body". So a program is first judged over flags, sizes and dates alone, and only of
messages that it leaves open more is read. Tests that SQL can do carry
their condition too.

Substrings match by i;unicode-casemap (RFC 5255 §4.2); INTERNALDATE and Date are compared
by day, time and zone disregarded (RFC 3501 §6.4.4).
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from postroom.access.lookup import Findings, Question
from postroom.access.numbering import common, merge
from postroom.access.texts import BodyText, EnvelopeText, HeadText, Needles
from postroom.access.view import View
from postroom.db.database import Row
from postroom.message.casemap import casemap
from postroom.protocol.imap import search as keys
from postroom.protocol.imap.search import SearchKey
from postroom.store import flags as flag_words, listing

MAX_RANGES_IN_SQL: Final = 100
MAX_TESTS_IN_SQL: Final = 100
DAY: Final = 86_400_000
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()

Value = bool | None


class Candidate(msgspec.Struct):
    """A message that is judged; ``row`` as ``listing.matching`` gives it."""

    row: Row
    findings: Findings | None = None
    envelope: EnvelopeText | None = None
    thread_id: int | None = None  # comes with the ENVELOPE
    head: HeadText | None = None
    body: BodyText | None = None


class Leaf(msgspec.Struct, frozen=True):
    """A leaf of the tree.

    ``condition`` is for SQL on the entry ``e``, "" when there is none; ``question`` may be
    answered by the index; ``needle`` is what must be looked for in the body; ``by_envelope``:
    the ENVELOPE is enough; ``by_head``: the header block is looked at.
    """

    judge: Callable[[Candidate], Value]
    condition: str = ""
    needle: str | None = None
    by_envelope: bool = False
    by_head: bool = False
    question: Question | None = None


class Join(msgspec.Struct, frozen=True):
    """Joins the last ``count`` values; ``kind`` is "and", "or" or "not"."""

    kind: str
    count: int


Program = list[Leaf | Join]


def programs(view: View, tree: SearchKey) -> list[Program]:
    """The keys that must all match, a program for each. Raises as ``program`` does."""
    if isinstance(tree, keys.And):
        return [program(view, part) for part in _parts(view, tree)]
    return [program(view, tree)]


def program(view: View, key: SearchKey | Leaf) -> Program:
    """The steps of a tree. Raises Invalid for sequence numbers that do not exist."""
    steps: Program = []
    waiting: list[SearchKey | Leaf | Join] = [key]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Leaf | Join):
            steps.append(item)
        elif isinstance(item, keys.And | keys.Or):
            parts = _parts(view, item)
            if len(parts) != 1:
                waiting.append(Join("and" if isinstance(item, keys.And) else "or", len(parts)))
            waiting.extend(reversed(parts))
        elif isinstance(item, keys.Not):
            waiting.extend([Join("not", 1), item.key])
        else:
            steps.append(_test(view, item))
    return steps


def _parts(view: View, key: keys.And | keys.Or) -> list[SearchKey | Leaf]:
    """What an AND or an OR joins: those inside it taken apart, each key once, all sets as one.

    So what is written a thousand times is looked at once.
    """
    found: dict[SearchKey | Leaf, None] = {}
    waiting: list[SearchKey] = [key]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, type(key)):
            found[part] = None
        elif isinstance(part, keys.And):
            waiting.extend(reversed(part.keys))
        elif isinstance(part, keys.Or):
            waiting.extend([part.right, part.left])
    sets = [part for part in found if isinstance(part, keys.Numbers)]
    if len(sets) < 2:
        return list(found)
    ranges = [view.uid_ranges(part.ranges, by_uid=part.by_uid) for part in sets]
    if isinstance(key, keys.And):
        joined = common(ranges)
    else:
        joined = merge(pair for some in ranges for pair in some)
    others = [part for part in found if not isinstance(part, keys.Numbers)]
    return [_within(joined, is_set=True), *others]


def judge(steps: Program, candidate: Candidate) -> Value:
    """True, False, or None when more of the message must be read."""
    return _evaluated(steps, lambda leaf: _value(leaf, candidate))


def questions(steps: Program) -> list[Question]:
    """What the index may be asked for a program."""
    return [step.question for step in steps if isinstance(step, Leaf) and step.question is not None]


def verdict(steps: Program, findings: Findings, mark: int) -> Value:
    """What the index alone says with this mark about a message; None: that is not enough."""
    return _evaluated(
        steps, lambda leaf: findings.value(leaf.question, mark) if leaf.question else None
    )


def needles(steps: Program) -> Needles:
    """All texts that a program looks for in bodies, and in MIME header fields."""
    leaves = [step for step in steps if isinstance(step, Leaf)]
    bodies = frozenset(leaf.needle for leaf in leaves if leaf.needle is not None)
    fields = frozenset(leaf.needle for leaf in leaves if leaf.needle is not None and leaf.by_head)
    return Needles(bodies, fields)


def wants_envelope(steps: Program) -> bool:
    """True when some test needs the ENVELOPE."""
    return any(isinstance(step, Leaf) and step.by_envelope for step in steps)


def wants_head(steps: Program) -> bool:
    """True when some test looks at the header block."""
    return any(isinstance(step, Leaf) and step.by_head for step in steps)


def condition(steps: Program) -> str:
    """The program as a condition for SQL; "" when a test has none or there are too many."""
    if len(steps) > MAX_TESTS_IN_SQL:
        return ""
    stack: list[str] = []
    for step in steps:
        if isinstance(step, Leaf):
            if not step.condition:
                return ""
            stack.append(step.condition)
            continue
        parts = stack[len(stack) - step.count :]
        del stack[len(stack) - step.count :]
        if step.kind == "not":
            stack.append(f"NOT {parts[0]}")
        else:
            stack.append("(" + f" {step.kind.upper()} ".join(parts or ["1 = 1"]) + ")")
    return stack[0]


def _evaluated(steps: Program, value: Callable[[Leaf], Value]) -> Value:
    stack: list[Value] = []
    for step in steps:
        if isinstance(step, Leaf):
            stack.append(value(step))
            continue
        values = stack[len(stack) - step.count :]
        del stack[len(stack) - step.count :]
        stack.append(_joined(step.kind, values))
    return stack[0]


def _value(leaf: Leaf, candidate: Candidate) -> Value:
    if leaf.question is not None and candidate.findings is not None:
        known = candidate.findings.answer(leaf.question, candidate.row[6])
        if known is not None:
            return known
    return leaf.judge(candidate)


def _joined(kind: str, values: Sequence[Value]) -> Value:
    if kind == "not":
        return None if values[0] is None else not values[0]
    ends = kind == "or"  # the value that settles it
    if ends in values:
        return ends
    return None if None in values else not ends


def _test(view: View, key: SearchKey) -> Leaf:
    match key:
        case keys.All():
            return Leaf(lambda _c: True, "1 = 1")
        case keys.Flag(bit, is_set):
            sign = "<>" if is_set else "="
            return Leaf(lambda c: bool(c.row[1] & bit) is is_set, f"(e.flags & {bit:d}) {sign} 0")
        case keys.Keyword(name, is_set):
            return Leaf(lambda c: flag_words.has_keyword(c.row[2], name) is is_set)
        case keys.Larger() | keys.Smaller() | keys.Modseq() | keys.EmailId():
            return _number_test(key)
        case keys.Received() | keys.Saved() | keys.Within():
            return _moment_test(view, key)
        case keys.Recent(is_set):
            return _within(view.recent_ranges, is_set=is_set)
        case keys.Numbers(ranges, by_uid):
            return _within(view.uid_ranges(ranges, by_uid=by_uid), is_set=True)
        case _:
            return _text_test(key)


def _moment_test(view: View, key: keys.Received | keys.Saved | keys.Within) -> Leaf:
    match key:
        case keys.Received(comparison, day):
            return _on_day("received", 5, comparison, day)
        case keys.Saved(comparison, day):
            return _on_day("saved", 7, comparison, day)
        case keys.Within(seconds, is_older):
            return _interval(view.source.clock() // 1000 - seconds, is_older=is_older)


def _number_test(key: keys.Larger | keys.Smaller | keys.Modseq | keys.EmailId) -> Leaf:
    match key:
        case keys.Larger(octets):
            return Leaf(lambda c: c.row[4] > octets, f"e.size > {octets:d}")
        case keys.Smaller(octets):
            return Leaf(lambda c: c.row[4] < octets, f"e.size < {octets:d}")
        case keys.Modseq(modseq):
            return Leaf(lambda c: c.row[3] >= modseq, f"e.modseq >= {modseq:d}")
        case keys.EmailId(number):
            return Leaf(lambda c: c.row[6] == number, f"e.message_id = {number:d}")


def _text_test(key: SearchKey) -> Leaf:
    match key:
        case keys.ThreadId(number):
            return Leaf(
                lambda c: None if c.thread_id is None else c.thread_id == number,
                listing.in_thread(number),
                by_envelope=True,
            )
        case keys.Subject(""):
            return _text_test(keys.Header("subject", ""))
        case keys.Subject(text):
            mapped = _of_field(text)
            return Leaf(
                lambda c: c.envelope.subject_has(mapped) if c.envelope else None,
                by_envelope=True,
                question=Question("subject", mapped),
            )
        case keys.Header(name, text):
            mapped, field = _of_field(text), casemap(name)
            return Leaf(
                lambda c: c.head.has(field, mapped) if c.head else None,
                by_head=True,
                question=Question("field", mapped, field),
            )
        case keys.Sent(comparison, day):
            return Leaf(
                lambda c: _compare(c.envelope.sent, comparison, day) if c.envelope else None,
                by_envelope=True,
            )
        case keys.Body(text):
            mapped = casemap(text)
            return Leaf(
                lambda c: c.body.has(mapped) if c.body else None,
                needle=mapped,
                question=Question("body", mapped) if mapped else None,
            )
        case keys.Text(text):
            mapped = casemap(text)
            return Leaf(
                lambda c: _anywhere(c, mapped),
                needle=mapped,
                by_head=True,
                question=Question("head or body", mapped) if mapped else None,
            )
        case _:
            raise TypeError(type(key).__name__)


def _anywhere(candidate: Candidate, mapped: str) -> Value:
    if candidate.head is not None and candidate.head.has_anywhere(mapped):
        return True
    return candidate.body.has_anywhere(mapped) if candidate.body else None


def _of_field(text: str) -> str:
    """As header fields are mapped (``message.searchtext``)."""
    return casemap(text).replace("\t", " ")


def _compare(sent: dt.date | None, comparison: str, day: dt.date) -> bool:
    if sent is None:  # no readable Date field matches no day
        return False
    return {"before": sent < day, "on": sent == day, "since": sent >= day}[comparison]


def _on_day(column: str, place: int, comparison: str, day: dt.date) -> Leaf:
    """A moment of the row against a day in UTC."""
    start = (day.toordinal() - _EPOCH) * DAY
    end = start + DAY
    match comparison:
        case "before":
            return Leaf(lambda c: c.row[place] < start, f"e.{column} < {start:d}")
        case "on":
            return Leaf(
                lambda c: start <= c.row[place] < end,
                f"(e.{column} >= {start:d} AND e.{column} < {end:d})",
            )
        case _:
            return Leaf(lambda c: c.row[place] >= start, f"e.{column} >= {start:d}")


def _interval(target: int, *, is_older: bool) -> Leaf:
    """INTERNALDATE, whole seconds, against a second since 1970 (RFC 5032 §2)."""
    if is_older:
        end = (target + 1) * 1000
        return Leaf(lambda c: c.row[5] < end, f"e.received < {end:d}")
    start = target * 1000
    return Leaf(lambda c: c.row[5] >= start, f"e.received >= {start:d}")


def _within(ranges: Sequence[tuple[int, int]], *, is_set: bool) -> Leaf:
    """Is the UID in one of these ranges, which ascend and are apart."""
    lows = [low for low, _ in ranges]
    highs = [high for _, high in ranges]

    def judge_uid(candidate: Candidate) -> bool:
        uid = candidate.row[0]
        at = bisect_right(lows, uid) - 1
        return (at >= 0 and uid <= highs[at]) is is_set

    if len(ranges) > MAX_RANGES_IN_SQL:
        return Leaf(judge_uid)
    text = " OR ".join(f"e.uid BETWEEN {low:d} AND {high:d}" for low, high in ranges) or "1 = 0"
    return Leaf(judge_uid, f"({text})" if is_set else f"NOT ({text})")
