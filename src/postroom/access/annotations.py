"""Annotations for a person: of mailboxes within reach, and of the server (RFC 5464).

At a mailbox one needs the right to see it and one that says what for (§3.3); what others see
may be changed by whoever may change other things that others see. Annotations of the server
that everybody sees are for administrators. Two entries are kept elsewhere: who administers
the server, and the special uses of a mailbox, which only its owner has.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from postroom.access import rights as letters
from postroom.access.folders import Folder
from postroom.access.places import Place, Places
from postroom.db.database import Tx
from postroom.directory.login import Identity
from postroom.errors import NotAllowed, NotFound
from postroom.protocol.imap.metadata import Depth, is_private, is_within
from postroom.store import annotations, mailboxes, uses
from postroom.store.annotations import MAX_VALUE, Change, Known
from postroom.store.mailboxes import Mailbox
from postroom.store.store import Store
from postroom.store.uses import BadUse

ADMIN: Final = "/shared/admin"

_REASONS: Final = frozenset("rswip")  # one of them, besides "l"
_CHANGING: Final = frozenset("wia")

Values = Sequence[tuple[str, bytes | None]]


class Found(msgspec.Struct, frozen=True):
    """What GETMETADATA tells; ``longest`` is the size of the largest value that was left out."""

    entries: list[tuple[str, bytes | None]]
    longest: int = 0


class Written(msgspec.Struct, frozen=True):
    """What came of a change: its MODSEQ by mailbox, and who has lost special uses by it.

    With ``annotations.SERVER`` in place of a mailbox the mark of a change there.
    """

    modseqs: Mapping[int, int] = {}
    losers: Sequence[Mailbox] = ()


class Annotations:
    """What a person may do with annotations."""

    def __init__(self, person: Identity, store: Store, places: Places) -> None:
        self._person = person
        self._store = store
        self._places = places

    async def find(
        self, mailbox: str, names: Sequence[str], depth: Depth, max_size: int | None
    ) -> Found:
        """The entries of these names, and so far below; "" is the server.

        One that has no value is told as None, unless a tree was asked for. Raises NotFound,
        NotAllowed.
        """
        account = self._person.account_id
        place = await self._place(mailbox) if mailbox else None
        mailbox_id = place.mailbox.id if place else annotations.SERVER
        known = await self._store.read(annotations.known, mailbox_id, account)
        computed = self._computed(place)
        known += [Known(name, name, len(value)) for name, value in computed.items()]
        chosen = _chosen(known, names, depth)
        most = MAX_VALUE if max_size is None else max_size
        longest = max((one.size for _, one in chosen if one and one.size > most), default=0)
        chosen = [(name, one) for name, one in chosen if one is None or one.size <= most]
        stored = [one.name for _, one in chosen if one and one.name not in computed]
        values = await self._store.read(annotations.values, [mailbox_id], account, stored)
        values |= {(mailbox_id, name): value for name, value in computed.items()}
        told = [(name, values.get((mailbox_id, name.lower()))) for name, _ in chosen]
        return Found(told, longest)

    async def among(
        self, folders: Sequence[Folder], names: Sequence[str]
    ) -> dict[int, list[tuple[str, bytes | None]]]:
        """The entries of these names at many mailboxes, by id; where they may be seen."""
        seen = [one for one in folders if one.id and _may_see(one.rights)]
        keys = list(dict.fromkeys(name.lower() for name in names))
        values = await self._store.read(
            annotations.values, [one.id for one in seen], self._person.account_id, keys
        )
        for folder in seen:
            if folder.special_use:
                values[folder.id, uses.ENTRY] = folder.special_use.encode("ascii")
        return {
            folder.id: [(name, values.get((folder.id, name.lower()))) for name in names]
            for folder in seen
        }

    async def change(self, mailbox: str, values: Values) -> Written:
        """Set and remove entries, all or none; "" is the server.

        Raises NotFound, NotAllowed, BadUse, TooLong, TooMany, NoRoom (``store.annotations``).
        """
        changes = [Change(name, value, is_private(name)) for name, value in values]
        if mailbox:
            return await self._change_mailbox(await self._place(mailbox), changes)
        return await self._change_server(changes)

    async def _change_mailbox(self, place: Place, changes: Sequence[Change]) -> Written:
        if not all(one.is_private for one in changes) and not place.rights & _CHANGING:
            raise NotAllowed(f"you may not change what others see of {place.name!r}")
        plain = [one for one in changes if one.name != uses.ENTRY]
        special = [one for one in changes if one.name == uses.ENTRY]
        if special and place.member is not None:
            raise BadUse("a special use is for mailboxes of one's own")
        mailbox, person, now = place.mailbox, self._person.account_id, self._store.clock()

        def write(tx: Tx) -> Written:
            modseq, losers = 0, list[Mailbox]()
            for one in special:
                wanted = (one.value or b"").decode("ascii", "replace").split()
                modseq, losers = uses.give(tx, person, mailbox, _spelt(wanted), now)
            if plain:
                modseq = annotations.put(tx, mailbox.account_id, mailbox.id, person, plain)
            after = [mailboxes.get(tx, person, one.name) for one in losers]
            modseqs = {one.id: one.highestmodseq for one in after}
            return Written({**modseqs, mailbox.id: modseq}, after)

        written = await self._store.write(write)
        self._store.wake(*written.modseqs)
        if special:
            self._store.wake_names(person)
        return written

    async def _change_server(self, changes: Sequence[Change]) -> Written:
        if any(one.name == ADMIN for one in changes):
            raise NotAllowed("who administers the server is told by the server")
        is_shared = not all(one.is_private for one in changes)
        if is_shared and not self._person.is_admin:
            raise NotAllowed("only administrators may change what everybody sees of the server")
        person, mark, now = self._person.account_id, self._store.ids.next(), self._store.clock()

        def write(tx: Tx) -> tuple[None, bool]:
            annotations.put_at_server(tx, person, changes, mark, now)
            return None, is_shared

        sharing = self._places.sharing
        if sharing is None:
            await self._store.write(write)
        else:  # everybody learns of a change of the directory
            await sharing.change_if(write)
        self._store.wake_names(person)
        return Written({annotations.SERVER: mark})

    async def _place(self, mailbox: str) -> Place:
        place = await self._places.get(mailbox)
        if letters.LOOKUP not in place.rights:
            raise NotFound(f"there is no mailbox {place.name!r}")
        if not _may_see(place.rights):
            raise NotAllowed(f"you may not see annotations of {place.name!r}")
        return place

    def _computed(self, place: Place | None) -> dict[str, bytes]:
        """The entries that are kept elsewhere."""
        if place is None:
            domain = self._person.address.rpartition("@")[2]
            return {ADMIN: f"mailto:postmaster@{domain}".encode()}
        found = place.mailbox.special_use if place.member is None else None
        return {uses.ENTRY: found.encode("ascii")} if found else {}


def _may_see(rights: letters.Rights) -> bool:
    return letters.LOOKUP in rights and bool(rights & _REASONS)


def _chosen(
    known: Sequence[Known], names: Sequence[str], depth: Depth
) -> list[tuple[str, Known | None]]:
    """What is to be told, each once: the name to tell, and the annotation if there is one."""
    chosen: dict[str, tuple[str, Known | None]] = {}
    for name in names:
        top = name.lower()
        for one in known:
            if is_within(one.name, top, depth):
                chosen[one.name] = (name if one.name == top else one.written, one)
        if depth == "0":
            chosen.setdefault(top, (name, None))
    return list(chosen.values())


def _spelt(words: Sequence[str]) -> list[str]:
    return [word[:1] + word[1:].capitalize() for word in words]
