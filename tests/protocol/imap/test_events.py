"""Events of a session."""

from postroom.protocol.imap.events import Content, IdleDone, MessagesEnd, Response


def test_events_are_values() -> None:
    assert len({Content(b"x"), Content(b"x"), Response(b"x")}) == 2
    assert len({IdleDone(is_clean=True), MessagesEnd(), MessagesEnd("")}) == 2
