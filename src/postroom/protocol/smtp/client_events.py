"""What a client session tells its driver; ``TransactionDone`` is the most frequent one.

After ``Refused`` only ``quit`` is left; after ``Closing``, nothing: write what is left and
close the connection.
"""

from typing import TypeAlias

import msgspec

from postroom.protocol.smtp.client_replies import ServerReply
from postroom.protocol.smtp.client_transaction import Transaction, TransactionDone
from postroom.protocol.smtp.extensions import Extensions


class Greeted(msgspec.Struct, frozen=True):
    """The server has greeted with 220: say ``hello``."""

    reply: ServerReply


class Refused(msgspec.Struct, frozen=True):
    """The server does not want us: 4yz or 5yz to the connection, or to EHLO and HELO."""

    reply: ServerReply


class Ready(msgspec.Struct, frozen=True):
    """EHLO was answered, at first or again inside TLS; transactions may be sent."""

    extensions: Extensions


class BeginTls(msgspec.Struct, frozen=True):
    """STARTTLS was answered with 220: make the handshake, then call ``tls_started``."""


class TlsRefused(msgspec.Struct, frozen=True):
    """STARTTLS was refused; the session goes on without TLS if the driver wants it."""

    reply: ServerReply


class Authenticated(msgspec.Struct, frozen=True):
    """The server knows us, and has proven itself where the mechanism asks for it."""

    reply: ServerReply


class AuthenticationFailed(msgspec.Struct, frozen=True):
    """AUTH was refused. ``reason`` says why we cancelled; empty: the server refused."""

    reply: ServerReply
    reason: str = ""


class StartContent(msgspec.Struct, frozen=True):
    """354: call ``content`` as often as needed, then ``end_content``."""

    transaction: Transaction


class Closing(msgspec.Struct, frozen=True):
    """The last word of the server: 421, or its answer to QUIT."""

    reply: ServerReply


ClientEvent: TypeAlias = (
    Greeted
    | Refused
    | Ready
    | BeginTls
    | TlsRefused
    | Authenticated
    | AuthenticationFailed
    | StartContent
    | TransactionDone
    | Closing
)
