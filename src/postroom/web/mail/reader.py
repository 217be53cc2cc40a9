"""A person's mailboxes as pages show them: lists, one message, its parts, and what is done to them.

Everything goes through ``access``, as it does for mail programs: rights on what others share,
quotas, and what moving a message teaches the spam filter are the same.
"""

import asyncio
import re
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec

from postroom.access import binary, fetch, previews, search
from postroom.access.folders import Folder, Folders
from postroom.access.loading import rows
from postroom.access.pages import FetchRow, message
from postroom.access.places import Places
from postroom.access.view import View
from postroom.admin import names
from postroom.admin.mailboxes import why
from postroom.admin.office import Office
from postroom.directory.login import Identity
from postroom.errors import NotAllowed, NotFound
from postroom.mailauth import results
from postroom.message import dates, headers
from postroom.message.charset import decode
from postroom.message.content import decoded, transferred
from postroom.message.display import Display, Leaf, display
from postroom.message.headers import unfold
from postroom.message.htmltext import MAX_MARKUP, html_text
from postroom.message.index import one_line
from postroom.message.parameters import without_comments
from postroom.protocol.imap.fetch import Section
from postroom.store import flags as flag_words
from postroom.store.entries import FlagChange
from postroom.web.mail import leaving, markup
from postroom.web.mail.contacts import Contact, contacts
from postroom.web.mail.seeking import sought

SHOWN: Final = 50  # messages of a page of a list
MOST_BOXES: Final = 200  # that one search looks into
MAX_TEXT: Final = 1 << 20  # octets of all texts of a message, as encoded, that are shown
MAX_IMAGES: Final = 4 << 20  # octets of a message's own images in its HTML
DRAFTS: Final = "\\Drafts"
SENT: Final = "\\Sent"
JUNK: Final = "\\Junk"
TRASH: Final = "\\Trash"
ARCHIVE: Final = "\\Archive"

_NEED: Final = frozenset({"head", "bodystructure"})
_LISTED: Final = frozenset({b"from", b"to", b"subject"})
_READ: Final = frozenset(
    {
        b"from", b"to", b"cc", b"bcc", b"reply-to", b"subject", b"date", b"message-id", b"references",
        b"in-reply-to", b"x-spam-status", b"list-unsubscribe", b"list-unsubscribe-post", b"authentication-results",
    }
)  # fmt: skip
_FIRST_FIELDS: Final = 256 * 1024
_FILES: Final = re.compile(rb'\("attachment" ', re.IGNORECASE)
_URL: Final = re.compile(r"<\s*([^<>\s]{1,2000})\s*>")
_MAILTO: Final = re.compile(r"mailto:[^@?]+@[^@?]+", re.IGNORECASE)

_READ_NOW: Final = FlagChange("add", flag_words.SEEN)


class Summary(msgspec.Struct, frozen=True):
    """A line of a list. ``people`` are its authors, in Sent and Drafts its recipients."""

    box: str
    uid: int
    people: str
    subject: str
    preview: str
    at: datetime
    size: int
    is_seen: bool
    is_flagged: bool
    is_answered: bool
    has_files: bool


class ListPage(msgspec.Struct, frozen=True):
    """A page of a list, the latest first; ``older`` is where the next begins, 0 after the last."""

    items: tuple[Summary, ...]
    total: int
    older: int


class Box(msgspec.Struct, frozen=True):
    """A mailbox of the list at the side."""

    name: str
    use: str
    unseen: int
    messages: int


class File(msgspec.Struct, frozen=True):
    """A file of a message; ``path`` is the number of its part, with dots."""

    path: str
    name: str
    content_type: str
    size: int


class Message(msgspec.Struct, frozen=True):
    """One message, opened. ``proven`` is the domain that DMARC proved, "" for none.

    ``why`` it is in Junk, in sentences.

    ``unsubscribe`` is the page where a list is left, or ``mailto:`` and an address (RFC 2369);
    it ``leaves_at_once`` when one request to it is enough (RFC 8058) and the author is proven.
    """

    uid: int
    subject: str
    author: tuple[Contact, ...]
    to: tuple[Contact, ...]
    cc: tuple[Contact, ...]
    bcc: tuple[Contact, ...]
    reply_to: tuple[Contact, ...]
    sent: datetime | None
    received: datetime
    size: int
    flags: int
    message_id: str
    in_reply_to: str
    references: str
    proven: str
    why: tuple[str, ...]
    unsubscribe: str
    leaves_at_once: bool
    text: str
    is_cut: bool
    is_html_cut: bool
    has_html: bool
    wants_others: bool
    files: tuple[File, ...]
    newer: int
    older: int

    @property
    def thread(self) -> str:
        """The Message-ID that its conversation began with; "" when nothing says."""
        return next(iter(f"{self.references} {self.message_id}".split()), "").replace('"', "")

    @property
    def is_flagged(self) -> bool:
        """Whether it is flagged."""
        return bool(self.flags & flag_words.FLAGGED)


