"""The automaton of a connection: which command is legal where, and where it leads.

A command that is missing in a state's row is BAD. What an outcome leads to stands in
``AFTER_OK`` and ``AFTER_NO``; a command that is missing there leaves the state alone.
RFC 3501 §3 (states), §6.3.1 (a failed SELECT leaves no mailbox selected).
"""

import enum
from collections.abc import Mapping
from typing import Final

from postroom.protocol.imap.commands import (
    Always,
    Authenticate,
    Close,
    Command,
    Examine,
    Login,
    Logout,
    Select,
    Unauthenticate,
    Unselect,
    WhenAuthenticated,
    WhenSelected,
    WhenUnauthenticated,
)


class State(enum.Enum):
    """RFC 3501 §3."""

    UNAUTHENTICATED = enum.auto()
    AUTHENTICATED = enum.auto()
    SELECTED = enum.auto()
    LOGOUT = enum.auto()


LEGAL: Final[Mapping[State, tuple[type[Command], ...]]] = {
    State.UNAUTHENTICATED: (Always, WhenUnauthenticated),
    State.AUTHENTICATED: (Always, WhenAuthenticated),
    State.SELECTED: (Always, WhenAuthenticated, WhenSelected),
    State.LOGOUT: (),
}

AFTER_OK: Final[Mapping[type[Command], State]] = {
    Authenticate: State.AUTHENTICATED,
    Login: State.AUTHENTICATED,
    Select: State.SELECTED,
    Examine: State.SELECTED,
    Close: State.AUTHENTICATED,
    Unselect: State.AUTHENTICATED,
    Unauthenticate: State.UNAUTHENTICATED,
    Logout: State.LOGOUT,
}

AFTER_NO: Final[Mapping[type[Command], State]] = {
    Select: State.AUTHENTICATED,
    Examine: State.AUTHENTICATED,
}
