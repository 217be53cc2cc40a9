"""Reading ahead: messages that a client asks for one by one, without waiting for answers.

A client that fetches a mailbox sends many FETCH commands of one message each, in their
order. When it has already sent more, and asks for the message behind the last one, pages
of messages are read instead of one; the door forgets what is left of them as soon as it has
to wait for the client. Only for what never changes: content, sizes, dates.
"""

from postroom.access.loading import LISTED, Loading
from postroom.access.pages import FetchRow, message, wanted
from postroom.access.view import View


class Ahead:
    """What one session has read ahead of a mailbox. End it with ``close``."""

    __slots__ = ("_loading", "_next", "_rows", "_view", "need")

    def __init__(self, view: View) -> None:
        self._view = view
        self._rows: dict[int, FetchRow] = {}
        self._loading: Loading | None = None  # of those behind ``_rows``
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
        """One message as ``loading.rows`` gives it, if it is there.

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
            row = await (self._read_on(uid) if goes_on else self._read(uid))
        self._next = sequence + 1
        if row is not None:
            row.sequence = sequence
        return row

    def close(self) -> None:
        """Forget everything."""
        self._rows = {}
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.close()

    async def _read(self, uid: int) -> FetchRow | None:
        """This message alone."""
        self.close()
        return await message(self._view, uid, need=self.need)

    async def _read_on(self, uid: int) -> FetchRow | None:
        """This message, and those behind it; the next pages come if they are those of before."""
        is_whole = "whole" in self.need
        if self._loading is not None:
            row = await self._take_page(self._loading, uid)
            if row is not None:
                return row
            self.close()
        view = self._view
        spans = view.spans([(uid, view.last_uid)], LISTED)
        self._loading = Loading(view, spans, wanted(self.need), is_whole=is_whole, passing=True)
        return await self._take_page(self._loading, uid)

    async def _take_page(self, loading: Loading, uid: int) -> FetchRow | None:
        self._rows = {row.uid: row for row in await loading.next()}
        return self._rows.pop(uid, None)
