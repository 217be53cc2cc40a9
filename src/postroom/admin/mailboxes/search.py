"""The search index: how far it is, bring it up to date now, make it anew."""

from collections.abc import AsyncIterator

import msgspec

from postroom.access.indexer import ACCOUNTS, Indexer, forget_all
from postroom.admin.office import Office
from postroom.errors import Refused
from postroom.store import textindex


class IndexView(msgspec.Struct, frozen=True):
    """The index of all accounts. ``octets`` is what it takes on disk."""

    enabled: bool
    messages: int
    indexed: int
    waiting: int
    pages: int
    octets: int


class Updated(msgspec.Struct, frozen=True):
    """How many messages were put into the index; ``address`` "" is all accounts."""

    address: str
    messages: int


async def status(office: Office) -> IndexView:
    """How far the index is."""
    found = await office.store.read(textindex.totals)
    return IndexView(
        enabled=office.config.search.index,
        messages=found.messages,
        indexed=found.messages - found.waiting,
        waiting=found.waiting,
        pages=found.pages,
        octets=found.octets,
    )


async def update(office: Office, address: str = "") -> Updated:
    """Put into the index what waits, of one account or of all."""
    _refuse_without_index(office)
    indexer = Indexer(office.store, office.config.search.max_text)
    messages = 0
    async for account_id in _accounts(office, address):
        messages += await indexer.everything(account_id)
    return Updated(address, messages)


async def rebuild(office: Office, address: str = "") -> Updated:
    """Drop the index, of one account or of all, and make it anew."""
    _refuse_without_index(office)
    if address:
        async for account_id in _accounts(office, address):
            await office.store.forget_texts(account_id)
    else:
        await forget_all(office.store)
    return await update(office, address)


async def _accounts(office: Office, address: str) -> AsyncIterator[int]:
    if address:
        yield (await office.account(address)).id
        return
    after = 0
    while page := await office.store.read(textindex.waiting, after, ACCOUNTS):
        for account in page:
            if account.unread or account.late:
                yield account.account_id
        after = page[-1].account_id


def _refuse_without_index(office: Office) -> None:
    if not office.config.search.index:
        raise Refused("the index is off: set index = true below [search] in postroom.toml")
