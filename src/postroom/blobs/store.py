"""Blobs and their rows: insert, count references, read with every check, collect.

One blob serves all recipients of a letter; whoever adds a row that names it adds to
``refs`` in the same transaction. A blob without references stays for 24 hours, so that a
backup of the database taken before finds its body.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from postroom.blobs import frames, zstd
from postroom.blobs.damage import BlobCorrupt, damaged
from postroom.blobs.disk import Disk
from postroom.blobs.files import Files, Step
from postroom.blobs.prepared import IN_FILE, IN_FRAMES, Prepared
from postroom.blobs.reader import (
    Digest,
    checked,
    opened,
    pieces,
    read_body,
    read_head,
    read_part,
    read_row,
    unpacked,
)
from postroom.blobs.recent import of_frames, of_wholes
from postroom.blobs.writer import BlobWriter
from postroom.db.database import Database, Engine, Row, Tx, number
from postroom.db.ids import Ids

__all__ = ["BlobCorrupt", "BlobStore", "BlobWriter", "Prepared"]

GRACE_MS: Final = 24 * 60 * 60 * 1000
NO_LIMIT: Final = 1 << 62
_CHUNK: Final = 1000
_MANY: Final = {
    "sqlite": (
        "SELECT {columns} FROM json_each(:ids) AS wanted JOIN blob ON blob.id = wanted.value"
        " WHERE length(blob.head) <= :most"
    ),
    "postgres": "SELECT {columns} FROM blob WHERE id = ANY(:ids) AND length(head) <= :most",
}
# head_size stands behind the body: to read it costs every page of a row.
_HEAD: Final = "blob.id, blob.head"
_RELEASED: Final = (
    "UPDATE blob SET refs = refs - 1, freed_at = CASE WHEN refs - 1 <= 0 THEN :now ELSE NULL END"
    " WHERE id IN (SELECT value FROM json_each(:ids))"
)
_WHOLE: Final = (
    f"{_HEAD}, blob.head_size, blob.body, blob.body_size, blob.place, blob.frames, blob.digest"
)


class BlobStore:
    """All blobs of one database; large bodies in files below ``data`` or, on PostgreSQL, rows."""

    def __init__(
        self,
        data: Path,
        db_engine: Engine,
        ids: Ids,
        *,
        step: Step = lambda _name: None,
        disk: Disk | None = None,
    ) -> None:
        """``disk``: that of ``data``, with a reserve; without one nothing is reserved."""
        self.disk = disk or Disk(data, 0, lambda: time.monotonic_ns() // 1_000_000)
        self.files = Files(data, step)
        self._in_rows = db_engine == "postgres"
        self._ids = ids
        self._recent = of_wholes()
        self._frames = of_frames(frames.FRAME)

    def writer(self) -> BlobWriter:
        """For the body of one message."""
        return BlobWriter(self.files, self._ids, in_rows=self._in_rows)

    def small(self, head: bytes, body: bytes) -> Prepared:
        """A message with a body of up to 64 KiB, without a writer and its thread."""
        return Prepared.small(self._ids.next(), head, body)

    def insert(self, tx: Tx, rows: Sequence[tuple[Prepared, int]]) -> None:
        """Add blobs, each with its number of references."""
        tx.many(
            "INSERT INTO blob (id, head, body, place, head_size, body_size, frames, digest, refs)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (b.id, b.head, b.body, b.place, b.head_size, b.body_size, b.frames, b.digest, refs)
                for b, refs in [(blob.packed(), refs) for blob, refs in rows]
            ],
        )
        for blob, _refs in rows:
            if blob.place == IN_FRAMES:
                self._insert_frames(tx, blob)

    def _insert_frames(self, tx: Tx, blob: Prepared) -> None:
        for place, frame in enumerate(frames.from_octets(blob.frames, blob.body_size)):
            tx.execute(
                "INSERT INTO blob_frame (blob_id, number, octets) VALUES (:blob, :number, :octets)",
                blob=blob.id,
                number=place,
                octets=self.files.read_temporary(blob.id, frame.offset, frame.stored),
            )

    async def inserted(self, blob: Prepared) -> None:
        """Call it once the insert has committed, or failed: drops what only it needed."""
        if blob.place == IN_FRAMES:
            await asyncio.to_thread(self.files.remove_temporary, blob.id)

    async def discard(self, *blobs: Prepared) -> None:
        """Remove the files of blobs that nobody will insert."""
        for blob in blobs:
            await self.inserted(blob)
            if blob.place == IN_FILE:
                await asyncio.to_thread(self.files.remove, blob.id)

    def retain(self, tx: Tx, ids: Mapping[int, int]) -> None:
        """Add references. Raises ``BlobCorrupt`` when a blob is gone."""
        for ident, count in sorted(ids.items()):
            changed = tx.execute(
                "UPDATE blob SET refs = refs + :count, freed_at = NULL WHERE id = :id",
                count=count,
                id=ident,
            )
            if not changed:
                raise damaged(ident, "the row is missing")

    def release(self, tx: Tx, counts: Mapping[int, int], now: int) -> None:
        """Take references away; at none the 24 hours begin."""
        if tx.engine == "sqlite" and all(count == 1 for count in counts.values()):
            tx.execute(_RELEASED, now=now, ids=json.dumps(list(counts)))
            return
        tx.many(  # in order: two transactions on PostgreSQL never wait in a circle
            "UPDATE blob SET refs = refs - ?,"
            " freed_at = CASE WHEN refs - ? <= 0 THEN ? ELSE NULL END WHERE id = ?",
            [(count, count, now, ident) for ident, count in sorted(counts.items())],
        )

    async def collect(self, db: Database, now: int) -> int:
        """Delete what nobody has named for 24 hours; how many blobs went."""
        gone = 0
        while True:
            rows = await db.write(lambda tx: _delete(tx, now - GRACE_MS), bulk=True)
            await self._forget(rows)
            gone += len(rows)
            if len(rows) < _CHUNK:
                return gone

    async def erase(self, db: Database, ids: Sequence[int]) -> None:
        """Delete those of these that nobody names, without the 24 hours: for privacy."""
        for at in range(0, len(ids), _CHUNK):
            some = ids[at : at + _CHUNK]
            rows = await db.write(lambda tx, some=some: _erase(tx, some), bulk=True)  # type: ignore[misc]
            await self._forget(rows)

    def freed(self, tx: Tx) -> int:
        """Octets, uncompressed, of what waits to be collected. Reads all of these rows."""
        return number(
            tx,
            "SELECT coalesce(sum(head_size + body_size), 0) FROM blob WHERE freed_at IS NOT NULL",
        )

    async def _forget(self, rows: Sequence[Row]) -> None:
        gone = {ident for ident, _ in rows}
        self._recent.drop(gone.__contains__)
        self._frames.drop(lambda place: place[0] in gone)
        for ident, place in rows:
            if place == IN_FILE:
                await asyncio.to_thread(self.files.remove, ident)

    def heads(
        self, tx: Tx, ids: Sequence[int], *, most: int = NO_LIMIT, total: int = NO_LIMIT
    ) -> dict[int, bytes]:
        """Header blocks: none above ``most`` octets compressed, ``total`` together.

        Missing or damaged ones are left out too; ``head`` says why.
        """
        found: dict[int, bytes] = {}
        for ident, packed in _rows(tx, _HEAD, ids, most):
            try:
                head = zstd.unpack(packed)
            except ValueError as error:
                damaged(ident, f"header block: {error}")
                continue
            total -= len(head)
            if total < 0:
                break
            found[ident] = head
        return found

    def wholes(
        self, tx: Tx, ids: Sequence[int], *, keep: bool = True
    ) -> dict[int, tuple[bytes, bytes]]:
        """Header blocks and bodies, checked; as ``heads``. The caller bounds their size.

        ``keep`` them for a while: not for who goes through a mailbox, once.
        """
        known = self._recent.get(ids)
        missing = [ident for ident in ids if ident not in known]
        rows = list(_rows(tx, _WHOLE, missing)) if missing else []
        found = unpacked(rows)
        for row in rows:
            ident = row[0]
            if ident in found:
                continue
            try:
                blob = opened(*row)
                found[ident] = blob.head, read_body(tx, self.files, blob)
            except (ValueError, OSError) as error:
                damaged(ident, str(error))
        if keep:
            self._recent.put(found)
        return known | found

    async def head(self, db: Database, ident: int) -> bytes:
        """The header block."""
        return await db.read(lambda tx: read_head(tx, ident))

    async def body(
        self, db: Database, ident: int, start: int = 0, length: int | None = None
    ) -> bytes:
        """A part of the body, or all of it; a whole read is checked against the digest."""
        blob = await db.read(lambda tx: read_row(tx, ident))
        end = _end(start, length, blob.size)
        found = [piece async for piece in pieces(db, self.files, blob, start, end)]
        if start == 0 and end == blob.size:
            digest = Digest(blob)
            for piece in found:
                await digest.update(piece)
            digest.check()
        return b"".join(found)

    async def part(self, db: Database, ident: int, start: int, length: int) -> bytes:
        """The same for who is likely to ask for the next part soon: keeps its frames a while.

        The caller bounds it: it is read in one go.
        """
        return await db.read(
            lambda tx: checked(
                ident, lambda: read_part(tx, self.files, ident, start, length, self._frames)
            )
        )

    async def verify(self, db: Database, ident: int) -> None:
        """Read everything, compare the digest. Raises ``BlobCorrupt``."""
        async for _piece in self.stream(db, ident):
            pass

    async def stream(
        self, db: Database, ident: int, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Octets of head and body in pieces of at most 1 MiB.

        Of a whole read the last piece comes only after the digest was found right.
        """
        blob = await db.read(lambda tx: read_row(tx, ident))
        head = len(blob.head)
        end = _end(start, length, head + blob.size)
        digest = Digest(blob) if start == 0 and end == head + blob.size else None
        held = blob.head[start : min(end, head)]
        async for piece in pieces(db, self.files, blob, max(0, start - head), end - head):
            if digest:
                await digest.update(piece)
            for cut in range(0, len(held), frames.FRAME):
                yield held[cut : cut + frames.FRAME]
            held = piece
        if digest:
            digest.check()
        for cut in range(0, len(held), frames.FRAME):
            yield held[cut : cut + frames.FRAME]


