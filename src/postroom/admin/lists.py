"""Mailing lists: add, list, show, set, rename, remove; who is in them."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.address import Address
from postroom.admin import held_posts, names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import addresses, list_members, lists, verify
from postroom.directory.list_members import Member
from postroom.directory.lists import MailingList, Settings
from postroom.errors import Invalid, NotFound, Refused

_TOGETHER: Final = 200  # members that are written in one transaction: others write, too


class ListView(msgspec.Struct, frozen=True):
    """A mailing list; ``members`` is how many there are."""

    address: str
    name: str
    members: int
    owners: tuple[str, ...]
    archive: tuple[str, ...]
    posting: lists.Posting
    moderation: lists.Moderation
    subscribing: lists.Subscribing
    rewrite_from: lists.RewriteFrom
    own_copy: bool
    max_size: int
    created: datetime


class MemberView(msgspec.Struct, frozen=True):
    """Somebody in a list; ``bounces`` are the days on which post came back."""

    address: str
    added: datetime
    suspended: bool
    bounces: int


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What to set; None: as it is."""

    name: str | None = None
    posting: lists.Posting | None = None
    moderation: lists.Moderation | None = None
    subscribing: lists.Subscribing | None = None
    rewrite_from: lists.RewriteFrom | None = None
    own_copy: bool | None = None
    max_size: int | None = None
    owners: tuple[str, ...] | None = None
    archive: tuple[str, ...] | None = None


@recorded("list.add", "address", "changes")
async def add(
    office: Office, address: str, changes: Changes, people: Sequence[str] = ()
) -> ListView:
    """Make a mailing list with these members; no list is made when one of them can't be one."""
    name, wanted = names.address(address), _addresses(people)
    ident, address_id = office.ids.next(), office.ids.next()
    made = MailingList(ident, name, _settings(Settings(), changes), office.now(), ("", ""))
    owners, archive = _addresses(changes.owners or ()), _addresses(changes.archive or ())

    def write(tx: Tx) -> None:
        lists.add(tx, made, address_id)
        _set_roles(office, tx, ident, owners, archive)

    for some in _chunks(wanted):
        await office.directory.look(lambda tx, some=some: _test(tx, made, some))  # type: ignore[misc]
    await office.directory.change(write)
    if people:
        await add_members(office, address, people)
    return await show(office, address)


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[ListView]:
    """All mailing lists by domain and name, read in pages."""
    sought = names.sought(search)
    async for one in paging.walk(
        office.directory,
        lambda tx, key, most: _views(tx, lists.page(tx, key, most, search=sought)),
        lambda pair: pair[0],
        ("", ""),
        limit,
    ):
        yield one[1]


async def page(
    office: Office,
    *,
    search: str = "",
    after: str = "",
    size: int = 100,
    within: int | str | None = None,
) -> Slice[ListView]:
    """One page of them; ``after`` and ``within`` as for aliases."""
    sought = names.sought(search)
    begin = paging.key_of(after, ("", ""))

    def look(tx: Tx) -> Slice[tuple[tuple[str, str], ListView]]:
        found = _views(tx, lists.page(tx, begin, size + 1, search=sought, within=within))
        total = lists.count(tx, sought, within=within)
        return paging.sliced(found, size, total, lambda pair: pair[0])

    return paging.viewed(await office.directory.look(look), lambda pair: pair[1])


async def owned(office: Office, account_id: int) -> list[ListView]:
    """The lists that an account looks after, by one of its addresses."""

    def read(tx: Tx) -> list[ListView]:
        mine = [address for _, address in addresses.of_account(tx, account_id)]
        found = [lists.by_id(tx, ident) for ident in list_members.owned(tx, mine)]
        some = sorted([one for one in found if one is not None], key=lambda one: one.key)
        return [view for _, view in _views(tx, some)]

    return await office.directory.look(read)


async def show(office: Office, address: str) -> ListView:
    """One mailing list."""
    name = names.address(address)
    return await office.directory.look(lambda tx: _views(tx, [lists.require(tx, name)])[0][1])


@recorded("list.change", "address", "changes")
async def change(office: Office, address: str, changes: Changes) -> ListView:
    """Set what is given."""
    name = names.address(address)
    owners = None if changes.owners is None else _addresses(changes.owners)
    archive = None if changes.archive is None else _addresses(changes.archive)

    def write(tx: Tx) -> None:
        found = lists.require(tx, name)
        lists.change(tx, found, _settings(found.settings, changes))
        _set_roles(office, tx, found.id, owners, archive)

    await office.directory.change(write)
    return await show(office, address)


