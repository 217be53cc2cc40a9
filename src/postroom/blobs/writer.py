"""From octets on the wire to a ``Prepared`` blob, with bounded memory.

At most 1 MiB of a body waits in memory: then it becomes a frame in a file. Hashing,
compressing and writing of more than 64 KiB run in a thread; what is smaller is hashed and
compressed by the thread that writes its row.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final, TypeVar

from postroom.blobs import frames, zstd
from postroom.blobs.files import Files, failure, write_all
from postroom.blobs.prepared import IN_FILE, IN_FRAMES, IN_ROW, INLINE, Prepared
from postroom.db.ids import Ids
from postroom.errors import StorageFailed

__all__ = ["BlobWriter", "Prepared"]

_SMALL: Final = 64 * 1024

T = TypeVar("T")


class BlobWriter:
    """Takes one body. End it with ``finish`` or ``abort``."""

    def __init__(self, files: Files, ids: Ids, *, in_rows: bool) -> None:
        """``in_rows``: large bodies go into the database (PostgreSQL), not into files."""
        self._files = files
        self._ids = ids
        self._in_rows = in_rows
        self._pending = bytearray()
        self._sha = hashlib.sha256()
        self._size = 0
        self._stored = 0
        self._frames: list[frames.Frame] = []
        self._id = 0
        self._fd = -1
        self._work: asyncio.Future[Any] | None = None

    def write_small(self, head: bytes, body: bytes) -> Prepared:
        """All at once, without a thread: for bodies up to 64 KiB, and no other call."""
        return Prepared.small(self._ids.next(), head, body)

    async def write(self, block: bytes) -> None:
        """Take body octets. Raises ``StorageFull`` or ``StorageFailed``; then ``abort``."""
        rest = memoryview(block)
        while rest:
            room = frames.FRAME - len(self._pending)
            if room == 0:
                await self._in_thread(self._spill)
                continue
            self._pending += rest[:room]
            rest = rest[room:]

    async def octets(self) -> AsyncIterator[bytes]:
        """What was taken so far, a frame at a time; not after ``finish``.

        Raises ``StorageFailed``, also when what is read is not what was written.
        """
        for frame in tuple(self._frames):
            yield await self._in_thread(partial(self._read, frame))
        if self._pending:
            yield bytes(self._pending)

    async def finish(self, head: bytes, *, apart: bool = False) -> Prepared:
        """The blob; a body in a file is durable there. Raises as ``write``.

        ``apart`` keeps also a small body out of the row, and so out of memory.
        """
        if not apart and not self._frames and len(self._pending) + len(head) <= _SMALL:
            return self.write_small(head, bytes(self._pending))
        try:
            return await self._in_thread(lambda: self._finish(head, apart=apart))
        except BaseException:
            await self.abort()
            self._forget()
            raise

    def _forget(self) -> None:
        """Remove the file of a blob that was finished when nobody waited for it any more."""
        work = self._work
        if work is None or work.cancelled() or work.exception() is not None:
            return
        blob = work.result()
        if isinstance(blob, Prepared) and blob.place == IN_FILE:
            self._files.remove(self._id)
        elif isinstance(blob, Prepared) and blob.place == IN_FRAMES:
            self._files.remove_temporary(self._id)

    async def abort(self) -> None:
        """Leave nothing behind. Harmless after ``finish``."""
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work])
        self._pending.clear()
        if self._fd >= 0:
            self._close()
            with contextlib.suppress(OSError):
                self._files.remove_temporary(self._id)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """The work outlives a cancelled caller; ``abort`` waits for it."""
        future = asyncio.get_running_loop().run_in_executor(None, work)
        self._work = future
        try:
            return await asyncio.shield(future)
        except OSError as error:
            raise failure(error) from error

    def _spill(self) -> None:
        """What is pending becomes a frame in the file."""
        if self._fd < 0:
            self._id = self._ids.next()
            self._fd = self._files.create(self._id)
        self._sha.update(self._pending)
        packed, frame = frames.make(self._pending, self._stored)
        self._append(packed, frame)
        self._pending = bytearray()

    def _read(self, frame: frames.Frame) -> bytes:
        try:
            packed = self._files.read_temporary(self._id, frame.offset, frame.stored)
            return frames.read(packed, frame)
        except ValueError as error:
            raise StorageFailed(detail=str(error)) from error

    def _append(self, packed: bytes, frame: frames.Frame) -> None:
        write_all(self._fd, packed)
        self._frames.append(frame)
        self._stored += frame.stored
        self._size += frame.size

    def _finish(self, head: bytes, *, apart: bool) -> Prepared:
        if not self._frames:
            packed, frame = frames.make(self._pending, 0)
            self._sha.update(self._pending)
            if len(packed) <= INLINE and not apart:
                return self._prepared(head, packed, frame.size, IN_ROW, None)
            self._id = self._ids.next()
            self._fd = self._files.create(self._id)
            self._append(packed, frame)
        elif self._pending:
            self._spill()
        if self._in_rows:
            place, path = IN_FRAMES, self._files.temporary(self._id)
        else:
            self._files.publish(self._id, self._fd)
            place, path = IN_FILE, self._files.place(self._id)
        self._close()
        return self._prepared(head, None, self._size, place, path)

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = -1

    def _prepared(
        self, head: bytes, body: bytes | None, body_size: int, place: int, path: str | None
    ) -> Prepared:
        self._sha.update(head)
        return Prepared(
            self._id or self._ids.next(),
            zstd.pack(head),
            len(head),
            body,
            body_size,
            place,
            frames.to_octets(self._frames),
            self._sha.digest(),
            path,
        )
