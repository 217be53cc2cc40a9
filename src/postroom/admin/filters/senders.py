"""The senders that an account blocks, and those whose mail is never junk for it."""

from collections.abc import Sequence

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, senders
from postroom.directory.senders import List


class SendersView(msgspec.Struct, frozen=True):
    """One list of an account: addresses, domains, ``*.`` and a domain for what is below it."""

    account: str
    list: List
    senders: tuple[str, ...]


async def show(office: Office, account: str, which: List) -> SendersView:
    """Who is on a list."""
    name = names.address(account)

    def read(tx: Tx) -> SendersView:
        found = accounts.require(tx, name)
        return _view(tx, str(found.address), found.id, which)

    return await office.directory.look(read)


@recorded("senders.add", "account", "which", "patterns")
async def add(office: Office, account: str, which: List, patterns: Sequence[str]) -> SendersView:
    """Put senders on a list, and off the other one. Raises Invalid, NotFound."""
    name, chosen = names.address(account), [senders.pattern(one) for one in patterns]

    def write(tx: Tx) -> SendersView:
        found = accounts.require(tx, name)
        senders.put(tx, found.id, which, chosen)
        return _view(tx, str(found.address), found.id, which)

    return await office.directory.change(write)


@recorded("senders.remove", "account", "which", "patterns")
async def remove(office: Office, account: str, which: List, patterns: Sequence[str]) -> SendersView:
    """Take senders off a list. Raises Invalid, NotFound."""
    name, chosen = names.address(account), [senders.pattern(one) for one in patterns]

    def write(tx: Tx) -> SendersView:
        found = accounts.require(tx, name)
        senders.remove(tx, found.id, which, chosen)
        return _view(tx, str(found.address), found.id, which)

    return await office.directory.change(write)


def _view(tx: Tx, address: str, account_id: int, which: List) -> SendersView:
    return SendersView(address, which, tuple(senders.listed(tx, account_id, which)))