class LaidOut(msgspec.Struct, frozen=True):
    """The texts of a message, each HTML, and its images by Content-ID, if not some ``left_out``."""

    texts: Sequence[str]
    images: Mapping[str, markup.Image]
    left_out: bool


class Reader:
    """What one person reads; made for one request."""

    def __init__(self, office: Office, identity: Identity) -> None:
        self._office = office
        self.store = office.store
        self.identity = identity
        self.places = Places(identity, office.store, office.directory)
        self.folders = Folders(identity, office.store, self.places)

    async def boxes(self) -> list[Box]:
        """Every mailbox that can be opened, with how many messages are unseen."""
        found = [one for one in await self.folders.list() if one.selectable]
        counted = await self.folders.statuses(found)
        return [
            Box(one.name, one.special_use or "", counted[one.id].unseen, counted[one.id].messages)
            for one in found
            if one.id in counted
        ]

    async def view(self, box: str, *, read_only: bool = True) -> View:
        """A mailbox, opened. Raises NotFound, NotAllowed."""
        place = await self.places.get(box)
        return await View.open(place, self._office.store, read_only=read_only, with_recent=False)

    async def page(self, box: str, *, query: str = "", before: int = 0) -> ListPage:
        """The messages of a mailbox below a UID (0: all) that a query finds."""
        view = await self.view(box)
        uids = view.numbering.uids if not query else await search.search(view, sought(query))
        end = bisect_left(uids, before) if before else len(uids)
        chosen = list(uids[max(0, end - SHOWN) : end])
        older = chosen[0] if end > SHOWN else 0
        items = await _summaries(view, chosen)
        return ListPage(tuple(reversed(items)), len(uids), older)

    async def everywhere(self, query: str) -> ListPage:
        """The latest that a query finds in all mailboxes; the first ``MOST_BOXES`` are searched.

        Of what is found only the dates are read, and the rest of what is shown.
        """
        found: list[tuple[int, View, int]] = []
        key, total = sought(query), 0
        for box in (await self.boxes())[:MOST_BOXES]:
            if box.messages:
                with suppress(NotFound, NotAllowed):  # deleted or taken away meanwhile
                    view = await self.view(box.name)
                    uids = await search.search(view, key)
                    total += len(uids)
                    latest = [(uid, uid) for uid in uids[-SHOWN:]]
                    async for page in rows(view, latest, need=frozenset()):
                        found += [(row.received, view, row.uid) for row in page]
        found.sort(key=lambda one: one[0], reverse=True)
        chosen: dict[View, list[int]] = {}
        for _, view, uid in found[:SHOWN]:
            chosen.setdefault(view, []).append(uid)
        items = [
            one for view, some in chosen.items() for one in await _summaries(view, sorted(some))
        ]
        items.sort(key=lambda one: one.at, reverse=True)
        return ListPage(tuple(items), total, 0)

    async def message(self, box: str, uid: int) -> Message:
        """One message, which is seen from now on where the person may say so. Raises NotFound."""
        view = await self.view(box, read_only=False)
        row = await _row(view, uid)
        if not row.flags & flag_words.SEEN:
            with suppress(NotAllowed):
                await view.store([(uid, uid)], _READ_NOW, wants_flags=False)
        shown = display(await fetch.tree(row))
        return await self._opened(row, shown)

    async def html(self, box: str, uid: int, head: str = "") -> str:
        """A message as one HTML document, with its own images in it, below ``head``.

        Raises NotFound.
        """
        laid = await self.laid_out(box, uid, MAX_IMAGES)
        return await asyncio.to_thread(markup.document, laid.texts, laid.images, head)

    async def laid_out(self, box: str, uid: int, most_images: int) -> LaidOut:
        """A message as HTML, as it came, and the images that it shows, so many octets of them.

        Raises NotFound.
        """
        row = await _row(await self.view(box), uid)
        shown = display(await fetch.tree(row))
        texts, asked, reading = [], set[str](), _Texts(row)
        for one in shown.said:
            text = await reading.read(one.html or one.plain)
            texts.append(text if one.html is not None else markup.preformatted(text))
            asked |= set(re.findall(r"cid:([^\"'\s>]+)", text))
        images, room, left_out = dict[str, markup.Image](), most_images, False
        for ident, leaf in shown.images.items():
            if ident not in asked:
                continue
            if leaf.part.size > room:
                left_out = True
                continue
            room -= leaf.part.size
            encoded = await _octets(row, leaf, leaf.part.size)
            octets = await asyncio.to_thread(transferred, leaf.part.encoding, encoded)
            images[ident] = markup.Image("/".join(leaf.part.content_type), octets, leaf.name)
        return LaidOut(texts, images, left_out)

    async def file(self, box: str, uid: int, path: str) -> tuple[File, AsyncIterator[bytes]]:
        """One file of a message, decoded, in pieces. Raises NotFound."""
        row = await _row(await self.view(box), uid)
        shown = display(await fetch.tree(row))
        leaf = next((one for one in shown.files if _dotted(one.path) == path), None)
        found = None if leaf is None else await binary.find(row, leaf.path)
        if leaf is None or found is None:
            raise NotFound("the message has no such file")
        return _file(leaf, found.size), binary.read(row, found, 0, found.size)

    async def source(self, box: str, uid: int) -> tuple[int, AsyncIterator[bytes]]:
        """A whole message as it is stored: its size, and its octets in pieces."""
        row = await _row(await self.view(box), uid)
        return row.size, fetch.stream(row)

    async def by_use(self, use: str) -> Folder | None:
        """The person's mailbox with a special use."""
        found = await self.folders.list()
        return next((one for one in found if use in (one.special_use or "").split()), None)

    async def for_use(self, use: str) -> Folder:
        """The same, made where there is none."""
        found = await self.by_use(use)
        return found or await self.folders.create(use.removeprefix("\\"), [use])

    async def _opened(self, row: FetchRow, shown: Display) -> Message:
        view = row.view
        head = await fetch.octets(row, 0, min(len(row.prefix) + len(row.head), _FIRST_FIELDS))
        known = headers.collect(head, _READ)
        texts, others, is_cut, plain, html = [], False, False, _Texts(row), _Texts(row)
        for one in shown.said:
            text = await plain.read(one.plain or one.html)
            if one.plain is None:
                is_cut = is_cut or len(text) > MAX_MARKUP
                text = await asyncio.to_thread(html_text, text)
            texts.append(text)
            others = others or markup.wants_others(await html.read(one.html))
        uids, at = view.numbering.uids, row.sequence - 1
        proven = _proven(row, known.get(b"authentication-results"), self._office.config.hostname)
        leave = _unsubscribe(known.get(b"list-unsubscribe"))
        return Message(
            uid=row.uid,
            subject=one_line(known.get(b"subject")),
            author=contacts(known.get(b"from")),
            to=contacts(known.get(b"to")),
            cc=contacts(known.get(b"cc")),
            bcc=contacts(known.get(b"bcc")),
            reply_to=contacts(known.get(b"reply-to")),
            sent=_date(known.get(b"date")),
            received=names.moment(row.received),
            size=row.size,
            flags=row.flags,
            message_id=one_line(known.get(b"message-id")),
            in_reply_to=one_line(known.get(b"in-reply-to")),
            references=" ".join(_words(known, b"references") or _words(known, b"in-reply-to")),
            proven=proven,
            why=_why(known) if JUNK in view.place.mailbox.special_uses else (),
            unsubscribe=leave,
            leaves_at_once=bool(proven) and leave.lower().startswith("https:")
            and one_line(known.get(b"list-unsubscribe-post")).lower() == leaving.WORD.lower(),
            text="\n".join(texts),
            is_cut=is_cut or plain.is_cut,
            is_html_cut=html.is_cut,
            has_html=shown.has_html,
            wants_others=others,
            files=tuple(_file(leaf, leaf.part.size) for leaf in shown.files),
            newer=uids[at + 1] if at + 1 < len(uids) else 0,
            older=uids[at - 1] if at else 0,
        )  # fmt: skip


