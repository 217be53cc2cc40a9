"""Searching: the Emails that fulfil a filter, with as few looks at messages as that takes.

First the outline answers, then the search index; only messages of which both leave it open are
read, page by page. RFC 8621 §4.4.1.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from postroom.access import lookup, texts
from postroom.access.lookup import Findings, Question
from postroom.access.offload import run
from postroom.access.texts import BodyText, HeadText, Needles
from postroom.store import outline as rows
from postroom.store.outline import Stored as StoredRow
from postroom.web.jmap import filters
from postroom.web.jmap.account import Account
from postroom.web.jmap.condition import Condition, Fact, HasAttachment, Test, Text, Tree, conditions
from postroom.web.jmap.emails import has_attachment
from postroom.web.jmap.letters import Stored
from postroom.web.jmap.matching import Found, Known, Matcher

PAGE: Final = 500  # messages that are looked at together
FEW: Final = 1000  # messages; of so few only the pages of the index are read that hold them
MOST_READ: Final = 1 << 20  # octets of whole messages that are in memory at once


class Looked(NamedTuple):
    """What was found in a message; None: it was not looked for."""

    has_attachment: bool
    head: HeadText | None = None
    body: BodyText | None = None


async def search(
    account: Account, matcher: Matcher, work: int, tree: Tree | None
) -> frozenset[int]:
    """The ids of the Emails that match; ``work`` is how many there are."""
    found = await run(work, matcher.found, tree, {})
    tests = [test for one in conditions(tree) for test in one if not isinstance(test, Fact)]
    is_open = found.possible - found.sure
    if tree is None or not tests or not is_open:
        return found.sure
    known = await _known(account, tests, is_open)
    found = await run(work, matcher.found, tree, known)
    unsure = sorted(found.possible - found.sure)
    matching = set(found.sure)
    for start in range(0, len(unsure), PAGE):
        matching |= await _judged(account, matcher, tree, known, unsure[start : start + PAGE])
    return frozenset(matching)


async def _known(account: Account, tests: Sequence[Test], is_open: frozenset[int]) -> Known:
    """What the index says about the texts, of these messages."""
    sought = [test for test in tests if isinstance(test, Text)]
    questions = [question for test in sought for question in test.questions]
    ids = sorted(is_open) if len(is_open) <= FEW else None
    findings = await lookup.look_up(account.store, account.number, questions, ids)
    return await run(len(is_open), _answered, findings, sought, is_open)


def _answered(findings: Findings, sought: Sequence[Text], is_open: frozenset[int]) -> Known:
    coverage = findings.coverage
    unread = frozenset([ident for ident in is_open if not coverage.speaks_for(ident)])
    known: dict[Test, Found] = {}
    for test in sought:
        if not test.questions:
            known[test] = Found(is_open, is_open)
            continue
        certain, unsure = findings.parted(partial(_value, findings, test))
        sure = is_open.intersection(certain)
        known[test] = Found(sure, sure | is_open.intersection(unsure) | unread)
    return known


def _value(findings: Findings, test: Text, mark: int) -> bool | None:
    values = [findings.value(question, mark) for question in test.questions]
    if False in values:
        return False
    return None if None in values else True


async def _judged(
    account: Account, matcher: Matcher, tree: Tree, known: Known, ids: Sequence[int]
) -> set[int]:
    """Those of a page of messages that match."""
    stored = await account.store.read(rows.stored, account.number, ids)
    tests = [test for one in conditions(tree) for test in one]
    wanted = _needles([test for test in tests if isinstance(test, Text)])
    has_texts = any(
        ident in known[test].possible and ident not in known[test].sure
        for test in tests
        if isinstance(test, Text)
        for ident in stored
    )
    matching: set[int] = set()
    for group in _groups(list(stored.values()), read=has_texts):
        looked = await _look(account, group, wanted if has_texts else None)
        for ident, one in looked.items():
            if filters.holds(tree, partial(_holds, matcher, known, ident, one)):
                matching.add(ident)
    return matching


def _holds(matcher: Matcher, known: Known, ident: int, one: Looked, condition: Condition) -> bool:
    return all(_is_true(matcher, known, ident, one, test) for test in condition)


def _is_true(matcher: Matcher, known: Known, ident: int, one: Looked, test: Test) -> bool:
    if isinstance(test, Fact):
        return ident in matcher.answer(test)
    if isinstance(test, HasAttachment):
        return one.has_attachment is test.value
    if one.head is None or one.body is None:  # the index knew all that there is to know
        return ident in known[test].sure
    return all(_has(question, one.head, one.body) for question in test.questions)


def _has(question: Question, head: HeadText, body: BodyText) -> bool:
    wanted = question.wanted
    if question.where == "body":
        return body.has(wanted)
    if question.where == "head or body":
        return head.has_anywhere(wanted) or body.has_anywhere(wanted)
    return head.has(question.name, wanted)


def _needles(sought: Sequence[Text]) -> Needles:
    """What is looked for in bodies, and in the header fields of parts."""
    questions = [question for test in sought for question in test.questions]
    bodies = frozenset(one.wanted for one in questions if one.where in {"body", "head or body"})
    return Needles(
        bodies, frozenset(one.wanted for one in questions if one.where == "head or body")
    )


def _groups(stored: Sequence[StoredRow], *, read: bool) -> Iterator[list[StoredRow]]:
    """Those that are read together: small ones, or a large one by itself."""
    if not read:
        yield list(stored)
        return
    group: list[StoredRow] = []
    octets = 0
    for one in stored:
        if group and octets + one.size > MOST_READ:
            yield group
            group, octets = [], 0
        group.append(one)
        octets += one.size
    if group:
        yield group


async def _look(
    account: Account, group: Sequence[StoredRow], wanted: Needles | None
) -> dict[int, Looked]:
    """What is in messages; those that can't be read are left out."""
    if wanted is None:
        return await run(len(group), _without_texts, group)
    source = account.store
    if group[0].size > texts.PIECE:
        (one,) = group
        heads = await source.read(source.blobs.heads, [one.blob_id])
        if one.blob_id not in heads:
            return {}
        found = Needles(frozenset())
        if wanted.bodies:
            found = await texts.find(Stored(source, one.blob_id), one.blob_id, wanted)
        head = HeadText(one.prefix + heads[one.blob_id])
        return {one.id: Looked(has_attachment(one.bodystructure), head, BodyText(found))}
    ids = [one.blob_id for one in group]
    if not wanted.bodies:
        heads = await source.read(source.blobs.heads, ids)
        wholes = {ident: (head, b"") for ident, head in heads.items()}
    else:
        wholes = await source.read(source.blobs.wholes, ids)
    return await asyncio.to_thread(_with_texts, group, wholes, wanted)


def _without_texts(group: Sequence[StoredRow]) -> dict[int, Looked]:
    return {one.id: Looked(has_attachment(one.bodystructure)) for one in group}


def _with_texts(
    group: Sequence[StoredRow], wholes: Mapping[int, tuple[bytes, bytes]], wanted: Needles
) -> dict[int, Looked]:
    found: dict[int, Looked] = {}
    for one in group:
        if one.blob_id in wholes:
            head, body = wholes[one.blob_id]
            within = texts.find_in(head + body, wanted) if wanted.bodies else Needles(frozenset())
            found[one.id] = Looked(
                has_attachment(one.bodystructure), HeadText(one.prefix + head), BodyText(within)
            )
    return found
