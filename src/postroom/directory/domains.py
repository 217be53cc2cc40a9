"""Own domains: rows of ``domain``, as functions of an open transaction.

A domain that is an alias of another has no names of its own: every name in it is the
same name in the other. A removed domain keeps its row while removed accounts in it may
still be restored; added again it comes back with its id.
"""

from typing import Any, Final

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx, number
from postroom.directory.administrators import IN_REACH
from postroom.directory.names import DEFAULT, Policy
from postroom.errors import AlreadyExists, Invalid, NotFound, Refused

_COLUMNS: Final = (
    "d.id, d.name, d.alias_of, t.name, d.catch_local, d.catch_domain,"
    " d.separators, d.case_sensitive, d.dots_ignored, d.created, j.local, j.domain"
)
_JOINED: Final = (
    "domain d LEFT JOIN domain t ON t.id = d.alias_of"
    " LEFT JOIN journal j ON j.domain_id = coalesce(d.alias_of, d.id)"
)


class OwnDomain(msgspec.Struct, frozen=True):
    """A domain of this install. ``alias_of`` is "" for a domain with names of its own.

    ``journal`` is where copies of its mail go (``journals``).
    """

    id: int
    name: str
    alias_id: int | None
    alias_of: str
    catch_all: Address | None
    policy: Policy
    created: int
    journal: Address | None = None


class Counts(msgspec.Struct, frozen=True):
    """What a domain holds."""

    accounts: int
    aliases: int
    domains: int


def find(tx: Tx, name: str) -> OwnDomain | None:
    """The domain with this A-label name, an alias domain included."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE d.name = :name AND d.removed IS NULL", name=name
    )
    return _domain(row) if row else None


def require(tx: Tx, domain: Domain) -> OwnDomain:
    """The domain, or a refusal that says how to add it."""
    found = find(tx, domain.ascii)
    if found is None:
        raise NotFound(
            f"{domain.unicode} is not a domain of this server;"
            f" run: postroom domain add {domain.unicode}"
        )
    return found


def name_of(tx: Tx, ident: int) -> str | None:
    """What the domain of this id is called, removed or not; None when there is none."""
    row = tx.one("SELECT name FROM domain WHERE id = :id", id=ident)
    return row[0] if row else None


def target(tx: Tx, domain: Domain) -> OwnDomain | None:
    """The domain whose names count: of an alias domain, the one it stands for."""
    found = find(tx, domain.ascii)
    if found is None or found.alias_id is None:
        return found
    return find(tx, found.alias_of)


def refuse_taken(tx: Tx, domain: Domain) -> None:
    """Raise AlreadyExists for a domain that is served here, or that we are a backup MX for."""
    if find(tx, domain.ascii) is not None:
        raise AlreadyExists(f"{domain.unicode} is a domain of this server already")
    if tx.one("SELECT 1 FROM backup_domain WHERE name = :name", name=domain.ascii) is not None:
        raise AlreadyExists(
            f"this server is a backup MX for {domain.unicode};"
            f" run first: postroom domain remove {domain.unicode}"
        )


def first(tx: Tx) -> OwnDomain | None:
    """The oldest domain with names of its own: where ``<Postmaster>`` is at home."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE d.removed IS NULL AND d.alias_of IS NULL"
        " ORDER BY d.created, d.id LIMIT 1"
    )
    return _domain(row) if row else None


def page(
    tx: Tx, after: str, limit: int, search: str, *, within: int | None = None
) -> list[OwnDomain]:
    """The next domains by name; ``within``: only those of this administrator."""
    where, given = _matching(search, within)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE d.name > :after AND {where}"
        " ORDER BY d.name LIMIT :limit",
        after=after,
        limit=limit,
        **given,
    )
    return [_domain(row) for row in rows]


def count(tx: Tx, search: str = "", *, within: int | None = None) -> int:
    """How many domains match, ``within`` as in ``page``."""
    where, given = _matching(search, within)
    return number(tx, f"SELECT count(*) FROM domain d WHERE {where}", **given)


