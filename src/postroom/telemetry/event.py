"""What every event is: its level, and whether strangers can cause it as often as they like."""

import traceback
from typing import ClassVar, Final, Literal, Protocol, TypedDict

import msgspec

Level = Literal["info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("info", "warning", "error")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that happened. ``limited``: strangers can cause it as often as they like.

    ``apart``: the member, one of a few words, by which it is also counted.
    """

    level: ClassVar[Level] = "info"
    limited: ClassVar[bool] = False
    apart: ClassVar[str] = ""


class SessionEvent(Event, frozen=True, kw_only=True):
    """Something that happened in a connection; ``door`` is the protocol of its listener."""

    session: str = ""
    peer: str = ""
    door: str = ""


class Peer(Protocol):
    """Who is connected, at whichever door."""

    @property
    def session(self) -> str:
        """The session's id in the log."""

    @property
    def address(self) -> str:
        """The IP address."""

    @property
    def door(self) -> str:
        """The protocol of the listener."""


class Session(TypedDict):
    """What a ``SessionEvent`` tells of its connection."""

    session: str
    peer: str
    door: str


def session_of(peer: Peer) -> Session:
    """For an event: ``SessionFailed(**session_of(peer), ...)``."""
    return {"session": peer.session, "peer": peer.address, "door": peer.door}


def trace_of(error: BaseException) -> str:
    """Where an exception comes from, in many lines."""
    return "".join(traceback.format_exception(error))
