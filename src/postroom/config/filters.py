"""The settings of filters that are other programs."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

_SENDMAIL: Final = re.compile(
    r"(?:unix|local):(?P<path>/.*)|inet6?:(?:(?P<port>[0-9]+)@(?P<host>.+)|(?P<both>.+))"
)
_ENDPOINT: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")


class Place(msgspec.Struct, frozen=True):
    """Where a filter listens: the path of a Unix socket, or ``host`` and ``port``.

    ``target`` is what is asked for there over HTTP.
    """

    path: str = ""
    host: str = ""
    port: int = 0
    target: str = "/"


class Filter(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"sees": "for"},
):
    """Another program that judges mail at listeners with checks = "full".

    It is shown the whole message. What it says stands in the message's story (postroom trace).
    """

    kind: Annotated[
        Literal["clamav", "spamassassin", "rspamd", "milter", "http"],
        Meta(
            description="What it is: clamd of ClamAV, spamd of SpamAssassin, a normal worker of "
            "rspamd, a milter (opendkim and others), or a program of your own that is asked "
            "with JSON."
        ),
    ]
    address: Annotated[
        str,
        Meta(
            description="Where it listens: the path of a Unix socket or host:port, also written "
            "as unix:/path, inet:host:port and inet:port@host. Messages go there as they are, so a host that is not this one needs a network you trust."
        ),
    ]
    target: Annotated[
        str,
        Meta(
            max_length=500,
            pattern=r"^/[!-~]*\Z",
            description="What is asked for there, of the kind http: /judge.",
        ),
    ] = "/"
    sees: Annotated[
        Literal["incoming", "outgoing", "both"],
        Meta(
            description="Which mail it is shown: what strangers bring, what people here send "
            "(who has logged in, and relay_from), or both."
        ),
    ] = "incoming"
    name: Annotated[
        str, Meta(max_length=50, description="What it is called in reasons; its kind by default.")
    ] = ""
    seconds: Annotated[
        float,
        Meta(
            ge=0.1,
            le=240,
            description="How long it may take for a message; for each answer of a milter, which "
            "may take four times as much for all of a message.",
        ),
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
            description="The most that its word can do: what it would refuse is refused, or filed "
            "as junk, or it is noted only. SpamAssassin never refuses."
        ),
    ] = "refuse"
    max_size: Annotated[
        Annotated[int, Meta(ge=0, le=1 << 53)] | None,
        Meta(
            description="Octets; larger messages are not shown to it and go on without it. It "
            "must take as much itself (StreamMaxLength of clamd). Default: 26214400, and 512000 "
            "for SpamAssassin, which is slow with large ones.",
        ),
    ] = None

    @property
    def called(self) -> str:
        """What it is called in logs and reasons: its name, or its kind."""
        return self.name or self.kind

    @property
    def most(self) -> int:
        """Octets of a message that is shown to it."""
        if self.max_size is not None:
            return self.max_size
        return 512_000 if self.kind == "spamassassin" else 26_214_400

    @property
    def place(self) -> Place:
        """The address, read, and the target. Raises ValueError."""
        return msgspec.structs.replace(read(self.address), target=self.target)


def read(address: str) -> Place:
    """``/path`` or ``host:port``, or as milters write it; an IPv6 address in brackets.

    Raises ValueError.
    """
    said = address
    found = _SENDMAIL.fullmatch(address)
    if found is not None:
        address = found["path"] or found["both"] or f"{found['host']}:{found['port']}"
    if address.startswith("/") and "\0" not in address:
        return Place(path=address)
    found = _ENDPOINT.fullmatch(address)
    port = int(found[3]) if found else 0
    if found is None or not 0 < port < 65_536:
        raise ValueError(f"{said!r} is neither a path (/run/..) nor host:port")
    return Place(host=found[1] or found[2], port=port)
