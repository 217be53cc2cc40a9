"""SEARCH over a selected mailbox: cheapest questions first, bodies last.

The keys that must all match are parted: those that SQL can answer become a condition
over the entries; about texts the index is asked (``lookup``). Where its answers settle a
message, nothing of it is read. The rest is judged by pages of 500, off the loop: first by
the row, then with the stored ENVELOPE, with the header block, at last with the body. Only
messages that the view knows are found.

RFC 3501 §6.4.4.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from postroom.access import criteria, lookup, texts
from postroom.access.criteria import Candidate, Program
from postroom.access.lookup import Findings
from postroom.access.numbering import merge
from postroom.access.offload import run
from postroom.access.texts import Needles
from postroom.access.view import View
from postroom.db.database import Row, Tx
from postroom.protocol.imap.search import All, SearchKey
from postroom.store import listing
from postroom.store.spans import Span, span_of

PAGE: Final = 500
LONG_PAGE: Final = 5000  # of UIDs and ids only
MOST_LISTED: Final = 1000  # ids in a statement
FEW: Final = 1000  # messages; of so few only the pages of the index are read that hold them
MOST_READ: Final = 1 << 20  # octets of whole messages that are read at once

Heads = Mapping[int, tuple[int, bytes]]


async def search(view: View, tree: SearchKey) -> list[int]:
    """The UIDs that match, ascending. Raises Invalid for a sequence number out of range."""
    if isinstance(tree, All) and await view.is_current():
        return list(view.numbering.uids)
    conditions: list[str] = []
    programs: list[Program] = []
    for steps in criteria.programs(view, tree):
        text = criteria.condition(steps) if len(conditions) < criteria.MAX_TESTS_IN_SQL else ""
        if text:
            conditions.append(text)
        else:
            programs.append(steps)
    if not view.exists:
        return []
    where = "".join(f" AND {text}" for text in conditions)
    everything = Span(1, view.last_uid)
    source = view.source
    if not programs:
        found = await source.read(
            listing.matching_uids, view.mailbox_id, everything, where, member=view.member
        )
        return await run(len(found), _known, view, found)
    steps = _all_of(programs)
    findings = await _look_up(view, where, steps)
    if criteria.verdict(steps, findings, 0) is False:
        return await _chosen(view, where, steps, findings)
    return await _judged(view, where, steps, findings)


async def highest_modseq(view: View, uids: Sequence[int]) -> int:
    """The highest MODSEQ of these messages, in any order; 0 for none (RFC 7162 §3.1.6)."""
    ranges = await asyncio.to_thread(merge, ((uid, uid) for uid in uids))
    spans = list(view.spans(ranges))
    return await view.source.read(listing.highest_modseq, view.mailbox_id, spans, view.member)


def _known(view: View, uids: list[int]) -> list[int]:
    numbers = view.sequences_of(uids)
    return [uid for uid, number in zip(uids, numbers, strict=True) if number]


def _all_of(programs: Sequence[Program]) -> Program:
    steps: Program = [step for program in programs for step in program]
    return [*steps, criteria.Join("and", len(programs))]


async def _look_up(view: View, where: str, steps: Program) -> Findings:
    """What the index says about the texts that are looked for."""
    questions = criteria.questions(steps)
    ids: list[int] | None = None
    if questions:
        span = Span(1, view.last_uid)
        ids = await view.source.read(
            listing.message_ids, view.mailbox_id, span, where, FEW + 1, member=view.member
        )
        if len(ids) > FEW:
            ids = None
    return await lookup.look_up(view.source, view.account_id, questions, ids)


async def _chosen(view: View, where: str, steps: Program, findings: Findings) -> list[int]:
    """Those that the index names; what it is not sure of, or does not speak for, is judged."""
    certain, unsure = await asyncio.to_thread(
        findings.parted, partial(criteria.verdict, steps, findings)
    )
    coverage = findings.coverage
    open_ids = coverage.late.union(unsure)
    if len(open_ids) > MOST_LISTED:
        return await _judged(view, where, steps, findings)
    is_open = f"e.message_id > {coverage.upto}"
    if open_ids:
        is_open += f" OR {_is_one_of(sorted(open_ids))}"
    matching = await _judged(view, f"{where} AND ({is_open})", steps, findings)
    return sorted(matching + await _uids(view, where, certain))


async def _uids(view: View, where: str, ids: Sequence[int]) -> list[int]:
    """The UIDs of messages with these ids, ascending."""
    if not ids:
        return []
    read, everything = view.source.read, Span(1, view.last_uid)
    if len(ids) <= MOST_LISTED:
        where += f" AND {_is_one_of(ids)}"
        found = await read(
            listing.matching_uids, view.mailbox_id, everything, where, member=view.member
        )
        return [uid for uid in found if view.sequence_of(uid)]
    uids: list[int] = []
    while rows := await read(
        listing.matching_ids, view.mailbox_id, everything, where, LONG_PAGE, member=view.member
    ):
        everything = Span(rows[-1][0] + 1, view.last_uid)
        uids += await asyncio.to_thread(_of_these, view, rows, ids)
    return uids


def _of_these(view: View, rows: Sequence[Row], ids: Sequence[int]) -> list[int]:
    last = len(ids) - 1
    return [
        uid
        for uid, ident in rows
        if ids[min(bisect_left(ids, ident), last)] == ident and view.sequence_of(uid)
    ]


def _is_one_of(ids: Sequence[int]) -> str:
    return f"e.message_id IN ({','.join(map(str, ids))})"


async def _judged(view: View, where: str, steps: Program, findings: Findings) -> list[int]:
    matching: list[int] = []
    first = 1
    view.work.begin(view.exists)
    while first <= view.last_uid:
        rows = await view.source.read(
            listing.matching,
            view.mailbox_id,
            Span(first, view.last_uid),
            where,
            PAGE,
            member=view.member,
        )
        if not rows:
            break
        view.work.advance(view.numbering.count_within([(first, rows[-1][0])]))
        first = rows[-1][0] + 1
        known = [Candidate(row, findings) for row in rows if view.sequence_of(row[0])]
        matching += await _page(view, known, steps)
    return matching


async def _page(view: View, candidates: list[Candidate], steps: Program) -> list[int]:
    matching, unsure = await asyncio.to_thread(_sort, steps, candidates)
    if unsure and criteria.wants_envelope(steps):
        span = span_of([candidate.row[0] for candidate in unsure])
        envelopes = await view.source.read(
            listing.page_with, view.account_id, view.mailbox_id, span, ("envelope", "thread_id")
        )
        some, unsure = await asyncio.to_thread(_sort_with_envelopes, steps, unsure, envelopes)
        matching += some
    if unsure:
        span = span_of([candidate.row[0] for candidate in unsure])
        with_heads = criteria.wants_head(steps)
        heads = await view.source.db.read(lambda tx: _heads(tx, view, span, octets=with_heads))
        if with_heads:
            some, unsure = await asyncio.to_thread(_sort_with_heads, steps, unsure, heads)
            matching += some
        matching += await _with_bodies(view, steps, unsure, heads)
    return sorted(matching)


async def _with_bodies(
    view: View, steps: Program, candidates: list[Candidate], heads: Heads
) -> list[int]:
    """The UIDs that match by their bodies: small messages many at a time."""
    wanted = criteria.needles(steps)
    matching: list[int] = []
    for group in _groups([one for one in candidates if one.row[0] in heads]):
        ids = [heads[one.row[0]][0] for one in group]
        whole: dict[int, tuple[bytes, bytes]] = {}
        if group[0].row[4] <= texts.PIECE:
            whole = await view.source.read(view.source.blobs.wholes, ids)
            await asyncio.to_thread(_read_bodies, group, ids, whole, wanted)
        for candidate, blob_id in zip(group, ids, strict=True):
            if blob_id not in whole:
                found = await texts.find(view, blob_id, wanted)
                candidate.body = texts.BodyText(found)
        matching += _sort(steps, group)[0]
    return matching


def _groups(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Those that are read together: small ones, or a large one by itself."""
    group: list[Candidate] = []
    octets = 0
    for candidate in candidates:
        octets += candidate.row[4]
        if group and octets > MOST_READ:
            yield group
            group, octets = [], candidate.row[4]
        group.append(candidate)
    if group:
        yield group


