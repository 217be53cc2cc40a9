"""What every conversation works with; made once by the composition root."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from postroom.blobs.disk import Disk
from postroom.blobs.store import BlobStore
from postroom.config.authentication import Authentication
from postroom.config.filing import Filing
from postroom.config.filters import Filter
from postroom.config.model import Limits
from postroom.config.suppression import Suppression
from postroom.db.ids import Ids
from postroom.directory.directory import Directory
from postroom.directory.expand import Local
from postroom.directory.login import Identity
from postroom.directory.sending import Sending
from postroom.intake.collecting import Collector
from postroom.intake.gate import Gate
from postroom.policy.asking import Names
from postroom.policy.dmarc_counts import DmarcCounts
from postroom.policy.reputation import Reputation
from postroom.policy.verdict import Stage
from postroom.post.commit import Post
from postroom.post.notice import Budget
from postroom.store.store import Store

HEAVY_SCRIPTS: Final = 2  # Sieve scripts that run in threads at the same time

_DEFAULTS: Final = Authentication()
_FILING: Final = Filing()
_SUPPRESSION: Final = Suppression()


Quote = tuple[int, AsyncIterator[bytes]]  # how many octets a URL names, and they in pieces
Quotes = Callable[[Identity, str], Awaitable[Quote | None]]


@dataclass(frozen=True, slots=True)
class Services:
    """``hostname`` is ours, in Received fields; ``clock`` gives UTC milliseconds.

    ``sending`` counts what accounts send, ``budget`` the notices that an address gets, ``kept``
    the refused messages that an account keeps an hour though their senders were told.
    ``counts`` are for DMARC reports to others, ``collector`` reads those of others.
    ``reputation`` learns whom accounts write to; ``suppression``: whom they don't write to.
    ``stages`` judge mail from strangers, ``outgoing`` that of people here, ``milters`` what each of them is for; without ``resolver`` its origin is not checked,
    without ``gate`` nothing is asked of who brings it. ``quotes`` finds what a URL names that
    somebody submits, None for nothing of theirs (RFC 4468). ``heavy`` is for Sieve scripts that may
    take long, ``large`` for those that look into messages which are not in memory.
    """

    hostname: str
    limits: Limits
    directory: Directory
    store: Store
    blobs: BlobStore
    post: Post
    ids: Ids
    clock: Callable[[], int]
    disk: Disk
    sending: Sending
    budget: Budget
    kept: Budget
    stages: Sequence[Stage] = ()
    outgoing: Sequence[Stage] = ()
    milters: Sequence[Filter] = ()
    resolver: Names | None = None
    reputation: Reputation | None = None
    authentication: Authentication = _DEFAULTS
    counts: DmarcCounts | None = None
    collector: Collector | None = None
    filing: Filing = _FILING
    suppression: Suppression = _SUPPRESSION
    heavy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HEAVY_SCRIPTS))
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HEAVY_SCRIPTS))
    gate: Gate | None = None
    quotes: Quotes | None = None

    @property
    def marks_spam(self) -> bool:
        """Whether the spam filter of this server is on."""
        return self.reputation is not None

    async def full(self, accounts: Sequence[Local]) -> list[int]:
        """Those of these that have no room. Raises MailError."""
        return [
            one.account_id
            for one in accounts
            if one.quota and await self.store.is_full(one.account_id, one.quota)
        ]

    def sent(self, account_id: int, recipients: Sequence[str]) -> None:
        """A letter of an account to these addresses was committed."""
        self.sending.count(account_id, len(recipients))
        if self.reputation is not None:
            self.reputation.sent(account_id, recipients)
