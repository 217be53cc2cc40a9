r"""Mailboxes as JMAP has them: names without the levels above, roles, rights, counts (RFC 8621 §2).

The tree is that of the names. A level that has no mailbox of its own, or none that the person may
know of, is part of the names below it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from postroom.access import rights as letters
from postroom.access.offload import run
from postroom.access.places import Place, root
from postroom.access.rights import Rights
from postroom.protocol.imap import object_ids
from postroom.store import annotations, mailboxes, names
from postroom.web.jmap import states
from postroom.web.jmap.account import Account
from postroom.web.jmap.box import Counts
from postroom.web.jmap.outline import Outline, outline_of
from postroom.web.jmap.states import Folder, Folders

INBOX: Final = "Inbox"
SORT_ORDER: Final = "/private/vendor/vendor.postroom/jmap/sortorder"
ROLES: Final = {use: use[1:].lower() for use in mailboxes.SPECIAL_USES.values()}
USES: Final = {role: use for use, role in ROLES.items()}

COUNTS: Final = ("totalEmails", "unreadEmails", "totalThreads", "unreadThreads")
PROPERTIES: Final = (
    "id", "name", "parentId", "role", "sortOrder", *COUNTS, "myRights", "isSubscribed",
)  # fmt: skip
_ORDER: Final = {"inbox": 1, "drafts": 2, "sent": 3, "archive": 4, "junk": 5, "trash": 6}
_LAST: Final = 10


class Mailbox(msgspec.Struct, frozen=True):
    """A Mailbox; ``path`` is the name with all levels, as its owner has it."""

    number: int
    path: str
    name: str
    parent: int
    role: str
    sort_order: int
    counts: Counts
    rights: Rights
    is_subscribed: bool
    is_own: bool = True

    @property
    def id(self) -> str:
        """As the client knows it."""
        return mailbox_id(self.number)

    def told(self) -> dict[str, Any]:
        """Every property."""
        return {
            "id": self.id,
            "name": self.name,
            "parentId": mailbox_id(self.parent) if self.parent else None,
            "role": self.role or None,
            "sortOrder": self.sort_order,
            **dict(zip(COUNTS, self.counts, strict=True)),
            "myRights": self._rights(),
            "isSubscribed": self.is_subscribed,
        }

    def _rights(self) -> dict[str, bool]:
        given, is_inbox = self.rights, self.path == names.INBOX
        return {
            "mayReadItems": letters.READ in given,
            "mayAddItems": letters.INSERT in given,
            "mayRemoveItems": {letters.DELETE, letters.EXPUNGE} <= given,
            "maySetSeen": letters.SEEN in given,
            "maySetKeywords": letters.WRITE in given,
            "mayCreateChild": letters.CREATE in given,
            "mayRename": letters.REMOVE in given and not is_inbox,
            "mayDelete": letters.REMOVE in given and not is_inbox,
            "maySubmit": self.is_own or letters.POST in given,
        }

    def seen(self) -> Folder:
        """What a state remembers of it."""
        facts = (
            self.name, self.parent, self.role, self.sort_order, letters.written(self.rights),
            self.is_subscribed,
        )  # fmt: skip
        return Folder(states.digest(facts), self.counts)


class Listing(msgspec.Struct, frozen=True):
    """All that a person may know of in an account, by id, and the outline of the same moment."""

    mailboxes: dict[int, Mailbox]
    outline: Outline

    def folders(self) -> Folders:
        """As states remember them."""
        return {number: one.seen() for number, one in self.mailboxes.items()}

    def state(self) -> str:
        """The state of Mailboxes."""
        return states.pack_folders(self.folders())

    def children(self, number: int) -> list[Mailbox]:
        """The mailboxes right below one."""
        return [one for one in self.mailboxes.values() if one.parent == number]

    def find(self, ident: object) -> Mailbox | None:
        """The mailbox with an id."""
        return self.mailboxes.get(number_of(ident))


def mailbox_id(number: int) -> str:
    """The id of a mailbox, which is its MAILBOXID (RFC 8474)."""
    return object_ids.mailbox_id(number).decode("ascii")


def number_of(ident: object) -> int:
    """The number in the id of a mailbox; 0 when it is none of ours."""
    if not isinstance(ident, str) or not ident.isascii():
        return 0
    return object_ids.number_of(ident.encode("ascii"), "F")


async def listing(account: Account) -> Listing:
    """The mailboxes of an account as they are now."""
    account.forget()
    places = [one for one in await account.mailboxes() if letters.KNOWING & one.rights]
    outline = await outline_of(account)
    places = [
        one for one in places if letters.READ not in one.rights or one.mailbox.id in outline.boxes
    ]
    person = account.person.account_id
    before = "" if account.owner is None else root(account.owner)
    subscribed = frozenset(await account.store.read(mailboxes.subscriptions, person))
    written = await account.store.read(
        annotations.values, [one.mailbox.id for one in places], person, [SORT_ORDER]
    )
    orders = {number: _number(value) for (number, _), value in written.items()}
    work = len(places) + sum(map(len, outline.boxes.values()))
    found = await run(work, _built, places, outline, orders, subscribed, before)
    return Listing(found, outline)


def _built(
    places: Sequence[Place],
    outline: Outline,
    orders: Mapping[int, int],
    subscribed: frozenset[str],
    before: str,
) -> dict[int, Mailbox]:
    paths = {place.mailbox.name: place.mailbox.id for place in places}
    taken: set[str] = set()
    read_elsewhere = outline.read_elsewhere()
    found: dict[int, Mailbox] = {}
    for place in sorted(places, key=lambda one: one.mailbox.name):
        row = place.mailbox
        path = row.name
        above = next((one for one in reversed(list(names.superiors(path))) if one in paths), "")
        role = "inbox" if path == names.INBOX else ""
        for use in row.special_uses:
            if use in ROLES and not role and use not in taken:
                role = ROLES[use]
                taken.add(use)
        box = outline.boxes.get(row.id)
        found[row.id] = Mailbox(
            number=row.id,
            path=path,
            name=INBOX if path == names.INBOX else path[len(above) + 1 if above else 0 :],
            parent=paths.get(above, 0),
            role=role,
            sort_order=orders.get(row.id, _ORDER.get(role, _LAST)),
            counts=Counts() if box is None else box.counts(read_elsewhere),
            rights=place.rights,
            is_subscribed=before + path in subscribed,
            is_own=place.member is None,
        )
    return found


def _number(value: bytes) -> int:
    return int(value) if value.isdigit() and len(value) <= 10 else _LAST