def _matching(search: str, within: int | None) -> tuple[str, dict[str, object]]:
    """The condition of a list, and its parameters."""
    where, given = "d.removed IS NULL", dict[str, object]()
    if search:
        where += " AND instr(d.name, :search) > 0"
        given["search"] = search
    if within is not None:
        where += f" AND (d.id {IN_REACH} OR d.alias_of {IN_REACH})"
        given["within"] = within
    return where, given


def add(tx: Tx, ident: int, domain: Domain, alias_of: Domain | None, now: int) -> OwnDomain:
    """Make ``domain`` ours; one that was removed comes back."""
    if domain.is_literal:
        raise Invalid(f"{domain} is an address literal; a domain needs a name")
    alias_id = None if alias_of is None else _stands_for(tx, alias_of).id
    refuse_taken(tx, domain)
    row = tx.one("SELECT id FROM domain WHERE name = :name", name=domain.ascii)
    if row is None:
        tx.execute(
            "INSERT INTO domain (id, name, alias_of, separators, case_sensitive, dots_ignored,"
            " created) VALUES (:id, :name, :alias_of, :separators, 0, 0, :now)",
            id=ident,
            name=domain.ascii,
            alias_of=alias_id,
            separators=DEFAULT.separators,
            now=now,
        )
    else:
        tx.execute(
            "UPDATE domain SET removed = NULL, alias_of = :alias_of WHERE id = :id",
            id=row[0],
            alias_of=alias_id,
        )
    return require(tx, domain)


def set_policy(tx: Tx, own: OwnDomain, policy: Policy) -> None:
    """Compare names in another way; refused when two names would become one."""
    refuse_alias(own, "set the policy of")
    tx.execute(
        "UPDATE domain SET separators = :separators, case_sensitive = :cased,"
        " dots_ignored = :dots WHERE id = :id",
        id=own.id,
        separators=policy.separators,
        cased=int(policy.case_sensitive),
        dots=int(policy.dots_ignored),
    )
    if (policy.case_sensitive, policy.dots_ignored) != (
        own.policy.case_sensitive,
        own.policy.dots_ignored,
    ):
        _key_again(tx, own, policy)


def set_catch_all(tx: Tx, own: OwnDomain, address: Address | None) -> None:
    """Where letters for unknown names go; None refuses them again."""
    refuse_alias(own, "set the catch-all of")
    tx.execute(
        "UPDATE domain SET catch_local = :local, catch_domain = :domain WHERE id = :id",
        id=own.id,
        local=None if address is None else address.local,
        domain=None if address is None else address.domain.ascii,
    )


def rename(tx: Tx, own: OwnDomain, new: Domain) -> None:
    """Give the domain another name; targets and catch-alls that name it follow."""
    if new.is_literal:
        raise Invalid(f"{new} is an address literal; a domain needs a name")
    refuse_taken(tx, new)
    if tx.one("SELECT 1 FROM domain WHERE name = :name", name=new.ascii) is not None:
        raise AlreadyExists(
            f"{new.unicode} still holds removed accounts, which are kept for 30 days"
        )
    tx.execute("UPDATE domain SET name = :new WHERE id = :id", new=new.ascii, id=own.id)
    tx.execute(
        "UPDATE alias_target SET domain = :new WHERE domain = :old", new=new.ascii, old=own.name
    )
    tx.execute(
        "UPDATE domain SET catch_domain = :new WHERE catch_domain = :old",
        new=new.ascii,
        old=own.name,
    )
    tx.execute("UPDATE journal SET domain = :new WHERE domain = :old", new=new.ascii, old=own.name)
    key = f"substr(list_member.key, 1, length(list_member.key) - {len(own.name)}) || :new"
    given = {"new": new.ascii, "old": own.name}
    tx.execute(
        "DELETE FROM list_member WHERE domain = :old AND EXISTS (SELECT 1 FROM list_member o WHERE"
        f" o.alias_id = list_member.alias_id AND o.role = list_member.role AND o.key = {key})",
        **given,
    )
    tx.execute(f"UPDATE list_member SET domain = :new, key = {key} WHERE domain = :old", **given)


