"""Email/get, Email/changes (RFC 8621 §4.2, §4.3).

Rows, header blocks and previews of many messages are read at once; a message itself only where its
parts are asked for, small ones some together.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from postroom.access import previews
from postroom.access.fetch import SMALL
from postroom.access.offload import run
from postroom.message.structure_read import parts
from postroom.protocol.imap import object_ids
from postroom.store import outline as rows
from postroom.store.outline import Stored as StoredRow
from postroom.web.jmap import (
    arguments as read,
    blob_ids,
    bodies,
    changes as changing,
    email as emails,
    states,
)
from postroom.web.jmap.account import Account
from postroom.web.jmap.blob_ids import Place
from postroom.web.jmap.email import Asked
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.letters import Letter, Stored, Whole
from postroom.web.jmap.mailbox import mailbox_id
from postroom.web.jmap.method import Call, Method, Result
from postroom.web.jmap.outline import Email, outline_of
from postroom.web.jmap.threads import email_id

TOGETHER: Final = 1 << 20  # octets of small messages that are in memory at once
MOST_TOGETHER: Final = 50  # messages whose header blocks are
WHOLE: Final = 256 * 1024  # octets of a small message

_TEXTS: Final = (b'("text" "plain" ', b'("text" "html" ')


async def get(call: Call) -> Result:
    """Email/get."""
    read.only(call.arguments, "accountId", "ids", *emails.ARGUMENTS)
    account = await call.account()
    ids = read.wanted_ids(call.arguments)
    wanted = emails.asked(call.arguments)
    if ids is None:
        raise MethodError("requestTooLarge", "there may be very many Emails: name some by ids")
    outline = await outline_of(account)
    found = await run(len(ids) * len(outline.boxes), outline.emails, map(number_of, ids))
    told = await Teller(account, wanted).told(found)
    return read.got(account.id, states.pack_emails(states.of_outline(outline)), told, ids)


async def email_changes(call: Call) -> Result:
    """Email/changes."""
    since, most = read.changes(call.arguments)
    account = await call.account()
    found = await changing.told(account, since, most, "emails")
    return {
        "accountId": account.id,
        "oldState": since,
        "newState": found.state,
        "hasMoreChanges": found.has_more,
        **changing.identified(found, object_ids.email_id),
    }


def number_of(ident: str) -> int:
    """The number in the id of an Email; 0 when it is none of ours."""
    return object_ids.number_of(ident.encode("ascii", "replace"), "M")


def utc(milliseconds: int) -> str:
    """A UTCDate (RFC 8620 §1.4)."""
    moment = dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


class Teller:
    """Tells Emails of one account as they are asked for."""

    def __init__(self, account: Account, wanted: Asked) -> None:
        self._account = account
        self._store = account.store
        self._wanted = wanted

    async def told(self, found: Sequence[Email]) -> list[dict[str, Any]]:
        """The Emails, without those that were expunged a moment ago."""
        told: list[dict[str, Any]] = []
        for start in range(0, len(found), rows.MOST_IDS):
            some = found[start : start + rows.MOST_IDS]
            ids = [one.id for one in some]
            stored = await self._store.read(rows.stored, self._account.number, ids)
            there = [one for one in some if one.id in stored]
            for group in _groups(there, MOST_TOGETHER):
                told += await self._group(group, stored)
        return told

    async def _group(
        self, group: Sequence[Email], stored: Mapping[int, StoredRow]
    ) -> list[dict[str, Any]]:
        wanted, known = self._wanted, {one.id: self._of_entry(one) for one in group}
        if "preview" in wanted.properties:
            made = await previews.made_of(self._store, self._account.number, list(known))
            for ident, found in known.items():
                found["preview"] = made.get(ident, "")
        letters: dict[int, Letter] = {}
        heads: Mapping[int, bytes] = {}
        if wanted.wants_bodies:
            letters, heads = await self._letters([stored[ident] for ident in known])
        elif wanted.wants_head:
            blobs = [stored[ident].blob_id for ident in known]
            heads = await self._store.read(self._store.blobs.heads, blobs)
        if wanted.wants_head:
            fronts = {
                ident: stored[ident].prefix + heads.get(stored[ident].blob_id, b"")
                for ident in known
            }
            for ident, found in (await self._of_heads(fronts)).items():
                known[ident] |= found
        for ident, letter in letters.items():
            prefix = stored[ident].prefix
            known[ident] |= await emails.of_bodies(wanted, letter, prefix, _namer(ident))
            await asyncio.sleep(0)  # a small message is read without waiting for anything
        if not wanted.wants_bodies and "hasAttachment" in wanted.properties:
            for ident, found in known.items():
                found["hasAttachment"] = has_attachment(stored[ident].bodystructure)
        return [read.picked(found, ["id", *wanted.properties]) for found in known.values()]

    async def _letters(
        self, chosen: Sequence[StoredRow]
    ) -> tuple[dict[int, Letter], Mapping[int, bytes]]:
        """The messages, the small ones in memory, and header blocks by blob."""
        blobs = self._store.blobs
        letters: dict[int, Letter] = {}
        heads: dict[int, bytes] = {}
        small = [one.blob_id for one in chosen if one.size <= WHOLE]
        large = [one.blob_id for one in chosen if one.size > WHOLE]
        wholes = await self._store.read(blobs.wholes, small) if small else {}
        if large and self._wanted.wants_head:
            heads |= await self._store.read(blobs.heads, large)
        for one in chosen:
            if one.blob_id in wholes:
                head, body = wholes[one.blob_id]
                heads[one.blob_id] = head
                letters[one.id] = Whole(head + body)
            else:
                letters[one.id] = Stored(self._store, one.blob_id)
        return letters, heads

    async def _of_heads(self, fronts: Mapping[int, bytes]) -> dict[int, dict[str, Any]]:
        if sum(map(len, fronts.values())) > SMALL:
            return await asyncio.to_thread(_of_heads, self._wanted, fronts)
        return _of_heads(self._wanted, fronts)

    def _of_entry(self, one: Email) -> dict[str, Any]:
        """What is known without a look at the message."""
        return {
            "id": email_id(one.id),
            "blobId": blob_ids.written(Place(one.id)),
            "threadId": object_ids.thread_id(one.thread_id).decode("ascii"),
            "mailboxIds": {mailbox_id(number): True for number in one.mailboxes},
            "keywords": one.keywords(),
            "size": one.size,
            "receivedAt": utc(one.received),
        }


def has_attachment(bodystructure: bytes) -> bool:
    """Whether a message has something to be downloaded, by its stored BODYSTRUCTURE."""
    if bodystructure.startswith(_TEXTS) and b'"attachment"' not in bodystructure:
        return False  # nearly every message: one text
    return bodies.shown(bodies.nodes(parts(bodystructure))).has_attachment


def _of_heads(wanted: Asked, fronts: Mapping[int, bytes]) -> dict[int, dict[str, Any]]:
    return {ident: emails.of_head(wanted, front) for ident, front in fronts.items()}


def _namer(message_id: int) -> Callable[[tuple[int, ...]], str]:
    return lambda path: blob_ids.written(Place(message_id, path))


def _groups(found: Sequence[Email], most: int) -> Iterator[list[Email]]:
    """Those that are read together: small ones, or a large one by itself."""
    group: list[Email] = []
    octets = 0
    for one in found:
        size = min(one.size, WHOLE)
        if group and (octets + size > TOGETHER or len(group) == most):
            yield group
            group, octets = [], 0
        group.append(one)
        octets += size
    if group:
        yield group


METHODS: Final[Mapping[str, Method]] = {
    "Email/get": get,
    "Email/changes": email_changes,
}
