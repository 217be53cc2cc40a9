"""What a session asks or tells its driver, besides commands (``commands.Command``)."""

import msgspec

from postroom.protocol.imap.commands import Command


class Response(msgspec.Struct, frozen=True):
    """The client's answer to ``Session.challenge``, decoded from base64."""

    octets: bytes


class Cancelled(msgspec.Struct, frozen=True):
    """AUTHENTICATE ended early (``*`` or no base64); the tagged BAD is already written."""


class IdleDone(msgspec.Struct, frozen=True):
    """The client ended IDLE: with DONE, or with something else (``is_clean`` is False)."""

    is_clean: bool


class MessageBegins(msgspec.Struct, frozen=True):
    """APPEND: another message; ``received`` (UTC milliseconds) is None for now."""

    flags: int
    keywords: frozenset[str]
    received: int | None


class LiteralOffered(msgspec.Struct, frozen=True):
    """APPEND: so many octets wait for a word: the message, or a part of it (``is_part``).

    ``is_binary`` for a literal8.
    """

    size: int
    is_synchronising: bool
    is_binary: bool = False
    is_part: bool = False


class UrlGiven(msgspec.Struct, frozen=True):
    """APPEND: a part of the message is what this URL names (RFC 4469)."""

    url: bytes


class Content(msgspec.Struct, frozen=True):
    """A block of a message of APPEND."""

    octets: bytes


class MessagesEnd(msgspec.Struct, frozen=True):
    """APPEND is complete; ``mistake`` says what is wrong with its end, "" nothing."""

    mistake: str = ""


class Slow(msgspec.Struct, frozen=True):
    """Too many mistakes: wait a moment, then call ``Session.resume``."""


AppendEvent = MessageBegins | LiteralOffered | UrlGiven | Content | MessagesEnd

Event = Command | Response | Cancelled | IdleDone | AppendEvent | Slow
