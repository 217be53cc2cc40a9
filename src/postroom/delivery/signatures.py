"""Signs messages of ours with the keys of the domain in their From field (RFC 6376).

The domain of the first author signs, when it is ours and has keys. Keys are loaded once.
A message that can't be signed leaves as it is: a signature helps a message, its absence
forbids nothing. A key that can't be read signs nothing; the other one still does.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.directory.dkim_keys import SigningKeys, StoredKey
from postroom.errors import StorageFailed
from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_key import BadKey, SigningKey
from postroom.mailauth.dkim_sign import Signer, Unsignable, sign
from postroom.message import submission

MOST_KEYS: Final = 2_000  # loaded at a time


class Signing(msgspec.Struct, frozen=True):
    """Who signs: the domain and its keys, loaded."""

    domain: str
    signers: tuple[Signer, ...]


class Signatures:
    """One a process. ``clock`` is UTC milliseconds."""

    def __init__(self, keys: SigningKeys, clock: Callable[[], int]) -> None:
        self._keys = keys
        self._clock = clock
        self._loaded: OrderedDict[StoredKey, SigningKey | None] = OrderedDict()

    async def signing(self, head: bytes) -> Signing | None:
        """Who signs a message with this header block; None: nobody can."""
        authors = submission.authors(head).from_
        if not authors:
            return None
        try:
            domain = Address.parse(authors[0]).domain.ascii
            stored = await self._keys.for_domain(domain)
        except (AddressError, StorageFailed):
            return None
        loaded = [(one.selector, self._load(one)) for one in stored]
        signers = tuple([Signer(selector, key) for selector, key in loaded if key is not None])
        return Signing(domain, signers) if signers else None

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
