"""What the handlers of one IMAP connection share: session, person, selected mailbox.

A handler answers one command: it asks ``access``, writes responses into the session and
finishes it. ``report`` tells what other sessions did to the selected mailbox; commands
with sequence numbers must not hear of expunged messages (RFC 3501 §7.4.1), so that news
waits for the next command that may.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from postroom.access.ahead import Ahead
from postroom.access.append import Appender
from postroom.access.contexts import Contexts
from postroom.access.exchange import Exchange
from postroom.access.fields import FieldCache
from postroom.access.folders import Folders
from postroom.access.kept import Kept
from postroom.access.login import Login
from postroom.access.pages import FetchRow
from postroom.access.places import Places, Sharing
from postroom.access.quoting import Quoting
from postroom.access.rights import READ
from postroom.access.view import Changes, Flagged, View
from postroom.directory.login import Identity
from postroom.errors import MailError
from postroom.listen.imap.notices import Notices
from postroom.listen.imap.plan import Plan, plan
from postroom.post.commit import Post
from postroom.protocol.imap.fetch import FetchItem
from postroom.protocol.imap.fetch_lines import flagged_lines
from postroom.protocol.imap.responses import (
    exists_line,
    expunge_lines,
    flags_lines,
    highestmodseq_line,
    recent_line,
    vanished_line,
)
from postroom.protocol.imap.session import Session
from postroom.store.store import Store

TOGETHER: Final = 256 * 1024  # octets of responses that are sent at once


class Services:
    """What a door is given to answer with; one object for all its connections."""

    __slots__ = (
        "clock",
        "fields",
        "kept",
        "login",
        "max_message",
        "may_open",
        "post",
        "sharing",
        "store",
    )

    def __init__(
        self,
        *,
        login: Login,
        store: Store,
        sharing: Sharing,
        post: Post,
        clock: Callable[[], int],
        max_message: int,
        may_open: bool = False,
    ) -> None:
        """``clock`` tells UTC milliseconds; ``max_message`` is in octets, 0 is none.

        ``may_open``: people may share mailboxes with everybody (``access.acl``).
        """
        self.login = login
        self.store = store
        self.sharing = sharing
        self.post = post
        self.clock = clock
        self.max_message = max_message
        self.may_open = may_open
        self.fields = FieldCache()
        self.kept = Kept()


class Peer(msgspec.Struct, frozen=True):
    """Who is connected, for ``access.login`` and events."""

    session: str
    address: str
    door: str


class Wire(Protocol):
    """What a handler needs of the connection."""

    async def send(self, octets: bytes) -> None:
        """Write; returns when the transport has room for more."""

    def write(self, octets: bytes) -> None:
        """Write a little, without waiting for room."""

    def attend(self) -> None:
        """Something happened that an idle connection should look at."""

    @property
    def certified(self) -> tuple[str, ...]:
        """The mail addresses that the client's certificate names."""

    @property
    def is_compressed(self) -> bool:
        """Whether COMPRESS is on."""

    def compress(self) -> None:
        """From here on both directions are compressed."""

    def decompress(self) -> None:
        """From here on neither is."""


class Updating(Protocol):
    """Whoever tells how results of searches change (RFC 5267); see ``updating``."""

    contexts: Contexts

    async def before(self, changes: Changes) -> None:
        """These expunges are about to be told."""

    async def after(self) -> None:
        """Everything else was told."""


