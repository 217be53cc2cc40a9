"""URLs that carry an authorization: who may fetch what they name, and a proof of that.

    imap://joe%40x.org@host/INBOX/;UID=20;EXPIRE=..;URLAUTH=user+ann%40x.org:internal:01ab..

The user is the owner, with whose rights the message is read; what stands before the mechanism
is signed by the mechanism INTERNAL (here HMAC-SHA-256) with a key of the mailbox.

RFC 4467, RFC 5092 §6.1.
"""

import datetime as dt
import hmac
import re
from typing import Final, Literal, cast
from urllib.parse import unquote_to_bytes

import msgspec

from postroom.protocol.imap.urls import MAX_URL, BadUrl, MessageUrl, parse_url

INTERNAL: Final = "INTERNAL"

Access = Literal["submit+", "user+", "authuser", "anonymous"]

_VERSION: Final = "01"  # of the algorithm, RFC 4467 §9
_URL: Final = re.compile(
    rb"(?P<rump>imap://(?P<user>[^@/?#;:]++)(?:;AUTH=[^@/?#]++)?@[^@/?#;]++(?P<path>/.*?)"
    rb"(?:;EXPIRE=(?P<expire>[0-9TtZz:.+-]{20,40}))?"
    rb";URLAUTH=(?P<access>(?:submit|user)\+(?P<name>[^@/?#;:]++)|authuser|anonymous))"
    rb"(?::(?P<mechanism>[A-Za-z0-9.-]{1,64}):(?P<token>[0-9A-Fa-f]{32,256}))?",
    re.IGNORECASE | re.DOTALL,
)
_MOMENT: Final = re.compile(
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)


class AuthorizedUrl(msgspec.Struct, frozen=True):
    """What such a URL says. Without ``mechanism`` it is still to be signed.

    ``name`` belongs to "submit+" and "user+"; ``expires`` is in UTC milliseconds.
    """

    rump: bytes
    owner: str
    message: MessageUrl
    mailbox: str
    access: Access
    name: str = ""
    expires: int | None = None
    mechanism: str = ""
    token: bytes = b""


def parse_authorized(url: bytes) -> AuthorizedUrl:
    """Read such a URL; raises BadUrl and nothing else."""
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if match is None:
        raise BadUrl("it is no URL with URLAUTH")
    message = parse_url(match["path"])
    if message.mailbox is None:
        raise BadUrl("it names no mailbox")
    name = match["name"]
    access = match["access"].lower() if name is None else match["access"][: -len(name)].lower()
    return AuthorizedUrl(
        match["rump"],
        _text(match["user"]),
        message,
        message.mailbox,
        cast("Access", access.decode("ascii")),
        _text(name or b""),
        None if match["expire"] is None else _moment(match["expire"]),
        (match["mechanism"] or b"").decode("ascii").upper(),
        (match["token"] or b"").lower(),
    )


def authorized(rump: bytes, key: bytes) -> bytes:
    """The whole URL: its rump with the proof of the mechanism INTERNAL."""
    return b"%b:internal:%b" % (rump, token(rump, key))


def token(rump: bytes, key: bytes) -> bytes:
    """The proof for a rump, in hexadecimal digits."""
    return (_VERSION + hmac.digest(key, rump, "sha256").hex()).encode("ascii")


def is_genuine(url: AuthorizedUrl, key: bytes) -> bool:
    """Whether the proof of a URL was made with this key."""
    return url.mechanism == INTERNAL and hmac.compare_digest(url.token, token(url.rump, key))


def _text(escaped: bytes) -> str:
    try:
        return unquote_to_bytes(escaped).decode()
    except UnicodeDecodeError:
        raise BadUrl("a name is no UTF-8") from None


def _moment(text: bytes) -> int:
    """A date and time of RFC 3339 in UTC milliseconds."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise BadUrl("EXPIRE is no date and time")
    try:
        moment = dt.datetime.fromisoformat((match[1] + match[2]).decode("ascii").upper())
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadUrl("EXPIRE is no date and time") from None
