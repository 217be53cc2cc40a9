"""Where a letter for an address goes: the walk through aliases, level by level.

A name is tried in this order: exactly; as a subaddress (longest user part first); as
postmaster or abuse, which go to the admins, or to the holding account until there is
one; by the catch-all of its domain. An alias sends its targets through the same steps.
Every name is walked once, so loops end; depth and number of recipients are bounded.
A member that is gone or disabled is left out; only when no one is left is the whole
address unknown, disabled or a loop.
"""

import graphlib
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeVar

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.directory import domains, version
from postroom.directory.domains import OwnDomain
from postroom.directory.names import is_role

MAX_DEPTH: Final = 20
MAX_RECIPIENTS: Final = 10_000
_CHUNK: Final = 100  # names a query

T = TypeVar("T")

Kind = Literal["found", "not-ours", "unknown", "disabled", "loop", "too-many"]


class Local(msgspec.Struct, frozen=True):
    """An account that gets the letter. ``address`` is the RCPT address in canonical case."""

    account_id: int
    address: str
    detail: str | None
    quota: int


class Resolution(msgspec.Struct, frozen=True):
    """Who gets the letter; ``via`` names the alias the address is, or is ""."""

    kind: Kind
    local: tuple[Local, ...] = ()
    remote: tuple[str, ...] = ()
    via: str = ""
    needs_holding: bool = False
    """True when a role address goes nowhere yet: make the holding account, walk again."""


