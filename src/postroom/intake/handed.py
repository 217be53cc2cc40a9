"""What delivery hands over for addresses here. The two do not know each other."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from postroom.directory.expand import Resolution
from postroom.queue.claimed import Recipient
from postroom.queue.rows import Queued


class Message(Protocol):
    """What delivery hands over: ``delivery.here.Message``."""

    @property
    def letter(self) -> Queued:
        """Its row in the queue."""

    @property
    def found(self) -> Resolution:
        """Where the address leads."""

    @property
    def recipient(self) -> Recipient:
        """The row of the delivery; ``inward`` is the account that it is for alone."""

    @property
    def head(self) -> bytes:
        """The whole header block."""

    @property
    def body(self) -> Callable[[], AsyncIterator[bytes]]:
        """The octets below it."""
