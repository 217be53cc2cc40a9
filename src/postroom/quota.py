"""How much mail an account may have (RFC 9208 §5)."""

from typing import Final

import msgspec

MAX_OCTETS: Final = 1 << 62
MAX_MESSAGES: Final = 1 << 40


class Quota(msgspec.Struct, frozen=True):
    """The most that the mail of an account may be; 0 is no limit. False without any limit.

    ``octets`` is the resource STORAGE, ``messages`` the resource MESSAGE.
    """

    octets: int = 0
    messages: int = 0

    def __bool__(self) -> bool:
        return self.octets > 0 or self.messages > 0


NO_QUOTA: Final = Quota()
