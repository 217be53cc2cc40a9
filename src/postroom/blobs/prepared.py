"""A blob that is ready to be named by a row."""

import hashlib
from typing import Final

import msgspec

from postroom.blobs import zstd

IN_ROW: Final = 0
IN_FILE: Final = 1
IN_FRAMES: Final = 2  # rows of blob_frame

# A compressed body up to this stands in the row; 64 KiB of noise and the frame around it do.
INLINE: Final = 64 * 1024 + 64


class Prepared(msgspec.Struct, frozen=True):
    """``head`` and ``body`` are compressed; ``digest`` is SHA-256 over body, then head.

    A small message is as it came and without a digest until it is ``packed``. ``path`` is the
    body's file: durable and final (``place`` 1), or a temporary one whose frames ``insert``
    copies into rows (``place`` 2, see ``BlobStore.inserted``).
    """

    id: int
    head: bytes
    head_size: int
    body: bytes | None
    body_size: int
    place: int
    frames: bytes
    digest: bytes
    path: str | None

    @classmethod
    def small(cls, ident: int, head: bytes, body: bytes) -> "Prepared":
        """Of a body of up to 64 KiB, which will stand in the row."""
        return cls(ident, head, len(head), body, len(body), IN_ROW, b"", b"", None)

    def packed(self) -> "Prepared":
        """Hashed and compressed: costs what both cost, and leaves the interpreter to others."""
        if self.digest or self.body is None:
            return self
        sha = hashlib.sha256(self.body)
        sha.update(self.head)
        return msgspec.structs.replace(
            self, head=zstd.pack(self.head), body=zstd.pack(self.body), digest=sha.digest()
        )
