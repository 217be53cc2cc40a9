"""The API: passwords of accounts."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import credentials
from postroom.admin.credentials import AppPasswordView
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun

NOUN: Final = Noun("passwords", "accounts", "Passwords: the chosen one, and one for each device.")


class NewPassword(Input, frozen=True, kw_only=True):
    """The chosen password."""

    password: Annotated[
        str | None, Meta(description="Without one a password is made, and answered once.")
    ] = None


class NewAppPassword(Input, frozen=True, kw_only=True):
    """A password for one device or program."""

    label: str
    scopes: Annotated[
        tuple[str, ...], Meta(description="smtp, imap, pop3, sieve. Without any: all.")
    ] = ()


class Made(Input, frozen=True, kw_only=True):
    """``password`` is "" unless it was made here; it is not shown again."""

    password: str
    warning: Annotated[
        str, Meta(description="Why a password that was sent would be guessed; it is taken.")
    ] = ""


@NOUN.on("PUT", "/accounts/{address}/password")
async def set_(call: Call, address: str, body: NewPassword) -> Made:
    """Replace the chosen password; logins with the old one fail at once."""
    password = body.password or credentials.random_password()
    await credentials.set_password(call.office, address, password)
    warning = credentials.weakness(address, password)
    return Made(password="" if body.password else password, warning=warning)


@NOUN.on("GET", "/accounts/{address}/app-passwords")
async def apps(call: Call, address: str) -> tuple[AppPasswordView, ...]:
    """List the app passwords of an account, without the passwords."""
    return await credentials.apps(call.office, address)


@NOUN.on("POST", "/accounts/{address}/app-passwords", status=201)
async def add_app(call: Call, address: str, body: NewAppPassword) -> Made:
    """Make an app password."""
    made = await credentials.add_app(call.office, address, body.label, body.scopes)
    return Made(password=made)


@NOUN.on("DELETE", "/accounts/{address}/app-passwords/{label}")
async def remove_app(call: Call, address: str, label: str) -> None:
    """Take an app password back; it fails at once."""
    await credentials.remove_app(call.office, address, label)
