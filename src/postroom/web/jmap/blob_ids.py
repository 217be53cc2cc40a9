"""Ids of blobs that are messages of an account, or parts of them (RFC 8621 §4.1.1, §4.1.4).

``B1f`` is the message ``M1f`` as it is stored, ``B1f-2-1`` its part 2.1 without transfer encoding.
"""

import re
from typing import Final, NamedTuple

_ID: Final = re.compile(r"B([1-9a-f][0-9a-f]{0,15})((?:-[1-9][0-9]{0,3}){0,100})")


class Place(NamedTuple):
    """A message, and the number of a part (RFC 3501 §6.4.5), () for all of it."""

    message_id: int
    path: tuple[int, ...] = ()


def written(place: Place) -> str:
    """The id of a blob."""
    return f"B{place.message_id:x}" + "".join(f"-{number}" for number in place.path)


def read(ident: str) -> Place | None:
    """What an id names; None when it is none of these."""
    found = _ID.fullmatch(ident)
    if found is None:
        return None
    return Place(int(found[1], 16), tuple(map(int, found[2].split("-")[1:])))
