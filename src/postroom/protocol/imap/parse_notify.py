"""Reading NOTIFY (RFC 5465 §8)."""

import unicodedata
from typing import Final

from postroom.protocol.imap.commands import Notify
from postroom.protocol.imap.fetch import FetchItem
from postroom.protocol.imap.notify import (
    NAMES,
    OF_MESSAGES,
    OF_SELECTED,
    Event,
    EventGroup,
    Watched,
)
from postroom.protocol.imap.parse_fetch import parse_fetch_items
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.tokens import BadSyntax, Reader, Unusable

MAX_GROUPS: Final = 50
MAX_NAMES: Final = 500

_WATCHED: Final = {watched.value: watched for watched in Watched}
_EVENTS: Final = {event.value.upper(): event for event in Event}
_MESSAGES: Final = frozenset((Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE))


def parse_notify(reader: Reader) -> Notify:
    """``NONE``, or ``SET [STATUS]`` and groups of events."""
    word = reader.word()
    if word == b"NONE":
        return Notify()
    if word != b"SET":
        raise BadSyntax("Expected SET or NONE")
    reader.space()
    with_status = not reader.peek(b"(")
    if with_status:
        if reader.word() != b"STATUS":
            raise BadSyntax("Expected STATUS or a group of events")
        reader.space()
    groups = [_group(reader)]
    while reader.skip(b" "):
        groups.append(_group(reader))
        if len(groups) > MAX_GROUPS:
            raise BadSyntax("Too many groups of events")
    if sum(group.watched in OF_SELECTED for group in groups) > 1:
        raise BadSyntax("The selected mailbox can stand in one group only")
    return Notify(tuple(groups), with_status)


def _group(reader: Reader) -> EventGroup:
    reader.expect(b"(")
    watched = _WATCHED.get(reader.word())
    if watched is None:
        raise BadSyntax("There is no such set of mailboxes")
    reader.space()
    names: tuple[str, ...] = ()
    if watched in (Watched.SUBTREE, Watched.MAILBOXES):
        names = _names(reader)
        reader.space()
    events, items = _events(reader)
    reader.expect(b")")
    if items and watched not in OF_SELECTED:
        raise BadSyntax("Only messages of the selected mailbox can be fetched")
    if watched in OF_SELECTED and not events <= OF_MESSAGES:
        raise BadSyntax("Of the selected mailbox only messages can be told")  # RFC 5465 §6.1
    if bool(events & _MESSAGES) != (events >= _MESSAGES):
        raise BadSyntax("MessageNew and MessageExpunge belong together")
    if Event.FLAG_CHANGE in events and not events >= _MESSAGES:
        raise BadSyntax("FlagChange needs MessageNew and MessageExpunge")
    return EventGroup(watched, events, names, items)


def _names(reader: Reader) -> tuple[str, ...]:
    if not reader.skip(b"("):
        return (read_mailbox(reader),)
    names = [read_mailbox(reader)]
    while not reader.skip(b")"):
        reader.space()
        names.append(read_mailbox(reader))
        if len(names) > MAX_NAMES:
            raise BadSyntax("Too many mailboxes")
    return tuple([unicodedata.normalize("NFC", name) for name in names])  # as names are kept


def _events(reader: Reader) -> tuple[frozenset[Event], tuple[FetchItem, ...]]:
    if not reader.skip(b"("):
        if reader.word() != b"NONE":
            raise BadSyntax("Expected events or NONE")
        return frozenset(), ()
    events: set[Event] = set()
    items: tuple[FetchItem, ...] = ()
    while True:
        name = reader.word()
        event = _EVENTS.get(name)
        if name == b"ANNOTATIONCHANGE":
            raise Unusable(b"BADEVENT (%s)" % NAMES, "There is no such event here")
        if event is None:
            raise BadSyntax("There is no such event")
        events.add(event)
        if event is Event.MESSAGE_NEW and reader.peek(b" ("):
            reader.space()
            items = parse_fetch_items(reader)
        if reader.skip(b")"):
            return frozenset(events), items
        reader.space()