@recorded("list.rename", "address", "new")
async def rename(office: Office, address: str, new: str) -> ListView:
    """Give a mailing list another address; aliases and lists that name it follow."""
    old, wanted = names.address(address), names.address(new)
    async for one in held_posts.every(office, address):
        raise Refused(
            f"posts to {address} wait for an owner; decide on them first:"
            f" postroom list accept {one.id}, or reject"
        )
    await office.directory.change(lambda tx: lists.rename(tx, lists.require(tx, old), wanted))
    return await show(office, new)


@recorded("list.remove", "address")
async def remove(office: Office, address: str) -> ListView:
    """Take a mailing list away; posts to it are refused from now on."""
    name = names.address(address)
    found = await office.directory.look(lambda tx: lists.require(tx, name))
    view = await show(office, address)
    while await office.db.write(lambda tx: list_members.clear(tx, found.id, _TOGETHER)):
        pass
    await office.directory.change(lambda tx: lists.remove(tx, lists.require(tx, name)))
    return view


async def members(
    office: Office, address: str, *, search: str = "", limit: int | None = None
) -> AsyncIterator[MemberView]:
    """Everybody in a list, by address, read in pages."""
    name, sought = names.address(address), names.sought(search)
    found = await office.directory.look(lambda tx: lists.require(tx, name))
    async for one in paging.walk(
        office.directory,
        lambda tx, key, most: list_members.page(tx, found.id, key[0], most, search=sought),
        _member_key,
        ("",),
        limit,
    ):
        yield _member(one)


async def members_page(
    office: Office, address: str, *, search: str = "", after: str = "", size: int = 100
) -> Slice[MemberView]:
    """One page of the members of a list."""
    name, sought = names.address(address), names.sought(search)
    (begin,) = paging.key_of(after, ("",))

    def look(tx: Tx) -> Slice[Member]:
        found = lists.require(tx, name)
        some = list_members.page(tx, found.id, begin, size + 1, search=sought)
        return paging.sliced(some, size, list_members.count(tx, found.id, sought), _member_key)

    return paging.viewed(await office.directory.look(look), _member)


def people_of(lines: Iterable[str]) -> list[str]:
    """The addresses of a file, one a line; empty lines and notes (`# ..`) are none.

    Raises Invalid, which names the line.
    """
    found = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.split()[0] == "#":
            continue
        try:
            found.append(str(names.address(text)))
        except Invalid as error:
            raise Invalid(f"line {number}: {error}; write one address a line") from None
    return found


@recorded("list.members.add", "address", "people")
async def add_members(office: Office, address: str, people: Sequence[str]) -> int:
    """Put people into a list, as many as there are; how many it has now.

    An address here that nobody has is refused; who is in it already stays as they are.
    """
    name, wanted = names.address(address), _addresses(people)
    for some in _chunks(wanted):
        new = [(office.ids.next(), one) for one in some]

        def write(tx: Tx, new: Sequence[tuple[int, Address]] = new) -> None:
            found = lists.require(tx, name)
            _test(tx, found, [one for _, one in new])
            list_members.add(tx, found.id, "member", new, office.now())

        await office.directory.change(write)
    return (await show(office, address)).members


@recorded("list.members.remove", "address", "people")
async def remove_members(office: Office, address: str, people: Sequence[str]) -> int:
    """Take people out of a list; how many it has left. Raises NotFound for who is not in it."""
    found, gone = await _in_list(office, address, people)
    for some in _chunks(gone):

        def write(tx: Tx, some: Sequence[Address] = some) -> None:
            list_members.remove(tx, found.id, "member", some)

        await office.db.write(write)
    return (await show(office, address)).members


@recorded("list.members.suspend", "address", "people", "suspended")
async def suspend_members(
    office: Office, address: str, people: Sequence[str], *, suspended: bool
) -> None:
    """Send these members nothing more, or again. Raises NotFound for who is not in the list."""
    found, chosen = await _in_list(office, address, people)
    for some in _chunks(chosen):

        def write(tx: Tx, some: Sequence[Address] = some) -> None:
            for one in some:
                member = list_members.find(tx, found.id, one)
                if member is not None:
                    list_members.suspend(tx, member.id, is_suspended=suspended)

        await office.db.write(write)


