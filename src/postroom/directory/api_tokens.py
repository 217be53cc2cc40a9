"""Tokens of programs that use the API: rows of ``api_token``, without the token itself.

A token is random, 160 bit; HMAC-SHA-256 with the install's pepper is enough for it, and finds
its row. It has scopes, may be limited to a domain or an account, and may expire.
"""

import hmac
import re
import secrets as chance
from typing import Final

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import ConstraintFailed, Row, Tx, number
from postroom.errors import AlreadyExists, NotFound

TOUCH_MS: Final = 3_600_000  # last_used is written no oftener
NOUNS: Final = (
    "domains", "accounts", "aliases", "filters", "mail", "queue", "relays", "security", "spam",
    "trace", "reports", "server", "webhooks",
)  # fmt: skip
SCOPES: Final = (
    *(f"{noun}:{verb}" for noun in NOUNS for verb in ("read", "write")),
    "mail:send",
    "audit:read",
    "admin",
)
"""What a token may be for; ``admin`` is for everything."""

_PREFIX: Final = "postroom_"
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_LENGTH: Final = 32  # letters of 5 bits: 160 bits in all
_SHAPE: Final = re.compile(f"{_PREFIX}[{_LETTERS}]{{{_LENGTH}}}")

_COLUMNS: Final = (
    "t.id, t.name, t.scopes, d.name, t.account_id, a.written, e.name, t.created, t.expires,"
    " t.last_used"
)
_JOINED: Final = (
    "api_token t LEFT JOIN domain d ON d.id = t.domain_id"
    " LEFT JOIN address a ON a.account_id = t.account_id AND a.main = 1"
    " LEFT JOIN domain e ON e.id = a.domain_id"
)


class ApiToken(msgspec.Struct, frozen=True):
    """A token without the token. ``domain`` (an A-label), ``account``: all it reaches, or None.

    Times in UTC milliseconds.
    """

    id: int
    name: str
    scopes: frozenset[str]
    domain: str | None
    account_id: int | None
    account: Address | None
    created: int
    expires: int | None
    last_used: int | None

    def is_over(self, now: int) -> bool:
        """Whether it opens nothing any more."""
        return self.expires is not None and now >= self.expires

    def allows(self, scope: str) -> bool:
        """Whether it is for this."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def is_limited(self) -> bool:
        """Whether it reaches only a domain or an account."""
        return self.domain is not None or self.account_id is not None


def make() -> str:
    """A new token: ``postroom_`` and letters; programs that look for leaked secrets know it."""
    return _PREFIX + "".join(chance.choice(_LETTERS) for _ in range(_LENGTH))


def verifier(pepper: bytes, token: str) -> bytes | None:
    """What is kept of a token; None for what can't be one."""
    if not _SHAPE.fullmatch(token):
        return None
    return hmac.digest(pepper, b"api token\0" + token.encode(), "sha256")


def add(
    tx: Tx, token: ApiToken, kept: bytes, *, domain_id: int | None, account_id: int | None
) -> None:
    """Add one; its name must be new. Raises AlreadyExists."""
    try:
        tx.execute(
            "INSERT INTO api_token (id, name, verifier, scopes, domain_id, account_id, created,"
            " expires) VALUES (:id, :name, :kept, :scopes, :domain, :account, :created, :expires)",
            id=token.id,
            name=token.name,
            kept=kept,
            scopes=",".join(sorted(token.scopes)),
            domain=domain_id,
            account=account_id,
            created=token.created,
            expires=token.expires,
        )
    except ConstraintFailed:
        raise AlreadyExists(
            f"there is a token {token.name!r} already; run: postroom token remove {token.name}"
        ) from None


def page(tx: Tx, after: str, limit: int) -> list[ApiToken]:
    """The next tokens by name."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE t.name > :after ORDER BY t.name LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [_token(row) for row in rows]


def count(tx: Tx) -> int:
    """How many there are."""
    return number(tx, "SELECT count(*) FROM api_token")


def find(tx: Tx, kept: bytes) -> ApiToken | None:
    """The token that this is kept of, unless its domain or account was removed or disabled."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_JOINED} LEFT JOIN account c ON c.id = t.account_id"
        " WHERE t.verifier = :kept AND d.removed IS NULL"
        " AND (c.id IS NULL OR (c.disabled = 0 AND c.removed IS NULL))",
        kept=kept,
    )
    return _token(row) if row else None


def require(tx: Tx, name: str) -> ApiToken:
    """The token of this name; raises NotFound."""
    row = tx.one(f"SELECT {_COLUMNS} FROM {_JOINED} WHERE t.name = :name", name=name)
    if row is None:
        raise NotFound(f"no token {name!r}; see: postroom token list")
    return _token(row)


def remove(tx: Tx, ident: int) -> None:
    """Take it back; it opens nothing from now on."""
    tx.execute("DELETE FROM api_token WHERE id = :id", id=ident)


def touch(tx: Tx, ident: int, now: int) -> None:
    """Note that it was used."""
    tx.execute("UPDATE api_token SET last_used = :now WHERE id = :id", id=ident, now=now)


def _token(row: Row) -> ApiToken:
    ident, name, scopes, domain, account_id, local, at, created, expires, used = row
    return ApiToken(
        id=ident,
        name=name,
        scopes=frozenset(scopes.split(",")),
        domain=domain,
        account_id=account_id,
        account=Address(local, Domain(at)) if local is not None else None,
        created=created,
        expires=expires,
        last_used=used,
    )
