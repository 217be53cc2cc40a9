"""What a session asks or tells its driver, beside the commands themselves.

Commands that come as events are questions: ``Ehlo Helo Lhlo Mail Rcpt Data Bdat Burl Rset
Vrfy Expn Verb StartTls Auth``; so are ``EndOfContent``, ``Response`` and, where somebody wants to
hear of it, ``Unknown``. ``Content`` only tells.
``Slow`` wants a pause, then ``resume``.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from postroom.protocol.smtp.commands import (
    Auth,
    Bdat,
    Burl,
    Data,
    Ehlo,
    Expn,
    Helo,
    Lhlo,
    Mail,
    Rcpt,
    Rset,
    StartTls,
    Verb,
    Vrfy,
)
from postroom.protocol.smtp.replies import Reply

Defect = Literal["too-big", "nul", "bare-newline"]


class Content(msgspec.Struct, frozen=True):
    """Octets of the message, without the dots that stuffed it (RFC 5321 §4.5.2)."""

    octets: bytes


class EndOfContent(msgspec.Struct, frozen=True):
    """The message is complete. ``defect`` is the worst that is wrong with its octets.

    After "too-big" no further ``Content`` came; "nul" is a NUL octet, "bare-newline" a CR
    or LF alone (RFC 5321 §2.3.8, §4.1.1.4).
    """

    defect: Defect | None = None


class Response(msgspec.Struct, frozen=True):
    """AUTH goes on: the client's response to a challenge, decoded (RFC 4954 §4)."""

    octets: bytes

    def __repr__(self) -> str:
        """Without the octets: they may hold a password."""
        return "Response()"


class Unknown(msgspec.Struct, frozen=True):
    """A line with no command of ours; ``reply`` is the answer unless somebody has another."""

    line: str
    reply: Reply


class Slow(msgspec.Struct, frozen=True):
    """Too many errors: wait a second before the replies go out."""


Asked: TypeAlias = (
    Ehlo
    | Helo
    | Lhlo
    | Mail
    | Rcpt
    | Data
    | Bdat
    | Burl
    | Rset
    | Vrfy
    | Expn
    | Verb
    | StartTls
    | Auth
)
ASKED: Final = (  # the same for isinstance
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Burl,
    Rset,
    Vrfy,
    Expn,
    Verb,
    StartTls,
    Auth,
)
Question: TypeAlias = Asked | Response | EndOfContent | Unknown
Event: TypeAlias = Question | Content | Slow
