"""Email/import (RFC 8621 §4.8): messages that were uploaded, filed as they are."""

from typing import Any, Final

import msgspec

from postroom.errors import MailError, Refused
from postroom.message import dates, headers
from postroom.message.headers import MAX_HEADER
from postroom.web.jmap import arguments as read, drafting, email_write
from postroom.web.jmap.account import Account
from postroom.web.jmap.blobs import Blob
from postroom.web.jmap.errors import MethodError, SetError, invalid, invalid_properties, of_object
from postroom.web.jmap.limits import MAX_SET
from postroom.web.jmap.method import Call, Methods, Result
from postroom.web.jmap.setting import check_state

_PROPERTIES: Final = frozenset({"blobId", "mailboxIds", "keywords", "receivedAt"})


async def bring(call: Call) -> Result:
    """Email/import."""
    read.only(call.arguments, "accountId", "ifInState", "emails")
    account = await call.account(write=True)
    wanted = read.mapping(call.arguments, "emails")
    if wanted is None or not all(isinstance(one, dict) for one in wanted.values()):
        raise invalid("emails must be objects by creation id")
    if len(wanted) > MAX_SET:
        raise MethodError("requestTooLarge", f"more than {MAX_SET} Emails: import less at a time")
    before = await check_state(call, lambda: email_write.state(account))
    created: dict[str, Any] = {}
    failed: dict[str, Any] = {}
    for creation, given in wanted.items():
        try:
            created[creation] = await _brought(call, account, given)
        except SetError as error:
            failed[creation] = error.response()
        except (Refused, MailError) as error:
            failed[creation] = of_object(error).response()
        else:
            call.created[creation] = created[creation]["id"]
    return {
        "accountId": account.id,
        "oldState": before,
        "newState": await email_write.state(account),
        "created": created or None,
        "notCreated": failed or None,
    }


METHODS: Final[Methods] = {"Email/import": bring}


async def _brought(call: Call, account: Account, given: dict[str, Any]) -> Result:
    for name in given:
        if name not in _PROPERTIES:
            raise invalid_properties(f"{name} can't be set of what is imported", name)
    ident = given.get("blobId")
    if not isinstance(ident, str):
        raise invalid_properties("blobId is an Id", "blobId")
    placing = drafting.placing(given)
    places = await email_write.chosen(call, account, placing.mailbox_ids)
    blob = await email_write.blob_of(call, account, ident)
    if blob is None:
        raise invalid_properties(f"there is no blob {ident!r}", "blobId")
    head = await head_of(blob)
    if head is None:
        raise SetError("invalidEmail", "the blob does not begin with a header field")
    if placing.received is None:
        placing = msgspec.structs.replace(placing, received=_received(head))
    made = await email_write.deposited(call, places, placing, blob.size, blob.pieces())
    return email_write.told(made)


async def head_of(blob: Blob) -> bytes | None:
    """The header block of a message; None for octets that are none."""
    octets = b""
    async for piece in blob.pieces():
        octets += piece
        if headers.EMPTY_LINE.search(octets) or len(octets) > MAX_HEADER:
            break
    head = headers.split(octets[:MAX_HEADER])[0]
    first = next(headers.fields(head), None)
    return head if first is not None and first.start == 0 else None


def _received(head: bytes) -> int | None:
    """When the last server got it, as its Received field says."""
    written = headers.value(head, b"received")
    found = None if written is None else dates.read(written)
    return None if found is None or found.ms < 0 else found.ms
