"""Email/copy (RFC 8621 §4.7): messages of one account for another; they share their octets."""

from typing import Any, Final

from postroom.access.refiling import Marks, adopt
from postroom.errors import MailError, Refused
from postroom.store.flags import DELETED
from postroom.web.jmap import arguments as read, drafting, email_set, email_write
from postroom.web.jmap.account import Account
from postroom.web.jmap.errors import MethodError, SetError, invalid, invalid_properties, of_object
from postroom.web.jmap.limits import MAX_SET
from postroom.web.jmap.method import Answers, Call, Methods, Result
from postroom.web.jmap.outline import Email, outline_of
from postroom.web.jmap.setting import check_state

_ARGUMENTS: Final = (
    "fromAccountId", "ifFromInState", "accountId", "ifInState", "create",
    "onSuccessDestroyOriginal", "destroyFromIfInState",
)  # fmt: skip
_PROPERTIES: Final = frozenset({"id", "mailboxIds", "keywords", "receivedAt"})


async def copy(call: Call) -> Answers:
    """Email/copy, and the Email/set that destroys the originals."""
    read.only(call.arguments, *_ARGUMENTS)
    source, target = await _source(call), await call.account(write=True)
    if source.number == target.number:
        raise invalid("fromAccountId and accountId are the same; change mailboxIds by Email/set")
    wanted = read.mapping(call.arguments, "create") or {}
    if not all(isinstance(one, dict) for one in wanted.values()):
        raise invalid("create must be objects by creation id")
    if len(wanted) > MAX_SET:
        raise MethodError("requestTooLarge", f"more than {MAX_SET} Emails: copy less at a time")
    destroys = read.flag(call.arguments, "onSuccessDestroyOriginal")
    expected = read.text_or_null(call.arguments, "ifFromInState")
    if expected is not None and expected != await email_write.state(source):
        raise MethodError("stateMismatch", "the Emails to copy have changed since that state")
    before = await check_state(call, lambda: email_write.state(target))
    created: dict[str, Any] = {}
    failed: dict[str, Any] = {}
    originals: list[str] = []
    for creation, given in wanted.items():
        try:
            created[creation] = await _copied(call, source, target, given)
        except SetError as error:
            failed[creation] = error.response()
        except (Refused, MailError) as error:
            failed[creation] = of_object(error).response()
        else:
            call.created[creation] = created[creation]["id"]
            originals.append(created[creation]["id"])
    answer = {
        "fromAccountId": source.id,
        "accountId": target.id,
        "oldState": before,
        "newState": await email_write.state(target),
        "created": created or None,
        "notCreated": failed or None,
    }
    if not destroys or not originals:
        return answer
    return [(call.name, answer), await _destroyed(call, source, originals)]


METHODS: Final[Methods] = {"Email/copy": copy}


async def _source(call: Call) -> Account:
    try:
        return await call.account_of(call.arguments.get("fromAccountId"))
    except MethodError as error:
        if error.kind != "accountNotFound":
            raise
        raise MethodError("fromAccountNotFound", error.description) from None


async def _destroyed(call: Call, source: Account, ids: list[str]) -> tuple[str, Result]:
    implied = {
        "accountId": source.id,
        "ifInState": call.arguments.get("destroyFromIfInState"),
        "destroy": ids,
    }
    after = Call(call.services, call.caller, call.using, call.created, "Email/set", implied)
    try:
        return "Email/set", await email_set.put(after)
    except MethodError as error:
        return "error", error.response()


async def _copied(call: Call, source: Account, target: Account, given: dict[str, Any]) -> Result:
    for name in given:
        if name not in _PROPERTIES:
            raise invalid_properties(f"{name} can't be set of a copy", name)
    ident = given.get("id")
    if not isinstance(ident, str):
        raise invalid_properties("id is the Id of the Email to copy", "id")
    placing = drafting.placing(given)
    email, entries = await email_write.located(source, call.resolved(ident) or ident)
    places = await email_write.chosen(call, target, placing.mailbox_ids)
    if (await outline_of(target)).email(email.id) is not None:
        raise SetError("alreadyExists", "the Email is there already", existingId=_id(email))
    marks = None
    if "keywords" in given:
        marks = Marks(placing.labels.bits, placing.labels.words)
    elif len(entries) > 1:
        marks = Marks(email.flags & ~DELETED, email.words)
    await adopt(target.store, entries[0], places, marks, placing.received)
    blob = await email_write.blob_of(call, target, f"B{email.id:x}")
    return {
        "id": _id(email),
        "blobId": f"B{email.id:x}",
        "threadId": f"T{email.thread_id:x}",
        "size": email.size if blob is None else blob.size,
    }


def _id(email: Email) -> str:
    return f"M{email.id:x}"
