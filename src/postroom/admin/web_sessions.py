"""Who is logged in to the browser: listed and ended, one's own or those of all."""

import hashlib
from datetime import datetime

import msgspec

from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, web_sessions
from postroom.directory.web_sessions import Listed, Method, WebSession
from postroom.errors import NotFound


class SessionView(msgspec.Struct, frozen=True):
    """One browser. ``agent`` is what it calls itself; ``peer`` the address it came from."""

    id: str
    account: str
    peer: str
    agent: str
    method: Method
    since: datetime
    seen: datetime


async def page(
    office: Office,
    *,
    search: str = "",
    after: str = "",
    size: int = 100,
    within: int | None = None,
) -> Slice[SessionView]:
    """Sessions of all, the newest first; ``search``: a part of address, peer or browser.

    ``within``: only of people in the domains of this administrator.
    """
    sought, start = names.sought(search), paging.key_of(after, (0, ""))

    def read(tx: Tx) -> Slice[SessionView]:
        now = office.now()
        chosen = web_sessions.Chosen(now, sought, within)
        found = web_sessions.page(tx, chosen, _key(start), size + 1)
        total = web_sessions.count(tx, chosen)
        page = paging.sliced(found, size, total, lambda one: _key_of(one.session))
        return paging.viewed(page, _view)

    return await office.directory.look(read)


async def of(office: Office, address: str) -> tuple[SessionView, ...]:
    """Those of one account, the one used last first."""
    name, now = names.address(address), office.now()

    def read(tx: Tx) -> tuple[SessionView, ...]:
        account = accounts.require(tx, name)
        return tuple(
            _view(Listed(one, str(account.address)))
            for one in web_sessions.of(tx, account.id)
            if not one.is_over(now)
        )

    return await office.directory.look(read)


@recorded("account.session.end", "address", "ident")
async def end(office: Office, address: str, ident: str) -> None:
    """End one session of an account; raises NotFound."""
    name = names.address(address)

    def write(tx: Tx) -> None:
        for one in web_sessions.of(tx, accounts.require(tx, name).id):
            if shown_id(one) == ident:
                web_sessions.remove(tx, one.token)
                return
        raise NotFound("that session is over already")

    await office.db.write(write)


@recorded("account.session.end-all", "address")
async def end_all(office: Office, address: str, *, but: bytes = b"") -> int:
    """End all sessions of an account, except one; how many ended."""
    name = names.address(address)
    return await office.db.write(
        lambda tx: web_sessions.remove_all(tx, accounts.require(tx, name).id, but=but)
    )


def shown_id(session: WebSession) -> str:
    """What a session is called where others see it: its token is not told, not even as digest."""
    return hashlib.sha256(b"shown " + session.token).hexdigest()[:24]


def _key_of(session: WebSession) -> tuple[int, str]:
    return session.created, session.token.hex()


def _key(start: tuple[int, str]) -> tuple[int, bytes] | None:
    created, token = start
    try:
        return (created, bytes.fromhex(token)) if token else None
    except ValueError:
        return None


def _view(one: Listed) -> SessionView:
    session = one.session
    return SessionView(
        id=shown_id(session),
        account=one.address,
        peer=session.peer,
        agent=session.agent,
        method=session.method,
        since=names.moment(session.created),
        seen=names.moment(session.seen),
    )
