"""Journal copies: what is committed with a message for the archives of its domains.

A copy is a letter of its own, with the null reverse-path: nobody but the postmaster is told when
it can't be delivered, and nobody answers it. It goes by the queue, also to an address here. An
archive sees what its domain may know: all recipients of a message that comes from the domain, only
those in the domain of one that comes to it.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence

import msgspec

from postroom.address import Address
from postroom.blobs.reader import pending
from postroom.db.ids import to_text
from postroom.directory.directory import Directory
from postroom.ledger.rows import Entry, Fact, clean, normal_id
from postroom.message import headers, journal
from postroom.message.journal import Report
from postroom.post import notice
from postroom.post.letter import Letter
from postroom.post.notice import DOOR, Tools
from postroom.queue.rows import OURS, Outgoing, Queued


class Seen(msgspec.Struct, frozen=True):
    """A message as it passes: ``authors`` are addresses here that it comes from.

    ``head`` is the header block of the letter's blob. ``is_ascii``: the whole message is.
    ``onward``: who has it sent on, and to whom elsewhere.
    """

    sender: str
    authors: Collection[str]
    recipients: Sequence[str]
    head: bytes
    is_ascii: bool
    onward: Sequence[tuple[str, str]] = ()


class _Kept(msgspec.Struct, frozen=True):
    """A domain whose journal gets a copy, and the recipients that it tells, and sent on to whom."""

    domain: str
    recipients: list[str]
    onward: list[tuple[str, str]]


async def addressed(
    tools: Tools,
    directory: Directory,
    to: Address,
    octets: bytes,
    *,
    requiretls: bool = False,
    speaker: str = "",
) -> Letter | None:
    """``notice.addressed``, with journal copies if somebody here speaks in it: ``speaker``."""
    letter = await notice.addressed(tools, directory, to, octets, requiretls=requiretls)
    if letter is None or not speaker:
        return letter
    head, _ = headers.split(octets)
    seen = Seen("", (speaker,), (str(to),), head, octets.isascii())
    return await added(tools, directory, letter, seen)


async def added(tools: Tools, directory: Directory, letter: Letter, seen: Seen) -> Letter:
    """The letter with its journal copies. Raises MailError, and leaves nothing of them then."""
    entry = letter.entry
    if entry is None or not await directory.has_journals():
        return letter
    copied = await copies(
        tools, directory, entry, seen, lambda: pending(tools.blobs.files, letter.blob)
    )
    if not copied:
        return letter
    facts = [Fact(0, 0, entry.at, "noted", "", detail=_told(one)) for one in copied]
    return msgspec.structs.replace(
        letter, also=(*letter.also, *copied), facts=(*letter.facts, *facts)
    )


async def copies(
    tools: Tools,
    directory: Directory,
    entry: Entry,
    seen: Seen,
    body: Callable[[], AsyncIterator[bytes]],
) -> list[Letter]:
    """The copies of a message with this ``body``. Raises MailError, and leaves nothing then."""
    found: list[Letter] = []
    try:
        for to, kept in (await _wanted(directory, seen)).items():
            ident = tools.ids.next()
            report = _report(entry, seen, to, kept, ident)
            found.append(await _copy(tools, directory, body, report, to, ident))
    except BaseException:
        await tools.blobs.discard(*[one.blob for one in found])
        raise
    return found


def _told(copy: Letter) -> str:
    """Where a copy goes, and its id."""
    (going,) = copy.outgoing
    to = going.recipient.decode("utf-8", "replace")
    return clean(f"journal copy to {to}, id {to_text(going.queued_id)}", 1_000)


async def _wanted(directory: Directory, seen: Seen) -> dict[Address, _Kept]:
    """By where copies go."""
    found: dict[Address, _Kept] = {}
    everybody = list(dict.fromkeys(seen.recipients))
    for domain in dict.fromkeys(map(_domain, seen.authors)):
        to = await directory.journal_of(domain)
        if to is not None:
            found.setdefault(to, _Kept(domain, everybody, []))
    for one in everybody:
        domain = _domain(one)
        to = await directory.journal_of(domain)
        if to is None:
            continue
        kept = found.setdefault(to, _Kept(domain, [], []))
        if kept.recipients is not everybody:
            kept.recipients.append(one)
        kept.onward.extend([pair for pair in dict.fromkeys(seen.onward) if pair[0] == one])
    return found


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _report(entry: Entry, seen: Seen, to: Address, kept: _Kept, ident: int) -> Report:
    return Report(
        speaker=f"postmaster@{kept.domain}",
        to=str(to),
        ident=to_text(ident),
        sender=seen.sender,
        recipients=kept.recipients,
        onward=kept.onward,
        at=entry.at,
        queue_id=to_text(entry.id),
        message_id=entry.message_id,
        subject=entry.subject,
        head=seen.head,
        is_ascii=seen.is_ascii and seen.head.isascii(),
    )


async def _copy(
    tools: Tools,
    directory: Directory,
    body: Callable[[], AsyncIterator[bytes]],
    report: Report,
    to: Address,
    ident: int,
) -> Letter:
    key = directory.secrets.srs
    head = journal.head(report, key)
    opening, closing = journal.opening(report, key), journal.closing(report, key)
    writer = tools.blobs.writer()
    try:
        await writer.write(opening + report.head)
        async for block in body():
            await writer.write(block)
        await writer.write(closing)
        blob = await writer.finish(head)
    except BaseException:
        await writer.abort()
        raise
    size = blob.head_size + blob.body_size
    return Letter(
        blob=blob,
        queued=Queued(
            id=ident,
            blob_id=blob.id,
            sender=b"",
            size=size,
            accepted=report.at,
            smtputf8=not head.isascii(),
            eightbit=not (report.is_ascii and opening.isascii()),
            origin=OURS,
        ),
        outgoing=(Outgoing(ident, 0, str(to).encode(), to.domain.ascii),),
        entry=Entry(
            ident,
            report.at,
            DOOR,
            "",
            "",
            "",
            normal_id(journal.identifier(report)),
            clean(report.subject),
            size,
        ),
    )
