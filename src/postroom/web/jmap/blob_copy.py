"""Blob/copy: uploads, messages and their parts, from one account to another (RFC 8620 §6.3)."""

from typing import Final

from postroom.admin.office import Office
from postroom.errors import MailError
from postroom.store.uploads import TooManyUploads
from postroom.web.jmap import arguments as read, blobs, sources
from postroom.web.jmap.account import Account
from postroom.web.jmap.capabilities import max_upload
from postroom.web.jmap.errors import MethodError, SetError
from postroom.web.jmap.limits import MAX_SET
from postroom.web.jmap.method import Call, Methods, Result


async def copy(call: Call) -> Result:
    """Blob/copy, RFC 8620 §6.3."""
    read.only(call.arguments, "accountId", "fromAccountId", "blobIds")
    named = read.some_ids(call.arguments, "blobIds", MAX_SET)
    if named is None:
        raise MethodError("invalidArguments", "blobIds must be an Id[]")
    try:
        source = await call.account_of(call.arguments.get("fromAccountId"))
    except MethodError as error:
        known = error.kind == "accountNotFound"
        raise MethodError("fromAccountNotFound", error.description) if known else error from None
    target = await call.account(write=True)
    copied: dict[str, str] = {}
    failed: dict[str, object] = {}
    for ident in named:
        try:
            copied[ident] = await _copied(call.office, source, target, ident)
        except SetError as error:
            failed[ident] = error.response()
        except TooManyUploads as error:
            failed[ident] = SetError("overQuota", str(error)).response()
        except MailError as error:
            failed[ident] = SetError("serverFail", error.text).response()
    return {
        "fromAccountId": source.id,
        "accountId": target.id,
        "copied": copied or None,
        "notCopied": failed or None,
    }


async def _copied(office: Office, source: Account, target: Account, ident: str) -> str:
    found = await sources.find(source, ident)
    if found is None:
        raise SetError("notFound", f"there is no blob {ident!r}")
    if found.size > max_upload(office) and found.is_exact:
        raise SetError("tooLarge", f"a blob may have {max_upload(office)} octets")
    await blobs.require_room(office, target, found.size)
    return blobs.blob_id(await blobs.keep(office, target, found.pieces(), found.type))


METHODS: Final[Methods] = {"Blob/copy": copy}
