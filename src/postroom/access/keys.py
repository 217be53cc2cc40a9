"""Keys: columns of sort keys of the messages that are sorted or threaded.

Most are read as they were kept; those that are missing are made from the header blocks,
in chunks off the event loop, and kept in the lower lane. Keeping them is no condition: a
disk that is full keeps nobody from sorting.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from postroom.access.numbering import Ranges
from postroom.access.view import View
from postroom.db.database import ConstraintFailed, Row, Tx
from postroom.errors import MailError
from postroom.message.sort_keys import SortKeys, sort_keys
from postroom.protocol.imap.sets import joined
from postroom.store import sort_keys as kept
from postroom.store.sort_keys import Unkeyed
from postroom.store.spans import span_of

PAGE: Final = 10_000  # messages that are read at a time
FEW: Final = 50  # missing keys that are made each time and not kept

Columns = list[tuple[Any, ...]]


async def columns(view: View, uids: Sequence[int], names: Sequence[str]) -> AsyncIterator[Columns]:
    """UIDs, INTERNALDATEs, sizes and ``names`` of ascending UIDs, as columns, page by page.

    Messages that another session has expunged are left out.
    """
    if not uids:
        return
    is_whole = len(uids) == view.exists
    view.work.begin(len(uids))
    wanted = frozenset[int]() if is_whole else frozenset(uids)
    for span in view.spans(_ranges(view, uids), PAGE):
        rows = await view.source.read(kept.page, view.mailbox_id, span, names)
        if not is_whole:
            rows = [row for row in rows if row[0] in wanted]
        if names:
            rows = await _completed(view, rows, names)
        if rows:
            yield list(zip(*rows, strict=True))


def _ranges(view: View, uids: Sequence[int]) -> Ranges:
    """What to read: everything between, when most of it is wanted."""
    if 2 * len(uids) > view.exists:
        return [(uids[0], uids[-1])]
    return joined(uids)


async def _completed(view: View, rows: list[Row], names: Sequence[str]) -> list[Row]:
    missing = [row[0] for row in rows if row[3] is None]
    view.work.advance(len(rows) - len(missing))
    if not missing:
        return rows
    made: dict[int, SortKeys] = {}
    for start in range(0, len(missing), kept.MOST):
        some = missing[start : start + kept.MOST]
        made.update(await _make(view, some, is_kept=len(missing) > FEW))
        view.work.advance(len(some))
    return [
        row if row[3] is not None else (*row[:4], *_values(made[row[0]], names))
        for row in rows
        if row[3] is not None or row[0] in made
    ]


def _values(keys: SortKeys, names: Sequence[str]) -> Iterable[object]:
    return [getattr(keys, name) for name in names]


async def _make(view: View, uids: Sequence[int], *, is_kept: bool) -> dict[int, SortKeys]:
    """The keys of messages by UID; those whose header block is damaged are empty."""
    source = view.source
    found, heads = await source.db.read(lambda tx: _heads(tx, view, uids))
    blobs = await asyncio.to_thread(_read, heads)
    if is_kept:
        fresh = {one.message_id: blobs[one.blob_id] for one in found if one.blob_id in blobs}
        with suppress(MailError, ConstraintFailed):
            await source.write_bulk(kept.add, view.account_id, sorted(fresh.items()))
    return {one.uid: blobs.get(one.blob_id, SortKeys()) for one in found}


def _heads(tx: Tx, view: View, uids: Sequence[int]) -> tuple[list[Unkeyed], dict[int, bytes]]:
    found = kept.unkeyed(tx, view.account_id, view.mailbox_id, span_of(uids))
    return found, view.source.blobs.heads(tx, [one.blob_id for one in found])


def _read(heads: dict[int, bytes]) -> dict[int, SortKeys]:
    return {blob_id: sort_keys(head) for blob_id, head in heads.items()}
