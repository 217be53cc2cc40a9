"""Who does what is being done: known to every operation without being handed on.

Whoever opens the door says it once: the command line at its start, the pages and the API when
they know who asks. Where nobody has said anything the server itself acts.
"""

import contextlib
import getpass
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

import msgspec

from postroom.directory.audit import ActorKind


class Actor(msgspec.Struct, frozen=True):
    """``name``: a user of the machine, the address of a person, the name of a token.

    ``origin`` is the address of who is connected, "" on this machine.
    """

    kind: ActorKind
    name: str
    origin: str = ""


SERVER: Final = Actor("server", "")
_PRESENT: Final[ContextVar[Actor]] = ContextVar("actor", default=SERVER)


def present() -> Actor:
    """Who acts now."""
    return _PRESENT.get()


def become(actor: Actor) -> None:
    """From here on, in this task and those that it starts."""
    _PRESENT.set(actor)


@contextlib.contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """While this lasts."""
    token = _PRESENT.set(actor)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def at_command_line() -> Actor:
    """The user who has typed a command; with sudo the one behind it too."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = str(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return Actor("command", f"{user} ({behind})" if behind else user)