def _read_bodies(
    candidates: Sequence[Candidate],
    ids: Sequence[int],
    whole: Mapping[int, tuple[bytes, bytes]],
    wanted: Needles,
) -> None:
    for candidate, blob_id in zip(candidates, ids, strict=True):
        if blob_id in whole:
            found = texts.find_in(b"".join(whole[blob_id]), wanted)
            candidate.body = texts.BodyText(found)


def _heads(tx: Tx, view: View, span: Span, *, octets: bool) -> Heads:
    """By UID: the blob's id, and prefix and header block if their ``octets`` are needed."""
    rows = listing.page_with(tx, view.account_id, view.mailbox_id, span, ("prefix",))
    if not octets:
        return {row[0]: (row[7], b"") for row in rows}
    heads = view.source.blobs.heads(tx, [row[7] for row in rows])
    return {row[0]: (row[7], row[8] + heads[row[7]]) for row in rows if row[7] in heads}


def _sort(steps: Program, candidates: list[Candidate]) -> tuple[list[int], list[Candidate]]:
    """The UIDs that match, and the candidates that need more to be read."""
    matching: list[int] = []
    unsure: list[Candidate] = []
    for candidate in candidates:
        value = criteria.judge(steps, candidate)
        if value:
            matching.append(candidate.row[0])
        elif value is None:
            unsure.append(candidate)
    return matching, unsure


def _sort_with_envelopes(
    steps: Program, candidates: list[Candidate], rows: list[Row]
) -> tuple[list[int], list[Candidate]]:
    found = {row[0]: row for row in rows}
    still = [candidate for candidate in candidates if candidate.row[0] in found]
    for candidate in still:
        *_, envelope, candidate.thread_id = found[candidate.row[0]]
        candidate.envelope = texts.EnvelopeText(envelope)
    return _sort(steps, still)


def _sort_with_heads(
    steps: Program, candidates: list[Candidate], heads: Heads
) -> tuple[list[int], list[Candidate]]:
    for candidate in candidates:
        found = heads.get(candidate.row[0])
        candidate.head = texts.HeadText(found[1] if found else b"")
    return _sort(steps, candidates)
