"""Mailing lists: rows of ``mailing_list``, as functions of an open transaction.

A list is an alias that has no targets: its name is claimed, renamed and freed like that of any
other. Who is in it is in ``list_members``; what its further addresses mean, in ``list_keys``.
"""

from typing import Any, Final, Literal

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx, number
from postroom.directory import addresses, aliases, allotments, domains
from postroom.directory.administrators import IN_REACH
from postroom.directory.domains import OwnDomain
from postroom.directory.list_keys import MAX_NAME, SEPARATOR
from postroom.directory.names import is_role
from postroom.directory.patterns import is_pattern
from postroom.errors import AlreadyExists, Invalid, NotFound

Posting = Literal["anyone", "members", "owners"]
"""Who may post."""

Moderation = Literal["none", "others", "all"]
"""Which posts wait for an owner: none, those of people who may not post, all but an owner's."""

Subscribing = Literal["open", "closed"]
"""Whether people put themselves into it, each by a letter that is confirmed."""

RewriteFrom = Literal["dmarc", "never", "always"]
"""Which posts name the list as their author: those that members would refuse, none, all."""

_SETTINGS: Final = "posting, moderation, subscribing, rewrite_from, own_copy, max_size"
_COLUMNS: Final = (
    "l.id, a.written, d.name, a.canonical, l.created, m.name, m.posting, m.moderation,"
    " m.subscribing, m.rewrite_from, m.own_copy, m.max_size"
)
_JOINED: Final = (
    "domain d JOIN address a ON a.domain_id = d.id AND a.live = 1"
    " JOIN alias l ON l.id = a.alias_id JOIN mailing_list m ON m.alias_id = l.id"
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a list behaves. ``max_size``: octets of a post, 0 for any.

    ``rewrite_from`` "dmarc": where a member's server would find From not proven, and the domain of
    the author wants such messages refused or put aside. ``own_copy``: who posts gets the post like
    everybody else.
    """

    name: str = ""
    posting: Posting = "members"
    moderation: Moderation = "none"
    subscribing: Subscribing = "closed"
    rewrite_from: RewriteFrom = "dmarc"
    own_copy: bool = True
    max_size: int = 5 * 1024 * 1024


class MailingList(msgspec.Struct, frozen=True):
    """A list; ``key`` is where a page of lists goes on."""

    id: int
    address: Address
    settings: Settings
    created: int
    key: tuple[str, str]

    @property
    def written(self) -> str:
        """Its address, all ASCII."""
        return f"{self.address.local}@{self.address.domain.ascii}"

    def sub(self, detail: str) -> str:
        """One of its further addresses: ``dev+owner@example.org``."""
        return f"{self.address.local}{SEPARATOR}{detail}@{self.address.domain.ascii}"


def find(tx: Tx, address: Address) -> MailingList | None:
    """The list of exactly this name."""
    name = addresses.find(tx, address)
    return None if name is None or name.alias_id is None else by_id(tx, name.alias_id)


def by_id(tx: Tx, ident: int) -> MailingList | None:
    """The list of this id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM {_JOINED} WHERE l.id = :id", id=ident)
    return _list(row) if row else None


def require(tx: Tx, address: Address) -> MailingList:
    """The list, or a refusal that says what there is instead."""
    found = find(tx, address)
    if found is not None:
        return found
    if addresses.find(tx, address) is not None:
        raise NotFound(f"{address} is no mailing list; see: postroom list list")
    domains.require(tx, address.domain)
    raise NotFound(f"no mailing list {address}; see: postroom list list")


def page(
    tx: Tx,
    after: tuple[str, str],
    limit: int,
    *,
    search: str = "",
    within: int | str | None = None,
) -> list[MailingList]:
    """The next lists by domain, then local part; ``within`` as for aliases."""
    where, given = _matching(search, within)
    domain, canonical = after
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE (d.name, a.canonical) > (:domain, :canonical)"
        f"{where} ORDER BY d.name, a.canonical LIMIT :limit",
        domain=domain,
        canonical=canonical,
        limit=limit,
        **given,
    )
    return list(map(_list, rows))


def count(tx: Tx, search: str = "", *, within: int | str | None = None) -> int:
    """How many lists match, ``within`` as in ``page``."""
    where, given = _matching(search, within)
    return number(tx, f"SELECT count(*) FROM {_JOINED} WHERE 1 = 1{where}", **given)