async def _row(view: View, uid: int) -> FetchRow:
    row = await message(view, uid, need=frozenset({"head", "content"}))
    if row is None:
        raise NotFound("the message is not there any more: somebody has moved or deleted it")
    return row


async def _summaries(view: View, uids: Sequence[int]) -> list[Summary]:
    """Lines of these messages of a mailbox, ascending; those that are gone meanwhile are not there."""
    to_whom = not {SENT, DRAFTS}.isdisjoint(view.place.mailbox.special_uses)
    pages = rows(view, [(uid, uid) for uid in uids], need=_NEED)
    return [
        await _summary(row, to_whom=to_whom)
        async for page in previews.with_previews(view, pages, lazy=False)
        for row in page
    ]


async def _summary(row: FetchRow, *, to_whom: bool) -> Summary:
    head = await fetch.section(row, Section((), "HEADER")) or b""
    known = headers.collect(head, _LISTED)
    people = contacts(known.get(b"to" if to_whom else b"from"))
    return Summary(
        box=row.view.name,
        uid=row.uid,
        people=", ".join([one.name or one.address for one in people[:3]]),
        subject=one_line(known.get(b"subject")),
        preview=row.preview or "",
        at=names.moment(row.received),
        size=row.size,
        is_seen=bool(row.flags & flag_words.SEEN),
        is_flagged=bool(row.flags & flag_words.FLAGGED),
        is_answered=bool(row.flags & flag_words.ANSWERED),
        has_files=_FILES.search(row.bodystructure) is not None,
    )


