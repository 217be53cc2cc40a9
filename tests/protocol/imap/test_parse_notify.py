"""NOTIFY as a command."""

import pytest

from postroom.protocol.imap.commands import Notify
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.notify import Event, EventGroup, Watched
from postroom.protocol.imap.parse_notify import MAX_GROUPS, MAX_NAMES, parse_notify
from postroom.protocol.imap.tokens import BadSyntax, Reader, Unusable

MESSAGES = frozenset((Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b"none", Notify()),
        (b"SET (personal NONE)", Notify((EventGroup(Watched.PERSONAL),))),
        (
            b"set status (SELECTED (messagenew (FLAGS UID) MessageExpunge)) (Inboxes (MailboxName))",
            Notify(
                (
                    EventGroup(Watched.SELECTED, MESSAGES, items=(Attribute.FLAGS, Attribute.UID)),
                    EventGroup(Watched.INBOXES, frozenset((Event.MAILBOX_NAME,))),
                ),
                with_status=True,
            ),
        ),
        (
            b'SET (subtree (a "a&Awg-") (SubscriptionChange)) (mailboxes inbox (MailboxName))',
            Notify(
                (
                    EventGroup(
                        Watched.SUBTREE, frozenset((Event.SUBSCRIPTION_CHANGE,)), ("a", "\u00e4")
                    ),
                    EventGroup(Watched.MAILBOXES, frozenset((Event.MAILBOX_NAME,)), ("INBOX",)),
                )
            ),
        ),
    ],
)
def test_reads(text: bytes, command: Notify) -> None:
    reader = Reader(text)
    assert parse_notify(reader) == command
    assert reader.at_end


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SET",
        b"SET STATUS",
        b"SET NONE",
        b"SET ()",
        b"SET (personal)",
        b"SET (personal ())",
        b"SET (personal (MailboxName) x)",
        b"SET (personal (Nothing))",
        b"SET (mailboxes (MailboxName))",
        b"SET (personal (MessageExpunge))",
        b"SET (personal (MessageNew FlagChange))",
        b"SET (subscribed (MessageNew (UID) MessageExpunge))",
        b"SET (selected NONE) (selected NONE)",
        b"SET " + b" ".join([b"(personal NONE)"] * (MAX_GROUPS + 1)),
        b"SET (mailboxes (" + b" ".join([b"a"] * (MAX_NAMES + 1)) + b") NONE)",
    ],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse_notify(Reader(text))


def test_events_that_do_not_exist_here_are_refused_with_those_that_do() -> None:
    with pytest.raises(Unusable) as caught:
        parse_notify(Reader(b"SET (personal (AnnotationChange))"))
    assert caught.value.code.startswith(b"BADEVENT (MessageNew ")
    assert b" ServerMetadataChange)" in caught.value.code
