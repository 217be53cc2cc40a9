"""Reading one blob: the row, then only the frames that are needed, each checked."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

import msgspec

from postroom.blobs import frames, zstd
from postroom.blobs.damage import damaged
from postroom.blobs.files import Files
from postroom.blobs.prepared import IN_FILE, IN_FRAMES, IN_ROW, Prepared
from postroom.blobs.recent import Place, Recent, Whole
from postroom.db.database import Database, Row, Tx

_ON_LOOP: Final = 64 * 1024

T = TypeVar("T")

_HEAD: Final = "SELECT head, head_size FROM blob WHERE id = :id"
_ROW: Final = (
    "SELECT head, head_size, body, body_size, place, frames, digest FROM blob WHERE id = :id"
)
_WRONG: Final = "the octets fail their SHA-256"
_FRAME: Final = "SELECT octets FROM blob_frame WHERE blob_id = :id AND number = :number"


class Opened(msgspec.Struct):
    """A blob's row, its small parts uncompressed. ``octets``: the body when in the row."""

    id: int
    head: bytes
    size: int
    digest: bytes
    place: int
    octets: bytes
    table: list[frames.Frame]


class Digest:
    """SHA-256 over a whole body, then its head, as the octets come."""

    def __init__(self, blob: Opened) -> None:
        self._blob = blob
        self._sha = hashlib.sha256()

    async def update(self, piece: bytes) -> None:
        """More of the body."""
        if len(piece) > _ON_LOOP:
            await asyncio.to_thread(self._sha.update, piece)
        else:
            self._sha.update(piece)

    def check(self) -> None:
        """All of it has come. Raises ``BlobCorrupt``."""
        self._sha.update(self._blob.head)
        if self._sha.digest() != self._blob.digest:
            raise damaged(self._blob.id, _WRONG)


def checked(ident: int, read: Callable[[], T]) -> T:
    """Call ``read``; what it finds wrong becomes ``BlobCorrupt``."""
    try:
        return read()
    except ValueError as error:
        raise damaged(ident, str(error)) from error
    except FileNotFoundError as error:
        raise damaged(ident, "the body file is missing") from error
    except OSError as error:
        raise damaged(ident, str(error)) from error


def read_head(tx: Tx, ident: int) -> bytes:
    """The header block."""
    row = tx.one(_HEAD, id=ident)
    if row is None:
        raise damaged(ident, "the row is missing")
    return checked(ident, lambda: zstd.unpack(row[0], row[1]))


def read_row(tx: Tx, ident: int) -> Opened:
    """The row, with head and small body uncompressed."""
    row = tx.one(_ROW, id=ident)
    if row is None:
        raise damaged(ident, "the row is missing")
    return checked(ident, lambda: opened(ident, *row))


def opened(  # noqa: PLR0913, PLR0917 - the columns of one row
    ident: int,
    head: bytes,
    head_size: int,
    body: bytes | None,
    body_size: int,
    place: int,
    table: bytes,
    digest: bytes,
) -> Opened:
    """A row as ``_ROW`` reads it, uncompressed. Raises ValueError."""
    blob = Opened(ident, zstd.unpack(head, head_size), body_size, digest, place, b"", [])
    if place == IN_ROW:
        if body is None:
            raise ValueError("the body is missing")
        blob.octets = zstd.unpack(body, body_size)
    elif place in {IN_FILE, IN_FRAMES}:
        blob.table = frames.from_octets(table, body_size)
    else:
        raise ValueError(f"unknown place {place}")
    return blob


def unpacked(rows: Sequence[Row]) -> dict[int, Whole]:
    """Header block and body of rows, as ``BlobStore.wholes`` reads them, checked.

    Left out are those that lie elsewhere, are empty or damaged; beside damage maybe others.
    """
    held = [row for row in rows if row[5] == IN_ROW and row[3] and row[2] > 0 and row[4] > 0]
    try:
        octets = zstd.unpack_all(
            [frame for row in held for frame in (row[1], row[3])],
            [size for row in held for size in (row[2], row[4])],
        )
    except ValueError:
        return {}
    found: dict[int, Whole] = {}
    for row, front, body in zip(held, octets[::2], octets[1::2], strict=True):
        sha = hashlib.sha256(body)
        sha.update(front)
        if sha.digest() == row[7]:
            found[row[0]] = front, body
    return found


