"""The settings of filters that are other programs."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

_ENDPOINT: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")


class Place(msgspec.Struct, frozen=True):
    """Where a filter listens: the path of a Unix socket, or ``host`` and ``port``."""

    path: str = ""
    host: str = ""
    port: int = 0


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another program that judges mail from strangers at listeners with checks = "full".

    It is shown the whole message. What it says stands in the message's story (postroom trace).
    """

    kind: Annotated[
        Literal["clamav"],
        Meta(description="What it is: clamd of ClamAV."),
    ]
    address: Annotated[
        str,
        Meta(
            description="Where it listens: the path of a Unix socket or host:port. Messages go "
            "there as they are, so a host that is not this one needs a network you trust."
        ),
    ]
    name: Annotated[
        str, Meta(max_length=50, description="What it is called in reasons; its kind by default.")
    ] = ""
    seconds: Annotated[
        float, Meta(ge=0.1, le=240, description="How long it may take for a message.")
    ] = 20.0
    on_failure: Annotated[
        Literal["accept", "defer"],
        Meta(
            description="What becomes of a message when it does not answer in time or not "
            'sensibly: "accept" goes on without it, "defer" answers 451, and the sender tries '
            "again later."
        ),
    ] = "accept"
    gravest: Annotated[
        Literal["refuse", "junk", "note"],
        Meta(
            description="The most that its word can do. A virus is refused, or filed as junk, or "
            "noted only."
        ),
    ] = "refuse"
    max_size: Annotated[
        int,
        Meta(
            ge=0,
            le=1 << 53,
            description="Octets; larger messages are not shown to it and go on without it. It "
            "should take as much itself (StreamMaxLength of clamd).",
        ),
    ] = 26_214_400

    @property
    def called(self) -> str:
        """Its name."""
        return self.name or self.kind

    @property
    def place(self) -> Place:
        """The address, read. Raises ValueError."""
        return read(self.address)


def read(address: str) -> Place:
    """``/path`` or ``host:port``; an IPv6 address in brackets. Raises ValueError."""
    if address.startswith("/") and "\0" not in address:
        return Place(path=address)
    found = _ENDPOINT.fullmatch(address)
    port = int(found[3]) if found else 0
    if found is None or not 0 < port < 65_536:
        raise ValueError(f"{address!r} is neither a path (/run/..) nor host:port")
    return Place(host=found[1] or found[2], port=port)
