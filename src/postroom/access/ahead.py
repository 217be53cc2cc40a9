"""Reading ahead: messages that a client asks for one by one, without waiting for answers.

A client that fetches a mailbox sends many FETCH commands of one message each, in their
order. When it has already sent more, and asks for the message behind the last one, a page
of messages is read at once instead of one; the door forgets what is left of it as soon as
it has to wait for the client. Only for what never changes: content, sizes, dates.
"""

import asyncio
from typing import Final, NamedTuple

from postroom.access.fetch import FetchRow, first_page
from postroom.access.offload import begin
from postroom.access.view import View

MESSAGES: Final = 128  # read at once, unless ``fetch.rows`` makes a page of fewer


class _Coming(NamedTuple):
    """A page that is being read, and the UID that it begins with."""

    uid: int
    page: "asyncio.Task[list[FetchRow]]"


class Ahead:
    """What one session has read ahead of a mailbox. End it with ``close``."""

    __slots__ = ("_coming", "_next", "_rows", "_view", "need")

    def __init__(self, view: View) -> None:
        self._view = view
        self._rows: dict[int, FetchRow] = {}
        self._coming: _Coming | None = None
        self.need: frozenset[str] = frozenset()  # what was read of each message
        self._next = 0  # the sequence number that would go on

    def has(self, uid: int, need: frozenset[str]) -> bool:
        """Whether ``message`` answers at once."""
        return uid in self._rows and need == self.need

    def take(self, uid: int) -> FetchRow | None:
        """A message that ``message`` would answer at once, if it has all its content."""
        row = self._rows.get(uid)
        if row is None or row.body is None or not (sequence := self._view.sequence_of(uid)):
            return None
        del self._rows[uid]
        row.sequence = sequence
        self._next = sequence + 1
        return row

    async def message(self, uid: int, *, need: frozenset[str], has_more: bool) -> FetchRow | None:
        """One message as ``fetch.rows`` gives it, if it is there.

        ``has_more``: the client has sent more commands.
        """
        sequence = self._view.sequence_of(uid)
        if sequence is None:
            return None
        if need != self.need:
            self.close()
            self.need = need
        row = self._rows.pop(uid, None)
        if row is None:
            goes_on = has_more and sequence == self._next
            self._rows = {found.uid: found for found in await self._page(uid, sequence, goes_on)}
            row = self._rows.pop(uid, None)
        self._next = sequence + 1
        if row is not None:
            row.sequence = sequence
        return row

    def close(self) -> None:
        """Forget everything."""
        self._rows = {}
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.page.cancel()

    async def _page(self, uid: int, sequence: int, goes_on: bool) -> list[FetchRow]:
        """The page that begins with a message; the one behind it will be needed next."""
        coming, self._coming = self._coming, None
        if coming is not None and coming.uid == uid:
            page = await coming.page
        else:
            if coming is not None:
                coming.page.cancel()
            page = await self._read(uid, sequence + MESSAGES - 1 if goes_on else sequence)
        if goes_on and page and (following := self._view.sequence_of(page[-1].uid)):
            self._begin(following + 1)
        return page

    def _begin(self, sequence: int) -> None:
        """Begin to read the page with this message, if there is one."""
        if sequence <= self._view.exists:
            uid = self._view.uid_of(sequence)
            self._coming = _Coming(uid, begin(self._read(uid, sequence + MESSAGES - 1)))

    async def _read(self, uid: int, last: int) -> list[FetchRow]:
        view = self._view
        return await first_page(view, (uid, view.uid_of(min(last, view.exists))), need=self.need)
