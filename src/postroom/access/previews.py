"""Previews of messages for FETCH: those that were made before, and fresh ones.

A preview is made when a client first asks for it, from the beginning of the message and off
the event loop, and kept for good in the lower lane. Keeping is no condition: a disk that is
full keeps nobody from reading. RFC 8970.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Final

from postroom.access.pages import FetchRow
from postroom.access.view import View
from postroom.db.database import ConstraintFailed
from postroom.errors import MailError
from postroom.message.preview import ENOUGH, preview
from postroom.store import previews
from postroom.store.previews import Unread
from postroom.store.store import Store

TOGETHER: Final = 1024 * 1024  # octets of messages that are read at once


async def with_previews(
    view: View, pages: AsyncIterator[list[FetchRow]], *, lazy: bool
) -> AsyncIterator[list[FetchRow]]:
    """The same pages, with ``preview`` in each row; "" where a message can't be read.

    With ``lazy`` None where it was not made yet.
    """
    async for page in pages:
        found = await view.source.read(
            previews.kept, view.account_id, [row.message_id for row in page]
        )
        if not lazy and len(found) < len(page):
            missing = {row.message_id for row in page}.difference(found)
            found |= await make(view.source, view.account_id, sorted(missing))
        for row in page:
            row.preview = found.get(row.message_id, None if lazy else "")  # RFC 8970 §3.2
        yield page


async def made_of(source: Store, account_id: int, message_ids: Sequence[int]) -> dict[int, str]:
    """The previews of messages (of some hundred at most), by id; without those that are gone."""
    found = await source.read(previews.kept, account_id, message_ids) if message_ids else {}
    missing = set(message_ids).difference(found)
    return found | await make(source, account_id, sorted(missing))


async def make(source: Store, account_id: int, message_ids: Sequence[int]) -> dict[int, str]:
    """Make the previews of messages that have none, and keep them."""
    made: dict[int, str] = {}
    if not message_ids:
        return made
    unread = await source.read(previews.unread, account_id, message_ids)
    for group in _groups(unread):
        letters = await _read(source, group)
        made |= await asyncio.to_thread(_previews, letters)
    if made:
        with suppress(MailError, ConstraintFailed):
            await source.write_bulk(previews.add, account_id, list(made.items()))
    return made


async def _read(source: Store, group: Sequence[Unread]) -> dict[int, bytes]:
    """As much of messages as is looked at, by message id; damaged ones are left out."""
    if group[0].size > ENOUGH:
        one = group[0]
        with suppress(MailError):
            head = await source.blobs.head(source.db, one.blob_id)
            room = max(0, ENOUGH - len(head))
            return {one.message_id: head + await source.blobs.body(source.db, one.blob_id, 0, room)}
        return {}
    wholes = await source.read(source.blobs.wholes, [one.blob_id for one in group])
    return {one.message_id: b"".join(wholes[one.blob_id]) for one in group if one.blob_id in wholes}


def _previews(letters: dict[int, bytes]) -> dict[int, str]:
    return {message_id: preview(letter) for message_id, letter in letters.items()}


def _groups(unread: Sequence[Unread]) -> Iterator[list[Unread]]:
    """Those that are read together: small ones, or a large one by itself."""
    group: list[Unread] = []
    octets = 0
    for one in unread:
        if one.size > ENOUGH:
            yield [one]
            continue
        if group and octets + one.size > TOGETHER:
            yield group
            group, octets = [], 0
        group.append(one)
        octets += one.size
    if group:
        yield group
