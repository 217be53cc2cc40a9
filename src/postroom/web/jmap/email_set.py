"""Email/set (RFC 8621 §4.6).

A new Email is filed in one transaction, in all its Mailboxes; a change of keywords and Mailboxes is
one transaction, too. What is destroyed can be had back for a while, as in every other program.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from postroom.access.places import Place
from postroom.access.refiling import Marks, Moved, Refiling, refile
from postroom.db.ids import to_text
from postroom.web.jmap import arguments as read, drafting, email_write, patch as patching
from postroom.web.jmap.account import Account
from postroom.web.jmap.body_write import Quoted
from postroom.web.jmap.errors import SetError, invalid_properties
from postroom.web.jmap.mailbox import mailbox_id
from postroom.web.jmap.method import Call, Methods, Result
from postroom.web.jmap.outline import KEYWORDS
from postroom.web.jmap.setting import SET, Setter, carry_out

TRIES: Final = 5  # when somebody moves a message at the same time


async def put(call: Call) -> Result:
    """Email/set."""
    read.only(call.arguments, *SET)
    account = await call.account(write=True)
    work = _Setting(call, account)
    return await carry_out(
        call, account.id, Setter(work.state, work.create, work.update, work.destroy)
    )


METHODS: Final[Methods] = {"Email/set": put}


class _Setting:
    """What an Email/set does to the Emails of one account."""

    def __init__(self, call: Call, account: Account) -> None:
        self._call = call
        self._account = account

    async def state(self) -> str:
        return await email_write.state(self._account)

    async def create(self, _creation: str, given: dict[str, Any]) -> dict[str, Any]:
        call, account = self._call, self._account
        placing = drafting.placing(given)
        places = await email_write.chosen(call, account, placing.mailbox_ids)
        office = call.office
        message_id = f"{to_text(office.ids.next())}@{office.config.hostname}"
        now = office.now()

        def composed() -> tuple[list[str], list[bytes | Quoted]]:
            draft = drafting.drafted(given, now=now, message_id=message_id)
            return draft.blob_ids, list(draft.pieces(email_write.seed))

        blob_ids, pieces = await asyncio.to_thread(composed)
        found = await email_write.needed(call, account, blob_ids)
        size = email_write.size_of(pieces, found)
        made = await email_write.deposited(
            call, places, placing, size, email_write.written(pieces, found)
        )
        return email_write.told(made)

    async def update(self, ident: str, patch: dict[str, Any]) -> None:
        boxes, marks = _parted(patch)
        await self._moved(ident, boxes, marks)

    async def destroy(self, ident: str) -> None:
        await self._moved(ident, None, {}, destroys=True)

    async def _moved(
        self,
        ident: str,
        boxes: dict[str, Any] | None,
        marks: dict[str, Any],
        *,
        destroys: bool = False,
    ) -> None:
        """Change it where it is; look again when it is not there any more."""
        for tries in range(1, TRIES + 1):
            email, entries = await email_write.located(self._account, ident)
            inside = {one.place.mailbox.id for one in entries}
            joins: tuple[Place, ...] = ()
            leaves = frozenset(inside) if destroys else frozenset[int]()
            if boxes:
                wanted = await self._wanted(email.mailboxes, boxes)
                joins = tuple(one for one in wanted if one.mailbox.id not in inside)
                leaves = frozenset(inside - {one.mailbox.id for one in wanted})
            order = Refiling(email.id, entries, joins, leaves, _marker(marks))
            try:
                await refile(self._account.store, order)
            except Moved:
                if tries == TRIES:
                    raise SetError(
                        "serverFail", "others move the Email all the time; try again"
                    ) from None
            else:
                return

    async def _wanted(self, before: tuple[int, ...], boxes: dict[str, Any]) -> list[Place]:
        """The Mailboxes that it is in after the patch."""
        call = self._call
        resolved = {}
        for pointer, value in boxes.items():
            head, slash, named = pointer.partition("/")
            resolved[head + slash + (call.resolved(named) or named)] = value
        now = {"mailboxIds": {mailbox_id(one): True for one in before}}
        ids = drafting.mailbox_ids(patching.patched(now, resolved).get("mailboxIds"))
        return await email_write.chosen(call, self._account, ids)


def _parted(patch: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a patch is of Mailboxes and what of keywords. Raises SetError for all else."""
    boxes, marks = {}, {}
    for pointer, value in patch.items():
        name, slash, rest = pointer.partition("/")
        if name == "mailboxIds":
            boxes[pointer] = value
        elif name == "keywords":
            marks[name + slash + rest.lower()] = value
        else:
            raise invalid_properties(
                f"{name} can't be changed: only mailboxIds and keywords can", pointer
            )
    _marker(marks)
    return boxes, marks


def _marker(marks: dict[str, Any]) -> Callable[[Marks], Marks] | None:
    """What a patch of keywords makes of those that are there. Raises SetError when it is none."""
    if not marks:
        return None

    def marked(before: Marks) -> Marks:
        now = {name: True for name, bit in KEYWORDS.items() if before.bits & bit}
        now |= dict.fromkeys(before.words, True)
        after = patching.patched({"keywords": now}, marks).get("keywords")
        labels = drafting.keywords(after)
        return Marks(labels.bits, labels.words)

    marked(Marks(0, frozenset()))
    return marked