async def _octets(row: FetchRow, leaf: Leaf, most: int) -> bytes:
    shift = len(row.prefix)
    return await fetch.octets(row, leaf.part.body_start + shift, min(leaf.part.size, most))


class _Texts:
    """The texts of a message one after the other, ``MAX_TEXT`` of them together."""

    def __init__(self, row: FetchRow) -> None:
        self.is_cut = False
        self._row = row
        self._room = MAX_TEXT

    async def read(self, leaf: Leaf | None) -> str:
        """The next, as far as there is room."""
        if leaf is None:
            return ""
        self.is_cut = self.is_cut or leaf.part.size > self._room
        octets = await _octets(self._row, leaf, self._room)
        self._room -= len(octets)
        if len(octets) <= fetch.SMALL:
            return _decoded(leaf, octets)
        return await asyncio.to_thread(_decoded, leaf, octets)


def _decoded(leaf: Leaf, octets: bytes) -> str:
    return decoded(leaf.part, octets).replace("\r\n", "\n").replace("\0", "")


def _file(leaf: Leaf, size: int) -> File:
    return File(_dotted(leaf.path), leaf.name, "/".join(leaf.part.content_type), size)


def _dotted(path: tuple[int, ...]) -> str:
    return ".".join(map(str, path))


def _words(known: dict[bytes, list[bytes]], name: bytes) -> list[str]:
    return " ".join(map(decode, known.get(name, []))).split()


def _date(values: list[bytes] | None) -> datetime | None:
    found = dates.read(values[0]) if values else None
    return None if found is None else names.moment(found.ms)


def _proven(row: FetchRow, values: list[bytes] | None, hostname: str) -> str:
    """The domain that our own field (RFC 8601 §5) says was proven when the message was received.

    Those of strangers in our name are removed then; what was filed in another way, by a program or
    from an account elsewhere, has no lines of its recipient, and proves nothing.
    """
    for value in values or [] if row.prefix else []:
        name = without_comments(unfold(value)).partition(b";")[0].strip()
        if name.lower() == hostname.lower().encode():
            for one in results.read(value):
                if one.method == "dmarc" and one.outcome == "pass":
                    return one.value("header.from")
    return ""


def _why(known: Mapping[bytes, list[bytes]]) -> tuple[str, ...]:
    noted = why.because(one_line(known.get(b"x-spam-status")))
    return tuple(noted) or ("It was moved here, by you or a program of yours",)


def _unsubscribe(values: list[bytes] | None) -> str:
    """A page before an address; an address without what else a URL may say."""
    found = _URL.findall(decode(values[0])) if values else []
    page = next((one for one in found if one.lower().startswith("https://")), "")
    return page or next((one.partition("?")[0] for one in found if _MAILTO.match(one)), "")
