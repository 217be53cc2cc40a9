"""The API: mailboxes that people share."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import shares
from postroom.admin.shares import ShareView
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun

NOUN: Final = Noun("shares", "accounts", "Mailboxes that people share.")


class NewShare(Input, frozen=True, kw_only=True):
    """``rights``: read, write, ... as in `postroom share`, or letters of RFC 4314."""

    grantee: Annotated[str, Meta(description="An address, a group, @domain, or anyone.")]
    rights: str
    mailbox: Annotated[str, Meta(description="Default: the whole account.")] = ""


class OldShare(Input, frozen=True, kw_only=True):
    """Which share ends."""

    grantee: str
    mailbox: str = ""


@NOUN.on("GET", "/accounts/{address}/shares")
async def of(call: Call, address: str) -> list[ShareView]:
    """List what an account shares, and what is shared with it."""
    return await shares.of(call.office, address)


@NOUN.on("POST", "/accounts/{address}/shares", status=201)
async def add(call: Call, address: str, body: NewShare) -> ShareView:
    """Share an account or a mailbox of it, in place of the rights before."""
    return await shares.add(call.office, _what(address, body.mailbox), body.grantee, body.rights)


@NOUN.on("POST", "/accounts/{address}/shares/remove")
async def remove(call: Call, address: str, body: OldShare) -> ShareView:
    """End a share; of a whole account that is shared, one mailbox is taken out."""
    return await shares.remove(call.office, _what(address, body.mailbox), body.grantee)


def _what(address: str, mailbox: str) -> str:
    return f"{address}/{mailbox}" if mailbox else address