def add(tx: Tx, made: MailingList, address_id: int) -> None:
    """Make the list; refused when its name is taken, or one of its further addresses is."""
    address = made.address
    _refuse_name(address)
    tx.execute(
        "INSERT INTO alias (id, hidden, created) VALUES (:id, 1, :now)",
        id=made.id,
        now=made.created,
    )
    addresses.claim(tx, address_id, address, alias_id=made.id)
    own = addresses.home(tx, address)
    _refuse_neighbours(tx, own, address)
    allotments.admit_alias(tx, own)
    settings = made.settings
    tx.execute(
        f"INSERT INTO mailing_list (alias_id, name, {_SETTINGS})"
        " VALUES (:id, :name, :posting, :moderation, :subscribing, :rewrite_from, :own_copy,"
        " :max_size)",
        id=made.id,
        **_values(settings),
    )


def change(tx: Tx, made: MailingList, settings: Settings) -> None:
    """Let the list behave so from now on."""
    tx.execute(
        "UPDATE mailing_list SET name = :name, posting = :posting, moderation = :moderation,"
        " subscribing = :subscribing, rewrite_from = :rewrite_from, own_copy = :own_copy,"
        " max_size = :max_size"
        " WHERE alias_id = :id",
        id=made.id,
        **_values(settings),
    )


def rename(tx: Tx, made: MailingList, new: Address) -> None:
    """Give the list another address; aliases and lists that name it follow."""
    name = addresses.find(tx, made.address)
    if name is None:
        raise NotFound(f"no mailing list {made.address}")
    _refuse_name(new)
    addresses.move(tx, name, new)
    own = addresses.home(tx, new)
    _refuse_neighbours(tx, own, new)
    if new.domain != made.address.domain:
        allotments.admit_alias(tx, own)


def remove(tx: Tx, made: MailingList) -> None:
    """Free the name; posts are refused from now on, and nobody is in it any more."""
    tx.execute("DELETE FROM list_member WHERE alias_id = :id", id=made.id)
    tx.execute("DELETE FROM mailing_list WHERE alias_id = :id", id=made.id)
    aliases.remove(tx, aliases.Alias(made.id, made.address, (), True, made.created, made.key))


def _refuse_name(address: Address) -> None:
    local = address.local
    is_odd = SEPARATOR in local or is_pattern(local) or is_role(local) or not local.isascii()
    if is_odd or len(local) > MAX_NAME:
        raise Invalid(
            f"{address} can't be a mailing list: its name may have {MAX_NAME} characters of ASCII,"
            f" no {SEPARATOR} and no * among them, and can't be postmaster or abuse"
        )


def _refuse_neighbours(tx: Tx, own: OwnDomain, address: Address) -> None:
    """Somebody has a name that would be a further address of the list."""
    start = own.policy.canonical(address.local) + SEPARATOR
    row = tx.one(
        "SELECT written FROM address WHERE domain_id = :domain AND live = 1"
        " AND canonical >= :low AND canonical < :high ORDER BY canonical LIMIT 1",
        domain=own.id,
        low=start,
        high=start + "\U0010ffff",
    )
    if row is not None:
        taken = Address(row[0], Domain(own.name))
        raise AlreadyExists(
            f"{taken} is taken, and addresses that begin with {address.local}{SEPARATOR} belong"
            f" to the mailing list {address}; rename it first, or choose another name"
        )


def _matching(search: str, within: int | str | None) -> tuple[str, dict[str, object]]:
    where = ""
    given: dict[str, object] = {}
    if within is not None:
        where = f" AND d.{'name = :within' if isinstance(within, str) else f'id {IN_REACH}'}"
        given["within"] = within
    if search:
        where += (
            " AND (instr(a.canonical || '@' || d.name, :search) > 0"
            " OR instr(lower(m.name), :search) > 0)"
        )
        given["search"] = search
    return where, given


def _values(settings: Settings) -> dict[str, Any]:
    return msgspec.structs.asdict(settings) | {"own_copy": int(settings.own_copy)}


def _list(row: tuple[Any, ...]) -> MailingList:
    ident, written, domain, canonical, created, name, posting, moderation, subscribing, *rest = row
    rewrite_from, own_copy, max_size = rest
    return MailingList(
        id=ident,
        address=Address(written, Domain(domain)),
        settings=Settings(
            name=name,
            posting=posting,
            moderation=moderation,
            subscribing=subscribing,
            rewrite_from=rewrite_from,
            own_copy=bool(own_copy),
            max_size=max_size,
        ),
        created=created,
        key=(domain, canonical),
    )
