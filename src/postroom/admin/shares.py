"""Shared mailboxes: who may use whose mailboxes, and how; add, list, remove.

What is shared is written ``OWNER`` for a whole account and ``OWNER/MAILBOX`` for one mailbox.
The same entries are the access control lists of IMAP (RFC 4314).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from postroom.access import rights as letters
from postroom.access.rights import Rights
from postroom.address import AddressError, Domain
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, addresses, reach, shares
from postroom.directory.accounts import Account
from postroom.directory.shares import WHOLE, Grantee, Share
from postroom.errors import Invalid, NotFound
from postroom.store import mailboxes
from postroom.store.names import INBOX, canonical

_SHOWN: Final = 10  # names of mailboxes in a refusal


class ShareView(msgspec.Struct, frozen=True):
    """What is shared, with whom, and the rights.

    ``mailbox`` is "" for the whole account. ``grantee`` is an address, ``@domain`` or
    ``anyone``. ``access`` is read, write, send, full, none (a mailbox that is taken out of a
    whole account), or other.
    """

    owner: str
    mailbox: str
    grantee: str
    kind: str
    access: str
    rights: str

    @property
    def what(self) -> str:
        """The account or mailbox as it is written."""
        return f"{self.owner}/{self.mailbox}" if self.mailbox else self.owner


@recorded("share.add", "what", "grantee", "rights")
async def add(office: Office, what: str, grantee: str, rights: str) -> ShareView:
    """Share an account or mailbox; rights that the grantee had there before are replaced.

    ``rights`` is one of ``letters.WORDS``, or letters of RFC 4314.
    """
    given = letters.WORDS.get(rights) or letters.parse(rights)
    if not given:
        raise Invalid(f"no right is named; write one of {', '.join(letters.WORDS)}, or letters")
    owner, mailbox = _split(what)
    if rights == "send" and mailbox not in {"", INBOX}:
        raise Invalid(
            "mail is sent in the owner's name, so send is for the INBOX or the whole account"
        )
    ident = (await office.account(owner)).id
    await office.store.furnish(ident)

    def write(tx: Tx) -> ShareView:
        account = accounts.require(tx, names.address(owner))
        place = _mailbox_id(tx, account, mailbox)
        to, identifier = shares.grantee(tx, _identifier(grantee))
        shares.put(tx, account.id, place, to, given)
        return _view(str(account.address), mailbox, to, identifier, given)

    return await office.directory.change(write)


@recorded("share.remove", "what", "grantee")
async def remove(office: Office, what: str, grantee: str) -> ShareView:
    """End a share; of a whole account that is shared, one mailbox is taken out."""
    owner, mailbox = _split(what)

    def write(tx: Tx) -> ShareView:
        account = accounts.require(tx, names.address(owner))
        place = _mailbox_id(tx, account, mailbox)
        to, identifier = shares.grantee(tx, _identifier(grantee))
        before = shares.rights_of(tx, account.id, place, to)
        if not before:
            raise NotFound(
                f"{_named(str(account.address), mailbox)} is not shared with {identifier};"
                f" see: postroom share list {account.address}"
            )
        shares.put(tx, account.id, place, to, frozenset())
        return _view(str(account.address), mailbox, to, identifier, before)

    return await office.directory.change(write)


async def of(office: Office, address: str) -> list[ShareView]:
    """What an account shares and what is shared with it; of an alias or ``@domain`` the latter."""
    identifier = _identifier(address)

    def read(tx: Tx) -> list[ShareView]:
        to, _ = shares.grantee(tx, identifier)
        if to.kind == "account":
            theirs = _with(tx, reach.grantees(tx, to.id), besides=to.id)
            found = [*shares.of(tx, to.id), *theirs]
        else:
            found = _with(tx, {to})
        return [view for view in _views(tx, found) if view is not None]

    return await office.directory.look(read)


async def given(office: Office, address: str) -> list[ShareView]:
    """What an account shares. Raises NotFound."""
    owner = names.address(address)

    def read(tx: Tx) -> list[ShareView]:
        found = shares.of(tx, accounts.require(tx, owner).id)
        return [view for view in _views(tx, found) if view is not None]

    return await office.directory.look(read)


async def every(office: Office, *, limit: int | None = None) -> AsyncIterator[ShareView]:
    """Everything that is shared, read in pages."""

    def page(
        tx: Tx, after: tuple[int, int, str, int], size: int
    ) -> list[tuple[Share, ShareView | None]]:
        found = shares.page(tx, after, size)
        return list(zip(found, _views(tx, found), strict=True))

    shown = 0
    async for _, view in paging.walk(
        office.directory, page, lambda pair: pair[0].key, (0, 0, "", 0), None
    ):
        if shown == limit:
            return
        if view is not None:
            shown += 1
            yield view


def written(what: str, grantee: str) -> tuple[str, str]:
    """Both as lists have them, where this can be told without looking. Raises Invalid."""
    owner, mailbox = _split(what)
    return _named(str(names.address(owner)), mailbox), _identifier(grantee)


def _with(tx: Tx, grantees: set[Grantee], besides: int = 0) -> list[Share]:
    """Entries for these grantees."""
    keys = {row[:4] for row in shares.among(tx, grantees) if row[0] != besides}
    owners = sorted({key[0] for key in keys})
    return [share for owner in owners for share in shares.of(tx, owner) if share.key in keys]


def _views(tx: Tx, found: Sequence[Share]) -> list[ShareView | None]:
    """None for what is gone: a mailbox, or an account that was removed."""
    owners = addresses.main_of(tx, sorted({share.owner_id for share in found}))
    ids = sorted({share.mailbox_id for share in found} - {WHOLE})
    named = {mailbox.id: mailbox.name for mailbox in mailboxes.among(tx, [], ids)} | {WHOLE: ""}
    return [
        _view(
            str(owners[share.owner_id]),
            named[share.mailbox_id],
            share.grantee,
            share.identifier,
            share.rights,
        )
        if share.owner_id in owners and share.mailbox_id in named and share.identifier
        else None
        for share in found
    ]


def _view(owner: str, mailbox: str, to: Grantee, identifier: str, rights: Rights) -> ShareView:
    words = {given: word for word, given in letters.WORDS.items()} | {frozenset(): "none"}
    return ShareView(
        owner=owner,
        mailbox=mailbox,
        grantee=identifier,
        kind="group" if to.kind == "alias" else to.kind,
        access=words.get(rights, "other"),
        rights=letters.written(rights),
    )


def _split(what: str) -> tuple[str, str]:
    """``a@demo.test/Work/Old``: the account and its mailbox, "" for all of it."""
    at = what.find('"@' if what.startswith('"') else "@")
    slash = what.find("/", max(at, 0))
    if slash < 0:
        return what, ""
    return what[:slash], canonical(what[slash + 1 :])


def _identifier(text: str) -> str:
    """A grantee as it is compared: addresses and domains in their canonical form."""
    text = text.strip()
    if text.startswith("@"):
        try:
            return f"@{Domain.parse(text[1:]).ascii}"
        except AddressError as error:
            raise Invalid(f"{text}: {error}") from None
    return text if text == shares.ANYONE else str(names.address(text))


def _mailbox_id(tx: Tx, account: Account, name: str) -> int:
    if not name:
        return WHOLE
    found = mailboxes.find(tx, account.id, name)
    if found is None:
        there = [mailbox.name for mailbox in mailboxes.listing(tx, account.id)]
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        raise NotFound(
            f"{account.address} has no mailbox {name!r}; it has {', '.join(there[:_SHOWN])}{more}"
        )
    return found.id


def _named(owner: str, mailbox: str) -> str:
    return f"{owner}/{mailbox}" if mailbox else owner
