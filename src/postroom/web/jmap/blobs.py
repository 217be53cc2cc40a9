"""Blobs: uploads, and what else can be read as octets (RFC 8620 §6).

``U1f`` is an upload, which only who brought it reads. It lies in the blob store like a message, so
it is never in memory as a whole, and is there for every process.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from postroom.admin.office import Office
from postroom.blobs.store import Prepared
from postroom.db.database import Tx
from postroom.store import uploads
from postroom.store.uploads import Upload
from postroom.web.jmap.account import Account
from postroom.web.jmap.capabilities import max_upload

ANY: Final = "application/octet-stream"
LEAST_ROOM: Final = 1 << 30  # octets of uploads that one person may have here, at least

_ID: Final = re.compile(r"U([1-9a-f][0-9a-f]{0,15})")
_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")

Pieces = AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Blob:
    """Octets to read. ``size`` is how many there are at most, exactly so where ``is_exact``."""

    size: int
    type: str
    pieces: Callable[[], Pieces]
    is_exact: bool = True


async def find(account: Account, ident: str) -> Blob | None:
    """The blob with this id, if the person may read it in that account."""
    found = _ID.fullmatch(ident)
    if found is None:
        return None
    store, person = account.store, account.person.account_id
    kept = await store.read(uploads.named, person, account.number, int(found[1], 16))
    if kept is None:
        return None
    blob_id = kept.blob_id
    return Blob(kept.size, kept.type, lambda: store.blobs.stream(store.db, blob_id))


def media_type(text: str) -> str:
    """A media type without parameters; what is none is ``application/octet-stream``."""
    plain = text.partition(";")[0].strip()
    return plain if _TYPE.fullmatch(plain) else ANY


def room(office: Office) -> int:
    """Octets of uploads that one person may have here."""
    return max(LEAST_ROOM, 4 * max_upload(office))


async def require_room(office: Office, account: Account, size: int) -> None:
    """Look before octets come. Raises TooManyUploads, StorageFull."""
    office.blobs.disk.require(size)
    hour_ago = office.now() - uploads.SPARED_MS
    await office.store.read(
        uploads.check,
        account.person.account_id,
        size,
        most_octets=room(office),
        before=hour_ago,
    )


async def keep(office: Office, account: Account, pieces: Pieces, kind: str) -> Upload:
    """Store an upload; its pieces are bounded by the caller. Raises TooManyUploads, MailError."""
    writer = office.blobs.writer()
    size = 0
    try:
        async for piece in pieces:
            size += len(piece)
            await writer.write(piece)
        prepared = await writer.finish(b"")
    except BaseException:
        await writer.abort()
        raise
    new = Upload(
        id=office.ids.next(),
        account_id=account.number,
        by_id=account.person.account_id,
        blob_id=prepared.id,
        size=size,
        type=kind,
        at=office.now(),
    )
    await _insert(office, new, prepared)
    return new


async def _insert(office: Office, new: Upload, prepared: Prepared) -> None:
    def write(tx: Tx) -> None:
        office.blobs.insert(tx, [(prepared, 1)])
        uploads.add(tx, office.blobs, new, most_octets=room(office))

    try:
        await office.db.write(write)
    except BaseException:
        await office.blobs.discard(prepared)
        raise
    await office.blobs.inserted(prepared)


def blob_id(upload: Upload) -> str:
    """The id that clients know it by."""
    return f"U{upload.id:x}"