class Walk:
    """One walk from one address; made for a single ``resolve`` or ``loop``.

    The nodes of its graph are aliases (by id) and catch-alls (by minus the domain's id).
    """

    def __init__(self, tx: Tx) -> None:
        """Everything is read through ``tx``, so in one snapshot."""
        self._tx = tx
        self._domains: dict[str, OwnDomain | None] = {}
        self._seen: set[str] = set()
        self._accounts: dict[int, tuple[str | None, int]] = {}
        self._remote: dict[str, None] = {}
        self._node: dict[str, int] = {}
        self._targets: dict[int, list[str]] = {}
        self._disabled = False
        self._needs_holding = False

    def resolve(self, address: Address) -> Resolution:
        """Everyone who gets a letter for ``address``."""
        own = self._own(address.domain)
        if own is None:
            return Resolution("not-ours")
        kind: Kind = self._run(address)
        if kind == "found" and not self._accounts and not self._remote:
            kind = self._nobody()
            if is_role(address.local):  # RFC 5321 §4.5.1: whatever stands there is dead
                self._role()
                kind = "found" if self._accounts else kind
        if kind != "found":
            return Resolution(kind, needs_holding=self._needs_holding)
        name = str(Address(own.policy.cased(address.local), address.domain))
        return Resolution(
            "found",
            tuple(Local(ident, name, *rest) for ident, rest in self._accounts.items()),
            tuple(self._remote),
            name if self._node.get(self._key(address), 0) > 0 else "",
        )

    def loop(self, address: Address) -> list[str]:
        """The names on the way from the alias ``address`` back to itself, or nothing.

        Raises TooMany when its targets can't be walked to the end.
        """
        if self._run(address) == "too-many":
            raise TooMany
        start = self._node[self._key(address)]
        ways: dict[int, list[str]] = {start: [str(address)]}
        level = [start]
        while level:
            onward: list[int] = []
            for node in level:
                for name in self._targets.get(node, ()):
                    next_node = self._node.get(name)
                    if next_node == start:
                        return [*ways[node], str(address)]
                    if next_node is not None and next_node not in ways:
                        ways[next_node] = [*ways[node], name]
                        onward.append(next_node)
            level = onward
        return []

    def _run(self, address: Address) -> Literal["found", "too-many"]:
        level = [address]
        for _ in range(MAX_DEPTH + 1):
            level = self._step(level)
            if len(self._accounts) + len(self._remote) > MAX_RECIPIENTS:
                return "too-many"
            if not level:
                return "found"
        return "too-many"

    def _nobody(self) -> Kind:
        if self._disabled:
            return "disabled"
        graph = {
            node: [self._node[name] for name in names if name in self._node]
            for node, names in self._targets.items()
        }
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError:
            return "loop"
        return "unknown"

    def _step(self, level: list[Address]) -> list[Address]:
        """Look up one level of names; the targets of the aliases among them."""
        missing: dict[int, tuple[OwnDomain, list[Address]]] = {}
        for address in level:
            key = self._key(address)
            if key in self._seen:
                continue
            self._seen.add(key)
            own = self._own(address.domain)
            if own is None:
                self._remote[str(address)] = None
            else:
                missing.setdefault(own.id, (own, []))[1].append(address)
        aliases: list[int] = []
        onward: list[Address] = []
        for own, names in missing.values():
            left = self._exact(own, names, aliases)
            left = self._subaddress(own, left, aliases) if left else left
            onward += self._otherwise(own, left)
        return onward + self._members(aliases)

    def _exact(self, own: OwnDomain, names: list[Address], aliases: list[int]) -> list[Address]:
        keys = [own.policy.canonical(name.local) for name in names]
        rows = self._rows(own, keys)
        left = []
        for name, key in zip(names, keys, strict=True):
            if key in rows:
                self._take(name, rows[key], None, aliases)
            else:
                left.append(name)
        return left

    def _subaddress(
        self, own: OwnDomain, names: list[Address], aliases: list[int]
    ) -> list[Address]:
        readings = {name: own.policy.bases(name.local) for name in names}
        rows = self._rows(own, sorted({base for pairs in readings.values() for base, _ in pairs}))
        left = []
        for name, pairs in readings.items():
            for base, detail in pairs:
                if base in rows:
                    self._take(name, rows[base], detail, aliases)
                    break
                if is_role(base):
                    self._role(detail)
                    break
            else:
                left.append(name)
        return left

    def _otherwise(self, own: OwnDomain, names: list[Address]) -> Iterator[Address]:
        for name in names:
            if is_role(name.local):
                self._role()
            elif own.catch_all is not None:
                self._node[self._key(name)] = -own.id
                self._targets[-own.id] = [self._key(own.catch_all)]
                yield own.catch_all

    def _take(self, name: Address, row: "_Found", detail: str | None, aliases: list[int]) -> None:
        if row.alias_id is not None:
            self._node[self._key(name)] = row.alias_id
            if row.alias_id not in self._targets:
                self._targets[row.alias_id] = []
                aliases.append(row.alias_id)
        elif row.is_disabled:
            self._disabled = True
        elif row.account_id is not None:
            self._accounts.setdefault(row.account_id, (detail, row.quota))

    def _role(self, detail: str | None = None) -> None:
        """To the admins; to the holding account until there is one."""
        rows = self._tx.all(
            "SELECT id, quota FROM account WHERE is_admin = 1 AND disabled = 0"
            " AND removed IS NULL ORDER BY id"
        ) or self._tx.all(
            "SELECT id, quota FROM account WHERE kind = 'holding' AND removed IS NULL"
            " ORDER BY id LIMIT 1"
        )
        for ident, quota in rows:
            self._accounts.setdefault(ident, (detail, quota))
        self._needs_holding = self._needs_holding or not rows

    def _rows(self, own: OwnDomain, keys: Sequence[str]) -> "dict[str, _Found]":
        found: dict[str, _Found] = {}
        for chunk in _chunks(keys):
            names = {f"n{place}": key for place, key in enumerate(chunk)}
            rows = self._tx.all(
                "SELECT a.canonical, a.account_id, a.alias_id, c.disabled, c.quota"
                " FROM address a LEFT JOIN account c ON c.id = a.account_id"
                " WHERE a.domain_id = :domain AND a.live = 1"
                f" AND a.canonical IN ({', '.join(f':{name}' for name in names)})",
                domain=own.id,
                **names,
            )
            for canonical, account_id, alias_id, disabled, quota in rows:
                found[canonical] = _Found(account_id, alias_id, bool(disabled), quota or 0)
        return found

    def _members(self, aliases: list[int]) -> list[Address]:
        members = []
        for chunk in _chunks(aliases):
            idents = {f"n{place}": ident for place, ident in enumerate(chunk)}
            for alias_id, local, domain in self._tx.all(
                "SELECT alias_id, local, domain FROM alias_target"
                f" WHERE alias_id IN ({', '.join(f':{name}' for name in idents)})"
                " ORDER BY alias_id, position",
                **idents,
            ):
                member = Address(local, Domain(domain))
                members.append(member)
                self._targets[alias_id].append(self._key(member))
        return members

    def _own(self, domain: Domain) -> OwnDomain | None:
        if domain.ascii not in self._domains:
            self._domains[domain.ascii] = domains.target(self._tx, domain)
        return self._domains[domain.ascii]

    def _key(self, address: Address) -> str:
        own = self._own(address.domain)
        if own is None:
            return str(address)
        return f"{own.policy.canonical(address.local)}@{own.name}"


class TooMany(Exception):
    """An alias reaches deeper than MAX_DEPTH or more than MAX_RECIPIENTS."""


class _Found(msgspec.Struct, frozen=True):
    account_id: int | None
    alias_id: int | None
    is_disabled: bool
    quota: int


def resolve(tx: Tx, address: Address) -> tuple[int, Resolution]:
    """The version of the directory, and where a letter for ``address`` goes in it."""
    return version.read(tx), Walk(tx).resolve(address)


def resolve_postmaster(tx: Tx) -> tuple[int, Resolution]:
    """``RCPT TO:<Postmaster>`` without a domain (RFC 5321 §4.5.1)."""
    number = version.read(tx)
    own = domains.first(tx)
    if own is None:
        return number, Resolution("unknown")
    return number, Walk(tx).resolve(Address("postmaster", Domain(own.name)))


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
