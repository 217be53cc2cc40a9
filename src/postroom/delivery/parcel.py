"""A message ready for one server: its transaction and its octets, whole or as a stream."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from postroom.protocol.smtp.client_transaction import Transaction, TransactionDone


@dataclass(frozen=True, slots=True)
class Parcel:
    """``octets`` is the whole message; None: it is large, and ``stream`` gives its blocks.

    ``key`` is the caller's.
    """

    key: int
    transaction: Transaction
    octets: bytes | None
    stream: Callable[[], AsyncIterator[bytes]] | None = None

    async def blocks(self) -> AsyncIterator[bytes]:
        """The message in blocks, however it is held."""
        if self.stream is None:
            yield self.octets or b""
            return
        async for block in self.stream():
            yield block


class Done(Protocol):
    """Told of each parcel when it is decided."""

    def __call__(self, parcel: Parcel, answered: TransactionDone, /) -> None: ...
