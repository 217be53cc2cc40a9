"""Signs messages of ours with the keys of the domain in their From field (RFC 6376).

The domain of the first author signs, when it is ours and has keys; for posts of a mailing list the
domain of the list where the author has none. Keys are loaded once.
A message that can't be signed leaves as it is: a signature helps a message, its absence
forbids nothing. A key that can't be read signs nothing; the other one still does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.directory.dkim_keys import SigningKeys, StoredKey
from postroom.errors import StorageFailed
from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_key import BadKey, SigningKey
from postroom.mailauth.dkim_sign import Signer, Unsignable, sign
from postroom.message import headers, submission

MOST_KEYS: Final = 2_000  # loaded at a time


class Signing(msgspec.Struct, frozen=True):
    """Who signs: the domain and its keys, loaded."""

    domain: str
    signers: tuple[Signer, ...]


class Signatures:
    """One a process, used on one loop. ``clock`` is UTC milliseconds."""

    def __init__(self, keys: SigningKeys, clock: Callable[[], int]) -> None:
        self._keys = keys
        self._clock = clock
        self._waiting: list[tuple[Callable[[], bytes], asyncio.Future[bytes]]] = []
        self._signing: asyncio.Task[None] | None = None
        self._loaded: OrderedDict[StoredKey, SigningKey | None] = OrderedDict()

    async def signing(self, head: bytes, home: str = "") -> Signing | None:
        """Who signs a message with this header block; None: nobody can.

        ``home`` is the domain of the mailing list that it comes from, which signs for authors that
        have no keys here.
        """
        fields = headers.values(head, b"from")
        domain = _domain(fields[0]) if len(fields) == 1 else None
        for one in filter(None, (domain, home)):
            if (found := await self._keys_of(one)) is not None:
                return found
        return None

    async def _keys_of(self, domain: str) -> Signing | None:
        try:
            stored = await self._keys.for_domain(domain)
        except StorageFailed:
            return None
        loaded = [(one.selector, self._load(one)) for one in stored]
        signers = tuple([Signer(selector, key) for selector, key in loaded if key is not None])
        return Signing(domain, signers) if signers else None

    async def signed(self, work: Callable[[], bytes]) -> bytes:
        """What ``work`` gives, off the event loop; whatever waits for it goes in one step."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((work, future))
        if self._signing is None:
            self._signing = loop.create_task(self._sign_all())
        return await future

    async def _sign_all(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            outcomes = await asyncio.to_thread(_done, [work for work, _ in waiting])
            for (_, future), outcome in zip(waiting, outcomes, strict=True):
                if future.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
        self._signing = None

    def sign(self, signing: Signing, head: bytes, body: bytes | Iterable[bytes]) -> bytes:
        """The fields for the top; b"" when it can't be done. Not on the event loop: RSA."""
        blocks = (body,) if isinstance(body, bytes) else body
        return self.sign_hash(signing, head, relaxed_body_hash(blocks))

    def sign_hash(self, signing: Signing, head: bytes, body_hash: bytes) -> bytes:
        """The same for a body whose hash is known."""
        try:
            return sign(
                head,
                body_hash,
                signing.signers,
                domain=signing.domain,
                now_seconds=self._clock() // 1000,
            )
        except Unsignable:
            return b""

    def _load(self, stored: StoredKey) -> SigningKey | None:
        if stored in self._loaded:
            return self._loaded[stored]
        try:
            found = SigningKey.load(stored.private, made_here=True)
        except BadKey:
            found = None
        self._loaded[stored] = found
        if len(self._loaded) > MOST_KEYS:
            self._loaded.popitem(last=False)
        return found


@lru_cache(maxsize=1024)
def _domain(value: bytes) -> str | None:
    """The domain of the first author; the same people write again and again."""
    authors = submission.authors(b"From: " + value + b"\r\n\r\n").from_
    if not authors:
        return None
    try:
        return Address.parse(authors[0]).domain.ascii
    except AddressError:
        return None


def _done(works: Sequence[Callable[[], bytes]]) -> list[bytes | Exception]:
    outcomes: list[bytes | Exception] = []
    for work in works:
        try:
            outcomes.append(work())
        except Exception as error:  # noqa: BLE001 - it belongs to who waits for it
            outcomes.append(error)
    return outcomes
