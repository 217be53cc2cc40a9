"""The tables of handlers: no event stands in two of them."""

from postroom.listen.imap import (
    anytime,
    appending,
    authenticated,
    authenticating,
    connection,
    dispatch,
    fetching,
    listing,
    notifying,
    searching,
    selected,
    unauthenticated,
)

MODULES = (
    anytime,
    appending,
    authenticated,
    authenticating,
    connection,
    fetching,
    listing,
    notifying,
    searching,
    selected,
    unauthenticated,
)


def test_no_event_is_answered_twice() -> None:
    events = [event for module in MODULES for event in module.HANDLERS]
    assert len(events) == len(set(events)) == len(dispatch.HANDLERS)
