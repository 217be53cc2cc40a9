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


class Content(msgspec.Struct, frozen=True):
    """A block of the message literal of APPEND."""

    octets: bytes


class EndOfContent(msgspec.Struct, frozen=True):
    """The message literal is complete and nothing follows it (``is_clean``)."""

    is_clean: bool


class Slow(msgspec.Struct, frozen=True):
    """Too many mistakes: wait a moment, then call ``Session.resume``."""


Event = Command | Response | Cancelled | IdleDone | Content | EndOfContent | Slow
