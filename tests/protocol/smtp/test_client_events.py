from typing import get_args

import pytest

from postroom.protocol.smtp.client_events import AuthenticationFailed, ClientEvent, Closing
from postroom.protocol.smtp.client_replies import ServerReply
from postroom.protocol.smtp.client_transaction import TransactionDone

REPLY = ServerReply(535, "5.7.8", ("No",))


def test_events_are_values() -> None:
    assert Closing(REPLY) == Closing(REPLY)
    event = Closing(REPLY)
    with pytest.raises(AttributeError):
        event.reply = REPLY  # type: ignore[misc]


def test_a_refused_login_needs_no_reason_of_ours() -> None:
    assert AuthenticationFailed(REPLY).reason == ""


def test_the_list_is_complete() -> None:
    assert TransactionDone in get_args(ClientEvent)
    assert len(get_args(ClientEvent)) == 10