class Conversation:
    """One connection as its handlers see it."""

    __slots__ = (
        "_ahead",
        "_folders",
        "_has_news",
        "_keywords",
        "_places",
        "_plan",
        "_stop_waking",
        "_told",
        "annotated",
        "appender",
        "exchange",
        "failures_left",
        "identity",
        "is_idling",
        "notices",
        "peer",
        "quoting",
        "services",
        "session",
        "updates",
        "view",
        "wire",
    )

    def __init__(self, session: Session, services: Services, wire: Wire, peer: Peer) -> None:
        self.session = session
        self.services = services
        self.wire = wire
        self.peer = peer
        self.identity: Identity | None = None
        self.view: View | None = None
        self.appender: Appender | None = None
        self.quoting: Quoting | None = None  # of the APPEND in progress
        self.exchange: Exchange | None = None
        self.is_idling = False
        self.notices: Notices | None = None  # None: NOTIFY was never used
        self.annotated: Notices | None = None  # there with ENABLE METADATA
        self.updates: Updating | None = None  # None: no search with UPDATE in this mailbox
        self.failures_left = 5  # of login, before the connection ends
        self._ahead: Ahead | None = None  # this and the plan: while no answer is waited for
        self._plan: Plan | None = None
        self._folders: Folders | None = None
        self._places: Places | None = None
        self._stop_waking: Callable[[], None] | None = None
        self._has_news = False
        self._keywords = 0  # how many the client was told of
        self._told = 0  # the highest MODSEQ of a message told in this command

    @property
    def person(self) -> Identity:
        """Who has logged in; the session lets no command through before."""
        if self.identity is None:
            raise RuntimeError("nobody has logged in")
        return self.identity

    @property
    def selected(self) -> View:
        """The selected mailbox; the session lets no command through without one."""
        if self.view is None:
            raise RuntimeError("no mailbox is selected")
        return self.view

    @property
    def places(self) -> Places:
        """Every mailbox that the person can reach, by name."""
        if self._places is None:
            self._places = Places(self.person, self.services.store, self.services.sharing)
        return self._places

    @property
    def folders(self) -> Folders:
        """The mailboxes of the person."""
        if self._folders is None:
            self._folders = Folders(self.person, self.services.store, self.places)
        return self._folders

    async def flush(self) -> None:
        """Write what the session has to say."""
        octets = self.session.data_to_send()
        if octets:
            await self.wire.send(octets)

    async def make_room(self) -> None:
        """The same if it is much; a little leaves with what comes next, such as the tagged line."""
        if self.session.waiting > TOGETHER:
            await self.flush()

    def select(self, view: View) -> None:
        """Make this the selected mailbox."""
        self.view = view
        self._has_news = False
        self._keywords = len(view.keywords)
        self._told = 0
        self._stop_waking = view.wake(self._wake)

    async def deselect(self, *, expunge: bool = False) -> None:
        """Leave the selected mailbox, if there is one."""
        view, self.view = self.view, None
        self.updates = None
        self.pause()
        if self.notices is not None:
            self.notices.arrived.clear()
        if self._stop_waking is not None:
            self._stop_waking()
            self._stop_waking = None
        if view is not None:
            await view.close(expunge=expunge)

    def plan_of(self, items: tuple[FetchItem, ...]) -> Plan:
        """What a FETCH of these items means for this client."""
        modes = self.session.modes
        if self._plan is None or not self._plan.fits(items, modes):
            self._plan = plan(items, modes)
        return self._plan

    async def read_ahead(self, uid: int, need: frozenset[str]) -> FetchRow | None:
        """One message of the selected mailbox, if it is there; see ``access.ahead``."""
        if self._ahead is None:
            self._ahead = Ahead(self.selected)
        if not self._ahead.has(uid, need):
            await self.flush()
        return await self._ahead.message(uid, need=need, has_more=self.session.buffered > 0)

    def at_hand(self, plan: Plan) -> Ahead | None:
        """What was read ahead for this plan, where nothing is to be told before it is sent."""
        ahead = self._ahead
        if ahead is None or ahead.need != plan.need or self.updates is not None:
            return None
        return None if self._has_to_report(self.selected, expunges=True) else ahead

    def pause(self) -> None:
        """The client waits for answers: forget what would make the next commands cheaper."""
        self._plan = None
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def _wake(self) -> None:
        self._has_news = True
        self.wire.attend()

    @property
    def has_news(self) -> bool:
        """Whether the selected mailbox may have changed since the last report."""
        return self._has_news

    async def renew(self) -> bool:
        """Look at the rights on a mailbox that somebody shares: what is withdrawn counts at once.

        False when it may not be read any more: BYE is said (RFC 4314 §5.1.1).
        """
        view = self.view
        if view is None or view.member is None:
            return True
        place = await self.places.again(view.place)
        if place is view.place:
            return True
        if READ not in place.rights:
            self.session.bye("This mailbox is not shared with you any more", b"NOPERM")
            return False
        told = view.flag_mask, view.may_name
        view.place = place
        if told != (view.flag_mask, view.may_name):
            lines = flags_lines(view.keywords, mask=view.flag_mask, may_name=view.may_name)
            self.session.untagged(lines)
        return True

    async def report(self, *, expunges: bool = True, always: bool = False) -> None:
        """Write what other sessions did to the selected mailbox.

        A client that resynchronises by the MODSEQs it was told must not take one for
        everything below it while an expunge is withheld (RFC 7162 §3.2).
        """
        view = self.view
        if view is None:
            return
        is_due = always or self._has_to_report(view, expunges=expunges)
        if is_due and not await self.renew():
            return
        if is_due and (always or self.notices is None or self.notices.tells_messages):
            await self._refresh(view, expunges=expunges, always=always)
        if self.session.is_closed:
            return
        if self.updates is not None:
            await self.updates.after()
        told, self._told = self._told, 0
        if told > view.complete and self.session.modes.qresync:
            self.session.untagged(highestmodseq_line(view.complete))

    def _has_to_report(self, view: View, *, expunges: bool) -> bool:
        return (
            self._has_news or (expunges and view.withholds_expunges) or self._told > view.complete
        )

    async def _refresh(self, view: View, *, expunges: bool, always: bool) -> None:
        notices = self.notices
        has_more = True
        while has_more:
            self._has_news = False
            last = view.last_uid
            try:
                changes = await view.refresh(expunges=expunges)
            except MailError:
                self._has_news = True
                raise
            if changes.is_gone:
                self.session.bye("The selected mailbox was deleted")  # RFC 2180 §3.3
                return
            if notices is not None:
                notices.came(last + 1, view.last_uid)
                if not always and not notices.tells_flags:
                    changes = msgspec.structs.replace(changes, flags=[])
            if self.updates is not None and changes.vanished:
                await self.updates.before(changes)
            self.tell(changes)
            has_more = changes.has_more
            if has_more:
                await self.flush()

    def tell(self, changes: Changes) -> None:
        """Write changes of the selected mailbox."""
        modes = self.session.modes
        if modes.qresync or modes.uidonly:
            lines = [vanished_line(changes.vanished)]
        else:
            lines = [expunge_lines(changes.expunged)]
        if changes.exists is not None:
            lines.append(exists_line(changes.exists))
        if changes.recent is not None and not modes.rev2:
            lines.append(recent_line(changes.recent))
        self.session.untagged(b"".join(lines))
        self.tell_flags(changes.flags, with_uid=True)

    def tell_keywords(self, texts: Iterable[str] = ()) -> None:
        """FLAGS again before a keyword that is new to the client (RFC 3501 §7.2.6).

        ``texts`` are the keywords of messages that are about to be told.
        """
        view = self.selected
        view.keywords.learn(texts)
        if len(view.keywords) > self._keywords:
            self._keywords = len(view.keywords)
            lines = flags_lines(view.keywords, mask=view.flag_mask, may_name=view.may_name)
            self.session.untagged(lines)

    def tell_flags(self, messages: Sequence[Flagged], *, with_uid: bool) -> None:
        """Write changed flags, with their MODSEQ for whoever wants it."""
        if not messages:
            return
        self.tell_keywords([one.keywords for one in messages])
        modes = self.session.modes
        lines = flagged_lines(
            messages,
            with_uid=with_uid or modes.rev2,
            with_modseq=modes.condstore,
            uidonly=modes.uidonly,
        )
        self.session.untagged(lines)
        if modes.condstore:
            self.note_modseq(max([one.modseq for one in messages]))

    def note_modseq(self, modseq: int) -> None:
        """The client was told this MODSEQ of a message."""
        self._told = max(self._told, modseq)

    def use_condstore(self) -> None:
        """The client has shown that it knows MODSEQs (RFC 7162 §3.1)."""
        modes = self.session.modes
        if not modes.condstore:
            modes.condstore = True
            self.tell_highestmodseq()

    def tell_highestmodseq(self) -> None:
        """Write the MODSEQ up to which the client knows all of the selected mailbox."""
        if self.view is not None:
            self.session.untagged(highestmodseq_line(self.view.complete))

    def set_notices(self, notices: Notices | None) -> None:
        """What NOTIFY asked for, in place of what it asked for before."""
        if self.notices is not None:
            self.notices.close()
        self.notices = notices

    def set_annotated(self, notices: Notices | None) -> None:
        """Who tells of changed annotations."""
        if self.annotated is not None:
            self.annotated.close()
        self.annotated = notices

    def know_annotations(self, modseqs: Mapping[int, int]) -> None:
        """The client has changed annotations itself: with which MODSEQ, by mailbox."""
        for notices in (self.notices, self.annotated):
            if notices is not None and notices.watching is not None:
                notices.watching.know(modseqs)

    async def stop_appending(self) -> None:
        """Forget the APPEND in progress and what has come of it."""
        appender, self.appender = self.appender, None
        self.quoting = None
        if appender is not None:
            await appender.abort()

    async def close(self) -> None:
        """The person has gone, or the connection: let go of everything that was theirs."""
        self.exchange = None
        self.is_idling = False
        self.set_notices(None)
        self.set_annotated(None)
        await self.stop_appending()
        await self.deselect()
        self.identity = self._folders = self._places = None
