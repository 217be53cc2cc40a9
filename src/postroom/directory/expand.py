"""Where a letter for an address goes: the walk through aliases and forwards, level by level.

A name is tried in this order: exactly; as a subaddress (longest user part first); as
postmaster or abuse, which go to the admins, or to the holding account until there is
one; by the aliases that are patterns; by the catch-all of its domain. An alias sends its targets through the same steps.
Every name is walked once, so loops end; depth and number of recipients are bounded.
A member that is gone or disabled is left out; only when no one is left is the whole
address unknown, disabled or a loop.

An account that forwards its letters is an alias on the way of them, and gets them as well
when it keeps a copy, or when they would reach nobody. It stays the owner of its addresses.

A mailing list is where the walk ends: a letter for it, or for one of its further addresses, goes
to that address by the queue, whose end hands it to the list. Its ``+owner`` is an alias of its owners.
"""

import graphlib
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeVar

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.directory import backup_domains, domains, list_keys, patterns, version
from postroom.directory.domains import OwnDomain
from postroom.directory.names import is_role
from postroom.quota import Quota

MAX_DEPTH: Final = 20
MAX_RECIPIENTS: Final = 10_000
_CHUNK: Final = 100  # names a query

T = TypeVar("T")

Writers = Literal["anyone", "here", "members"]
"""Who may write to an alias: all the world, who has logged in here, its members here."""

Kind = Literal["found", "not-ours", "backup", "unknown", "disabled", "loop", "too-many"]


class Local(msgspec.Struct, frozen=True):
    """An account that gets the letter. ``address`` is the RCPT address in canonical case.

    ``mask`` is the id of the masked address that leads to it, 0 without one.
    """

    account_id: int
    address: str
    detail: str | None
    quota: Quota
    mask: int = 0


class Resolution(msgspec.Struct, frozen=True):
    """Who gets the letter; ``via`` names the alias the address is, or is "".

    ``writers``: who may write to that alias.

    "backup": nobody here, but we take it for the servers of its domain (``backup_domains``).
    ``name`` is the RCPT address in canonical case when no account is there to tell it.
    ``holders`` are the accounts behind the address before they forward, and 0 for addresses
    elsewhere; it is empty when nobody forwards.
    ``list_id``: the mailing list that the address belongs to, which stands in ``remote``.
    """

    kind: Kind
    local: tuple[Local, ...] = ()
    remote: tuple[str, ...] = ()
    via: str = ""
    name: str = ""
    holders: tuple[int, ...] = ()
    writers: Writers = "anyone"
    list_id: int = 0
    needs_holding: bool = False
    """True when a role address goes nowhere yet: make the holding account, walk again."""


