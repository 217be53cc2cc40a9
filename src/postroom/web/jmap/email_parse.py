"""Email/parse (RFC 8621 §4.9): messages that are in no Mailbox, such as those that are attached."""

import asyncio
from typing import Any, Final

from postroom.message.preview import ENOUGH, preview
from postroom.web.jmap import arguments as read, email as emails, email_write, sources
from postroom.web.jmap.account import Account
from postroom.web.jmap.email import Asked
from postroom.web.jmap.email_import import head_of
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.limits import MAX_GET
from postroom.web.jmap.method import Call, Methods, Result

DEFAULT: Final = (
    "messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo",
    "subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody",
    "attachments",
)  # fmt: skip
_NOWHERE: Final = dict.fromkeys(("id", "mailboxIds", "keywords", "receivedAt", "threadId"))


async def parse(call: Call) -> Result:
    """Email/parse."""
    read.only(call.arguments, "accountId", "blobIds", *emails.ARGUMENTS)
    account = await call.account()
    ids = read.some_ids(call.arguments, "blobIds", MAX_GET)
    if ids is None:
        raise MethodError("invalidArguments", "blobIds must be an Id[]")
    wanted = emails.asked(call.arguments, DEFAULT)
    parsed: dict[str, Any] = {}
    missing: list[str] = []
    failed: list[str] = []
    for ident in ids:
        found = await _parsed(call, account, ident, wanted)
        if found is None:
            missing.append(ident)
        elif not found:
            failed.append(ident)
        else:
            parsed[ident] = found
    return {
        "accountId": account.id,
        "parsed": parsed or None,
        "notParsable": failed or None,
        "notFound": missing or None,
    }


METHODS: Final[Methods] = {"Email/parse": parse}


async def _parsed(call: Call, account: Account, ident: str, wanted: Asked) -> dict[str, Any] | None:
    """The Email; None without such a blob, empty for what is no message."""
    blob = await email_write.blob_of(call, account, ident)
    if blob is None:
        return None
    head = await head_of(blob)
    if head is None:
        return {}
    letter = sources.Streamed(blob)
    resolved = call.resolved(ident) or ident
    found: dict[str, Any] = {**_NOWHERE, "blobId": resolved, "size": blob.size, "preview": ""}
    found |= emails.of_head(wanted, head)
    if wanted.wants_bodies or wanted.has(("hasAttachment",)):
        found |= await emails.of_bodies(
            wanted, letter, b"", lambda path: sources.part_id(resolved, path)
        )
    if "preview" in wanted.properties:
        found["preview"] = await asyncio.to_thread(preview, await letter.octets(0, ENOUGH))
    return read.picked(found, wanted.properties)
