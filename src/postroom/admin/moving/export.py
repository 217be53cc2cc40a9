"""Writes all mail of an account into a folder, as Maildir or mbox: every octet, flag and date.

It is written beside the folder that was named and takes its name at the end, so what has that
name is whole. Messages that are damaged in the store are left out and named.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec

from postroom.admin.moving import manifest
from postroom.admin.moving.maildir_writer import MaildirWriter
from postroom.admin.moving.manifest import Exported, Manifest
from postroom.admin.moving.mbox_writer import MboxWriter
from postroom.admin.moving.source import LeftOut
from postroom.admin.moving.writer import Stored, Writer
from postroom.admin.office import Office
from postroom.blobs.store import BlobCorrupt
from postroom.db.database import Row, Tx
from postroom.errors import Refused
from postroom.store import listing, mailboxes
from postroom.store.filing import MAX_UID
from postroom.store.mailboxes import Mailbox
from postroom.store.spans import Span

Format = Literal["maildir", "mbox"]

PAGE: Final = 200
SMALL: Final = 256 * 1024  # octets of a message that is read whole
MAX_OCTETS: Final = 4 << 20  # of messages that are in memory together

_RETURN_PATH: Final = b"return-path: <"


class Progress(msgspec.Struct):
    """How far an export has come."""

    account: str
    folder: str = ""
    messages: int = 0
    octets: int = 0
    total: int = 0


class Done(msgspec.Struct, frozen=True):
    """What was written."""

    account: str
    folder: str
    format: Format
    mailboxes: int
    messages: int
    octets: int
    left_out: list[LeftOut]


async def run(
    office: Office,
    address: str,
    folder: Path,
    form: Format = "maildir",
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Done:
    """Export; ``progress`` is called from time to time. Raises NotFound, Refused, OSError."""
    await office.account(address)
    part = folder.with_name(folder.name + ".part")
    await asyncio.to_thread(_make, folder, part)
    return await fill(
        office, address, folder, form, writer(part, form), partial(_finish, part, folder), progress
    )


def writer(root: Path, form: Format) -> Writer:
    """What writes into an empty folder."""
    return MboxWriter(root) if form == "mbox" else MaildirWriter(root)


async def fill(
    office: Office,
    address: str,
    target: Path,
    form: Format,
    writer: Writer,
    finish: Callable[[Manifest], None],
    progress: Callable[[Progress], None],
) -> Done:
    """Hand every message of an account to a writer, and then the manifest to ``finish``."""
    account = await office.account(address)
    shown = Progress(str(account.address), total=(await office.store.usage(account.id)).messages)
    left_out: list[LeftOut] = []
    exported: list[Exported] = []
    found = await office.store.read(mailboxes.listing, account.id)
    subscribed = set(await office.store.read(mailboxes.subscriptions, account.id))
    for mailbox in found:
        shown.folder = mailbox.name
        place = await asyncio.to_thread(writer.begin, mailbox)
        try:
            async for page in _pages(office, mailbox):
                left_out += await _write(office, writer, mailbox, page)
                shown.messages += len(page)
                shown.octets += sum(row[4] for row in page)
                progress(shown)
        finally:
            await asyncio.to_thread(writer.end)
        use = next(iter(mailbox.special_uses), "")
        exported.append(Exported(mailbox.name, place, use, mailbox.name in subscribed))
    await asyncio.to_thread(finish, Manifest(shown.account, form, exported))
    return Done(
        account=shown.account,
        folder=str(target),
        format=form,
        mailboxes=len(found),
        messages=shown.messages - len(left_out),
        octets=shown.octets,
        left_out=left_out,
    )


def _make(folder: Path, part: Path) -> None:
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise Refused(f"{folder} is there already; name a new folder")
    if part.exists():
        raise Refused(f"{part} is left from an export that was broken off; remove it first")
    part.mkdir(mode=0o700, parents=True)


def _finish(part: Path, folder: Path, found: Manifest) -> None:
    manifest.write(part, found)
    part.rename(folder)


async def _pages(office: Office, mailbox: Mailbox) -> AsyncIterator[list[Row]]:
    """Rows of ``listing.page_with``, then the prefix, by UID."""
    first = 1

    def read(tx: Tx) -> list[Row]:
        ids = listing.matching_ids(tx, mailbox.id, Span(first, MAX_UID), "", PAGE)
        if not ids:
            return []
        span = Span(ids[0][0], ids[-1][0])
        return listing.page_with(tx, mailbox.account_id, mailbox.id, span, ("prefix",))

    while page := await office.db.read(read):
        yield page
        first = page[-1][0] + 1


async def _write(
    office: Office, writer: Writer, mailbox: Mailbox, page: Sequence[Row]
) -> list[LeftOut]:
    """Write the messages of a page, in their order; those that are damaged."""
    left_out: list[LeftOut] = []
    group: list[Row] = []
    octets = 0
    for row in (*page, None):
        size = row[4] if row else 0
        if group and (row is None or size > SMALL or octets + size > MAX_OCTETS):
            left_out += await _write_small(office, writer, mailbox, group)
            group, octets = [], 0
        if row is None:
            break
        if size <= SMALL:
            group.append(row)
            octets += size
            continue
        try:
            await _write_large(office, writer, row)
        except BlobCorrupt as error:
            left_out.append(_damaged(mailbox, row, error.detail))
    return left_out


async def _write_small(
    office: Office, writer: Writer, mailbox: Mailbox, rows: Sequence[Row]
) -> list[LeftOut]:
    ids = list({row[7] for row in rows})
    found = await office.db.read(lambda tx: office.blobs.wholes(tx, ids))
    left_out: list[LeftOut] = []

    def write() -> None:
        for row in rows:
            if row[7] not in found:
                left_out.append(_damaged(mailbox, row, "its octets are missing or damaged"))
                continue
            content = row[8] + b"".join(found[row[7]])
            stored = _stored(row, is_open=not content.endswith(b"\n"))
            writer.open(stored)
            writer.write(content)
            writer.close(stored)

    await asyncio.to_thread(write)
    return left_out


async def _write_large(office: Office, writer: Writer, row: Row) -> None:
    size, blob_id, prefix = row[4], row[7], row[8]
    last = size - len(prefix) - 1
    end = b"".join([piece async for piece in office.blobs.stream(office.db, blob_id, last, 1)])
    stored = _stored(row, is_open=end != b"\n")
    is_whole = False
    await asyncio.to_thread(writer.open, stored)
    try:
        await asyncio.to_thread(writer.write, prefix)
        async for piece in office.blobs.stream(office.db, blob_id):
            await asyncio.to_thread(writer.write, piece)
        is_whole = True
    finally:
        await asyncio.to_thread(writer.close, stored, is_whole=is_whole)


def _stored(row: Row, *, is_open: bool) -> Stored:
    prefix: bytes = row[8]
    sender = ""
    if prefix[: len(_RETURN_PATH)].lower() == _RETURN_PATH:
        sender = prefix[len(_RETURN_PATH) :].partition(b">")[0].decode("ascii", "replace")
    return Stored(row[0], row[1], row[2], row[4], row[5], sender, is_open)


def _damaged(mailbox: Mailbox, row: Row, why: str) -> LeftOut:
    return LeftOut(f"{mailbox.name}, UID {row[0]}", why, 1)