class Walk:
    """One walk from one address; made for a single ``resolve`` or ``loop``.

    The nodes of its graph are aliases (by id; a forward is an alias, and so is a list), catch-alls
    (by minus the domain's id) and the owners of lists (by minus the list's id).
    """

    def __init__(
        self, tx: Tx, *, forwards: bool = True, among: frozenset[str] | None = None
    ) -> None:
        """Everything is read through ``tx``, so in one snapshot.

        Without ``forwards`` letters stay with the accounts they come to. ``among``: only these
        domains (A-labels) are taken for ours; what others do with a letter is not looked at.
        """
        self._tx = tx
        self._among = among
        self._has_forwards = forwards
        self._domains: dict[str, OwnDomain | None] = {}
        self._seen: set[str] = set()
        self._accounts: dict[int, tuple[str | None, Quota, int]] = {}
        self._remote: dict[str, None] = {}
        self._node: dict[str, int] = {}
        self._targets: dict[int, list[str]] = {}
        self._forwards: set[int] = set()
        self._lists: set[int] = set()
        self._patterns: dict[str, str] = {}  # by the name that is like one
        self._handed_on: dict[int, _Handed] = {}
        self._reached: set[str] = set()
        self._disabled = False
        self._needs_holding = False

    def resolve(self, address: Address) -> Resolution:
        """Everyone who gets a letter for ``address``."""
        own = self._own(address.domain)
        if own is None:
            is_backup = backup_domains.find(self._tx, address.domain) is not None
            return Resolution("backup" if is_backup else "not-ours")
        kind: Kind = self._run(address)
        if kind == "found" and self._handed_on:
            self._take_back()
        if kind == "found" and not self._accounts and not self._remote:
            kind = self._nobody()
            if is_role(address.local):  # RFC 5321 §4.5.1: whatever stands there is dead
                self._accounts = {
                    one.account_id: (None, one.quota, 0)
                    for one in self._roles()
                    if one.account_id is not None
                }
                kind = "found" if self._accounts else kind
        holders = self._holders(address) if self._forwards else ()
        if kind != "found":
            return Resolution(kind, holders=holders, needs_holding=self._needs_holding)
        name = str(Address(own.policy.cased(address.local), address.domain))
        key = self._key(address)
        node = self._node.get(key, 0)
        is_alias = node > 0 and node not in self._forwards
        is_list = node in self._lists
        return Resolution(
            "found",
            tuple(Local(ident, name, *rest) for ident, rest in self._accounts.items()),
            tuple(self._remote),
            via=self._patterns.get(key, name) if is_alias else "",
            name="" if self._accounts else name,
            holders=holders,
            writers=self._writers(node) if is_alias else "anyone",
            list_id=node if is_list else 0,
        )

    def loop(self, address: Address) -> list[str]:
        """The names on the way from the alias or forward ``address`` to itself, or nothing.

        Raises TooMany when its targets can't be walked to the end.
        """
        if self._run(address) == "too-many":
            raise TooMany
        start = self._node.get(self._key(address))
        if start is None:  # a disabled account leads nowhere
            return []
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

    def _take_back(self) -> None:
        """A forward that reaches nobody leaves the letters where they came."""
        for account_id, handed in self._handed_on.items():
            seen = {handed.node}
            todo = [handed.node]
            is_reached = False
            while todo and not is_reached:
                names = self._targets.get(todo.pop(), ())
                is_reached = any(name in self._remote or name in self._reached for name in names)
                onward = {self._node[name] for name in names if name in self._node} - seen
                seen |= onward
                todo += onward
            if not is_reached:
                self._accounts.setdefault(account_id, (handed.detail, handed.quota, 0))

    def _holders(self, address: Address) -> tuple[int, ...]:
        """Whom the address names, whatever they do with their letters."""
        found = Walk(self._tx, forwards=False, among=self._among).resolve(address)
        elsewhere = (0,) if found.remote else ()
        return tuple(one.account_id for one in found.local) + elsewhere

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
            onward += self._otherwise(own, left, aliases)
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
        further = {name: list_keys.reading(own.policy, name.local) for name in names}
        bases = {base for pairs in readings.values() for base, _ in pairs}
        rows = self._rows(own, sorted(bases.union(base for base, _ in further.values() if base)))
        left = []
        for name, pairs in readings.items():
            base, detail = further[name]
            if base in rows and rows[base].is_list:
                self._take(name, rows[base], detail, aliases)
                continue
            for base, detail in pairs:
                if base in rows and not rows[base].is_list:
                    self._take(name, rows[base], detail, aliases)
                    break
                if is_role(base):
                    self._role(name, detail, aliases)
                    break
            else:
                left.append(name)
        return left

    def _otherwise(
        self, own: OwnDomain, names: list[Address], aliases: list[int]
    ) -> Iterator[Address]:
        known = patterns.of(self._tx, own) if names else []
        for name in names:
            if is_role(name.local):
                self._role(name, None, aliases)
            elif self._is_like(own, name, known, aliases):
                continue
            elif own.catch_all is not None:
                self._node[self._key(name)] = -own.id
                self._targets[-own.id] = [self._key(own.catch_all)]
                yield own.catch_all

    def _is_like(
        self,
        own: OwnDomain,
        name: Address,
        known: Sequence[tuple[str, int, str]],
        aliases: list[int],
    ) -> bool:
        """Take the first pattern that the name is like."""
        canonical = own.policy.canonical(name.local)
        for pattern, alias_id, written in known:
            if patterns.matches(pattern, canonical):
                key = self._key(name)
                self._patterns[key] = str(Address(written, Domain(own.name)))
                self._enter(key, alias_id, aliases)
                return True
        return False

    def _writers(self, alias_id: int) -> Writers:
        row = self._tx.one("SELECT writers FROM alias WHERE id = :id", id=alias_id)
        return row[0] if row else "anyone"

    def _take(self, name: Address, row: "_Found", detail: str | None, aliases: list[int]) -> None:
        key = self._key(name)
        if row.is_list and row.alias_id is not None:
            self._take_list(name, row.alias_id, detail, aliases)
        elif row.alias_id is not None:
            self._enter(key, row.alias_id, aliases)
        elif row.is_disabled:
            self._disabled = True
        elif row.account_id is not None:
            node = row.forward_id if self._has_forwards else None
            if node is not None:
                self._forwards.add(node)
                self._enter(key, node, aliases)
            if node is None or row.keeps:
                self._reached.add(key)
                self._accounts.setdefault(row.account_id, (detail, row.quota, row.mask))
            else:
                self._handed_on.setdefault(row.account_id, _Handed(node, detail, row.quota))

    def _enter(self, key: str, node: int, aliases: list[int]) -> None:
        self._node[key] = node
        if node not in self._targets:
            self._targets[node] = []
            aliases.append(node)

    def _take_list(self, name: Address, ident: int, detail: str | None, aliases: list[int]) -> None:
        key = self._key(name)
        if detail == list_keys.OWNER:
            self._enter(key, -ident, aliases)
            return
        self._node[key] = ident
        self._targets.setdefault(ident, [])
        self._lists.add(ident)
        self._reached.add(key)
        own = self._own(name.domain)
        local = name.local if own is None else own.policy.cased(name.local)
        self._remote[str(Address(local, name.domain))] = None

    def _role(self, name: Address, detail: str | None, aliases: list[int]) -> None:
        """To the admins, and on to where they forward their letters."""
        for row in self._roles():
            is_seen = self._among is None
            seen = row if is_seen else msgspec.structs.replace(row, forward_id=None)
            self._take(name, seen, detail, aliases)

    def _roles(self) -> "list[_Found]":
        """The admins; the holding account until there is one."""
        rows = self._tx.all(
            "SELECT c.id, c.quota, c.message_quota, f.alias_id, f.keep FROM account c"
            " LEFT JOIN forward f ON f.account_id = c.id"
            " WHERE c.is_admin = 1 AND c.disabled = 0 AND c.removed IS NULL ORDER BY c.id"
        ) or self._tx.all(
            "SELECT id, quota, message_quota, NULL, 0 FROM account WHERE kind = 'holding' AND removed IS NULL"
            " ORDER BY id LIMIT 1"
        )
        self._needs_holding = self._needs_holding or not rows
        return [
            _Found(ident, None, False, Quota(octets, messages), forward_id, bool(keep))
            for ident, octets, messages, forward_id, keep in rows
        ]

    def _rows(self, own: OwnDomain, keys: Sequence[str]) -> "dict[str, _Found]":
        found: dict[str, _Found] = {}
        for chunk in _chunks(keys):
            names = {f"n{place}": key for place, key in enumerate(chunk)}
            rows = self._tx.all(
                "SELECT a.canonical, a.account_id, a.alias_id, c.disabled, c.quota,"
                " c.message_quota, f.alias_id, f.keep, m.address_id, m.is_off, g.alias_id"
                " FROM address a"
                " LEFT JOIN mailing_list g ON g.alias_id = a.alias_id"
                " LEFT JOIN account c ON c.id = a.account_id"
                " LEFT JOIN forward f ON f.account_id = a.account_id"
                " LEFT JOIN mask m ON m.address_id = a.id"
                " WHERE a.domain_id = :domain AND a.live = 1"
                f" AND a.canonical IN ({', '.join(f':{name}' for name in names)})",
                domain=own.id,
                **names,
            )
            for (
                canonical,
                account_id,
                alias_id,
                disabled,
                octets,
                messages,
                onward,
                keep,
                mask,
                is_off,
                list_id,
            ) in rows:
                found[canonical] = _Found(
                    account_id, alias_id, bool(disabled or is_off),
                    Quota(octets or 0, messages or 0), onward, bool(keep), mask or 0,
                    list_id is not None,
                )  # fmt: skip
        return found

    def _members(self, nodes: list[int]) -> list[Address]:
        members = [one for node in nodes if node < 0 for one in self._owners(-node)]
        for chunk in _chunks([node for node in nodes if node > 0]):
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

    def _owners(self, list_id: int) -> list[Address]:
        """Who looks after a list: the postmaster where nobody else does."""
        rows = self._tx.all(
            "SELECT local, domain FROM list_member WHERE alias_id = :list AND role = 'owner'"
            " ORDER BY id",
            list=list_id,
        ) or self._tx.all(
            "SELECT 'postmaster', d.name FROM address a JOIN domain d ON d.id = a.domain_id"
            " WHERE a.alias_id = :list",
            list=list_id,
        )
        owners = [Address(local, Domain(domain)) for local, domain in rows]
        self._targets[-list_id] += map(self._key, owners)
        return owners

    def _own(self, domain: Domain) -> OwnDomain | None:
        if domain.ascii not in self._domains:
            is_seen = self._among is None or domain.ascii in self._among
            self._domains[domain.ascii] = domains.target(self._tx, domain) if is_seen else None
        return self._domains[domain.ascii]

    def _key(self, address: Address) -> str:
        own = self._own(address.domain)
        if own is None:
            return str(address)
        return f"{own.policy.canonical(address.local)}@{own.name}"


class TooMany(Exception):
    """An alias reaches deeper than MAX_DEPTH or more than MAX_RECIPIENTS."""


class _Found(msgspec.Struct, frozen=True):
    """Who holds a name. ``forward_id`` is the nameless alias that an account forwards by.

    ``mask`` is the id of the name when it is a masked address. ``is_list``: the alias is a list.
    """

    account_id: int | None
    alias_id: int | None
    is_disabled: bool
    quota: Quota
    forward_id: int | None = None
    keeps: bool = False
    mask: int = 0
    is_list: bool = False


class _Handed(msgspec.Struct, frozen=True):
    """A forward by which an account keeps no letters, and how it would get them."""

    node: int
    detail: str | None
    quota: Quota


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
