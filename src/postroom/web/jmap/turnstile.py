"""How much an account does at a time: requests, uploads, event streams (RFC 8620 §2)."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from postroom.web.jmap.errors import RequestError
from postroom.web.jmap.limits import MAX_LARGE, MAX_REQUESTS, MAX_STREAMS, MAX_UPLOADS

REQUESTS: Final = ("maxConcurrentRequests", MAX_REQUESTS)
LARGE: Final = ("maxConcurrentRequests", MAX_LARGE)
UPLOADS: Final = ("maxConcurrentUpload", MAX_UPLOADS)
STREAMS: Final = ("maxConcurrentStreams", MAX_STREAMS)


class Turnstile:
    """Counts what runs, by account. One a server."""

    def __init__(self) -> None:
        self._running: Counter[tuple[tuple[str, int], int]] = Counter()

    @contextlib.contextmanager
    def passing(self, kind: tuple[str, int], account_id: int) -> Iterator[None]:
        """While something runs; raises RequestError when enough of the kind does."""
        name, most = kind
        key = (kind, account_id)
        if self._running[key] >= most:
            why = f"{most} run already for this account: wait for the end of one"
            raise RequestError("limit", why, limit=name)
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]