async def of_member(office: Office, ident: int) -> tuple[str, str] | None:
    """The list that the member of this id is in, and their address; None for nobody."""

    def read(tx: Tx) -> tuple[str, str] | None:
        row = list_members.by_id(tx, ident)
        found = None if row is None or row[1].role != "member" else lists.by_id(tx, row[0])
        return None if row is None or found is None else (str(found.address), str(row[1].address))

    return await office.directory.look(read)


@recorded("list.leave", "address", "member")
async def leave(office: Office, address: str, member: str) -> None:
    """Take a member out as they wish; who has left before has left."""
    name, gone = names.address(address), names.address(member)

    def write(tx: Tx) -> None:
        list_members.remove(tx, lists.require(tx, name).id, "member", [gone])

    await office.db.write(write)


def _settings(before: Settings, changes: Changes) -> Settings:
    said = {
        name: value
        for name in Settings.__struct_fields__
        if (value := getattr(changes, name)) is not None
    }
    after = msgspec.structs.replace(before, **said)
    if after.max_size < 0:
        raise Invalid("the size of a post is a number of octets from 0 on; 0 is any")
    name = " ".join(after.name.split())
    if len(name) > 200 or not name.isprintable():
        raise Invalid("the name of a list is one line of 200 characters at most")
    return msgspec.structs.replace(after, name=name)


def _set_roles(
    office: Office,
    tx: Tx,
    ident: int,
    owners: Sequence[Address] | None,
    archive: Sequence[Address] | None,
) -> None:
    found = lists.by_id(tx, ident)
    for role, wanted in (("owner", owners), ("archive", archive)):
        if wanted is None or found is None:
            continue
        _test(tx, found, wanted)
        new = [(office.ids.next(), one) for one in wanted]
        list_members.replace(tx, ident, role, new, office.now())  # type: ignore[arg-type]


def _test(tx: Tx, of: MailingList, people: Iterable[Address]) -> None:
    for one in people:
        if list_members.key_of(one) == list_members.key_of(of.address):
            raise Invalid(f"{one} can't be in itself")
        if verify.verify(tx, one).kind == "unknown":
            raise NotFound(f"{one} receives no mail here; add it first: postroom account add {one}")


async def _in_list(
    office: Office, address: str, people: Sequence[str]
) -> tuple[MailingList, list[Address]]:
    """The list, and these people, who are all in it. Raises NotFound."""
    name, chosen = names.address(address), _addresses(people)
    found = await office.directory.look(lambda tx: lists.require(tx, name))
    for some in _chunks(chosen):
        await office.directory.look(lambda tx, some=some: _require_members(tx, found, some))  # type: ignore[misc]
    return found, chosen


def _require_members(tx: Tx, of: MailingList, people: Sequence[Address]) -> None:
    for one in people:
        if list_members.find(tx, of.id, one) is None:
            raise NotFound(
                f"{one} is no member of {of.address}; see: postroom list members {of.address}"
            )


def _chunks(people: Sequence[Address]) -> Iterator[Sequence[Address]]:
    for start in range(0, len(people), _TOGETHER):
        yield people[start : start + _TOGETHER]


def _addresses(texts: Iterable[str]) -> list[Address]:
    return list(dict.fromkeys(map(names.address, texts)))


def _member_key(one: Member) -> tuple[str]:
    return (list_members.key_of(one.address),)


def _member(one: Member) -> MemberView:
    return MemberView(str(one.address), names.moment(one.added), one.is_suspended, one.bounces)


def _views(tx: Tx, found: Sequence[MailingList]) -> list[tuple[tuple[str, str], ListView]]:
    """Each after its key."""
    counts = list_members.counts(tx, [one.id for one in found])
    return [(one.key, _view(tx, one, counts.get(one.id, 0))) for one in found]


def _view(tx: Tx, one: MailingList, members: int) -> ListView:
    return ListView(
        address=str(one.address),
        members=members,
        owners=tuple([str(each.address) for each in list_members.of(tx, one.id, "owner")]),
        archive=tuple([str(each.address) for each in list_members.of(tx, one.id, "archive")]),
        created=names.moment(one.created),
        **msgspec.structs.asdict(one.settings),
    )
