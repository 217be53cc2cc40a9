"""The second factor of an account: codes of an app beside the password.

It is set up in two steps, so that nobody locks themselves out: the app is shown the secret,
and only a code that it makes of it puts the second factor in force.
"""

import base64
import math
from datetime import datetime
from typing import Literal

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded, unrecorded
from postroom.db.database import Tx
from postroom.directory import accounts, second_factor, web_sessions
from postroom.directory.second_factor import Outcome
from postroom.errors import Invalid, NotFound, Refused


class SecondFactorView(msgspec.Struct, frozen=True):
    """``opens_mail``: the password alone opens mail programs; else they need app passwords."""

    state: Literal["off", "begun", "on"]
    since: datetime | None = None
    recovery_codes: int = 0
    opens_mail: bool = True


class Enrolment(msgspec.Struct, frozen=True):
    """What an app is told: ``key`` to be typed (base32), ``uri`` as a QR code."""

    key: str
    uri: str


async def show(office: Office, address: str) -> SecondFactorView:
    """What an account has."""
    name, keys = names.address(address), office.directory.secrets

    def read(tx: Tx) -> SecondFactorView:
        found = second_factor.find(tx, accounts.require(tx, name).id, keys)
        if found is None:
            return SecondFactorView("off")
        if found.since is None:
            return SecondFactorView("begun")
        return SecondFactorView(
            "on", names.moment(found.since), found.recovery_codes, found.opens_mail
        )

    return await office.directory.look(read)


@recorded("account.second-factor.begin", "address")
async def begin(office: Office, address: str) -> None:
    """Make a secret for an app; one that is not in force yet is replaced."""
    name, keys = names.address(address), office.directory.secrets
    secret, now = second_factor.new_secret(), office.now()

    def write(tx: Tx) -> None:
        account = accounts.require(tx, name)
        if account.kind == "holding":
            raise Invalid(f"{account.address} is nobody's account")
        if second_factor.is_on(tx, account.id):
            raise Refused("the second factor is on already; take it away first")
        second_factor.begin(tx, account.id, secret, keys, now)

    await office.directory.change(write)


async def enrolment(office: Office, address: str) -> Enrolment:
    """What the app is to be told; only until it is in force. Raises NotFound."""
    import pyotp

    name, keys = names.address(address), office.directory.secrets
    found = await office.directory.look(
        lambda tx: second_factor.find(tx, accounts.require(tx, name).id, keys)
    )
    if found is None or found.since is not None:
        raise NotFound("no second factor is being set up")
    key = base64.b32encode(found.secret).decode()
    uri = pyotp.TOTP(key).provisioning_uri(name=str(name), issuer_name=office.config.hostname)
    return Enrolment(key, uri)


@recorded("account.second-factor.enable", "address", "opens_mail")
async def enable(
    office: Office, address: str, code: str, *, opens_mail: bool, keep_session: bytes = b""
) -> tuple[str, ...]:
    """Put it in force with a code of the app; the recovery codes, which are shown once.

    Sessions in other browsers end. Raises Invalid for another code.
    """
    name, keys, now = names.address(address), office.directory.secrets, office.now()
    codes = second_factor.make_codes()

    def begun(tx: Tx) -> tuple[int, bytes]:
        account = accounts.require(tx, name)
        found = second_factor.find(tx, account.id, keys)
        if found is None or found.since is not None:
            raise NotFound("no second factor is being set up")
        return account.id, found.secret

    proved = await office.directory.look(begun)
    await _prove(office, proved[0], code)

    def write(tx: Tx) -> None:
        if begun(tx) != proved:
            raise Refused("another key was made meanwhile: begin again")
        account_id, _secret = proved
        second_factor.enable(tx, account_id, now, opens_mail=opens_mail)
        second_factor.keep_codes(tx, account_id, codes, keys)
        web_sessions.remove_all(tx, account_id, but=keep_session)
        accounts.bump(tx, account_id)

    await office.directory.change(write)
    return codes


async def verify(office: Office, account_id: int, code: str) -> Outcome:
    """Whether a code, or a recovery code, is the present one of an account; it is used up."""
    keys, now = office.directory.secrets, office.now()
    return await office.db.write(lambda tx: second_factor.check(tx, account_id, code, keys, now))


async def locked(office: Office, account_id: int) -> str:
    """What a person is told after too many wrong codes."""
    left = await office.db.read(lambda tx: second_factor.locked_for(tx, account_id, office.now()))
    minutes = max(1, math.ceil(left / 60_000))
    after = "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"too many wrong codes: wait {after} and try again"


@recorded("account.second-factor.disable", "address")
async def disable(office: Office, address: str, code: str) -> None:
    """Take it away with one more code; raises Invalid for another one."""
    account = await _in_force(office, address)
    await _prove(office, account, code)
    await reset(office, address)


@recorded("account.second-factor.codes", "address")
async def renew_codes(office: Office, address: str, code: str) -> tuple[str, ...]:
    """New recovery codes for the old ones, with one more code; raises Invalid for another one."""
    account = await _in_force(office, address)
    await _prove(office, account, code)
    codes, keys = second_factor.make_codes(), office.directory.secrets
    await office.db.write(lambda tx: second_factor.keep_codes(tx, account, codes, keys))
    return codes


@recorded("account.second-factor.reset", "address")
async def reset(office: Office, address: str) -> None:
    """Take it away, for somebody who has lost the app and the codes. Raises NotFound."""
    name = names.address(address)

    def write(tx: Tx) -> None:
        account = accounts.require(tx, name)
        if not second_factor.remove(tx, account.id):
            raise NotFound(f"{account.address} has no second factor")
        accounts.bump(tx, account.id)

    await office.directory.change(write)


async def _in_force(office: Office, address: str) -> int:
    name = names.address(address)

    def read(tx: Tx) -> int:
        account = accounts.require(tx, name)
        if not second_factor.is_on(tx, account.id):
            raise NotFound(f"{account.address} has no second factor")
        return account.id

    return await office.directory.look(read)


async def _prove(office: Office, account_id: int, code: str) -> None:
    """Take a code; a wrong one counts as an attempt, and is none at what it was meant for."""
    with unrecorded():
        outcome = await verify(office, account_id, code)
    if outcome == "locked":
        raise Invalid(await locked(office, account_id))
    if outcome == "wrong":
        raise Invalid("that code is not right, or was used before; wait for the next one")
