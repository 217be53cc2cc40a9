"""What a connection asked for."""

from postroom.listen.imap.notices import Notices
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.notify import Event, EventGroup, Watched

MESSAGES = frozenset((Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE))


def test_without_a_group_the_selected_mailbox_is_silent() -> None:
    notices = Notices(None, lambda: None)
    assert not notices.tells_messages
    assert not notices.tells_flags
    assert notices.keeps_numbers
    notices.came(1, 5)
    assert notices.arrived == []


def test_items_of_new_messages_wait_for_their_turn() -> None:
    group = EventGroup(Watched.SELECTED, MESSAGES, items=(Attribute.FLAGS,))
    notices = Notices(group, lambda: None)
    assert notices.tells_messages
    assert not notices.tells_flags
    assert not notices.keeps_numbers
    notices.came(3, 2)
    notices.came(3, 4)
    assert notices.arrived == [(3, 4)]
    notices.close()
    assert notices.arrived == []


def test_a_wake_up_attends() -> None:
    calls: list[int] = []
    notices = Notices(None, lambda: calls.append(1))
    notices.wake()
    assert notices.has_news
    assert calls == [1]
