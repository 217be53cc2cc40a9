"""TLS rules: rows of ``tls_rule``, how mail to a domain must be encrypted.

A rule stands above what the domain publishes (MTA-STS, DANE): ``none`` never begins TLS,
``may`` uses it when it is offered, ``encrypt`` sends nothing without it, ``verify`` asks for
a certificate of the right name as well. What the modes do is for ``delivery``.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from postroom.address import Domain
from postroom.db.database import Tx, number
from postroom.directory.cache import Cache
from postroom.directory.freshness import Reader
from postroom.errors import NotFound

Mode = Literal["none", "may", "encrypt", "verify"]

_COLUMNS: Final = "domain, mode, created"


class TlsRule(msgspec.Struct, frozen=True):
    """The rule of a recipient domain (A-labels)."""

    domain: str
    mode: Mode
    created: int


def find(tx: Tx, domain: Domain) -> TlsRule | None:
    """The rule of exactly this domain."""
    row = tx.one(f"SELECT {_COLUMNS} FROM tls_rule WHERE domain = :domain", domain=domain.ascii)
    return _rule(row) if row else None


def require(tx: Tx, domain: Domain) -> TlsRule:
    """The rule, or a refusal."""
    found = find(tx, domain)
    if found is None:
        raise NotFound(f"there is no TLS rule for {domain.unicode}; see: postroom tls list")
    return found


def page(tx: Tx, after: str, limit: int, search: str) -> list[TlsRule]:
    """The next rules by domain."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM tls_rule WHERE domain > :after"
        + (" AND instr(domain, :search) > 0" if search else "")
        + " ORDER BY domain LIMIT :limit",
        after=after,
        limit=limit,
        **({"search": search} if search else {}),
    )
    return [_rule(row) for row in rows]


def count(tx: Tx) -> int:
    """How many there are."""
    return number(tx, "SELECT count(*) FROM tls_rule")


def put(tx: Tx, rule: TlsRule) -> None:
    """Set the rule of its domain, in place of the one it had."""
    tx.execute(
        "INSERT INTO tls_rule (domain, mode, created) VALUES (:domain, :mode, :created)"
        " ON CONFLICT (domain) DO UPDATE SET mode = excluded.mode, created = excluded.created",
        domain=rule.domain,
        mode=rule.mode,
        created=rule.created,
    )


def remove(tx: Tx, rule: TlsRule) -> None:
    """Let what the domain publishes decide again."""
    tx.execute("DELETE FROM tls_rule WHERE domain = :domain", domain=rule.domain)


class TlsRules:
    """All rules in memory, asked for every delivery."""

    def __init__(self, db: Reader, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._cache = Cache[None, dict[str, Mode]](db, clock, _table)

    def hint(self) -> None:
        """The directory may have changed."""
        self._cache.hint()

    async def for_domain(self, domain: str) -> Mode | None:
        """The mode for a recipient domain (``Domain.ascii``), or None without a rule."""
        return (await self._cache.get(None)).get(domain)


def _table(tx: Tx, _key: None) -> dict[str, Mode]:
    return dict(tx.all("SELECT domain, mode FROM tls_rule"))


def _rule(row: tuple[Any, ...]) -> TlsRule:
    return TlsRule(*row)
