"""The words of NOTIFY."""

from postroom.protocol.imap.notify import NAMES, OF_SELECTED, Event, Watched


def test_badevent_names_every_event_in_its_spelling() -> None:
    assert NAMES.split() == [event.value for event in Event]
    assert b"MessageNew" in NAMES


def test_which_sets_are_the_selected_mailbox() -> None:
    assert {watched for watched in Watched if b"SELECTED" in watched.value} == set(OF_SELECTED)
