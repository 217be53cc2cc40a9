"""Sending what was written, and keeping what is not done yet.

A message goes through the same intake as that of a mail program; once it is safe there, a copy is
filed into Sent, the draft it was goes, and what it answers is marked as answered. One form sends
one message, however often it is sent: its Message-ID was made with the form.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Literal

import msgspec

from postroom.access.append import Appender
from postroom.access.folders import Folder
from postroom.admin import trace
from postroom.db.database import Tx
from postroom.db.ids import from_text, to_text
from postroom.directory import persona, send_as
from postroom.errors import Invalid, MailError, Refused
from postroom.intake.peer import Peer
from postroom.message import dates
from postroom.message.compose import Attachment, Person
from postroom.post.commit import Post
from postroom.store import flags as flag_words
from postroom.store.entries import FlagChange
from postroom.web import submitting
from postroom.web.desk import Desk
from postroom.web.mail import layout, writing as words
from postroom.web.mail.acts import act
from postroom.web.mail.form import MOST
from postroom.web.mail.reader import DRAFTS, SENT, Reader
from postroom.web.mail.writing import Writing
from postroom.web.submitting import Envelope

Repeated = Literal["", "same", "other"]

MOST_KNOWN: Final = 1_000  # forms whose content is known yet

_SENDING: Final[dict[str, asyncio.Event]] = {}  # by Message-ID


class Outbox:
    """What one person writes; made for one request."""

    def __init__(self, desk: Desk, reader: Reader) -> None:
        self.desk = desk
        self._office = desk.office
        self.reader = reader
        self._identity = reader.identity

    def fresh_id(self) -> str:
        """The mark of a form, which becomes a Message-ID."""
        return to_text(self._office.ids.next())

    async def senders(self) -> list[str]:
        """The addresses that the person may write from, the main one first."""
        account = self._identity.account_id

        def read(tx: Tx) -> list[str]:
            granted = [one.written for one in send_as.of(tx, account) if one.local]
            return list(dict.fromkeys([*persona.of(tx, account).addresses, *granted]))

        return await self._office.directory.look(read)

    async def repeated(self, mark: str, filled: int) -> Repeated:
        """Whether a form was sent before; "same" when nothing in it (as a hash) has changed since.

        Who is faster than the first sending waits for its end.
        """
        try:
            message_id = self._message_id(mark)
        except Invalid:  # no form of ours: ``send`` and ``keep`` say so
            return ""
        await _end_of(message_id)
        return await self._before(message_id, filled)

    async def send(
        self, wanted: Writing, mark: str, files: Sequence[Attachment], peer: Peer, filled: int = 0
    ) -> Repeated:
        """Send it, unless that is ``repeated``.

        Raises Invalid, Refused, MailError; ``submitting.NotTaken``, OutcomeUnknown.
        """
        message_id = self._message_id(mark)
        addressed = words.recipients(wanted)
        until = words.hold_until(wanted.later, self._office.now())
        sender = words.sender(wanted.sender or self._identity.address)
        await _end_of(message_id)
        _SENDING[message_id] = under_way = asyncio.Event()
        try:
            if before := await self._before(message_id, filled):
                return before
            octets = await self._octets(wanted, message_id, files)
            envelope = Envelope(sender, addressed, len(octets), until, requiretls=wanted.proven)
            await submitting.submit(
                self.desk.intake, peer, self._identity, envelope, submitting.cut(octets)
            )
            known = self.desk.sent
            known[message_id] = filled
            if len(known) > MOST_KNOWN:
                del known[next(iter(known))]
        finally:
            del _SENDING[message_id]
            under_way.set()
        with suppress(Refused, MailError):  # it is on its way: a full mailbox can't change that
            await self._file(await self.reader.for_use(SENT), octets, flag_words.SEEN)
        with suppress(Refused, MailError):
            await self._settle(wanted)
        return ""

    async def keep(
        self, wanted: Writing, mark: str, files: Sequence[Attachment]
    ) -> tuple[str, int]:
        """Keep it as a draft, in place of the one it was: mailbox and UID. Raises as ``send``."""
        octets = await self._octets(wanted, self._message_id(mark), files)
        folder = await self.reader.for_use(DRAFTS)
        uid = await self._file(folder, octets, flag_words.SEEN | flag_words.DRAFT)
        if wanted.way == "draft":
            with suppress(Refused, MailError):
                await act(self.reader, wanted.box, [wanted.uid], "delete")
        return folder.name, uid

    async def _before(self, message_id: str, filled: int) -> Repeated:
        if (known := self.desk.sent.get(message_id)) is not None:
            return "same" if known == filled else "other"
        return "other" if await trace.newest(self._office, message_id) is not None else ""

    def _message_id(self, mark: str) -> str:
        try:
            from_text(mark)
        except ValueError:
            raise Invalid("the page was old: load it again and send the form once more") from None
        return f"{mark}@{self._office.config.hostname}"

    async def _octets(self, wanted: Writing, message_id: str, files: Sequence[Attachment]) -> bytes:
        address = wanted.sender or self._identity.address
        person = Person(address, self._identity.name)
        date = dates.write(self._office.now())
        kept = await self._kept(wanted, MOST - sum(len(one.octets) for one in files))
        room = MOST - sum(len(one.octets) for one in (*kept, *files))
        body = await layout.body(self.reader, wanted, room)
        return await asyncio.to_thread(
            words.composed, msgspec.structs.replace(wanted, text=body.text), person,
            date=date, message_id=message_id, files=[*kept, *files],
            html=body.html, images=body.images,
        )  # fmt: skip

    async def _kept(self, wanted: Writing, room: int) -> list[Attachment]:
        """The files of the message that this one is made from."""
        found = []
        for one in wanted.files:
            file, pieces = await self.reader.file(wanted.box, wanted.uid, one.path)
            room -= file.size
            if room < 0:
                raise Invalid(f"the files together are larger than {MOST >> 20} MB, the most here")
            octets = b"".join([piece async for piece in pieces])
            found.append(Attachment(file.name, octets, file.content_type))
        return found

    async def _file(self, folder: Folder, octets: bytes, flags: int) -> int:
        office = self._office
        post = Post(office.db, office.blobs, office.notify, office.clock)
        appender = Appender(office.store, post)
        try:
            await appender.begin(await self.reader.places.get(folder.name))
            await appender.message(flags, (), office.now())
            await appender.expect(len(octets))
            await appender.write(octets)
            return (await appender.finish()).uids[0]
        finally:
            await appender.abort()

    async def _settle(self, wanted: Writing) -> None:
        """What becomes of the message that this one was made from."""
        if wanted.way == "draft":
            await act(self.reader, wanted.box, [wanted.uid], "delete")
        elif wanted.way in ("author", "all"):
            view = await self.reader.view(wanted.box, read_only=False)
            answered = FlagChange("add", flag_words.ANSWERED)
            await view.store([(wanted.uid, wanted.uid)], answered, wants_flags=False)


async def _end_of(message_id: str) -> None:
    while (under_way := _SENDING.get(message_id)) is not None:
        await under_way.wait()