def counts(tx: Tx, own: OwnDomain) -> Counts:
    """Live accounts (by main address), aliases, and domains that stand for this one."""
    row = tx.one(
        "SELECT count(account_id), count(alias_id) FROM address"
        " WHERE domain_id = :id AND live = 1 AND (main = 1 OR alias_id IS NOT NULL)",
        id=own.id,
    )
    return Counts(
        accounts=row[0] if row else 0, aliases=row[1] if row else 0, domains=len(aliases(tx, own))
    )


def aliases(tx: Tx, own: OwnDomain) -> list[str]:
    """The names of the domains that stand for this one."""
    return [
        row[0]
        for row in tx.all(
            "SELECT name FROM domain WHERE alias_of = :id AND removed IS NULL ORDER BY name",
            id=own.id,
        )
    ]


def remove(tx: Tx, own: OwnDomain, now: int) -> None:
    """Refuse its mail from now on; only an empty domain can be removed."""
    name = Domain(own.name).unicode
    taken = tx.one(
        "SELECT canonical FROM address WHERE domain_id = :id AND live = 1 LIMIT 1", id=own.id
    )
    if taken is not None:
        held = counts(tx, own)
        raise Refused(
            f"{name} still has {held.accounts} accounts and {held.aliases} aliases"
            f" (such as {taken[0]}@{name}); remove or rename them first"
        )
    standing = aliases(tx, own)
    if standing:
        raise Refused(
            f"{standing[0]} is an alias of {name}; run: postroom domain remove {standing[0]}"
        )
    # Removed accounts and the holding account keep the row alive until they are purged.
    kept = tx.one("SELECT id FROM address WHERE domain_id = :id AND live = 0 LIMIT 1", id=own.id)
    tx.execute("DELETE FROM journal WHERE domain_id = :id", id=own.id)
    tx.execute("DELETE FROM suppression_sharing WHERE domain_id = :id", id=own.id)
    if kept is None:
        tx.execute("DELETE FROM domain WHERE id = :id", id=own.id)
    else:
        tx.execute(
            "UPDATE domain SET removed = :now, catch_local = NULL, catch_domain = NULL"
            " WHERE id = :id",
            id=own.id,
            now=now,
        )


def purge(tx: Tx) -> None:
    """Forget removed domains that nothing refers to any more."""
    tx.execute(
        "DELETE FROM domain WHERE removed IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM address WHERE address.domain_id = domain.id)"
    )


def _domain(row: tuple[Any, ...]) -> OwnDomain:
    ident, name, alias_id, alias_of, local, catch, *rest = row
    separators, cased, dots, created, kept, keeper = rest
    return OwnDomain(
        id=ident,
        name=name,
        alias_id=alias_id,
        alias_of=alias_of or "",
        catch_all=None if local is None else Address(local, Domain(catch)),
        policy=Policy(separators, bool(cased), bool(dots)),
        created=created,
        journal=None if kept is None else Address(kept, Domain(keeper)),
    )


def _stands_for(tx: Tx, domain: Domain) -> OwnDomain:
    own = require(tx, domain)
    if own.alias_of:
        raise Invalid(f"{domain.unicode} is itself an alias of {own.alias_of}; name that one")
    return own


def refuse_alias(own: OwnDomain, action: str) -> None:
    """Raise Invalid for a domain that stands for another."""
    if own.alias_of:
        raise Invalid(f"{own.name} is an alias of {own.alias_of}; {action} that one")


def _key_again(tx: Tx, own: OwnDomain, policy: Policy) -> None:
    rows = tx.all(
        "SELECT id, canonical, written, live FROM address WHERE domain_id = :id ORDER BY id",
        id=own.id,
    )
    holders: dict[str, str] = {}
    changed = []
    for ident, canonical, written, live in rows:
        key = policy.canonical(written)
        if live and key in holders:
            raise AlreadyExists(
                f"{holders[key]} and {written} in {own.name} would become one name;"
                " rename one of them first"
            )
        if live:
            holders[key] = written
        if key != canonical:
            changed.append((key, ident))
    # Two steps: a key may be free only after its present holder has moved on.
    tx.many("UPDATE address SET canonical = ? WHERE id = ?", [(f"@{i}", i) for _, i in changed])
    tx.many("UPDATE address SET canonical = ? WHERE id = ?", changed)
