"""The API: how long mailboxes keep their messages."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import retention
from postroom.admin.retention import KeptView
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun

NOUN: Final = Noun("retention", "accounts", "How long mailboxes keep their messages.")


class Wanted(Input, frozen=True, kw_only=True):
    """How long one mailbox keeps."""

    mailbox: str
    days: Annotated[
        int | None,
        Meta(description="0: for ever; null: as the settings, or the postmaster, say."),
    ]


@NOUN.on("GET", "/accounts/{address}/retention")
async def show(call: Call, address: str) -> tuple[KeptView, ...]:
    """List the mailboxes of an account with the days that they keep messages."""
    return await retention.show(call.office, address)


@NOUN.on("PUT", "/accounts/{address}/retention")
async def put(call: Call, address: str, body: Wanted) -> KeptView:
    """Say how long a mailbox keeps its messages; a token of one account speaks for its owner."""
    is_owner = call.token.account_id is not None
    change = retention.put_own if is_owner else retention.put
    return await change(call.office, address, body.mailbox, body.days)
