"""Accounts elsewhere whose mail is fetched: added, listed, run, removed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from postroom.admin import names, paging
from postroom.admin.moving.remote import Remote, completed, open_imap, open_pop3
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.db.locks import is_served
from postroom.directory import addresses, fetchings
from postroom.directory.fetchings import Fetching
from postroom.errors import Invalid, Refused
from postroom.notify import FETCHING
from postroom.store.names import checked


class Wanted(msgspec.Struct, frozen=True):
    """How to fetch. ``to``: a mailbox here; "": as if it were received, with filters and rules.

    ``folder`` there (IMAP). ``deletes`` there what has come. ``every`` so many minutes.
    """

    there: Remote
    folder: str = "INBOX"
    to: str = ""
    deletes: bool = False
    every: int = 15


class FetchingView(msgspec.Struct, frozen=True):
    """One of them, as lists show it; ``problem`` of the last time, "" when it went well."""

    id: str
    account: str
    protocol: str
    host: str
    login: str
    folder: str
    to: str
    deletes: bool
    every: int
    fetched: int
    last: datetime | None
    next: datetime
    problem: str


@recorded("fetch.add", "address")
async def add(office: Office, address: str, wanted: Wanted) -> FetchingView:
    """Fetch from there from now on; the login is tried first. Raises NotFound, Invalid, Refused."""
    account = await office.account(address)
    there = completed(wanted.there)
    if wanted.to:
        checked(wanted.to)
    opened = open_imap if there.protocol == "imap" else open_pop3
    connection = await opened(office.config, there)
    await connection.close()
    return await _kept(office, account.id, wanted)


@recorded("fetch.add", "address")
async def bring(office: Office, address: str, wanted: Wanted) -> FetchingView:
    """As ``add`` for what went well elsewhere: nothing is tried. Raises NotFound, Invalid."""
    return await _kept(office, (await office.account(address)).id, wanted)


async def _kept(office: Office, account_id: int, wanted: Wanted) -> FetchingView:
    there = completed(wanted.there)
    one = Fetching(
        id=office.ids.next(),
        account_id=account_id,
        protocol=there.protocol,
        host=there.host,
        port=there.port,
        tls=there.tls,
        verify=there.verify,
        login=there.login,
        is_token=there.is_token,
        folder=wanted.folder if there.protocol == "imap" else "INBOX",
        target=checked(wanted.to) if wanted.to else "",
        leaves=not wanted.deletes,
        every=wanted.every,
        next_at=office.now(),
    )
    key = office.directory.secrets.seal
    await office.db.write(lambda tx: fetchings.add(tx, one, there.secret, key))
    office.notify.hint([FETCHING])
    return await _view(office, one)


async def every(office: Office, address: str = "") -> AsyncIterator[FetchingView]:
    """All of them, or those of an account, read in pages."""
    account_id: int | None = None
    if address:
        account_id = (await office.account(address)).id

    def page(tx: Tx, after: int, size: int) -> list[tuple[Fetching, str]]:
        found = fetchings.page(tx, after, size, account_id)
        owners = sorted({one.account_id for one in found})
        named = addresses.main_of(tx, owners, also_removed=True)
        return [(one, str(named.get(one.account_id, ""))) for one in found]

    async for one, owner in paging.walk(office.directory, page, lambda one: one[0].id, 0, None):
        yield _viewed(one, owner)


@recorded("fetch.run", "ident")
async def run(office: Office, ident: str) -> FetchingView:
    """Let the server fetch now. Raises NotFound, and Refused when it does not run."""
    number = _number(ident)
    if office.db.engine == "sqlite" and not await asyncio.to_thread(
        is_served, office.config.folder
    ):
        raise Refused("the server fetches, and it does not run: start it, then it fetches at once")
    one = await office.db.write(lambda tx: fetchings.hurry(tx, number, office.now()))
    office.notify.hint([FETCHING])
    return await _view(office, one)


@recorded("fetch.remove", "ident")
async def remove(office: Office, ident: str) -> FetchingView:
    """Fetch from there no more; what has come stays. Raises NotFound."""
    number = _number(ident)
    one = await office.db.write(lambda tx: fetchings.remove(tx, number))
    return await _view(office, one)


def _number(text: str) -> int:
    return names.ident(
        text, Invalid(f"{text} is no id: it has 13 letters and digits; see: postroom fetch list")
    )


async def _view(office: Office, one: Fetching) -> FetchingView:
    named = await office.directory.named([one.account_id])
    return _viewed(one, named.get(one.account_id, ""))


def _viewed(one: Fetching, owner: str) -> FetchingView:
    return FetchingView(
        id=to_text(one.id),
        account=owner,
        protocol=one.protocol,
        host=one.host,
        login=one.login,
        folder=one.folder,
        to=one.target,
        deletes=not one.leaves,
        every=one.every,
        fetched=one.fetched,
        last=names.moment(one.last_at) if one.last_at is not None else None,
        next=names.moment(one.next_at),
        problem=one.problem,
    )
