"""What a client asks NOTIFY for: which events, of which mailboxes (RFC 5465 §3, §6, §8)."""

import enum
from typing import Final

import msgspec

from postroom.protocol.imap.fetch import FetchItem


class Watched(enum.Enum):
    """RFC 5465 §6: which mailboxes a group is about; the value is its name."""

    SELECTED = b"SELECTED"
    SELECTED_DELAYED = b"SELECTED-DELAYED"  # numbers stay put until a command that may tell
    INBOXES = b"INBOXES"
    PERSONAL = b"PERSONAL"
    SUBSCRIBED = b"SUBSCRIBED"
    SUBTREE = b"SUBTREE"  # the named ones and all below
    MAILBOXES = b"MAILBOXES"  # the named ones


class Event(enum.Enum):
    """RFC 5465 §5; the value is its name as BADEVENT spells it."""

    MESSAGE_NEW = b"MessageNew"
    MESSAGE_EXPUNGE = b"MessageExpunge"
    FLAG_CHANGE = b"FlagChange"
    MAILBOX_NAME = b"MailboxName"
    SUBSCRIPTION_CHANGE = b"SubscriptionChange"
    MAILBOX_METADATA = b"MailboxMetadataChange"
    SERVER_METADATA = b"ServerMetadataChange"


NAMES: Final = b" ".join([event.value for event in Event])
OF_METADATA: Final = frozenset((Event.MAILBOX_METADATA, Event.SERVER_METADATA))
OF_MESSAGES: Final = frozenset((Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE))
OF_SELECTED: Final = frozenset((Watched.SELECTED, Watched.SELECTED_DELAYED))


class EventGroup(msgspec.Struct, frozen=True):
    """Events of some mailboxes. ``names`` belong to SUBTREE and MAILBOXES.

    ``items`` are to be fetched of each new message of the selected mailbox.
    """

    watched: Watched
    events: frozenset[Event] = frozenset()
    names: tuple[str, ...] = ()
    items: tuple[FetchItem, ...] = ()
