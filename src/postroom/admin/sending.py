"""What accounts may send: as whom besides their own addresses, and on after a limit."""

import msgspec

from postroom.address import Address, Domain
from postroom.admin import names, queue
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, reach, send_as, sending, shares
from postroom.directory.accounts import Account
from postroom.directory.send_as import Grant
from postroom.directory.shares import Grantee
from postroom.errors import NotFound, Refused
from postroom.policy import suspects
from postroom.queue.listing import Filter


class SendAsView(msgspec.Struct, frozen=True):
    """What an account may send as; ``@domain`` for a whole domain."""

    account: str
    send_as: tuple[str, ...]


class Released(msgspec.Struct, frozen=True):
    """An account that may send again, and whether it had been stopped.

    ``messages`` of it were held in the queue as it was suspected to be hijacked, and go on.
    """

    account: str
    was_stopped: bool
    messages: int = 0


async def show(office: Office, account: str) -> SendAsView:
    """What an account may send as, besides its own addresses."""
    name = names.address(account)

    def read(tx: Tx) -> SendAsView:
        found = accounts.require(tx, name)
        return _view(tx, str(found.address), found.id)

    return await office.directory.look(read)


@recorded("send-as.grant", "account", "what")
async def grant(office: Office, account: str, what: str) -> SendAsView:
    """Let an account send as an address, or as every address of ``@domain`` (an own one)."""
    name, granted = names.address(account), _grant(what)

    def write(tx: Tx) -> SendAsView:
        found = accounts.require(tx, name)
        send_as.add(tx, found.id, granted)
        return _view(tx, str(found.address), found.id)

    return await office.directory.change(write)


@recorded("send-as.revoke", "account", "what")
async def revoke(office: Office, account: str, what: str) -> SendAsView:
    """Take it back, also where it came with a mailbox that is shared with the account."""
    name, granted = names.address(account), _grant(what)

    def write(tx: Tx) -> SendAsView:
        found = accounts.require(tx, name)
        try:
            send_as.remove(tx, found.id, granted)
        except NotFound:
            if not _end_posting(tx, found, granted):
                raise
        return _view(tx, str(found.address), found.id)

    return await office.directory.change(write)


@recorded("account.release", "account")
async def release(office: Office, account: str) -> Released:
    """Begin to count anew what an account sends; it is suspected of nothing any more."""
    name = names.address(account)
    now = office.now()

    def write(tx: Tx) -> tuple[Released, Account, bool]:
        found = accounts.require(tx, name)
        sent = sending.of(tx, [found.id], now).get(found.id)
        sending.release(tx, found.id)
        suspected = suspects.release(tx, found.id, now)
        was_held = suspected is not None and suspected.state == "held"
        released = Released(str(found.address), sent is not None and sent.is_stopped)
        return released, found, was_held

    released, found, was_held = await office.directory.change(write)
    if not was_held:
        return released
    outcome = await queue.release(office, Filter(account=found.id, held=True))
    return msgspec.structs.replace(released, messages=outcome.messages)


def _grant(text: str) -> Grant:
    if text.strip().startswith("@"):
        return Grant("", names.domain(text).ascii)
    address = names.address(text)
    return Grant(address.local, address.domain.ascii)


def allowed(tx: Tx, account_id: int) -> tuple[str, ...]:
    """What an account may send as: what was granted, then those who share their INBOX so."""
    granted = [one.written for one in send_as.of(tx, account_id)]
    shared = [
        owner.address
        for owner in reach.of(tx, account_id).owners.values()
        if reach.POST in owner.rights(owner.account_id)
    ]
    return tuple(dict.fromkeys(granted + shared))


def _end_posting(tx: Tx, account: Account, granted: Grant) -> bool:
    """Take the right to post off what the owner of an address shares; False: it is not there."""
    owner = accounts.find(tx, Address(granted.local, Domain(granted.domain)))
    if owner is None or reach.POST not in reach.of(tx, account.id).rights(owner.id, owner.id):
        return False
    to = Grantee("account", account.id)
    for mailbox_id in (shares.WHOLE, owner.id):
        rights = shares.rights_of(tx, owner.id, mailbox_id, to)
        if reach.POST in rights:
            shares.put(tx, owner.id, mailbox_id, to, rights - {reach.POST})
    if reach.POST in reach.of(tx, account.id).rights(owner.id, owner.id):
        raise Refused(
            f"{account.address} may send as {owner.address} as a member of a group;"
            f" see: postroom share list {owner.address}"
        )
    return True


def _view(tx: Tx, address: str, account_id: int) -> SendAsView:
    return SendAsView(address, allowed(tx, account_id))
