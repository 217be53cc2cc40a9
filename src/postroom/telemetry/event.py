"""What every event is: its level, and whether strangers can cause it as often as they like."""

from typing import ClassVar, Final, Literal

import msgspec

Level = Literal["info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("info", "warning", "error")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that happened. ``limited``: strangers can cause it as often as they like."""

    level: ClassVar[Level] = "info"
    limited: ClassVar[bool] = False


class SessionEvent(Event, frozen=True, kw_only=True):
    """Something that happened in a connection; ``door`` is the protocol of its listener."""

    session: str = ""
    peer: str = ""
    door: str = ""
