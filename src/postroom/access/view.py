r"""The view: a mailbox as one session has selected it.

Sequence numbers stay put until ``refresh``; what other sessions do meanwhile is learnt
there by MODSEQ, nothing twice and nothing lost. Two marks are kept: ``_seen`` for what
was made or changed, ``_gone`` for what was expunged, which may lag behind because some
commands must not report it (RFC 3501 §7.4.1). Changes of this session are not repeated.
A mailbox that another session deletes looks emptied.

UIDs are held as a ``range`` while they have no gap, else as an array of 32-bit numbers.
No command writes out a set of UIDs: it is cut into spans.

RFC 3501 §2.3.1, §6.4, §7.3, §7.4.1; RFC 2180; RFC 6851; RFC 7162.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from postroom.access import rights as letters
from postroom.access.places import Place
from postroom.db.database import Row
from postroom.errors import Invalid, MailError, NotAllowed, Refused
from postroom.message.part import Part
from postroom.notify import DIRECTORY
from postroom.protocol.imap.sets import SAVED
from postroom.store import copying, entries, flags as flag_words
from postroom.store.entries import Action, FlagChange, News, Opening, Quiet
from postroom.store.removal import CHUNK
from postroom.store.spans import MAX_LISTED, Span, span_of
from postroom.store.store import Store, account_key

STAR: Final = 0xFFFFFFFF + 1  # "*" in a sequence set

Ranges = Sequence[tuple[int, int]]


class Flagged(msgspec.Struct, frozen=True):
    """The flags of a message, as an untagged FETCH tells them."""

    sequence: int
    uid: int
    flags: int
    keywords: str
    modseq: int


class Changes(msgspec.Struct, frozen=True):
    """What a refresh has found, in the order to send.

    ``expunged`` are sequence numbers, each valid after those before it were sent.
    ``exists`` and ``recent`` are None when no message has come; ``flags`` hold numbers
    as they are after all that.
    """

    expunged: list[int]
    exists: int | None
    recent: int | None
    flags: list[Flagged]


class CopyResult(msgspec.Struct, frozen=True):
    """COPYUID (RFC 4315 §3): ``target_uids[n]`` is the copy of ``source_uids[n]``."""

    uidvalidity: int
    source_uids: list[int]
    target_uids: list[int]


class View:
    """A selected mailbox: sequence numbers stay put until ``refresh``."""

    def __init__(self, store: Store, place: Place, opening: Opening, *, read_only: bool) -> None:
        """Use ``View.open``."""
        state = opening.state
        self.source = store
        self.place = place
        self.account_id = place.mailbox.account_id
        self.member = place.member
        self.mailbox_id = place.mailbox.id
        self.name = place.name
        self.read_only = read_only
        self.uidvalidity = state.uidvalidity
        self.uidnext = state.uidnext
        self.highestmodseq = state.highestmodseq
        self.keywords: list[str] = []
        self._learn(opening.keywords)
        self._uids: range | array[int] = (
            range(state.first_uid, state.last_uid + 1 if state.messages else state.first_uid)
            if opening.uids is None
            else array("I", opening.uids)
        )
        self._last = self._uids[-1] if self._uids else 0
        self._recent: list[tuple[int, int]] = []
        self._seen = self._gone = state.highestmodseq
        self._own: set[int] = set()
        self.saved: Ranges = ()  # the UIDs that ``$`` stands for (RFC 5182)
        self.trees: OrderedDict[int, Part] = OrderedDict()  # see ``fetch.tree_of_blob``
        self.first_unseen = self.sequence_of(state.first_unseen) if state.first_unseen else None

    @classmethod
    async def open(cls, place: Place, store: Store, *, read_only: bool) -> "View":
        r"""Select a mailbox, or examine it (``read_only``).

        Raises NotFound when it is gone, NotAllowed without the right to read it. A selecting session takes the \Recent messages, an examining one looks at them.
        """
        place.require(letters.READ)
        mailbox = place.mailbox
        opening = await store.read(
            entries.opening, mailbox.account_id, mailbox.id, member=place.member
        )
        view = cls(store, place, opening, read_only=read_only)
        await view._take_recent(opening.state.recent_uid)
        return view

    @property
    def exists(self) -> int:
        """How many messages the session knows of."""
        return len(self._uids)

    @property
    def recent(self) -> int:
        r"""How many of them are \Recent."""
        return sum(
            bisect_right(self._uids, last) - bisect_left(self._uids, first)
            for first, last in self._recent
        )

    @property
    def last_uid(self) -> int:
        """The highest UID the session knows of, 0 for none."""
        return self._last

    def is_recent(self, uid: int) -> bool:
        r"""True for a message that is \Recent in this session."""
        return any(first <= uid <= last for first, last in self._recent)

    @property
    def recent_ranges(self) -> list[tuple[int, int]]:
        r"""The \Recent messages as ranges of UIDs."""
        return list(self._recent)

    def sequence_of(self, uid: int) -> int | None:
        """The sequence number of a UID; None when the session has no such message."""
        at = bisect_left(self._uids, uid)
        return at + 1 if at < len(self._uids) and self._uids[at] == uid else None

    def sequences_of(self, uids: Sequence[int]) -> list[int]:
        """The sequence numbers of ascending UIDs; 0 for one that the session does not know."""
        if not uids:
            return []
        start = bisect_left(self._uids, uids[0])
        if list(self._uids[start : start + len(uids)]) == uids:
            return list(range(start + 1, start + 1 + len(uids)))
        return [self.sequence_of(uid) or 0 for uid in uids]

    def uid_of(self, sequence: int) -> int:
        """The UID of a sequence number; raises Invalid."""
        if not 1 <= sequence <= len(self._uids):
            raise Invalid(f"there is no message {sequence}; there are {len(self._uids)}")
        return self._uids[sequence - 1]

    def uid_ranges(self, numbers: Ranges, *, by_uid: bool) -> list[tuple[int, int]]:
        """Ranges of UIDs, ascending and apart, for a sequence set; ``STAR`` is "*".

        UIDs that do not exist are no error (RFC 3501 §6.4.8), sequence numbers are:
        Invalid. In an empty mailbox a set with "*" is empty. ``SAVED`` is ``saved``.
        """
        if numbers == SAVED:
            return list(self.saved)
        top = (self._uids[-1] if self._uids else 0) if by_uid else len(self._uids)
        ordered = [self._bounds(low, high, top) for low, high in numbers]
        if not by_uid and any(low < 1 or high > top for low, high in ordered if high):
            raise Invalid(f"the set names a message above {top}, the last one")
        merged = _merge((max(low, 1), min(high, top)) for low, high in ordered)
        if by_uid:
            return merged
        return [(self._uids[low - 1], self._uids[high - 1]) for low, high in merged]

    @staticmethod
    def _bounds(low: int, high: int, top: int) -> tuple[int, int]:
        low, high = (top if low == STAR else low), (top if high == STAR else high)
        if not top and 0 in {low, high}:
            return 0, 0
        return (low, high) if low <= high else (high, low)

    def spans(self, ranges: Ranges, size: int | None = MAX_LISTED) -> Iterator[Span]:
        """Cut ranges of UIDs into spans of at most ``size`` messages of this view.

        ``size`` None cuts no long run, for what must be one transaction.
        """
        room = size or MAX_LISTED
        held: list[int] = []
        runs = 0
        for low, high in ranges:
            start, end = bisect_left(self._uids, low), bisect_right(self._uids, high)
            runs += 1
            while start < end:
                if not held and end - start >= room:
                    stop = end if size is None else start + room
                    yield Span(self._uids[start], self._uids[stop - 1])
                    start = stop
                    continue
                if not held:
                    runs = 1
                taken = self._uids[start : min(end, start + room - len(held))]
                held.extend(taken)
                start += len(taken)
                if len(held) == room:
                    yield span_of(held) if runs > 1 else Span(held[0], held[-1])
                    held = []
        if held:
            yield span_of(held) if runs > 1 else Span(held[0], held[-1])

    async def refresh(self, *, expunges: bool) -> Changes:
        """Learn what other sessions did; with ``expunges`` False numbers stay as they are."""
        news = await self.source.read(
            entries.news,
            self.account_id,
            self.mailbox_id,
            self._seen,
            self._gone if expunges else None,
            member=self.member,
        )
        if news.is_gone:
            return self._emptied() if expunges else Changes([], None, None, [])
        expunged = self._expunge(row[0] for row in news.vanished)
        arrived = self._arrive(news)
        if arrived:
            await self._take_recent(news.recent_uid, arrived)
        flags = [
            flagged
            for row in news.changed
            if row[0] < (arrived or self._last + 1) and row[3] not in self._own
            if (flagged := self._flagged(row))
        ]
        self._learn(row[2] for row in news.changed)
        self._advance(news, expunges=expunges)
        exists = len(self._uids) if arrived else None
        return Changes(expunged, exists, self.recent if arrived else None, flags)

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Be told that something may have changed; call the answer to stop.

        A member is also told of what its other sessions have seen, and of changes in the
        directory, which may have ended a share.
        """
        keys = [self.mailbox_id]
        if self.member is not None:
            keys += [account_key(self.member), DIRECTORY]
        ends = [self.source.notify.subscribe(key, callback) for key in keys]

        def end() -> None:
            for one in ends:
                one()

        return end

    @property
    def flag_mask(self) -> int:
        """The system flags that the person may change here, as bits."""
        return 0 if self.read_only else letters.flag_mask(self.place.rights)

    @property
    def may_name(self) -> bool:
        """Whether the person may change keywords here."""
        return not self.read_only and letters.WRITE in self.place.rights

    @property
    def is_writable(self) -> bool:
        r"""Whether anything can be changed that others see (RFC 4314 §5.2)."""
        return not self.read_only and bool(self.place.rights & letters.CHANGING)

    async def store(
        self,
        ranges: Ranges,
        action: Action,
        flags: int,
        keywords: frozenset[str],
        *,
        silent: bool,
    ) -> list[Flagged]:
        """Change flags; the new flags of all messages of the ranges.

        With ``silent`` only of those that another session has changed unseen (RFC 3501
        §6.4.6). Each transaction of at most 1,000 messages has one MODSEQ. Flags that the
        person may not change stay as they are; NotAllowed if that is all of them.
        """
        self._check_writable()
        change = FlagChange(action, flags, keywords, mask=self.flag_mask, names=self.may_name)
        self._check_flags(change)
        answer: list[Flagged] = []
        run = self.source.write
        for span in self.spans(ranges, CHUNK):
            quiet = Quiet(self._seen, frozenset(self._own)) if silent else None
            updated = await run(
                entries.update_flags,
                self.account_id,
                self.mailbox_id,
                [span],
                change,
                quiet,
                member=self.member,
            )
            run = self.source.write_bulk
            if updated.modseq == self._seen + 1:
                self._seen = updated.modseq
            else:
                self._own.add(updated.modseq)
            answer += [flagged for row in updated.rows if (flagged := self._flagged(row))]
        if change.touches_keywords:
            self._learn(keywords)
        if self.member is None or change.is_of_all:
            self.source.wake(self.mailbox_id)
        else:
            self.source.wake(account_key(self.member))
        return answer

    async def copy(self, ranges: Ranges, target: Place) -> CopyResult:
        """Copy, all or nothing; raises NotFound when the target is gone, MailboxFull.

        Flags that the person may not set there are left behind (RFC 4314 §4).
        """
        return await self._transfer(ranges, target, is_move=False)

    async def move(self, ranges: Ranges, target: Place) -> CopyResult:
        """Copy and expunge in one; ``refresh`` then tells of the expunged (RFC 6851)."""
        self._check_writable()
        self.place.require(letters.DELETE, letters.EXPUNGE)
        return await self._transfer(ranges, target, is_move=True)

    async def expunge(self, ranges: Ranges | None) -> None:
        r"""Remove what is \Deleted, in the ranges or everywhere; ``refresh`` then tells."""
        self._check_writable()
        self.place.require(letters.EXPUNGE)
        everything = [(1, self._last)] if self._last else []
        for span in self.spans(everything if ranges is None else ranges, None):
            await self.source.expunge(self.account_id, self.mailbox_id, span, flagged=True)

    async def close(self, *, expunge: bool) -> None:
        r"""Leave the mailbox; CLOSE expunges what is \Deleted (RFC 3501 §6.4.2)."""
        if expunge and not self.read_only and letters.EXPUNGE in self.place.rights:
            await self.expunge(None)

    async def _transfer(self, ranges: Ranges, target: Place, *, is_move: bool) -> CopyResult:
        target.require(letters.INSERT)
        store = self.source
        mailbox = target.mailbox
        order = copying.Transfer(
            source_account=self.account_id,
            source_mailbox=self.mailbox_id,
            target=mailbox,
            spans=tuple(self.spans(ranges, None)),
            is_move=is_move,
            quota=await store.quota_of(mailbox.account_id),
            reader=self.member,
            member=target.member,
            mask=letters.flag_mask(target.rights),
            names=letters.WRITE in target.rights,
        )
        if not order.spans:
            return CopyResult(mailbox.uidvalidity, [], [])
        copied = await store.write(copying.transfer, store.blobs, order, store.clock())
        store.wake(mailbox.id, self.mailbox_id)
        targets = list(range(copied.first, copied.first + len(copied.sources)))
        return CopyResult(copied.uidvalidity, copied.sources, targets)

    def _check_writable(self) -> None:
        if self.read_only:
            raise Refused("the mailbox is read-only; select it to change it")

    def _check_flags(self, change: FlagChange) -> None:
        touches = change.touches(flag_words.ALL) or change.touches_keywords
        if not touches and (change.bits or change.keywords or change.action == "replace"):
            raise NotAllowed(f"you may not change these flags in {self.name!r}")

    def _flagged(self, row: Row) -> Flagged | None:
        sequence = self.sequence_of(row[0])
        return None if sequence is None else Flagged(sequence, *row)

    def _learn(self, texts: Iterable[str]) -> None:
        known = {keyword.casefold() for keyword in self.keywords}
        for text in texts:
            for keyword in text.split():
                if keyword.casefold() not in known:
                    known.add(keyword.casefold())
                    self.keywords.append(keyword)

    def _advance(self, news: News, *, expunges: bool) -> None:
        self.uidnext = max(self.uidnext, news.uidnext)
        self._seen = max(self._seen, news.highestmodseq, *(row[3] for row in news.changed))
        self._own = {modseq for modseq in self._own if modseq > self._seen}
        if expunges:
            self._gone = max(self._gone, news.highestmodseq, *(row[1] for row in news.vanished))
        self.highestmodseq = self._seen

    def _arrive(self, news: News) -> int:
        """Take in new messages; the UID of the first, 0 for none."""
        vanished = {row[0] for row in news.vanished}
        known = self._last
        fresh = [row[0] for row in news.changed if row[0] > known and row[0] not in vanished]
        if not fresh:
            return 0
        if isinstance(self._uids, range) and fresh[-1] - fresh[0] + 1 == len(fresh):
            if not self._uids:
                self._uids = range(fresh[0], fresh[-1] + 1)
            elif fresh[0] == self._uids.stop:
                self._uids = range(self._uids.start, fresh[-1] + 1)
        if not self._uids or self._uids[-1] < fresh[0]:
            if isinstance(self._uids, range):
                self._uids = array("I", self._uids)
            self._uids.extend(fresh)
        self._last = int(fresh[-1])
        return int(fresh[0])

    def _expunge(self, uids: Iterable[int]) -> list[int]:
        """Drop messages; their sequence numbers, from the highest down."""
        places = [number for uid in uids if (number := self.sequence_of(uid)) is not None]
        if not places:
            return []
        kept = array("I")
        start = 0
        for number in places:
            kept.extend(self._uids[start : number - 1])
            start = number
        kept.extend(self._uids[start:])
        self._uids = kept
        places.reverse()
        return places

    def _emptied(self) -> Changes:
        places = list(range(len(self._uids), 0, -1))
        self._uids = range(0)
        return Changes(places, None, None, [])

    async def _take_recent(self, recent_uid: int, first: int = 1) -> None:
        r"""Claim the \Recent messages from UID ``first`` on; an examining view only looks."""
        if recent_uid >= self._last:
            return
        base = recent_uid
        if not self.read_only:
            try:
                base = await self.source.write(
                    entries.claim_recent, self.account_id, self.mailbox_id, self._last
                )
            except MailError:  # a full disk must not keep anybody from reading
                return
        low = max(base + 1, first)
        if low <= self._last:
            self._recent = _merge([*self._recent, (low, self._last)])


def _merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending, apart, not empty."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pair for pair in ranges if 0 < pair[0] <= pair[1]):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged
