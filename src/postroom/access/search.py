"""SEARCH over a selected mailbox: cheapest questions first, bodies last.

The keys that must all match are parted: those that SQL can answer become a condition
over the entries; the rest is judged by pages of 500, off the loop: first by the row, then
with the stored ENVELOPE, then with the header block, at last, one message at a time, with
the body. Only messages that
the view knows are found. RFC 3501 §6.4.4.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from postroom.access import criteria, texts
from postroom.access.criteria import Candidate, Program
from postroom.access.numbering import merge
from postroom.access.view import View
from postroom.db.database import Row, Tx
from postroom.protocol.imap.search import SearchKey
from postroom.store import listing
from postroom.store.spans import Span, span_of

PAGE: Final = 500


async def search(view: View, tree: SearchKey) -> list[int]:
    """The UIDs that match, ascending. Raises Invalid for a sequence number out of range."""
    conditions: list[str] = []
    programs: list[Program] = []
    for key in criteria.conjuncts(tree):
        steps = criteria.program(view, key)
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
        return [uid for uid in found if view.sequence_of(uid)]
    return await _judged(view, where, _all_of(programs))


async def highest_modseq(view: View, uids: Sequence[int]) -> int:
    """The highest MODSEQ of these messages, in any order; 0 for none (RFC 7162 §3.1.6)."""
    ranges = await asyncio.to_thread(merge, ((uid, uid) for uid in uids))
    spans = list(view.spans(ranges))
    return await view.source.read(listing.highest_modseq, view.mailbox_id, spans, view.member)


def _all_of(programs: Sequence[Program]) -> Program:
    steps: Program = [step for program in programs for step in program]
    return [*steps, criteria.Join("and", len(programs))]


async def _judged(view: View, where: str, steps: Program) -> list[int]:
    matching: list[int] = []
    first = 1
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
        first = rows[-1][0] + 1
        matching += await _page(view, [row for row in rows if view.sequence_of(row[0])], steps)
    return matching


async def _page(view: View, rows: list[Row], steps: Program) -> list[int]:
    candidates = [Candidate(row) for row in rows]
    matching, unsure = await asyncio.to_thread(_sort, steps, candidates)
    if unsure and criteria.wants_envelope(steps):
        span = span_of([candidate.row[0] for candidate in unsure])
        envelopes = await view.source.read(
            listing.page_with, view.account_id, view.mailbox_id, span, ("envelope",)
        )
        some, unsure = await asyncio.to_thread(_sort_with_envelopes, steps, unsure, envelopes)
        matching += some
    if unsure:
        span = span_of([candidate.row[0] for candidate in unsure])
        heads = await view.source.db.read(lambda tx: _heads(tx, view, span))
        some, unsure = await asyncio.to_thread(_sort_with_heads, steps, unsure, heads)
        matching += some
        for candidate in unsure:
            found = heads.get(candidate.row[0])
            if found is not None and await _matches_body(view, steps, candidate, found[0]):
                matching.append(candidate.row[0])
    return sorted(matching)


def _heads(tx: Tx, view: View, span: Span) -> dict[int, tuple[int, bytes]]:
    """By UID: the blob's id, prefix and header block."""
    rows = listing.page_with(tx, view.account_id, view.mailbox_id, span, ("prefix",))
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
    envelopes = {row[0]: row[8] for row in rows}
    still = [candidate for candidate in candidates if candidate.row[0] in envelopes]
    for candidate in still:
        candidate.envelope = texts.EnvelopeText(envelopes[candidate.row[0]])
    return _sort(steps, still)


def _sort_with_heads(
    steps: Program, candidates: list[Candidate], heads: dict[int, tuple[int, bytes]]
) -> tuple[list[int], list[Candidate]]:
    for candidate in candidates:
        found = heads.get(candidate.row[0])
        candidate.head = texts.HeadText(found[1] if found else b"")
    return _sort(steps, candidates)


async def _matches_body(view: View, steps: Program, candidate: Candidate, blob_id: int) -> bool:
    size = candidate.row[4]
    found = await texts.find(view, blob_id, size, criteria.needles(steps))
    candidate.body = texts.BodyText(found)
    return bool(criteria.judge(steps, candidate))
