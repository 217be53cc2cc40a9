"""Reading ahead: messages that a client asks for one by one, without waiting for answers.

A client that fetches a mailbox sends many FETCH commands of one message each, in their
order. When it has already sent more, and asks for the message behind the last one, a page
of messages is read at once instead of one; the door forgets what is left of it as soon as
it has to wait for the client. Only for what never changes: content, sizes, dates.
"""

from collections.abc import AsyncIterator
from typing import Final

from postroom.access.fetch import FetchRow, rows
from postroom.access.view import View

MESSAGES: Final = 32  # read at once, unless ``fetch.rows`` makes a page of fewer


class Ahead:
    """What one session has read ahead."""

    __slots__ = ("_need", "_next", "_rows")

    def __init__(self) -> None:
        self._rows: dict[int, FetchRow] = {}
        self._need: frozenset[str] = frozenset()
        self._next = 0  # the sequence number that would go on

    async def message(
        self, view: View, uid: int, *, need: frozenset[str], has_more: bool
    ) -> AsyncIterator[list[FetchRow]]:
        """One message as ``fetch.rows`` gives it, if it is there.

        ``has_more``: the client has sent more commands.
        """
        sequence = view.sequence_of(uid)
        if sequence is None:
            return
        if need != self._need:
            self._need, self._rows = need, {}
        row = self._rows.pop(uid, None)
        if row is None:
            goes_on = has_more and sequence == self._next
            last = min(sequence + MESSAGES - 1, view.exists) if goes_on else sequence
            pages = rows(view, [(uid, view.uid_of(last))], need=need)
            self._rows = {found.uid: found for found in await anext(pages, [])}
            await pages.aclose()
            row = self._rows.pop(uid, None)
        self._next = sequence + 1
        if row is not None:
            row.sequence = sequence
            yield [row]
