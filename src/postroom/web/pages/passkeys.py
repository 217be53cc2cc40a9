"""Passkeys of a person, and logging in with one."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.access.login import LoginRefused
from postroom.admin import passkeys
from postroom.db.database import Tx
from postroom.directory import passkeys as rows
from postroom.directory.login import Identity
from postroom.directory.passkeys import Passkey
from postroom.errors import Invalid, NotFound
from postroom.web import handover, webauthn
from postroom.web.desk import Desk, Visitor, peer_of
from postroom.web.handover import LIFE_MS
from postroom.web.pages.entrance import tried
from postroom.web.routing import ENROL, Router
from postroom.web.webauthn import BadAnswer, Ticket

HERE: Final = f"{ENROL}/passkeys"


def routes(desk: Desk) -> list[Route]:
    """The forms; none without the library."""
    if not webauthn.is_available():
        return []
    office, router = desk.office, Router(desk)

    async def add(request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        label, now = passkeys.label_of(fields.get("label", "")), office.now()
        ticket = handover.take(desk.key, fields.get("ticket", ""), Ticket, now)
        if ticket is None or ticket.session != visitor.session.token:
            raise Invalid("that took too long: load the page again")
        host = request.headers.get("host", "")
        try:
            made = webauthn.made(ticket, host, fields.get("answer", ""))
        except BadAnswer as error:
            raise Invalid(f"the passkey was not taken: {error}") from None
        passkey = Passkey(
            office.ids.next(), visitor.identity.account_id, made.credential, made.material,
            ticket.host, label, made.counter, now, None,
        )  # fmt: skip

        def write(tx: Tx) -> None:
            if not _spend(tx, ticket, now):
                raise Invalid("that was answered before: load the page again")
            rows.add(tx, passkey)

        await office.directory.change(write)
        return ENROL

    async def change(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        address, ident = visitor.identity.address, fields.get("id", "")
        if "remove" in fields:
            await passkeys.remove(office, address, ident)
        else:
            await passkeys.rename(office, address, ident, fields.get("label", ""))
        return ENROL

    return [
        router.do(HERE, add, for_admins=False, to_enrol=True),
        router.do(f"{HERE}/change", change, for_admins=False, to_enrol=True),
        _entrance(desk),
    ]


def _entrance(desk: Desk) -> Route:
    async def log_in(request: Request) -> Response:
        async def step(fields: Mapping[str, str]) -> Response:
            return await _log_in(desk, request, fields)

        return await tried(desk, request, step, "That passkey does not get you in.")

    return Route("/passkey", log_in, methods=["POST"])


async def _log_in(desk: Desk, request: Request, fields: Mapping[str, str]) -> Response:
    """Raises LoginRefused, LoginDelayed."""
    office, peer, answer = desk.office, peer_of(request), fields.get("answer", "")
    ticket = handover.take(desk.key, fields.get("ticket", ""), Ticket, office.now())
    passkey, identity = await _claimed(desk, answer)
    name = identity.address if identity else "passkey"
    desk.login.admit(name, peer=peer)
    problem = "no challenge of ours, or no passkey of ours"
    if ticket and not ticket.session and passkey and identity and passkey.host == ticket.host:
        host = request.headers.get("host", "")
        problem = await _used(desk, passkey, ticket, host, answer)
    if problem or passkey is None or identity is None:
        await desk.login.failed(name, peer=peer, mechanism="PASSKEY", reason=problem)
        raise LoginRefused
    return await desk.begin(request, identity, "passkey", passkey.id)


async def _claimed(desk: Desk, answer: str) -> tuple[Passkey | None, Identity | None]:
    """The passkey that an answer says to be of, and who has it; nothing is proved by it."""
    directory = desk.office.directory
    try:
        credential = webauthn.credential_of(answer)
        passkey = await directory.look(lambda tx: rows.named(tx, credential))
        return passkey, await directory.identity_of(passkey.account_id) if passkey else None
    except (BadAnswer, NotFound):
        return None, None


async def _used(desk: Desk, passkey: Passkey, ticket: Ticket, host: str, answer: str) -> str:
    """Use challenge and passkey; why that is not possible, or ""."""
    user, now = handle(desk, passkey.account_id), desk.office.now()
    try:
        counter = webauthn.signed(ticket, host, answer, passkey.material, user)
    except BadAnswer as error:
        return str(error) or "it can't be read"

    def write(tx: Tx) -> str:
        if not _spend(tx, ticket, now):
            return "the challenge was answered before"
        if not rows.used(tx, passkey, counter, now):
            return "its counter did not rise: there may be a copy of it"
        return ""

    return await desk.office.db.write(write)


def handle(desk: Desk, account_id: int) -> bytes:
    """What authenticators know an account by; it tells nobody whose it is."""
    pepper = desk.office.directory.secrets.pepper
    return hmac.digest(pepper, f"passkey user {account_id}".encode(), "sha256")


async def offer(desk: Desk, request: Request, visitor: Visitor) -> tuple[str, str]:
    """Options and ticket of the form that makes a passkey; "" where none can be made."""
    host = webauthn.host_of(request.headers.get("host", ""))
    if not webauthn.is_available() or not host:
        return "", ""
    account = visitor.identity.account_id
    known = await desk.office.directory.look(lambda tx: rows.of(tx, account))
    options, ticket = webauthn.creation(
        host, visitor.session.token, handle(desk, account), visitor.identity.address,
        [one.material for one in known if one.host == host],
    )  # fmt: skip
    return options, handover.give(desk.key, ticket, desk.office.now())


def _spend(tx: Tx, ticket: Ticket, now: int) -> bool:
    """Use a challenge up; False when it was. It is remembered for longer than it is valid."""
    return rows.spend(tx, hashlib.sha256(ticket.challenge).digest(), now + 2 * LIFE_MS, now)