def read_body(tx: Tx, files: Files, blob: Opened) -> bytes:
    """A whole body at once, checked against the digest: for small ones, in a reader."""
    found = [blob.octets] if blob.place == IN_ROW else []
    for number, frame in enumerate(blob.table):
        if blob.place == IN_FRAMES:
            row = tx.one(_FRAME, id=blob.id, number=number)
            packed: bytes = row[0] if row else b""
        else:
            packed = files.read(blob.id, frame.offset, frame.stored)
        found.append(frames.read(packed, frame))
    body = b"".join(found)
    digest = hashlib.sha256(body)
    digest.update(blob.head)
    if digest.digest() != blob.digest:
        raise ValueError(_WRONG)
    return body


def read_part(
    tx: Tx, files: Files, ident: int, start: int, length: int, recent: Recent[Place, bytes]
) -> bytes:
    """Body octets from ``start``, in a reader; frames are looked for in ``recent``, and kept there.

    All of a body is checked against the digest. Raises ValueError, OSError.
    """
    blob = read_row(tx, ident)
    end = min(start + length, blob.size)
    if start == 0 and end == blob.size:
        return read_body(tx, files, blob)
    if blob.place == IN_ROW:
        return blob.octets[start:end]
    found: list[bytes] = []
    while start < end:
        number = start // frames.FRAME
        place = blob.id, number
        octets = recent.get([place]).get(place)
        if octets is None:
            octets = frames.read(_stored(tx, files, blob, number), blob.table[number])
            recent.put({place: octets})
        begin = start - number * frames.FRAME
        found.append(octets[begin : begin + end - start])
        start += len(found[-1])
    return b"".join(found)


def _stored(tx: Tx, files: Files, blob: Opened, number: int) -> bytes:
    """The octets of a frame as they are stored; none when it is missing."""
    frame = blob.table[number]
    if blob.place == IN_FRAMES:
        row = tx.one(_FRAME, id=blob.id, number=number)
        return row[0] if row else b""
    return files.read(blob.id, frame.offset, frame.stored)


async def pieces(
    db: Database,
    files: Files,
    blob: Opened,
    start: int,
    end: int,
) -> AsyncIterator[bytes]:
    """Body octets from ``start`` to ``end``, in pieces of at most 1 MiB."""
    if blob.place == IN_ROW:
        if start < end:
            yield blob.octets[start:end]
        return
    number = start // frames.FRAME
    while start < end:
        octets = await _frame(db, files, blob, number)
        begin = start - number * frames.FRAME
        piece = octets[begin : begin + end - start]
        yield piece
        start += len(piece)
        number += 1


async def pending(files: Files, blob: Prepared) -> AsyncIterator[bytes]:
    """The body of a blob that has no row yet, in pieces of at most 1 MiB."""
    if blob.body is not None:
        yield zstd.unpack(blob.body, blob.body_size) if blob.digest else blob.body
        return
    read = files.read if blob.place == IN_FILE else files.read_temporary
    for frame in frames.from_octets(blob.frames, blob.body_size):
        yield await asyncio.to_thread(
            checked,
            blob.id,
            lambda frame=frame: frames.read(read(blob.id, frame.offset, frame.stored), frame),
        )


async def _frame(db: Database, files: Files, blob: Opened, number: int) -> bytes:
    frame = blob.table[number]
    if blob.place == IN_FRAMES:
        row = await db.read(lambda tx: tx.one(_FRAME, id=blob.id, number=number))
        if row is None:
            raise damaged(blob.id, f"frame {number} is missing")
        packed: bytes = row[0]
        return await asyncio.to_thread(checked, blob.id, lambda: frames.read(packed, frame))
    return await asyncio.to_thread(
        checked,
        blob.id,
        lambda: frames.read(files.read(blob.id, frame.offset, frame.stored), frame),
    )
