r"""Loading: messages in their order, page by page, read ahead of who takes them.

The next page is read while the caller has work with this one. Where content is wanted, the rows
of many messages are listed at once and cut into pages by their sizes, and of each page that has
come the first large body is begun.

RFC 3501 §6.4.5.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from postroom.access.fetch import begin_body
from postroom.access.numbering import Ranges, within
from postroom.access.offload import begin
from postroom.access.pages import WHOLE, FetchRow, Fields, Wanted, listed, load, read, wanted
from postroom.access.view import View
from postroom.store import listing
from postroom.store.spans import Span

PAGE: Final = 500
PLAIN_PAGE: Final = 2000  # of flags, sizes and dates only
WHOLE_PAGE: Final = 128  # messages of a page with content ..
WHOLE_OCTETS: Final = 1024 * 1024  # .. which ends sooner when it holds so much
LISTED: Final = 256  # messages whose rows are read at once for them
MOST_CHANGED: Final = 10_000  # messages that are picked one by one


async def rows(
    view: View,
    ranges: Ranges,
    *,
    need: frozenset[str],
    fields: Fields | None = None,
    changed_since: int | None = None,
) -> AsyncGenerator[list[FetchRow]]:
    """Pages of the messages of these ranges of UIDs, ascending.

    ``need``: any of "envelope", "bodystructure", "prefix", "head", "content", "saved",
    "thread_id", and beside "content" also "whole", where all of it will be taken. Messages that
    another session has expunged are left out, and those not changed after MODSEQ
    ``changed_since``.
    """
    since = changed_since or 0
    if since:
        uids = await view.source.read(
            listing.changed, view.mailbox_id, since, MOST_CHANGED, view.member
        )
        if uids is not None:  # few: no need to look at all others
            ranges = within(uids, ranges)
    want = wanted(need, since, fields)
    if want.content:
        spans = view.spans(ranges, LISTED)
        pages = Loading(view, spans, want, is_whole="whole" in need, passing=False)
        try:
            while page := await pages.next():
                yield page
        finally:
            pages.close()
        return
    spans = view.spans(ranges, PAGE if need or fields else PLAIN_PAGE)
    span = next(spans, None)
    coming: asyncio.Task[list[FetchRow]] | None = None
    try:
        while span is not None:
            page = await (coming or read(view, span, want))
            span, coming = next(spans, None), None
            if span is not None:
                coming = begin(read(view, span, want))
            if page:
                yield page
    finally:
        if coming is not None:
            coming.cancel()


class Loading:
    """The messages of some spans, with their content. End it with ``close``."""

    __slots__ = (
        "_coming",
        "_is_whole",
        "_listed",
        "_listing",
        "_passing",
        "_spans",
        "_view",
        "_wanted",
    )

    def __init__(
        self, view: View, spans: Iterator[Span], wanted: Wanted, *, is_whole: bool, passing: bool
    ) -> None:
        """``is_whole``: all of it will be taken; ``passing``: see ``pages.load``."""
        self._view = view
        self._spans = spans
        self._wanted = wanted
        self._is_whole = is_whole
        self._passing = passing
        self._listed: deque[FetchRow] = deque()
        self._listing: asyncio.Task[list[FetchRow]] | None = None
        self._coming: asyncio.Task[list[FetchRow]] | None = None

    async def next(self) -> list[FetchRow]:
        """The next page; an empty one: there is none."""
        while True:
            self._load()
            coming, self._coming = self._coming, None
            if coming is not None:
                page = await coming
                self._load()
                return page
            if self._listing is None:
                return []
            listing, self._listing = self._listing, None
            self._listed += await listing

    def close(self) -> None:
        """Nothing more will be taken."""
        for task in (self._listing, self._coming):
            if task is not None:
                task.cancel()

    def _load(self) -> None:
        """Begin to load the next page, and to list what comes behind it."""
        listing = self._listing
        if listing is not None and listing.done():
            self._listed += listing.result()
            self._listing = listing = None
        if self._listed and self._coming is None:
            self._coming = begin(self._loaded(self._cut()))
        if listing is None and len(self._listed) < LISTED:
            span = next(self._spans, None)
            if span is not None:
                self._listing = begin(listed(self._view, span, self._wanted))

    def _cut(self) -> list[FetchRow]:
        """The messages of the next page."""
        page: list[FetchRow] = []
        octets = 0
        while self._listed and len(page) < WHOLE_PAGE:
            size = self._listed[0].size
            octets += size if size <= WHOLE else 0
            if octets > WHOLE_OCTETS and page:
                break
            page.append(self._listed.popleft())
        return page

    async def _loaded(self, page: list[FetchRow]) -> list[FetchRow]:
        await load(self._view, page, passing=self._passing)
        large = [row for row in page if row.size > WHOLE and row.has_front]
        if large and self._is_whole:
            begin_body(large[0])
        return page