def _rows(tx: Tx, columns: str, ids: Sequence[int], most: int = NO_LIMIT) -> Iterator[Row]:
    """These columns of blobs whose header block is compressed to at most ``most`` octets."""
    if len(ids) == 1:
        statement = f"SELECT {columns} FROM blob WHERE id = :id AND length(head) <= :most"
        yield from tx.all(statement, id=ids[0], most=most)
        return
    statement = _MANY[tx.engine].format(columns=columns)
    for at in range(0, len(ids), _CHUNK):
        some = list(ids[at : at + _CHUNK])
        given = json.dumps(some) if tx.engine == "sqlite" else some
        yield from tx.all(statement, ids=given, most=most)


def _end(start: int, length: int | None, size: int) -> int:
    return size if length is None else min(size, start + length)


def _erase(tx: Tx, ids: Sequence[int]) -> list[Row]:
    return tx.all(
        f"DELETE FROM blob WHERE id IN ({','.join(map(str, ids))}) AND refs <= 0"
        " RETURNING id, place"
    )


def _delete(tx: Tx, before: int) -> list[Row]:
    return tx.all(
        "DELETE FROM blob WHERE id IN (SELECT id FROM blob WHERE freed_at <= :before"
        " AND refs <= 0 ORDER BY freed_at LIMIT :most) RETURNING id, place",
        before=before,
        most=_CHUNK,
    )
