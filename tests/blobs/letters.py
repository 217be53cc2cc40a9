"""Octets like those of mail, small and large, for the tests of blobs."""

import random
from pathlib import Path
from typing import Final

from postroom.blobs.store import BlobStore, Prepared
from postroom.db.database import Database
from postroom.db.ids import Ids
from tests.fakes import Clock

HEAD: Final = b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\n"
LARGE: Final = (1 << 20) * 2 + 12_345
SIZES: Final = (0, 1, 100, 65_536, 200_000, 1 << 20, (1 << 20) + 1, LARGE)


def noise(size: int, seed: int = 1) -> bytes:
    """Octets that can't be compressed, as in a photograph."""
    return random.Random(seed).randbytes(size)


def text(size: int) -> bytes:
    """Octets that can."""
    return (b"All work and no play makes Jack a dull boy.\r\n" * (size // 45 + 1))[:size]


def store(data: Path, db: Database) -> BlobStore:
    return BlobStore(data, db.engine, Ids(Clock()))


async def write(blobs: BlobStore, body: bytes, head: bytes = HEAD, cut: int = 70_000) -> Prepared:
    """Through the streaming writer, in blocks of ``cut`` octets."""
    writer = blobs.writer()
    for at in range(0, len(body), cut):
        await writer.write(body[at : at + cut])
    return await writer.finish(head)


async def put(
    blobs: BlobStore, db: Database, body: bytes, head: bytes = HEAD, refs: int = 1
) -> Prepared:
    """Write and insert."""
    prepared = await write(blobs, body, head)
    await db.write(lambda tx: blobs.insert(tx, [(prepared, refs)]))
    await blobs.inserted(prepared)
    return prepared


def files(folder: Path) -> list[Path]:
    """Every file below."""
    return [path for path in folder.rglob("*") if path.is_file()]
