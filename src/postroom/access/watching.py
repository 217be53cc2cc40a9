"""Watching: what happens to the mailboxes that a client has not selected.

A look compares what stands in the database with what the client was told last, so a
wake-up that came twice or for nothing tells nothing, and one that was lost tells it later.
A mailbox is known by its id: the same id under another name was renamed.

RFC 5465 §5, §6.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from postroom.access.folders import Folder, Folders, Status
from postroom.access.places import OTHERS
from postroom.access.rights import READ
from postroom.errors import NotAllowed, NotFound
from postroom.notify import DIRECTORY
from postroom.protocol.imap.notify import (
    OF_MESSAGES,
    OF_METADATA,
    OF_SELECTED,
    Event,
    EventGroup,
    Watched,
)
from postroom.store import annotations, watch
from postroom.store.names import SEPARATOR, superiors
from postroom.store.store import Store, account_key

MAX_WATCHED: Final = 10_000  # mailboxes of one client

_OF_MAILBOX: Final = OF_MESSAGES | {Event.MAILBOX_METADATA}  # what raises its MODSEQ
ANNOTATIONS: Final = (  # of every mailbox within reach
    EventGroup(Watched.PERSONAL, OF_METADATA),
    EventGroup(Watched.SUBTREE, OF_METADATA, (OTHERS,)),
)


class TooMany(Exception):
    """There are more mailboxes than can be watched: RFC 5465 §5.8, NOTIFICATIONOVERFLOW."""


class Named(msgspec.Struct, frozen=True):
    """A mailbox has come, gone, another name, or another subscription."""

    folder: Folder
    old_name: str = ""
    is_gone: bool = False


class Counted(msgspec.Struct, frozen=True):
    """The messages of a mailbox have changed."""

    name: str
    status: Status


class Annotated(msgspec.Struct, frozen=True):
    """Annotations of a mailbox have changed, or with the name "" of the server."""

    name: str
    entries: tuple[str, ...]


News = Named | Counted | Annotated


class Watching:
    """What one client asked for, and what it was told last."""

    def __init__(
        self,
        folders: Folders,
        store: Store,
        groups: Sequence[EventGroup],
        wake: Callable[[], None],
    ) -> None:
        """``wake`` is called when something may have happened.

        Several groups may be about the same mailbox: all their events are told (RFC 5465 §6).
        """
        self._folders = folders
        self._store = store
        self._groups = [group for group in groups if group.watched not in OF_SELECTED]
        self._wake = wake
        self._account = folders.account_id
        self._known: dict[int, Folder] = {}
        self._others: list[int] = []  # keys of those who share something
        self._states: dict[int, int] = {}
        self._told: dict[int, Status] = {}
        self._marks: dict[str, int] = {}  # of annotations of the server
        self._own: set[tuple[int, int]] = set()
        self.ignored = frozenset[Event]()  # others tell of these
        self._unsubscribe: dict[int, Callable[[], None]] = {}

    async def begin(self, selected: int, *, with_status: bool) -> list[Counted]:
        """Take everything as told; ``with_status``: the state of each mailbox to tell.

        ``selected`` is the id of the selected mailbox, which other groups are not about.
        """
        await self._list()
        self._states = await self._store.read(watch.states, list(self._watched(_OF_MAILBOX)))
        if self._asks_for_server:
            self._marks = await self._store.read(annotations.marks, self._account)
        found: list[Counted] = []
        for mailbox_id in self._watched(OF_MESSAGES):
            if status := await self._status(mailbox_id):
                self._told[mailbox_id] = status
                if with_status and mailbox_id != selected:
                    found.append(Counted(self._known[mailbox_id].name, status))
        return found

    def know(self, modseqs: Mapping[int, int]) -> None:
        """The client itself has changed annotations, with these MODSEQs by mailbox."""
        self._own.update(modseqs.items())

    async def look(self, selected: int) -> list[News]:
        """What has happened since, names first.

        When it raises, nothing counts as told: the next look tells it.
        """
        known, states, told, marks = self._known, self._states, dict(self._told), self._marks
        try:
            news = await self._look(selected)
        except BaseException:
            self._known, self._states, self._told, self._marks = known, states, told, marks
            raise
        self._own.clear()
        return news

    async def _look(self, selected: int) -> list[News]:
        news: list[News] = list(await self._list())
        if self._asks_for_server:
            news += await self._annotated_server()
        watched, before = list(self._watched(_OF_MAILBOX)), self._states
        self._states = await self._store.read(watch.states, watched)
        for mailbox_id in watched:
            if self._states.get(mailbox_id) in (None, before.get(mailbox_id)):
                continue
            events = self._events_of(self._known[mailbox_id])
            if Event.MAILBOX_METADATA in events and mailbox_id in before:
                news += await self._annotated(mailbox_id, before[mailbox_id])
            if events & OF_MESSAGES:
                news += await self._counted(mailbox_id, events, selected)
        return news

    async def _counted(
        self, mailbox_id: int, events: frozenset[Event], selected: int
    ) -> list[Counted]:
        before = self._told.get(mailbox_id)
        status = await self._status(mailbox_id)
        if status is None:
            return []
        self._told[mailbox_id] = status
        if mailbox_id == selected or not _is_news(events, before, status):
            return []
        return [Counted(self._known[mailbox_id].name, status)]

    async def _annotated(self, mailbox_id: int, since: int) -> list[Annotated]:
        folder = self._known[mailbox_id]
        if READ not in folder.rights:
            return []
        changed = await self._store.read(
            annotations.changed, mailbox_id, self._account, since, self._states[mailbox_id]
        )
        names = tuple(name for name, modseq in changed if (mailbox_id, modseq) not in self._own)
        return [Annotated(folder.name, names)] if names else []

    async def _annotated_server(self) -> list[Annotated]:
        before = self._marks
        self._marks = await self._store.read(annotations.marks, self._account)
        names = tuple(
            name
            for name, mark in self._marks.items()
            if before.get(name) != mark and (annotations.SERVER, mark) not in self._own
        )
        return [Annotated("", names)] if names else []

    @property
    def _asks_for_server(self) -> bool:
        wanted = frozenset().union(*(group.events for group in self._groups)) - self.ignored
        return Event.SERVER_METADATA in wanted

    def close(self) -> None:
        """Watch nothing any more."""
        for unsubscribe in self._unsubscribe.values():
            unsubscribe()
        self._unsubscribe.clear()

    async def _list(self) -> list[Named]:
        """Learn which mailboxes there are; what to tell about it."""
        listed = {folder.id: folder for folder in await self._folders.list() if folder.selectable}
        if len(listed) > MAX_WATCHED:
            raise TooMany
        self._others = [account_key(ident) for ident in await self._folders.owners()]
        before, self._known = self._known, listed
        self._subscribe()
        gone: list[Named] = []
        for mailbox_id, folder in before.items():
            if mailbox_id not in listed:
                self._told.pop(mailbox_id, None)
                if Event.MAILBOX_NAME in self._events_of(folder):
                    gone.append(Named(folder, is_gone=True))
        renamed: dict[str, Named] = {}  # by the new name
        changed: list[Named] = []
        for mailbox_id, folder in listed.items():  # by name: a mailbox before those below it
            old = before.get(mailbox_id)
            events = self._events_of(folder) | (self._events_of(old) if old else frozenset())
            if old is not None and old.name != folder.name:
                is_implied = old.subscribed == folder.subscribed and _is_told(
                    folder.name, old.name, renamed
                )
                if Event.MAILBOX_NAME in events and not is_implied:
                    renamed[folder.name] = Named(folder, old_name=old.name)
            elif _is_changed(folder, old, events):
                changed.append(Named(folder))
        return [*gone, *_in_turn(renamed), *changed]

    def _subscribe(self) -> None:
        wanted = {account_key(self._account), *self._others, DIRECTORY}
        wanted.update(self._watched(_OF_MAILBOX))
        for key in self._unsubscribe.keys() - wanted:
            self._unsubscribe.pop(key)()
        for key in wanted - self._unsubscribe.keys():
            self._unsubscribe[key] = self._store.notify.subscribe(key, self._wake)

    def _watched(self, events: frozenset[Event]) -> Iterable[int]:
        return [key for key, folder in self._known.items() if self._events_of(folder) & events]

    def _events_of(self, folder: Folder) -> frozenset[Event]:
        """What is told of a mailbox."""
        events = [group.events for group in self._groups if _stands_in(folder, group)]
        return frozenset().union(*events) - self.ignored

    async def _status(self, mailbox_id: int) -> Status | None:
        with suppress(NotFound, NotAllowed):  # gone in this moment: the next look tells
            return await self._folders.status(self._known[mailbox_id].name)
        return None


def _is_changed(folder: Folder, old: Folder | None, events: frozenset[Event]) -> bool:
    """Whether a mailbox that has kept its name, or is new, is to be told."""
    if old is None or old.has_children != folder.has_children:
        return Event.MAILBOX_NAME in events
    return old.subscribed != folder.subscribed and Event.SUBSCRIPTION_CHANGE in events


def _is_told(name: str, old_name: str, renamed: Mapping[str, Named]) -> bool:
    """Whether a rename is told by that of a mailbox above (RFC 5465 §5.4)."""
    return any(
        old_name == renamed[above].old_name + name[len(above) :]
        for above in superiors(name)
        if above in renamed
    )


def _in_turn(renamed: Mapping[str, Named]) -> list[Named]:
    """Renames in an order in which a name is free before another mailbox takes it."""
    by_old_name = {one.old_name: one for one in renamed.values()}
    told: dict[str, Named] = {}
    for one in renamed.values():
        chain: dict[str, Named] = {}
        following: Named | None = one
        while (
            following and following.folder.name not in told and following.folder.name not in chain
        ):
            chain[following.folder.name] = following
            following = by_old_name.get(following.folder.name)
        told.update(reversed(chain.items()))
    return list(told.values())


def _stands_in(folder: Folder, group: EventGroup) -> bool:
    match group.watched:
        case Watched.PERSONAL | Watched.INBOXES:  # rules may file mail into any of them
            return not folder.is_of_others
        case Watched.SUBSCRIBED:
            return folder.subscribed
        case Watched.MAILBOXES:
            return folder.name in group.names
        case Watched.SUBTREE:
            return any(
                folder.name == name or folder.name.startswith(name + SEPARATOR)
                for name in group.names
            )
        case _:
            return False


def _is_news(events: frozenset[Event], before: Status | None, now: Status) -> bool:
    """Whether the client asked for this change: flags alone are an event of their own."""
    if before is None or (before.messages, before.uidnext) != (now.messages, now.uidnext):
        return Event.MESSAGE_NEW in events
    return Event.FLAG_CHANGE in events
