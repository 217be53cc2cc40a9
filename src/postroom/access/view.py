r"""The view: a mailbox as one session has selected it.

Sequence numbers stay put until ``refresh``; what other sessions do meanwhile is learnt
there by MODSEQ, nothing twice and nothing lost. What was expunged may lag behind what was
made or changed, because some commands must not report it (RFC 3501 §7.4.1); ``complete``
says up to which MODSEQ the session knows all. Changes of this session are not repeated.
A mailbox that is deleted never looks emptied: a client would drop its copies of what it held.

RFC 3501 §2.3.1, §6.4, §7.3, §7.4.1; RFC 2180; RFC 6851; RFC 7162.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from postroom.access import flag_blocks, rights as letters, teaching
from postroom.access.kept import Kept
from postroom.access.keywords import Keywords
from postroom.access.numbering import STAR, Numbering, Ranges, merge
from postroom.access.places import Place
from postroom.access.work import Work
from postroom.db.database import Row
from postroom.errors import MailError, NotAllowed, Refused
from postroom.message.decoding import Decoding
from postroom.message.part import Part
from postroom.notify import DIRECTORY
from postroom.protocol.imap.sets import SAVED
from postroom.store import copying, entries, flags as flag_words, news, vanished, watch
from postroom.store.entries import UNTOLD, FlagChange, Opening, Quiet, Updated
from postroom.store.news import Marks, News
from postroom.store.spans import MAX_LISTED, Span
from postroom.store.store import Store, account_key

__all__ = ["STAR", "Changes", "CopyResult", "FlagChange", "Flagged", "Ranges", "Stored", "View"]

MAX_STORED: Final = 10_000  # messages whose flags change in one transaction
MAX_SWEPT: Final = 50_000  # the same where whole blocks change at once


class Flagged(msgspec.Struct, frozen=True):
    r"""The flags of a message, as an untagged FETCH tells them.

    ``recent``: it is \Recent in this session. ``is_quiet``: the client knows the flags,
    only the MODSEQ is new.
    """

    sequence: int
    uid: int
    flags: int
    keywords: str
    modseq: int
    recent: bool = False
    is_quiet: bool = False


class Changes(msgspec.Struct, frozen=True):
    """What a refresh has found, in the order to send.

    ``expunged`` are sequence numbers, each valid after those before it were sent;
    ``vanished`` are the UIDs of the same messages, ascending. ``exists`` and ``recent``
    are None when no message has come; ``flags`` hold numbers as they are after all that.
    ``has_more``: refresh again, there was too much for one answer. ``is_gone``: the mailbox
    was deleted, which is all there is to tell.
    """

    expunged: list[int]
    exists: int | None
    recent: int | None
    flags: list[Flagged]
    vanished: list[int] = []
    has_more: bool = False
    is_gone: bool = False


class Stored(msgspec.Struct, frozen=True):
    """What a STORE tells: new flags, and the UIDs that UNCHANGEDSINCE kept as they were."""

    flagged: list[Flagged]
    modified: list[int]


class CopyResult(msgspec.Struct, frozen=True):
    """COPYUID (RFC 4315 §3): ``target_uids[n]`` is the copy of ``source_uids[n]``."""

    uidvalidity: int
    source_uids: list[int]
    target_uids: list[int]


class View:
    """A selected mailbox: sequence numbers stay put until ``refresh``."""

    def __init__(
        self, store: Store, place: Place, opening: Opening, kept: Kept, *, read_only: bool
    ) -> None:
        """Use ``View.open``."""
        state = opening.state
        self.source = store
        self.kept = kept
        self.place = place
        self.account_id = place.mailbox.account_id
        self.member = place.member
        self.mailbox_id = place.mailbox.id
        self.name = place.name
        self.read_only = read_only
        self.uidvalidity = state.uidvalidity
        self.uidnext = state.uidnext
        self.keywords = Keywords(opening.keywords)
        self.numbering = Numbering(
            range(state.first_uid, state.last_uid + 1 if state.messages else state.first_uid)
            if opening.uids is None
            else opening.uids
        )
        self._has_recent = True
        self._recent: list[tuple[int, int]] = []
        self._marks = Marks(state.highestmodseq, state.highestmodseq)
        self._own: set[int] = set()
        self.work = Work()  # of the command in progress
        self.saved: Ranges = ()  # the UIDs that ``$`` stands for (RFC 5182)
        self.trees: OrderedDict[int, Part] = OrderedDict()  # see ``fetch.tree_of_blob``
        self.decodings: OrderedDict[tuple[int, tuple[int, ...]], Decoding] = OrderedDict()
        self.first_unseen = self.sequence_of(state.first_unseen) if state.first_unseen else None

    @classmethod
    async def open(
        cls,
        place: Place,
        store: Store,
        kept: Kept | None = None,
        *,
        read_only: bool,
        with_recent: bool = True,
    ) -> "View":
        r"""Select a mailbox, or examine it (``read_only``).

        Raises NotFound when it is gone, NotAllowed without the right to read it. A selecting
        session takes the \Recent messages, an examining one looks at them; one without
        ``with_recent`` leaves them to others. ``kept`` is what sessions remember together.
        """
        place.require(letters.READ)
        mailbox = place.mailbox
        opening = await store.read(
            entries.opening, mailbox.account_id, mailbox.id, member=place.member
        )
        view = cls(store, place, opening, kept or Kept(), read_only=read_only)
        view._has_recent = with_recent
        await view._take_recent(opening.state.recent_uid)
        return view

    @property
    def exists(self) -> int:
        """How many messages the session knows of."""
        return len(self.numbering)

    @property
    def recent(self) -> int:
        r"""How many of them are \Recent."""
        return self.numbering.count_within(self._recent)

    @property
    def last_uid(self) -> int:
        """The highest UID the session knows of, 0 for none."""
        return self.numbering.last_uid

    @property
    def complete(self) -> int:
        """The MODSEQ up to which the session knows everything: its HIGHESTMODSEQ."""
        return self._marks.complete

    @property
    def withholds_expunges(self) -> bool:
        """Whether messages were expunged of which a refresh could not tell."""
        return bool(self._marks.withheld)

    def forget_recent(self) -> None:
        r"""\Recent is nothing that this session has, from now on (RFC 9051)."""
        self._has_recent = False
        self._recent = []

    def is_recent(self, uid: int) -> bool:
        r"""True for a message that is \Recent in this session."""
        return any(first <= uid <= last for first, last in self._recent)

    def are_recent(self, uids: Sequence[int]) -> list[bool]:
        r"""The same for each of ascending UIDs."""
        marks = [False] * len(uids)
        for first, last in self._recent:
            start, end = bisect_left(uids, first), bisect_right(uids, last)
            marks[start:end] = [True] * (end - start)
        return marks

    @property
    def recent_ranges(self) -> list[tuple[int, int]]:
        r"""The \Recent messages as ranges of UIDs."""
        return list(self._recent)

    def sequence_of(self, uid: int) -> int | None:
        """The sequence number of a UID; None when the session has no such message."""
        return self.numbering.sequence_of(uid)

    def sequences_of(self, uids: Sequence[int]) -> list[int]:
        """The sequence numbers of ascending UIDs; 0 for one that the session does not know."""
        return self.numbering.sequences_of(uids)

    def uid_of(self, sequence: int) -> int:
        """The UID of a sequence number; raises Invalid."""
        return self.numbering.uid_of(sequence)

    def uid_ranges(self, numbers: Ranges, *, by_uid: bool) -> list[tuple[int, int]]:
        """Ranges of UIDs for a sequence set: see ``Numbering.uid_ranges``; ``SAVED`` is ``saved``."""
        if numbers == SAVED:
            return list(self.saved)
        return self.numbering.uid_ranges(numbers, by_uid=by_uid)

    def spans(self, ranges: Ranges, size: int | None = MAX_LISTED) -> Iterator[Span]:
        """Cut ranges of UIDs into spans of messages: see ``Numbering.spans``."""
        return self.numbering.spans(ranges, size)

    async def refresh(self, *, expunges: bool) -> Changes:
        """Learn what other sessions did; with ``expunges`` False numbers stay as they are."""
        found = await self.source.read(
            news.look,
            self.account_id,
            self.mailbox_id,
            self._marks,
            expunges=expunges,
            member=self.member,
        )
        if found.is_gone:
            return Changes([], None, None, [], is_gone=True)
        uids = [row[0] for row in found.vanished]
        if found.is_lost:
            uids = await self.source.read(vanished.missing, self.mailbox_id, self.numbering.uids)
        gone, expunged = self.numbering.remove(uids)
        known = self.last_uid
        arrived = self._arrive(found)
        if arrived:
            await self._take_recent(found.recent_uid, known + 1)
        flags = self._flagged(
            [row for row in found.changed if row[0] <= known and row[3] not in self._own]
        )
        self.keywords.learn([row[2] for row in found.changed])
        self.uidnext = max(self.uidnext, found.uidnext)
        self._marks = found.marks
        self._own = {modseq for modseq in self._own if modseq > self._marks.seen}
        exists = self.exists if arrived else None
        recent = self.recent if arrived else None
        return Changes(expunged, exists, recent, flags, gone, found.has_more)

    async def is_current(self) -> bool:
        """Whether nothing has happened in the mailbox that the session was not told."""
        return await self.modseq() == self.complete

    async def modseq(self) -> int:
        """The MODSEQ of the mailbox as it is now, 0 when it is gone."""
        states = await self.source.read(watch.states, [self.mailbox_id])
        return states.get(self.mailbox_id, 0)

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
        change: FlagChange,
        *,
        silent: bool = False,
        wants_modseq: bool = False,
        wants_flags: bool = True,
    ) -> Stored:
        """Change flags; the new flags of all messages of the ranges.

        With ``silent`` only of those that another session has changed unseen (RFC 3501
        §6.4.6); with ``wants_modseq`` also, quietly, of those whose MODSEQ is new; without
        ``wants_flags`` of none, for who reads them after that (``access.flags``). Each
        transaction has one MODSEQ. Flags that the person may not change stay as they are;
        NotAllowed if that is all of them.
        """
        change = self.permitted(change)
        answer = Stored([], [])
        is_changed = False
        size = MAX_SWEPT if change.is_swept else MAX_STORED
        if change.unchanged_since is not None:
            size = MAX_LISTED
        for number, span in enumerate(self.spans(ranges, size)):
            quiet = None if wants_flags else UNTOLD
            if silent:
                quiet = Quiet(self._marks.seen, frozenset(self._own), wants_modseq)
            updated = await self.store_span(span, change, quiet, is_first=not number)
            is_changed = is_changed or updated.modseq > 0
            answer.modified.extend(updated.failed)
            loud, rows = updated.unseen if silent else None, updated.rows
            if loud is not None and change.unchanged_since is None:
                rows = [row for row in rows if row[0] in loud or row[3] == updated.modseq]
            answer.flagged.extend(self._flagged(rows, loud))
        await self.end_store(ranges, change, is_changed=is_changed)
        return answer

    def permitted(self, change: FlagChange) -> FlagChange:
        """The part of a change of flags that the person may make.

        Raises Refused in a mailbox that is read-only, NotAllowed when that is nothing.
        """
        self._check_writable()
        change = msgspec.structs.replace(change, mask=self.flag_mask, names=self.may_name)
        touches = change.touches(flag_words.ALL) or change.touches_keywords
        if not touches and (change.bits or change.keywords or change.action == "replace"):
            raise NotAllowed(f"you may not change these flags in {self.name!r}")
        return change

    async def store_span(
        self, span: Span, change: FlagChange, quiet: Quiet | None, *, is_first: bool
    ) -> Updated:
        """One transaction of a STORE; those after the first take the lower lane."""
        run = self.source.write if is_first else self.source.write_bulk
        updated = await run(
            entries.update_flags,
            self.account_id,
            self.mailbox_id,
            span,
            change,
            quiet,
            member=self.member,
        )
        self._note_own(updated.modseq)
        flag_blocks.learn(self, span, change, updated)
        if change.touches_keywords:
            self.keywords.learn(change.keywords)
        return updated

    async def end_store(self, ranges: Ranges, change: FlagChange, *, is_changed: bool) -> None:
        """After the last transaction: who learns from flags and who watches hears of it."""
        await teaching.by_storing(self.source, self.place.mailbox, change, self.spans(ranges, None))
        if is_changed:
            member = None if change.is_of_all else self.member
            self.source.wake(self.mailbox_id if member is None else account_key(member))

    async def copy(self, ranges: Ranges, target: Place) -> CopyResult:
        """Copy, all or nothing.

        Raises NotFound when the target is gone, MailboxFull, StorageFull.

        Flags that the person may not set there are left behind (RFC 4314 §4).
        """
        self.source.blobs.disk.require_for_copies(self.numbering.count_within(ranges))
        return await self._transfer(ranges, target, is_move=False)

    async def move(self, ranges: Ranges, target: Place) -> CopyResult:
        """Copy and expunge in one; ``refresh`` then tells of the expunged (RFC 6851)."""
        self.check_removable()
        return await self._transfer(ranges, target, is_move=True)

    async def expunge(self, ranges: Ranges | None) -> None:
        r"""Remove what is \Deleted, in the ranges or everywhere; ``refresh`` then tells."""
        self._check_writable()
        self.place.require(letters.EXPUNGE)
        everything = [(1, self.last_uid)] if self.last_uid else []
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
        taught = teaching.by_moving(self.place.mailbox, mailbox) if store.learns else None
        copied = await store.write(teaching.transfer, store.blobs, order, store.clock(), taught)
        store.wake(mailbox.id, self.mailbox_id)
        targets = list(range(copied.first, copied.first + len(copied.sources)))
        return CopyResult(copied.uidvalidity, copied.sources, targets)

    def check_removable(self) -> None:
        """Raises Refused when this person can't take messages out of the mailbox."""
        self._check_writable()
        self.place.require(letters.DELETE, letters.EXPUNGE)

    def _check_writable(self) -> None:
        if self.read_only:
            raise Refused("the mailbox is read-only; select it to change it")

    def _flagged(self, rows: Sequence[Row], loud: frozenset[int] | None = None) -> list[Flagged]:
        """Those of these entries that the session knows; quiet all but the ``loud`` UIDs."""
        sequences = self.sequences_of([row[0] for row in rows])
        has_recent = bool(self._recent)
        return [
            Flagged(
                sequence, uid, flags, keywords, modseq,
                has_recent and self.is_recent(uid), loud is not None and uid not in loud,
            )
            for sequence, (uid, flags, keywords, modseq) in zip(sequences, rows, strict=True)
            if sequence
        ]  # fmt: skip

    def _note_own(self, modseq: int) -> None:
        """This session made the change with this MODSEQ, 0 is none."""
        marks = self._marks
        if not modseq:
            return
        if modseq != marks.seen + 1:
            self._own.add(modseq)
        elif marks.gone == marks.seen and not marks.withheld:
            self._marks = Marks(modseq, modseq)
        else:
            self._marks = msgspec.structs.replace(marks, seen=modseq)

    def _arrive(self, found: News) -> bool:
        """Take in new messages; False when there are none."""
        fresh = [row[0] for row in found.changed if row[0] > self.last_uid]
        if fresh:
            self.numbering.append(fresh)
        return bool(fresh)

    async def _take_recent(self, recent_uid: int, first: int = 1) -> None:
        r"""Claim the \Recent messages from UID ``first`` on; who may change nothing only looks."""
        if recent_uid >= self.last_uid or not self._has_recent:
            return
        base = recent_uid
        if self.is_writable:
            try:
                base = await self.source.write(
                    entries.claim_recent, self.account_id, self.mailbox_id, self.last_uid
                )
            except MailError:  # a full disk must not keep anybody from reading
                return
        low = max(base + 1, first)
        if low <= self.last_uid:
            self._recent = merge([*self._recent, (low, self.last_uid)])
