"""Header fields of messages, as clients list mailboxes with them: kept for the next time.

Clients show a mailbox by a few fields of every message, often the same ones again, and to
open each header block costs more than all else in such an answer. So what was selected is
kept in memory, the messages of neighbouring UIDs compressed together: a fifth of its size,
and a hundredth of the work. It is bounded; what was used least recently goes first. It
never needs to be put right: the octets behind a UID never change.

RFC 3501 §6.4.5 (HEADER.FIELDS).
"""

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from postroom.blobs import zstd
from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.message import headers
from postroom.protocol.imap.sets import MAX_NUMBER
from postroom.store import listing
from postroom.store.spans import span_of

NEIGHBOURS: Final = 64  # UIDs whose messages are kept together
LIMIT: Final = 16 * 1024 * 1024  # octets of all that is kept
OVERHEAD: Final = 1280  # counted for each block besides its octets and the names
NAME: Final = 64  # counted for each name besides its octets
SMALL_HEAD: Final = 32 * 1024  # octets of a compressed header block that is opened ..
HEADS: Final = 8 * 1024 * 1024  # .. with others, as long as there are no more in all


class Mailbox(Protocol):
    """Where the messages are: ``View``."""

    @property
    def account_id(self) -> int: ...
    @property
    def mailbox_id(self) -> int: ...
    @property
    def uidvalidity(self) -> int: ...


class _Key(NamedTuple):
    mailbox_id: int
    uidvalidity: int
    names: tuple[str, ...]
    number: int  # of the block: UID // NEIGHBOURS


class _Block(NamedTuple):
    """``uids`` ascend; ``ends``: where the fields of each end, in the uncompressed octets."""

    uids: "array[int]"
    ends: "array[int]"
    packed: bytes


class FieldCache:
    """What all sessions of a process have asked for. Used in any thread."""

    def __init__(self, limit: int = LIMIT) -> None:
        """``limit`` in octets."""
        self._limit = limit
        self._size = 0
        self._blocks: OrderedDict[_Key, _Block] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Octets that are kept."""
        return self._size

    def select(
        self,
        tx: Tx,
        blobs: BlobStore,
        mailbox: Mailbox,
        uids: Sequence[int],
        names: tuple[str, ...],
    ) -> dict[int, bytes]:
        """By UID (they ascend), ``headers.select`` of these lower-case names.

        Left out are messages that can't be read, those that were expunged meanwhile, and
        those whose header block is large.
        """
        selected: dict[int, bytes] = {}
        for number, some in _by_block(uids):
            key = _Key(mailbox.mailbox_id, mailbox.uidvalidity, names, number)
            known = self._open(key, some[0], some[-1])
            missing = [uid for uid in some if uid not in known]
            if missing and (fresh := _read(tx, blobs, mailbox, missing, names)):
                known |= fresh
                self._keep(key, self._open(key) | fresh)
            selected |= known
        return selected

    def _open(self, key: _Key, first: int = 0, last: int = MAX_NUMBER) -> dict[int, bytes]:
        """What is kept in a block, from one UID to another."""
        with self._lock:
            block = self._blocks.get(key)
            if block is None:
                return {}
            self._blocks.move_to_end(key)
        octets = zstd.unpack(block.packed, block.ends[-1])
        low, high = bisect_left(block.uids, first), bisect_right(block.uids, last)
        starts, ends = [0, *block.ends][low:high], block.ends[low:high]
        return {
            uid: octets[start:end]
            for uid, start, end in zip(block.uids[low:high], starts, ends, strict=True)
        }

    def _keep(self, key: _Key, some: Mapping[int, bytes]) -> None:
        texts = dict(sorted(some.items()))
        block = _Block(
            array("I", texts),
            array("I", accumulate(map(len, texts.values()))),
            zstd.pack(b"".join(texts.values())),
        )
        with self._lock:
            if before := self._blocks.pop(key, None):
                self._size -= _cost(key, before)
            self._size += _cost(key, block)
            self._blocks[key] = block
            while self._size > self._limit:
                self._size -= _cost(*self._blocks.popitem(last=False))


def _cost(key: _Key, block: _Block) -> int:
    return len(block.packed) + OVERHEAD + sum(map(len, key.names)) + NAME * len(key.names)


def _by_block(uids: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
    """Ascending UIDs by the number of their block."""
    start = 0
    while start < len(uids):
        number = uids[start] // NEIGHBOURS
        end = bisect_left(uids, (number + 1) * NEIGHBOURS, start)
        yield number, uids[start:end]
        start = end


def _read(
    tx: Tx, blobs: BlobStore, mailbox: Mailbox, uids: Sequence[int], names: tuple[str, ...]
) -> dict[int, bytes]:
    rows = listing.page_with(tx, mailbox.account_id, mailbox.mailbox_id, span_of(uids), ("prefix",))
    heads = blobs.heads(tx, [row[7] for row in rows], most=SMALL_HEAD, total=HEADS)
    return {
        row[0]: headers.select(row[8] + heads[row[7]], names, exclude=False)
        for row in rows
        if row[7] in heads
    }
